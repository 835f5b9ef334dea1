"""Data sets with faults made on purpose, one of each kind, so that the check can be held to finding each once."""

import json
from pathlib import Path

import nibabel
import numpy as np
from PIL import Image

SHAPE = (20, 18, 12)


def scan(seed: int, shape: tuple[int, int, int] = SHAPE) -> tuple[np.ndarray, np.ndarray]:
    label = np.zeros(shape, np.uint8)
    label[5:12, 5:12, 3:9] = 1
    label[12:15, 5:12, 3:9] = 2
    image = np.random.default_rng(seed).normal(100, 5, shape) + 60 * label
    return image.astype(np.float32), label


def save(path: Path, voxels: np.ndarray, spacing: tuple[float, ...] = (1, 1, 1), axes: str = "RAS") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(voxels, np.diag([*spacing, 1.0]))
    turn = nibabel.orientations.ornt_transform(
        nibabel.orientations.axcodes2ornt("RAS"), nibabel.orientations.axcodes2ornt(axes)
    )
    image.as_reoriented(turn).to_filename(path)


def sound(folder: Path, count: int = 10) -> list[str]:
    """Write cases as the Decathlon has them; returns their names."""
    names = [f"case_{number:02d}" for number in range(count)]
    for number, name in enumerate(names):
        image, label = scan(number)
        save(folder / "imagesTr" / f"{name}.nii.gz", image)
        save(folder / "labelsTr" / f"{name}.nii.gz", label)
    declare(folder, names)
    return names


def declare(folder: Path, names: list[str], labels: tuple[str, ...] = ("box", "lid")) -> None:
    pairs = [{"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"} for name in names]
    said = {
        "training": pairs,
        "labels": {"0": "background", **{str(value): name for value, name in enumerate(labels, start=1)}},
        "modality": {"0": "MRI"},
    }
    (folder / "dataset.json").write_text(json.dumps(said))


def damaged(folder: Path) -> dict[str, tuple[str, str]]:
    """Write a folder with a fault of each kind; returns kind → (case that has it, a word of the sentence)."""
    names = sound(folder, 18)
    images, labels = folder / "imagesTr", folder / "labelsTr"
    (labels / "case_01.nii.gz").unlink()
    image, label = scan(2)
    save(labels / "case_02.nii.gz", label[:, :, :-2])
    save(labels / "case_03.nii.gz", scan(3)[1], (1, 1, 2))
    save(labels / "case_04.nii.gz", np.where(scan(4)[1] == 2, 9, scan(4)[1]).astype(np.uint8))
    save(labels / "case_05.nii.gz", np.zeros(SHAPE, np.uint8))
    image, _ = scan(6)
    save(images / "case_06.nii.gz", np.stack([image, image], axis=-1))
    image, _ = scan(7)
    image[3, 3, 3] = np.nan
    save(images / "case_07.nii.gz", image)
    save(images / "case_08.nii.gz", np.full(SHAPE, 7, np.float32))
    raw = (images / "case_09.nii.gz").read_bytes()
    (images / "case_09.nii.gz").write_bytes(raw[: len(raw) // 2])
    (images / "case_10.nii.gz").write_bytes((images / "case_11.nii.gz").read_bytes())
    save(labels / "case_12.nii.gz", scan(12)[1] * 0.5)
    image, label = scan(13)
    save(images / "case_13.nii.gz", image, (1, 1, 3))
    save(labels / "case_13.nii.gz", label, (1, 1, 3))
    image, label = scan(14)
    save(images / "case_14.nii.gz", image, axes="LPS")
    save(labels / "case_14.nii.gz", label, axes="LPS")
    save(images / "extra.nii.gz", scan(99)[0])
    declare(folder, names, ("box", "lid", "handle"))
    return {
        "missing": ("case_01", "not there"),
        "grid": ("case_02", "another grid"),
        "labels": ("case_04", "9"),
        "empty": ("case_05", "nothing"),
        "channels": ("case_06", "2 channel"),
        "nan": ("case_07", "NaN"),
        "blank": ("case_08", "all its voxels are 7"),
        "unreadable": ("case_09", "case_09"),
        "duplicate": ("case_11", "case_10"),
        "spacing": ("", "3 mm"),
        "orientation": ("", "LPS"),
        "class": ("", "handle"),
    }


def pictures(folder: Path, counts: dict[str, int], patients: int = 0) -> None:
    """Write a folder a class with so many pictures each; with `patients`, names tell whose each is."""
    chance = np.random.default_rng(0)
    for kind, count in counts.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            pixels = chance.integers(0, 255, (24, 32), np.uint8)
            name = f"patient{number % patients:03d}_{number}.png" if patients else f"{kind}_{number}.png"
            Image.fromarray(pixels).save(folder / kind / name)
