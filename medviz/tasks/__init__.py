"""Tasks: one thing a network can be taught a file. A new task is one file and one line here."""

from typing import Any

from medviz.catalog import Catalog, Entry

TASKS: Catalog[Any] = Catalog(
    "task",
    "medviz.tasks",
    {
        "segmentation": Entry(
            "medviz.tasks.segmentation:Segmentation",
            "Segmentation",
            "Name each voxel: tissue, organ, lesion",
        ),
        "translation": Entry(
            "medviz.tasks.translation:Translation",
            "Image translation",
            "Turn one picture into another: low dose into full, coarse into fine",
        ),
        "classification": Entry(
            "medviz.tasks.classification:Classification",
            "Classification",
            "Say what a whole picture shows",
        ),
        "contrastive": Entry(
            "medviz.tasks.contrastive:Contrastive",
            "Contrastive learning",
            "Bring together what belongs together: pictures and texts, two views, words",
        ),
        "detection": Entry("medviz.tasks.detection:Detection", "Detection", "Find objects, a box round each"),
        "masked": Entry(
            "medviz.tasks.masked:Masked", "Masked modelling", "Fill in masked patches or words; no label is needed"
        ),
        "adversarial": Entry(
            "medviz.tasks.adversarial:Adversarial",
            "Adversarial",
            "Forge what another network cannot tell from real: GAN, DCGAN, pix2pix, SPADE",
        ),
        "diffusion": Entry(
            "medviz.tasks.diffusion:Diffusion",
            "Diffusion",
            "Make new pictures out of noise",
        ),
        "captioning": Entry("medviz.tasks.captioning:Captioning", "Captioning", "Say in words what a picture shows"),
        "autoencoding": Entry(
            "medviz.tasks.autoencoding:Autoencoding",
            "Autoencoding",
            "Squeeze pictures into few numbers and tell them again: AE, VAE, VQ-VAE, VQ-GAN",
        ),
    },
)
