"""Data sets in all layouts, drawn by the tests: six small cases each, a bright box that is the label."""

import json
from pathlib import Path

import nibabel
import numpy as np
from PIL import Image

from medviz.imaging.labels import named
from medviz.imaging.readers import read
from medviz.imaging.volume import like
from medviz.imaging.writers import export
from medviz.imaging.writers.writer import Export
from medviz.messages import finished
from tests.imaging.dicom_files import write_series

COUNT = 6


def nifti(path: Path, voxels: np.ndarray, spacing: tuple[float, float, float] = (1, 1, 2)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.Nifti1Image(voxels, np.diag([*spacing, 1.0])).to_filename(path)
    return path


def png(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def scan(number: int, shape: tuple[int, ...] = (14, 16, 8)) -> tuple[np.ndarray, np.ndarray]:
    """A scan and its label map with two boxes, 1 and 2."""
    label = np.zeros(shape, np.uint8)
    label[2:6, 3:8] = 1
    label[8:12, 3:8] = 2
    image = np.random.default_rng(number).normal(100, 5, shape) + 60 * label
    return image.astype(np.float32), label


def picture(number: int, colour: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """A picture (rows, cols[, 3]) and its mask of 0 and 255; not symmetric, so that a flip is seen."""
    mask = np.zeros((24, 32), np.uint8)
    mask[4:12, 5 + number : 15 + number] = 255
    grey = np.random.default_rng(number).integers(0, 40, mask.shape).astype(np.uint8) + mask // 2
    return (np.stack([grey, grey // 2, grey // 3], -1) if colour else grey), mask


def paired(folder: Path) -> Path:
    for number in range(COUNT):
        image, mask = picture(number)
        png(folder / "images" / f"case_{number}.png", image)
        png(folder / "masks" / f"case_{number}.png", mask)
    return folder


def beside(folder: Path) -> Path:
    for number in range(COUNT):
        image, mask = picture(number, colour=True)
        png(folder / f"patient_{number}" / f"slice_{number}.tif", image)
        png(folder / f"patient_{number}" / f"slice_{number}_mask.tif", mask)
    return folder


def totalsegmentator(folder: Path) -> Path:
    for number in range(COUNT):
        image, label = scan(number)
        nifti(folder / f"s{number:04d}" / "ct.nii.gz", image)
        nifti(folder / f"s{number:04d}" / "segmentations" / "liver.nii.gz", (label == 2).astype(np.uint8))
        nifti(folder / f"s{number:04d}" / "segmentations" / "kidney_left.nii.gz", (label == 1).astype(np.uint8))
    return folder


def bids(folder: Path) -> Path:
    (folder / "dataset_description.json").parent.mkdir(parents=True, exist_ok=True)
    (folder / "dataset_description.json").write_text(json.dumps({"Name": "drawn", "BIDSVersion": "1.9.0"}))
    for number in range(COUNT):
        image, label = scan(number)
        who = f"sub-{number // 2 + 1:02d}"
        session = f"ses-{number % 2 + 1}"
        nifti(folder / who / session / "anat" / f"{who}_{session}_T1w.nii.gz", image)
        drawn = folder / "derivatives" / "byhand" / who / session / "anat" / f"{who}_{session}_dseg"
        nifti(drawn.with_name(drawn.name + ".nii.gz"), np.array([0, 3, 17], np.int16)[label])
    (folder / "derivatives" / "byhand" / "dseg.tsv").write_text("index\tname\n0\tbackground\n3\tcortex\n17\tputamen\n")
    return folder


def kaggle(folder: Path) -> Path:
    for number in range(COUNT):
        image, mask = picture(number, colour=True)
        case = folder / "stage1_train" / f"id{number}"
        png(case / "images" / f"id{number}.png", image)
        png(case / "masks" / "one.png", mask)
        png(case / "masks" / "two.png", np.roll(mask, 11, 0))
    return folder


def mask_table(folder: Path) -> Path:
    paired(folder / "files")
    rows = ["Image Path;mask;patient_id;split"]
    rows += [
        f"files\\images\\case_{n}.png;files/masks/case_{n}.png;p{n // 2};{'val' if n > 3 else 'train'}"
        for n in range(COUNT)
    ]
    (folder / "list.csv").write_text("\n".join(rows), encoding="utf-8-sig")
    return folder / "list.csv"


def class_table(folder: Path) -> Path:
    rows = ["filename,diagnosis,patient"]
    for number in range(2 * COUNT):
        png(folder / "images" / f"{number}.png", picture(number % COUNT)[0])
        rows.append(f"{number}.png,{('ill', 'well')[number % 2]},p{number // 2}")
    (folder / "labels.csv").write_text("\r\n".join(rows))
    return folder / "labels.csv"


def image_text(folder: Path) -> Path:
    rows = ["image,report"]
    for number in range(COUNT):
        png(folder / "images" / f"{number}.png", picture(number)[0])
        rows.append(f'images/{number}.png,"A bright box, {number} px from the\nleft side."')
    (folder / "pairs.csv").write_text("\n".join(rows))
    return folder


def arrays(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    both = [picture(number) for number in range(COUNT)]
    np.savez(folder / "set.npz", images=np.stack([one for one, _ in both]), masks=np.stack([one for _, one in both]),
             patients=np.arange(COUNT) // 2)  # fmt: skip
    return folder / "set.npz"


def dicom_seg(folder: Path) -> Path:
    for number in range(3):
        image, label = scan(number, (12, 10, 6))
        series, tags = folder / f"scan{number}", {"PatientID": f"id {number}", "StudyInstanceUID": f"1.2.{number + 1}"}
        more = {**tags, "FrameOfReferenceUID": f"1.3.{number + 1}", "RescaleSlope": 1, "RescaleIntercept": 0}
        write_series(series, image.astype(np.int16), tags=lambda k, more=more: dict(more))
        volume = finished(read(series))
        drawn = like(volume, label[::-1, ::-1])
        thing = Export(drawn, named(("cyst", "stone")), volume, series)
        finished(export(thing, folder / f"drawn{number}.dcm", "seg"))
    return folder


def class_folders(folder: Path) -> Path:
    for number in range(COUNT):
        png(folder / ("ill", "well")[number % 2] / f"{number}.png", picture(number)[0])
    return folder


def image_pairs(folder: Path) -> Path:
    """A low dose and a full one: the same thing with noise, and in another unit."""
    for number in range(COUNT):
        image, _ = scan(number)
        noise = np.random.default_rng(100 + number).normal(0, 20, image.shape)
        nifti(folder / "low_dose" / f"case_{number}.nii.gz", (image + noise).astype(np.float32))
        nifti(folder / "full_dose" / f"case_{number}.nii.gz", (2 * image - 50).astype(np.float32))
    return folder


MADE = {
    "image_pairs": image_pairs,
    "paired": paired,
    "paired, beside each other": beside,
    "total_segmentator": totalsegmentator,
    "bids": bids,
    "instance_masks": kaggle,
    "mask_table": mask_table,
    "class_table": class_table,
    "image_text": image_text,
    "arrays": arrays,
    "dicom_seg": dicom_seg,
    "class_folders": class_folders,
}
"""What draws each layout, by the name of the data set that it must be recognised as."""
