"""Networks: one architecture a file, each readable alone. A new network is one file and one line here."""

from typing import Any

from medviz.catalog import Catalog, Entry

PER_PIXEL = (
    "unet", "unet_original", "attention_unet", "dynunet", "unet_plus_plus", "segresnet", "vnet", "mednext", "unetr",
    "swin_unetr", "fcn", "meshnet",
)  # fmt: skip
"""Networks that answer for each pixel or voxel, for the tasks that ask for that."""
NETWORKS: Catalog[Any] = Catalog(
    "network",
    "medviz.networks",
    {
        "unet": Entry("medviz.networks.unet:UNet", "U-Net", "Encoder and decoder with skips, 2-D or 3-D"),
        "unet_original": Entry(
            "medviz.networks.unet_original:UNetOriginal", "U-Net, original", "Without padding, as in the paper"
        ),
        "attention_unet": Entry(
            "medviz.networks.attention_unet:AttentionUNet", "Attention U-Net", "Gates on the skips, 2-D or 3-D"
        ),
        "dynunet": Entry("medviz.networks.dynunet:DynUNet", "DynUNet", "As nnU-Net plans it, 2-D or 3-D"),
        "unet_plus_plus": Entry(
            "medviz.networks.unet_plus_plus:UNetPlusPlus", "U-Net++", "Nested U-Nets between the skips, 2-D or 3-D"
        ),
        "segresnet": Entry(
            "medviz.networks.segresnet:SegResNet", "SegResNet", "Wide encoder, slim decoder, 2-D or 3-D"
        ),
        "vnet": Entry("medviz.networks.vnet:VNet", "V-Net", "Residual stages with wide windows, 2-D or 3-D"),
        "mednext": Entry("medviz.networks.mednext:MedNeXt", "MedNeXt", "A U-Net of ConvNeXt blocks, 2-D or 3-D"),
        "unetr": Entry("medviz.networks.unetr:UNETR", "UNETR", "A transformer and a decoder, 2-D or 3-D"),
        "swin_unetr": Entry("medviz.networks.swin_unetr:SwinUNETR", "SwinUNETR", "Shifted windows, 2-D or 3-D"),
        "fcn": Entry("medviz.networks.fcn:FCN", "FCN", "A classifier that names each pixel, 2-D or 3-D"),
        "meshnet": Entry(
            "medviz.networks.meshnet_trainable:TrainableMeshNet", "MeshNet", "Dilated windows in a row, 2-D or 3-D"
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
        "efficientnet_lite": Entry(
            "medviz.networks.efficientnet_lite:EfficientNetLite",
            "EfficientNet-Lite",
            "Small; ImageNet weights fit, 2-D",
        ),
        "vit": Entry("medviz.networks.vit:ViT", "ViT", "Patches read as words, 2-D or 3-D"),
        "yolo": Entry("medviz.networks.yolo:Yolo", "YOLO", "Finds boxes in one look, 2-D or 3-D", "detection"),
        "retinanet": Entry(
            "medviz.networks.retinanet:RetinaNet", "RetinaNet", "Anchors on a pyramid, 2-D or 3-D", "detection"
        ),
        "rcnn": Entry(
            "medviz.networks.rcnn:Rcnn", "R-CNN", "Selective search, a network on each crop, machines", "detection"
        ),
        "fast_rcnn": Entry(
            "medviz.networks.fast_rcnn:FastRcnn",
            "Fast R-CNN",
            "Selective search, one map of the picture",
            "detection",
        ),
        "faster_rcnn": Entry(
            "medviz.networks.faster_rcnn:FasterRcnn", "Faster R-CNN", "Proposes its boxes itself, 2-D", "detection"
        ),
        "clip": Entry("medviz.networks.clip:Clip", "CLIP", "Pictures and texts in one space", "contrastive"),
        "simclr": Entry("medviz.networks.simclr:SimClr", "SimCLR", "Two views are neighbours", "contrastive"),
        "word2vec": Entry("medviz.networks.word2vec:Word2Vec", "word2vec", "CBOW and skip-gram", "contrastive"),
        "hipt": Entry("medviz.networks.hipt:HIPT", "HIPT", "Transformers of transformers, 2-D or 3-D"),
        "recurrent": Entry("medviz.networks.recurrent:Recurrent", "RNN, LSTM", "A memory over slices, 2-D or 3-D"),
        "mlp": Entry("medviz.networks.mlp:MLP", "MLP", "Dense layers on bare pixels, 2-D or 3-D"),
        "mae": Entry(
            "medviz.networks.mae:MAE",
            "Masked autoencoder",
            "Few patches seen, the rest filled in, 2-D or 3-D",
            "masked",
        ),
        "masked_unet": Entry(
            "medviz.networks.masked_unet:MaskedUNet",
            "U-Net, filling in",
            "Masked blocks filled in, 2-D or 3-D",
            "masked",
        ),
        "bert": Entry("medviz.networks.bert:Bert", "BERT", "Each word read with all others", "masked"),
        "captioner": Entry(
            "medviz.networks.captioner:Captioner",
            "Captioner",
            "Sees places, says words: CNN or ViT, LSTM or transformer",
            "captioning",
        ),
        "gan": Entry(
            "medviz.networks.gan:GAN", "GAN", "Dense layers that forge and judge points or pictures", "adversarial"
        ),
        "dcgan": Entry(
            "medviz.networks.dcgan:DCGAN", "DCGAN", "Noise unfolds into a picture, 2-D or 3-D", "adversarial"
        ),
        "pix2pix": Entry(
            "medviz.networks.pix2pix:Pix2Pix",
            "pix2pix",
            "A U-Net paints a map, a judge looks at patches",
            "adversarial",
        ),
        "spade": Entry(
            "medviz.networks.spade:Spade", "SPADE", "A mask tells how features are normalised", "adversarial"
        ),
        "diffusion_unet": Entry(
            "medviz.networks.diffusion_unet:DiffusionUNet",
            "Diffusion U-Net",
            "Tells the noise in a picture, 2-D or 3-D",
            "generating",
        ),
        "autoencoder": Entry(
            "medviz.networks.autoencoder:Autoencoder",
            "Autoencoder, dense",
            "Dense layers, deep or linear, 2-D or 3-D",
            "autoencoding",
        ),
        "conv_autoencoder": Entry(
            "medviz.networks.conv_autoencoder:ConvAutoencoder",
            "Autoencoder, convolutional",
            "Its code is a small picture, 2-D or 3-D",
            "autoencoding",
        ),
        "vae": Entry("medviz.networks.vae:Vae", "VAE", "A picture is a cloud in few axes, 2-D or 3-D", "autoencoding"),
        "kl_autoencoder": Entry(
            "medviz.networks.kl_autoencoder:KlAutoencoder",
            "Autoencoder for latent diffusion",
            "A small code kept near N(0, 1), 2-D or 3-D",
            "autoencoding",
        ),
        "vq_vae": Entry(
            "medviz.networks.vq_vae:VqVae", "VQ-VAE", "Each place an entry of a book, 2-D or 3-D", "autoencoding"
        ),
        "vq_gan": Entry(
            "medviz.networks.vq_gan:VqGan", "VQ-GAN", "A VQ-VAE before a judge, 2-D or 3-D", "autoencoding"
        ),
    },
)
