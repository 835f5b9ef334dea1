"""Drawing: one table from a kind of figure to the view that draws it, and the board that lays views out.

A new kind of figure is a dataclass in `figures` and a view here (or the entry point group ``medviz.views``).
"""

from typing import Any

from medviz.catalog import Catalog, Entry

_HERE = "medviz.gui.drawing"

VIEWS: Catalog[Any] = Catalog(
    "view",
    "medviz.views",
    {
        "Picture": Entry(f"{_HERE}.picture:PictureView"),
        "Gallery": Entry(f"{_HERE}.gallery:GalleryView"),
        "Heatmap": Entry(f"{_HERE}.heatmap:HeatmapView"),
        "Curves": Entry(f"{_HERE}.curves:CurvesView"),
        "Points": Entry(f"{_HERE}.points:PointsView"),
        "Bars": Entry(f"{_HERE}.bars:BarsView"),
        "Graph": Entry(f"{_HERE}.graph:GraphView"),
        "Table": Entry(f"{_HERE}.table:TableView"),
        "Text": Entry(f"{_HERE}.text:TextView"),
    },
)
