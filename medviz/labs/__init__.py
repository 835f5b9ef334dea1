"""Labs: one idea a file. A new lab is one file and one line here."""

from typing import Any

from medviz.catalog import Catalog, Entry

LABS: Catalog[Any] = Catalog(
    "lab",
    "medviz.labs",
    {
        "convolution": Entry(
            "medviz.labs.convolution:Convolution",
            "Convolution",
            "A kernel slides over the slice: multiply, add, move on",
            theme="Convolution",
        ),
    },
)
