"""Pictures as codes: means or components of their patches, and a book of codes out of which each patch takes one."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from medviz.training.using.principal import Components, components

Array = NDArray[Any]
ROUNDS, MOST_LEARNT = 8, 2048
"""Rounds of Lloyd's algorithm, and from how many patches a book is learnt at most."""


@dataclass(frozen=True, eq=False)
class Coded:
    """A picture as codes (rows, cols, numbers), and told again (rows·factor, cols·factor).

    Of a book of codes: the numbers of the codes (rows, cols), the book (K, numbers), its patches (K, factor, factor),
    and the codes before each was replaced by one of the book.
    """

    codes: Array
    again: Array
    index: Array | None = None
    book: Array | None = None
    patches: Array | None = None
    before: Array | None = None


def cut(values: Array, factor: int) -> Array:
    """Cut a picture into patches (rows, cols, factor, factor); what is left over at the end is left out."""
    rows, cols = values.shape[0] // factor, values.shape[1] // factor
    whole = values[: rows * factor, : cols * factor]
    made: Array = whole.reshape(rows, factor, cols, factor).transpose(0, 2, 1, 3)
    return made


def joined(patches: Array) -> Array:
    """Join patches (rows, cols, factor, factor) to a picture."""
    rows, cols, factor, _ = patches.shape
    made: Array = patches.transpose(0, 2, 1, 3).reshape(rows * factor, cols * factor)
    return made


def pooled(values: Array, factor: int) -> Coded:
    """Take the mean of each patch for its code."""
    patches = cut(values, factor)
    means = patches.mean(axis=(2, 3))
    return Coded(means[..., None], np.kron(means, np.ones((factor, factor))))


def by_components(values: Array, factor: int, numbers: int) -> Coded:
    """Describe each patch by its first principal components, which were fitted to the patches themselves."""
    patches = cut(values, factor)
    fitted, codes = _coefficients(patches, numbers)
    return Coded(codes, joined(_told(fitted, codes).reshape(patches.shape)))


def by_book(values: Array, factor: int, numbers: int, size: int, seed: int) -> Coded:
    """Replace the components of each patch by the nearest of `size` codes (vector quantisation)."""
    patches = cut(values, factor)
    fitted, before = _coefficients(patches, numbers)
    flat = before.reshape(-1, before.shape[-1])
    book = learnt(flat, size, seed)
    index = nearest(flat, book)
    codes = book[index].reshape(before.shape)
    again = joined(_told(fitted, codes).reshape(patches.shape))
    shown = _told(fitted, book[:, None, :]).reshape(len(book), factor, factor)
    return Coded(codes, again, index.reshape(before.shape[:2]), book, shown, before)


def learnt(points: Array, size: int, seed: int) -> Array:
    """Learn a book of at most `size` codes (K, n) from points (m, n): k-means by Lloyd's algorithm."""
    chance = np.random.default_rng(seed)
    some = points if len(points) <= MOST_LEARNT else points[chance.permutation(len(points))[:MOST_LEARNT]]
    different = np.unique(some, axis=0)
    book = different[np.sort(chance.permutation(len(different))[:size])].copy()
    for _ in range(ROUNDS):
        index = nearest(some, book)
        counts = np.bincount(index, minlength=len(book))
        sums = np.stack([np.bincount(index, weights=one, minlength=len(book)) for one in some.T], axis=1)
        book[counts > 0] = sums[counts > 0] / counts[counts > 0, None]
    made: Array = book
    return made


def nearest(points: Array, book: Array) -> Array:
    """Return the number of the nearest code of each point, (m,)."""
    far = (book**2).sum(axis=1)[None] - 2 * points @ book.T
    found: Array = far.argmin(axis=1)
    return found


def _coefficients(patches: Array, numbers: int) -> tuple[Components, Array]:
    rows, cols, factor, _ = patches.shape
    flat = torch.from_numpy(np.array(patches.reshape(rows * cols, factor * factor), np.float32))
    fitted = components(flat, numbers)
    codes = fitted.encode(flat, numbers).numpy().astype(float)
    return fitted, codes.reshape(rows, cols, codes.shape[-1])


def _told(fitted: Components, codes: Array) -> Array:
    known = fitted.axes[: codes.shape[-1]].float().numpy()
    made: Array = codes @ known + fitted.mean.float().numpy()
    return made
