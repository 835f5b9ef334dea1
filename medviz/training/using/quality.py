"""How good made samples are, beside pictures of the training: FID, MMD, and whether they are copies.

Few samples mislead: FID grows as they become fewer and is refused below `LEAST`; MMD has no such bias, and its error is
told with it. The same is told between two halves of the training pictures: no sample can be expected to be better.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from medviz.messages import Progress, Work
from medviz.refused import Refused
from medviz.training.using.features import Features, Numbers, Told

LEAST = 64
"""Pictures on either side below which FID says more of their number than of their quality."""
AXES = 32
"""FID looks along so many principal axes of the training pictures' features: a covariance of hundreds wants thousands
of samples."""
MOST = 500
"""Training pictures that are told in features, evenly spread over all."""
_LEAST_MMD = 4


class Pictures(Protocol):
    """Samples with an "image" (C, x, y[, z]) in −1..1 each."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Distance:
    """A squared distance between two piles of pictures with its standard error."""

    value: float
    error: float


@dataclass(frozen=True)
class Quality:
    """How far samples lie from training pictures, in `features`; `usual` are the same between these themselves.

    `fid` is None where there are too few of either (`why` says so).
    """

    features: str
    samples: int
    reference: int
    fid: float | None
    mmd: Distance | None
    usual_fid: float | None = None
    usual_mmd: Distance | None = None
    why: str = ""

    def words(self) -> str:
        """Say it in a line."""
        parts = []
        if self.fid is not None:
            usual = f" (training pictures among themselves {self.usual_fid:.3g})" if self.usual_fid is not None else ""
            parts.append(f"FID {self.fid:.3g}{usual}")
        if self.mmd is not None:
            usual = f" (among themselves {self.usual_mmd.value:.2g})" if self.usual_mmd is not None else ""
            parts.append(f"MMD² {self.mmd.value:.2g} ± {self.mmd.error:.1g}{usual}")
        parts += [self.why] if self.why else []
        counts = f"{self.samples} samples, {self.reference} training pictures"
        return f"{'; '.join(parts)}; features: {self.features}; {counts}"

    def plain(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "features": self.features,
            "samples": self.samples,
            "training pictures": self.reference,
            "FID": self.fid,
            "MMD squared": None if self.mmd is None else self.mmd.value,
            "MMD squared, standard error": None if self.mmd is None else self.mmd.error,
            "FID between training pictures": self.usual_fid,
            "MMD squared between training pictures": None if self.usual_mmd is None else self.usual_mmd.value,
            "note": self.why,
        }


@dataclass(frozen=True, eq=False)
class Reference:
    """Training pictures as numbers (n, features), against which samples are judged: `numbers` as they were told."""

    features: Features
    name: str
    numbers: Numbers

    @cached_property
    def scale(self) -> tuple[Numbers, Numbers]:
        """Mean and spread of each feature; one that hardly varies is not blown up beyond twenty times."""
        spread = self.numbers.std(0)
        floor = 0.05 * float(np.median(spread[spread > 0])) if (spread > 0).any() else 1.0
        return self.numbers.mean(0), np.maximum(spread, max(floor, 1e-9))

    @cached_property
    def axes(self) -> Numbers:
        """The first principal axes (features, axes) of the scaled numbers."""
        _, _, axes = np.linalg.svd(self.scaled(self.numbers), full_matrices=False)
        return np.ascontiguousarray(axes[:AXES].T)

    def scaled(self, numbers: Numbers) -> Numbers:
        """Bring numbers to mean 0 and spread 1 of the training pictures."""
        mean, spread = self.scale
        made: Numbers = (numbers - mean) / spread
        return made

    def judged(self, images: Tensor) -> Quality:
        """Judge samples (N, C, x, y[, z]) in −1..1, or points (N, 2); refuses numbers that are none."""
        if not bool(images.isfinite().all()):
            raise Refused("samples", "there are numbers among them that are none", "train anew with a lower rate")
        return self.quality(self.features.of(images))

    def quality(self, numbers: Numbers) -> Quality:
        """Judge samples that are told in numbers already."""
        theirs, ours = self.scaled(numbers), self.scaled(self.numbers)
        count, known = len(theirs), len(ours)
        far = mmd(theirs, ours) if min(count, known) >= _LEAST_MMD else None
        halves = ours[::2], ours[1::2]
        usual = mmd(*halves) if known >= 2 * _LEAST_MMD else None
        why = ""
        found = usual_fid = None
        if min(count, known) >= LEAST:
            few = min(count, known // 2)  # as few as the samples are: FID grows as pictures become fewer
            found = fid(theirs @ self.axes, ours @ self.axes)
            if few >= LEAST:
                apart = np.isin(np.arange(known), spread(known, few))
                usual_fid = fid(ours[apart] @ self.axes, ours[~apart] @ self.axes)
        else:
            which = "samples" if count < LEAST else "training pictures"
            why = f"FID needs at least {LEAST} {which}"
        return Quality(self.name, count, known, found, far, usual_fid, usual, why)


def reference(pictures: Pictures, features: Features, most: int = MOST) -> Work[Reference]:
    """Tell training pictures in features: `most` of them, evenly spread over all; refuses fewer than two."""
    if len(pictures) < 2:
        raise Refused("training pictures", "there are fewer than two to compare with", "take a larger data set")
    places = spread(len(pictures), most)
    told = Told(features)
    for number, place in enumerate(places):
        told.add(torch.as_tensor(pictures[place]["image"]))
        yield Progress(number + 1, len(places), "training pictures told in features")
    numbers = told.numbers()
    return Reference(features, told.name, numbers)


def judged(images: Sequence[Tensor] | Tensor, pictures: Pictures, by: Features, most: int = MOST) -> Work[Quality]:
    """Judge samples beside training pictures; see `Reference.judged`, which is quicker the second time."""
    known = yield from reference(pictures, by, most)
    return known.judged(images if isinstance(images, Tensor) else torch.stack(list(images)))


def spread(count: int, most: int) -> list[int]:
    """Choose up to `most` of `count` places, evenly."""
    return sorted({round(one) for one in np.linspace(0, count - 1, min(count, most))})


def fid(made: Numbers, meant: Numbers) -> float:
    """Fréchet distance between the Gaussians of two piles (n, d) and (m, d): |μ − μ'|² + tr(Σ + Σ' − 2 (ΣΣ')^½).

    Heusel et al., 2017. The trace of the root is the sum of the singular values of X Yᵀ over the root of
    (n − 1)(m − 1), X and Y without their means: real and exact where covariances are singular too.
    """
    if min(len(made), len(meant)) < 2:
        raise Refused("FID", "it needs at least two pictures on either side", "make more samples")
    x, y = made - made.mean(0), meant - meant.mean(0)
    n, m = len(x) - 1, len(y) - 1
    # Of long piles the small factor of X = QR serves as well: singular values of R_x R_yᵀ are those of X Yᵀ.
    left, right = (_short(one) for one in (x, y))
    root = np.linalg.svd(left @ right.T, compute_uv=False).sum() / math.sqrt(n * m)
    apart = float(((made.mean(0) - meant.mean(0)) ** 2).sum())
    return max(0.0, apart + float((x * x).sum()) / n + float((y * y).sum()) / m - 2 * float(root))


def _short(pile: Numbers) -> Numbers:
    made: Numbers = np.linalg.qr(pile, "r") if len(pile) > pile.shape[1] else pile  # type: ignore[assignment]
    return made


def mmd(made: Numbers, meant: Numbers, kernel: str = "cubic") -> Distance:
    """Squared maximum mean discrepancy of two piles (n, d) and (m, d), without bias, with its jackknife error.

    Gretton et al., 2012. "cubic" is (x·y/d + 1)³ (the kernel inception distance of Bińkowski et al., 2018), "linear" is
    x·y. It may be a little below zero where the piles are alike.
    """
    if min(len(made), len(meant)) < 3:
        raise Refused("MMD", "it needs at least three pictures on either side", "make more samples")
    xx, yy, xy = (_kernel(a, b, kernel) for a, b in ((made, made), (meant, meant), (made, meant)))
    np.fill_diagonal(xx, 0.0)
    np.fill_diagonal(yy, 0.0)
    n, m = len(made), len(meant)
    within_x, within_y, across = xx.sum(), yy.sum(), xy.sum()
    value = within_x / (n * (n - 1)) + within_y / (m * (m - 1)) - 2 * across / (n * m)
    without_x = (
        (within_x - 2 * xx.sum(1)) / ((n - 1) * (n - 2))
        + within_y / (m * (m - 1))
        - 2 * (across - xy.sum(1)) / ((n - 1) * m)
    )
    without_y = (
        within_x / (n * (n - 1))
        + (within_y - 2 * yy.sum(1)) / ((m - 1) * (m - 2))
        - 2 * (across - xy.sum(0)) / (n * (m - 1))
    )
    variance = (n - 1) * float(without_x.var()) + (m - 1) * float(without_y.var())
    return Distance(float(value), math.sqrt(variance))


def _kernel(x: Numbers, y: Numbers, kernel: str) -> Numbers:
    products: Numbers = x @ y.T
    return (products / x.shape[1] + 1) ** 3 if kernel == "cubic" else products
