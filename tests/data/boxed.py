"""Small folders of pictures with boxes, written as people have them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

BOXES: dict[str, list[tuple[str, tuple[int, int, int, int]]]] = {
    "a": [("cell", (4, 6, 20, 30)), ("dot", (40, 10, 46, 18))],
    "b": [("cell", (30, 20, 60, 40))],
    "c": [],
    "d": [("dot", (0, 0, 8, 8)), ("cell", (10, 10, 30, 30)), ("cell", (50, 5, 64, 25))],
}
"""x0 y0 x1 y1 from the left and the top, in pictures of 64×48."""
SIZE = (64, 48)


def picture(path: Path, name: str, colour: bool = True) -> Path:
    """Write a picture in which every box is bright."""
    pixels = np.full((SIZE[1], SIZE[0], 3 if colour else 1), 30, np.uint8)
    pixels[..., 0] += 5
    for kind, (x0, y0, x1, y1) in BOXES[name]:
        pixels[y0:y1, x0:x1] = (220, 40, 60)[: pixels.shape[2]] if kind == "cell" else (40, 200, 220)[: pixels.shape[2]]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels if colour else pixels[..., 0]).save(path)
    return path


def voc(folder: Path, train: str = "ab", held: str = "d") -> Path:
    for name, boxes in BOXES.items():
        picture(folder / "JPEGImages" / f"{name}.png", name)
        objects = "".join(
            f"<object><name>{kind}</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax>"
            "</bndbox></object>"
            for kind, (x0, y0, x1, y1) in boxes
        )
        text(
            folder / "Annotations" / f"{name}.xml", f"<annotation><filename>{name}.png</filename>{objects}</annotation>"
        )
    for list_name, names in (("train", train), ("val", held)):
        if names:
            text(folder / "ImageSets" / "Main" / f"{list_name}.txt", "\n".join(names) + "\n")
    return folder


def document(names: str = "abcd") -> dict[str, Any]:
    kinds = {"cell": 7, "dot": 3}
    marks = [
        {"id": n, "image_id": ord(name), "category_id": kinds[kind], "bbox": [x0, y0, x1 - x0, y1 - y0], "iscrowd": 0}
        for name in names
        for n, (kind, (x0, y0, x1, y1)) in enumerate(BOXES[name])
    ]
    return {
        "images": [{"id": ord(name), "file_name": f"{name}.png"} for name in names],
        "categories": [{"id": value, "name": name} for name, value in kinds.items()],
        "annotations": marks,
    }


def coco(folder: Path, said: dict[str, Any] | None = None) -> Path:
    for name in BOXES:
        picture(folder / "images" / f"{name}.png", name, colour=False)
    text(folder / "annotations.json", json.dumps(document() if said is None else said))
    return folder


def yolo(folder: Path) -> Path:
    for side, names in (("train", "abc"), ("val", "d")):
        for name in names:
            picture(folder / "images" / side / f"{name}.png", name)
            lines = [
                f"{('cell', 'dot').index(kind)} {(x0 + x1) / 128} {(y0 + y1) / 96} {(x1 - x0) / 64} {(y1 - y0) / 48}"
                for kind, (x0, y0, x1, y1) in BOXES[name]
            ]
            if lines:
                text(folder / "labels" / side / f"{name}.txt", "\n".join(lines))
    text(folder / "data.yaml", "train: images/train\nval: images/val\nnc: 2\nnames:\n  0: cell\n  1: 'dot'\n")
    return folder


def text(path: Path, words: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(words, encoding="utf-8")
    return path
