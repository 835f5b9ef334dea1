"""Networks: one architecture a file, each readable alone. A new network is one file and one line here."""

from typing import Any

from medviz.catalog import Catalog, Entry

NETWORKS: Catalog[Any] = Catalog(
    "network",
    "medviz.networks",
    {
        "unet": Entry("medviz.networks.unet:UNet", "U-Net", "Encoder and decoder with skips, 2-D or 3-D"),
        "lenet": Entry("medviz.networks.lenet:LeNet", "LeNet", "Two convolutions, two poolings, three dense layers"),
    },
)
