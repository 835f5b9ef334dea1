"""How long a large .nii.gz takes to be seen and read, and what memory it takes, beside nibabel in the same run."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np

from tests.benchmarks.measuring import Measured

SHAPE = (512, 512, 400)
FRAMES, FRAME_SHAPE = 40, (128, 128, 128)


def measure() -> dict[str, list[Measured]]:
    """Open a CT of some 100 MB in one process, and by nibabel in others; then one frame of a long series."""
    with tempfile.TemporaryDirectory() as folder:
        return {
            "opening a large .nii.gz": _large(scan(Path(folder))),
            "one frame of a long .nii.gz": _long(series(Path(folder))),
        }


def scan(folder: Path) -> Path:
    """A CT of noise that packs as a real one does: 512×512×400 int16, 210 MB, some 100 MB packed."""
    rng = np.random.default_rng(0)
    x, y = np.ogrid[-1 : 1 : SHAPE[0] * 1j, -1 : 1 : SHAPE[1] * 1j]
    body = (x**2 + 1.6 * y**2 < 0.7).astype(np.float32)
    voxels = np.empty(SHAPE, np.int16, order="F")
    for k in range(SHAPE[2]):
        noise = rng.normal(0, 9, SHAPE[:2]).astype(np.float32)
        voxels[:, :, k] = np.where(body > 0, 40 + noise * 1.5, -1000 + np.abs(noise) * 0.3)
    path = folder / "ct.nii.gz"
    nib.openers.Opener.default_compresslevel = 1
    nib.save(nib.Nifti1Image(voxels, np.diag([0.7, 0.7, 1.0, 1.0])), path)
    return path


def series(folder: Path) -> Path:
    """Forty frames of 4 MB."""
    frame = np.random.default_rng(1).integers(0, 400, FRAME_SHAPE).astype(np.int16)
    path = folder / "series.nii.gz"
    nib.save(nib.Nifti1Image(np.repeat(frame[..., None], FRAMES, axis=3), np.eye(4)), path)
    return path


def _child(how: str, path: Path) -> dict[str, float]:
    said = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.opened_file", how, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(said.stdout.splitlines()[-1])
    return found


def _large(path: Path) -> list[Measured]:
    raw_mb = float(np.prod(SHAPE)) * 2 / 1e6
    ours, theirs, plain = (_child(how, path) for how in ("medviz", "get_fdata", "dataobj"))
    packed = f"{path.stat().st_size / 1e6:.0f} MB packed, {raw_mb:.0f} MB raw"
    return [
        Measured("first slice on the way to the screen", ours["first_ms"], at_most=1000.0, note=packed),
        Measured("whole scan read", ours["all_ms"], at_most=theirs["all_ms"]),
        Measured("nibabel get_fdata()", theirs["all_ms"]),
        Measured("nibabel asanyarray(dataobj)", plain["all_ms"]),
        Measured("memory at the most, as a share of the raw voxels", ours["peak_mb"] / raw_mb, "×", at_most=2.0),
        Measured("nibabel get_fdata(), the same", theirs["peak_mb"] / raw_mb, "×"),
        Measured("nibabel asanyarray(dataobj), the same", plain["peak_mb"] / raw_mb, "×"),
    ]


def _long(path: Path) -> list[Measured]:
    raw_mb = float(np.prod(FRAME_SHAPE)) * 2 * FRAMES / 1e6
    ours = _child("frame", path)
    return [
        Measured("first frame", ours["first_ms"], at_most=1000.0, note=f"of {FRAMES}, {raw_mb:.0f} MB raw"),
        Measured("frame in the middle, for the first time", ours["middle_ms"]),
        Measured("the one before it", ours["again_ms"], at_most=200.0),
        Measured("memory at the most, as a share of all frames", ours["peak_mb"] / raw_mb, "×", at_most=0.5),
    ]
