"""Samples to learn from. A new data set is one file and one line here."""

from typing import Any

from medviz.catalog import Catalog, Entry

DATASETS: Catalog[Any] = Catalog(
    "data set",
    "medviz.datasets",
    {
        "mni152": Entry("medviz.data.samples:Mni152Tissue", "MNI152 tissue", "T1 with grey and white matter, CSF"),
        "decathlon": Entry("medviz.data.decathlon:Decathlon", "MSD folder", "imagesTr, labelsTr and dataset.json"),
        "phantoms": Entry("medviz.data.phantoms:Phantoms", "Phantoms", "Drawn by the program: balls and boxes"),
    },
)
