"""Who is learnt from and who is only measured: whole patients, always the same ones, or as a file of folds says.

The order of patients is that of a hash of their names, so that it hangs neither on the machine nor on the order of the
files. Each fold is a block of that order: a patient who is added later moves at most one at either end
of it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medviz.refused import Refused

FILES = ("splits_final.json", "folds.json")
"""Files that fix the split: nnU-Net's own list of {"train": [...], "val": [...]}, or {case: number of its fold}."""


@dataclass(frozen=True)
class Split:
    """Names of the cases on both sides, as hashes (a run keeps them; they name no patient).

    `by` says what decided.
    """

    training: tuple[str, ...]
    validation: tuple[str, ...]
    by: str = ""


def hashed(name: str) -> str:
    """Return what stands for the name of a case in a run's folder: 16 hexadecimal digits."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def held_out(groups: Sequence[str], kinds: Sequence[int], share: float, fold: int = 0) -> frozenset[int]:
    """Choose what training never sees: whole groups (patients), about `share` of each class, always the same.

    A group goes as one, with the class of its first member. Every group is held out in one of the folds.
    """
    folds = max(2, round(1 / share))
    of_group: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        of_group.setdefault(group, []).append(index)
    by_kind: dict[int, list[str]] = {}
    for group, members in of_group.items():
        by_kind.setdefault(kinds[members[0]], []).append(group)
    chosen: set[int] = set()
    for named in by_kind.values():
        for group in _fold_of(named, folds, fold % folds):
            chosen.update(of_group[group])
    return frozenset(chosen)


def _fold_of(groups: Sequence[str], folds: int, fold: int) -> list[str]:
    """Return the groups of a fold: a block of all of them in the order of their hashes."""
    ordered = sorted(groups, key=lambda group: hashlib.sha256(group.encode()).digest())
    count = len(ordered)
    if count < folds:
        return [ordered[fold % count]]
    return ordered[round(fold * count / folds) : round((fold + 1) * count / folds)]


def file_of(folder: Path) -> Path | None:
    """Return the file of folds of a data set, None where there is none.

    It lies in its folder, or where nnU-Net writes it: nnUNet_preprocessed/NAME beside nnUNet_raw/NAME.
    """
    places = [folder / name for name in FILES]
    if folder.parent.name == "nnUNet_raw":
        places.append(folder.parent.parent / "nnUNet_preprocessed" / folder.name / FILES[0])
    return next((path for path in places if path.is_file()), None)


def fixed(path: Path, names: Sequence[str], fold: int) -> tuple[frozenset[int], frozenset[int]]:
    """Read which cases are learnt from and which are held out in a fold; cases that it does not name are left out.

    Refuses a fold that is not there, names that are no cases, and a case that is on both sides.
    """
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise Refused(path, f"it is no JSON ({problem})", "mend it, or take it away") from problem
    training, validation = _sides(path, said, fold)
    place = {name: index for index, name in enumerate(names)}
    strange = next((name for name in (*training, *validation) if name not in place), None)
    if strange is not None:
        raise Refused(path, f"it names {strange}, which is no case here", "mend it, or take it away")
    both = set(training) & set(validation)
    if both:
        raise Refused(path, f"{min(both)} is on both sides of fold {fold}", "mend it, or take it away")
    if not training or not validation:
        raise Refused(path, f"a side of fold {fold} is empty", "mend it, or take it away")
    return frozenset(place[name] for name in training), frozenset(place[name] for name in validation)


def _sides(path: Path, said: Any, fold: int) -> tuple[list[str], list[str]]:
    if isinstance(said, list) and all(isinstance(one, Mapping) and "train" in one and "val" in one for one in said):
        if fold >= len(said):
            raise Refused(f"fold={fold}", f"{path.name} has {len(said)} folds", f"give 0 to {len(said) - 1}")
        return [str(one) for one in said[fold]["train"]], [str(one) for one in said[fold]["val"]]
    if isinstance(said, Mapping) and all(isinstance(one, int) and not isinstance(one, bool) for one in said.values()):
        if fold not in said.values():
            there = ", ".join(str(one) for one in sorted(set(said.values())))
            raise Refused(f"fold={fold}", f"{path.name} has no such fold", f"there are {there}")
        held = [str(name) for name, one in said.items() if one == fold]
        return [str(name) for name, one in said.items() if one != fold], held
    raise Refused(path, "it is no file of folds", 'write [{"train": [...], "val": [...]}, ...] or {"case": 0, ...}')


def apart(training: Sequence[str], validation: Sequence[str], where: object) -> None:
    """Refuse a split that puts one patient on both sides; given are the patients of either side."""
    both = set(training) & set(validation)
    if both:
        fault = f"{len(both)} patient(s) are on both sides of the split, as {min(both)}"
        raise Refused(where, fault, "put all of a patient on one side")
