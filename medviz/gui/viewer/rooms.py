"""What the viewer takes from `imaging` only when it is needed, so that the window opens without SciPy."""

from collections.abc import Callable
from typing import Any

from medviz.catalog import Catalog, Entry

ROOMS: Catalog[Callable[..., Any]] = Catalog(
    "tool",
    "medviz.viewer.tools",
    {
        "onto": Entry("medviz.imaging.resample:onto"),
        "grid note": Entry("medviz.imaging.resample:grid_note"),
        "label table": Entry("medviz.imaging.measure:label_table"),
        "export": Entry("medviz.imaging.writers.writer:Export"),
        "scrolled": Entry("medviz.imaging.scrolling:scrolled"),
        "drawing": Entry("medviz.imaging.drawn:drawing"),
        "save picture": Entry("medviz.imaging.writers.film:write_still"),
        "agreement": Entry("medviz.imaging.judging.agreement:agreement"),
        "consequences": Entry("medviz.imaging.judging.thresholds:consequences"),
        "distances": Entry("medviz.imaging.judging.thresholds:distances"),
        "mask": Entry("medviz.imaging.judging.thresholds:mask_of"),
    },
)
