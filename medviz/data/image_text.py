"""Pictures with a text each (a report, a note, a caption), listed in a table: what captioning and CLIP learn from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from torch import Tensor

from medviz.data.augment import NO_AUGMENTATION, Augmentation
from medviz.data.cases import Fold, HeldOut
from medviz.data.classed import pixels_of
from medviz.data.columns import table
from medviz.data.gate import Gate
from medviz.data.mending import LeaveOut
from medviz.data.naming import KEPT_BYTES, ready
from medviz.data.splitting import Split, apart, file_of, fixed, hashed, held_out
from medviz.data.tables import ImageColumn, PatientColumn, Row, SideColumn, TableFile, rows_of
from medviz.imaging.readers import describe
from medviz.parameters import Group
from medviz.refused import Refused

Sample = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Told:
    """Some pictures with their texts: "image" (C, x, y) float32 in a square of `side` pixels, "text", "name".

    ``told[i]`` is without chance; ``drawn(i, chance)`` has its light and place changed, never mirrored: a text that
    says left would be wrong.
    """

    rows: Sequence[Row]
    texts: Sequence[str]
    side: int
    channels: int = 1
    augmentation: Augmentation = NO_AUGMENTATION
    _kept: dict[int, Tensor] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Sample:
        """Return a picture as it is, with its text."""
        return {"image": self._image(index), "text": self.texts[index], "name": self.rows[index].name}

    def drawn(self, index: int, chance: np.random.Generator) -> Sample:
        """Return a picture changed by what is drawn from `chance`; its text stays."""
        sample = self[index]
        image: Tensor = sample["image"]
        change = self.augmentation.drawn(chance, tuple(image.shape[1:]))
        return {**sample, "image": change.applied(image)[0].contiguous()}

    def _image(self, index: int) -> Tensor:
        found = self._kept.get(index)
        if found is None:
            found = ready(pixels_of(self.rows[index].image), self.side, self.channels)
            if (len(self._kept) + 1) * found.numel() * 4 <= KEPT_BYTES:
                self._kept[index] = found
        return found


@dataclass(frozen=True)
class ImageText:
    """Pictures with texts, listed in a table."""

    file: TableFile = ""
    image: ImageColumn = ""
    text: Annotated[str, Group("columns", advanced=True), "Column with the texts; empty: found by its name"] = ""
    patient: PatientColumn = ""
    side: SideColumn = ""
    held_out: HeldOut = 0.2
    fold: Fold = 0
    leave_out: LeaveOut = ""

    @cached_property
    def _rows(self) -> tuple[tuple[Row, ...], tuple[str, ...]]:
        return self.listed(Gate(self.leave_out))

    def listed(self, gate: Gate) -> tuple[tuple[Row, ...], tuple[str, ...]]:
        """List the pictures with their texts; those that are not there are turned away, those without text left out."""
        read = table(Path(self.file))
        column = read.needed("text", self.text)
        rows = rows_of(read, self.image, self.patient, self.side, gate)
        kept = tuple(row for row in rows if row.side != "test" and row.cells[column].strip())
        if len(kept) < 2 and not gate.lenient:
            raise Refused(read.path, f"it has {len(kept)} picture(s) with a text", "at least two are needed")
        return kept, tuple(" ".join(row.cells[column].split()) for row in kept)

    @property
    def held_out_names(self) -> frozenset[str]:
        """Names of the pictures that training never sees."""
        rows, _ = self._rows
        return frozenset(rows[index].name for index in self._sides[1])

    @property
    def texts(self) -> tuple[str, ...]:
        """All texts to learn from, for a vocabulary; those held out are not among them."""
        _, texts = self._rows
        return tuple(texts[index] for index in self._sides[0])

    @cached_property
    def channels(self) -> int:
        """1 for grey, 3 where all of the first pictures are in colour."""
        rows, _ = self._rows
        return 3 if all("rgb" in str(describe(row.image)["dtype"]) for row in rows[:10]) else 1

    @property
    def classes(self) -> tuple[str, ...]:
        """None: a text is no class."""
        return ()

    @property
    def dimensions(self) -> tuple[int, ...]:
        """Pictures."""
        return (2,)

    def training(self, dimensions: int, side: int, augment: float = 1.0) -> Told:
        """Return the pictures to learn from, with their texts."""
        change = Augmentation(flip=0.0).stronger(augment) if augment else NO_AUGMENTATION
        return self._some(0, side, change)

    def validation(self, dimensions: int, side: int) -> Told:
        """Return the pictures that training never sees, with their texts."""
        return self._some(1, side, NO_AUGMENTATION)

    def probes(self, dimensions: int, side: int) -> Sequence[Sample]:
        """Return a few that training never sees."""
        held = self.validation(dimensions, side)
        return [held[index] for index in range(min(4, len(held)))]

    def split(self) -> Split:
        """Tell which pictures are learnt from and which are held out, by hashes of their names."""
        rows, _ = self._rows
        training, validation = (tuple(sorted(hashed(rows[index].name) for index in side)) for side in self._sides)
        return Split(training, validation, f"the table, a file of folds or a hash of the patient, fold {self.fold}")

    @cached_property
    def _sides(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        rows, _ = self._rows
        path = file_of(Path(self.file).parent)
        if path is not None:
            first, second = fixed(path, [row.name for row in rows], self.fold)
        else:
            told = frozenset(index for index, row in enumerate(rows) if row.side == "val")
            whose = [row.patient or row.name for row in rows]
            second = told or held_out(whose, [0] * len(rows), self.held_out, self.fold)
            first = frozenset(range(len(rows))) - second
        apart(self._patients(first), self._patients(second), self.file)
        return tuple(sorted(first)), tuple(sorted(second))

    def _patients(self, side: frozenset[int]) -> list[str]:
        return [self._rows[0][index].patient for index in side if self._rows[0][index].patient]

    def _some(self, part: int, side: int, change: Augmentation) -> Told:
        rows, texts = self._rows
        chosen = self._sides[part]
        return Told([rows[k] for k in chosen], [texts[k] for k in chosen], side, self.channels, change)
