"""Networks: one architecture a file, each readable alone. A new network is one file and one line here."""

from typing import Any

from medviz.catalog import Catalog, Entry

NETWORKS: Catalog[Any] = Catalog(
    "network",
    "medviz.networks",
    {
        "unet": Entry("medviz.networks.unet:UNet", "U-Net", "Encoder and decoder with skips, 2-D or 3-D"),
        "unet_original": Entry(
            "medviz.networks.unet_original:UNetOriginal", "U-Net, original", "Without padding, as in the paper"
        ),
        "lenet": Entry("medviz.networks.lenet:LeNet", "LeNet", "Two convolutions, two poolings, three dense layers"),
        "alexnet": Entry("medviz.networks.alexnet:AlexNet", "AlexNet", "Large first filters, five convolutions"),
        "vgg": Entry("medviz.networks.vgg:VGG", "VGG", "Blocks of 3×3 convolutions"),
        "googlenet": Entry("medviz.networks.googlenet:GoogLeNet", "GoogLeNet", "Four sizes of window side by side"),
        "resnet": Entry("medviz.networks.resnet:ResNet", "ResNet", "Each block adds to its input, 2-D or 3-D"),
        "densenet": Entry("medviz.networks.densenet:DenseNet", "DenseNet", "Each layer sees all before, 2-D or 3-D"),
        "efficientnet": Entry(
            "medviz.networks.efficientnet:EfficientNet", "EfficientNet", "Deep, wide and fine in step, 2-D or 3-D"
        ),
        "vit": Entry("medviz.networks.vit:ViT", "ViT", "Patches read as words, 2-D or 3-D"),
        "yolo": Entry("medviz.networks.yolo:Yolo", "YOLO", "Finds boxes in one look, 2-D or 3-D", "detection"),
        "retinanet": Entry(
            "medviz.networks.retinanet:RetinaNet", "RetinaNet", "Anchors on a pyramid, 2-D or 3-D", "detection"
        ),
    },
)
