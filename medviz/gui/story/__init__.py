"""A run looked back at on its own patients: epochs on the planes, one voxel asked, what the network sees."""
