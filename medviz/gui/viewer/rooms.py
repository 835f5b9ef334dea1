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
        "write card": Entry("medviz.imaging.writers.card:write_card"),
        "scrolled": Entry("medviz.imaging.scrolling:scrolled"),
        "drawing": Entry("medviz.imaging.drawn:drawing"),
        "save picture": Entry("medviz.imaging.writers.film:write_still"),
        "agreement": Entry("medviz.imaging.judging.agreement:agreement"),
        "consequences": Entry("medviz.imaging.judging.thresholds:consequences"),
        "distances": Entry("medviz.imaging.judging.thresholds:distances"),
        "mask": Entry("medviz.imaging.judging.thresholds:mask_of"),
        "smooth": Entry("medviz.imaging.edit:smooth"),
        "margin": Entry("medviz.imaging.edit:margin"),
        "fill between": Entry("medviz.imaging.edit:fill_between"),
        "keep largest": Entry("medviz.imaging.edit:keep_largest"),
        "islands": Entry("medviz.imaging.edit:islands"),
        "copy slice": Entry("medviz.imaging.edit:copy_slice"),
        "accept": Entry("medviz.imaging.edit:accept"),
        "recoded": Entry("medviz.imaging.edit:recoded"),
        "carve": Entry("medviz.imaging.edit:carve"),
        "flood": Entry("medviz.imaging.edit:flood"),
        "measured": Entry("medviz.imaging.marking:measured"),
        "enclosed": Entry("medviz.imaging.marking:enclosed"),
        "label rows": Entry("medviz.imaging.writers.table:label_rows"),
        "write table": Entry("medviz.imaging.writers.table:write_table"),
    },
)
