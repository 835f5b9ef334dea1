"""Public data sets that can be fetched: where they lie, their sums, licences and classes (`resources/tables`)."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from medviz.refused import Refused
from medviz.shipped import shipped


@dataclass(frozen=True)
class Obtainable:
    """A data set to be fetched: a file at `url` with this MD5; a tar is unpacked into a folder of the name.

    `serves` is the task it is for, `data_set` the data set of the catalog that reads it. `about_bytes` is 0 where only
    the server knows. `sizes` are the sides in pixels in which it can be had, the first is the one without a suffix.
    """

    name: str
    title: str
    summary: str
    url: str
    md5: str
    licence: str
    home: str
    serves: str
    data_set: str
    samples: int = 0
    about_bytes: int = 0
    classes: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()

    @property
    def packed(self) -> bool:
        """Tell whether it comes as a tar that is unpacked."""
        return self.file.endswith(".tar")

    @property
    def file(self) -> str:
        """Name of the file that is fetched."""
        return self.url.split("?")[0].rsplit("/", 1)[-1]


@lru_cache(maxsize=1)
def obtainable() -> tuple[Obtainable, ...]:
    """List all sets that can be fetched, each in the size that is usual."""
    said = tomllib.loads(shipped("tables", "obtainable.toml").read_text(encoding="utf-8"))
    small = (_medmnist(name, one, said["medmnist"]) for name, one in said["medmnist"]["sets"].items())
    large = (_decathlon(name, one, said["decathlon"]) for name, one in said["decathlon"]["sets"].items())
    return (*large, *small)


def named(name: str) -> Obtainable:
    """Return the set of a name, also of one size of it ("bloodmnist_64"); refuses what is none."""
    wanted = name.strip().lower()
    base, _, size = wanted.partition("_")
    for one in obtainable():
        if one.name.lower() == wanted or (one.packed and one.name.lower().partition("_")[2] == wanted):
            return one
        if one.name == base and size.isdigit() and int(size) in one.sizes:
            return _sized(one, size)
    raise Refused(name, "no such data set can be fetched", "medviz list datasets shows those that can")


def classes_of(file: str) -> tuple[str, ...]:
    """Names of the classes of a MedMNIST file by its name ("bloodmnist_64"), empty where it is not known."""
    base = file.split("_")[0].lower()
    return next((one.classes for one in obtainable() if one.name == base), ())


def _medmnist(name: str, one: dict[str, Any], all_of: dict[str, Any]) -> Obtainable:
    sizes = tuple(int(size) for size in one["md5"])
    return Obtainable(
        name=name,
        title=one["title"],
        summary=one["summary"],
        url=all_of["file"].format(file=name),
        md5=one["md5"][str(sizes[0])],
        licence=one["licence"],
        home=all_of["home"],
        serves="classification",
        data_set="medmnist",
        samples=one["samples"],
        classes=tuple(one["classes"]),
        sizes=sizes,
    )


def _sized(one: Obtainable, size: str) -> Obtainable:
    """Return a set in another size of its pictures."""
    said = tomllib.loads(shipped("tables", "obtainable.toml").read_text(encoding="utf-8"))["medmnist"]
    sums, name = said["sets"][one.name]["md5"], one.name if int(size) == one.sizes[0] else f"{one.name}_{size}"
    values = {**one.__dict__, "name": name, "url": said["file"].format(file=name), "md5": sums[size]}
    return Obtainable(**values)


def _decathlon(name: str, one: dict[str, Any], all_of: dict[str, Any]) -> Obtainable:
    return Obtainable(
        name=name,
        title=one["title"],
        summary=one["summary"],
        url=all_of["file"].format(file=name),
        md5=one["md5"],
        licence=all_of["licence"],
        home=all_of["home"],
        serves="segmentation",
        data_set="decathlon",
        samples=one["samples"],
        about_bytes=one["about_mb"] * 10**6,
    )
