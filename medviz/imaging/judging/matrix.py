"""The confusion matrix as a figure: of each reference label's voxels, how many were called what."""

import numpy as np

from medviz.figures import Heatmap
from medviz.imaging.judging.results import Comparison

MOST = 16


def matrix(found: Comparison, most: int = MOST) -> tuple[Heatmap, tuple[int, ...]]:
    """Make the figure, and list the label values of its rows and columns; 0 is the background.

    Rows are what was predicted, columns what is meant; a column is in per cent of the reference's voxels and sums to
    100 over all labels. Of many labels those are shown of which most voxels were taken for something else.
    """
    values, table = found.values, found.table.astype(float)
    if len(values) > most:
        wrong = table.sum(0) + table.sum(1) - 2 * np.diag(table)
        wrong[values == 0] = np.inf  # what is missed or invented stands in the background's row and column
        shown = np.sort(np.argsort(-wrong, kind="stable")[:most])
    else:
        shown = np.arange(len(values))
    meant = table.sum(axis=0)
    shares = 100.0 * np.divide(table, meant, out=np.zeros_like(table), where=meant > 0)
    picked = [int(value) for value in values[shown]]
    named = [_name(found, value) for value in picked]
    title = "Of each reference label (column, by number), per cent predicted as (row)"
    if len(values) > most:
        title += f"; the {most} most confused of {len(values)}"
    figure = Heatmap(
        "confusion",
        np.round(shares[np.ix_(shown, shown)], 1),
        title=title,
        colours="viridis",
        levels=(0.0, 100.0),
        unit="%",
        digits=3,
        row_names=tuple(f"{name}  {value}" for name, value in zip(named, picked, strict=True)),
        column_names=tuple(str(value) for value in picked),
    )
    return figure, tuple(picked)


def _name(found: Comparison, value: int) -> str:
    row = found.of(value)
    return row.name if row is not None else "background"
