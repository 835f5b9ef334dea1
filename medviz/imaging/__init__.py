"""Pictures as physics: voxels, millimetres, slices, labels. numpy only, no torch and no Qt."""
