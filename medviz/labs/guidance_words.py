"""What is said of Stable Diffusion and of DALL-E 2: their parts as graphs, and the numbers of their conditioning."""

from dataclasses import dataclass

from medviz.labs.lab import Erratum

WORDS, WIDE = 77, 768
"""Tokens that the text encoder of Stable Diffusion 1 gives, and numbers of each (Rombach et al., 2022; CLIP ViT-L)."""
E22 = Erratum(
    "E22",
    "the transformer converts the sentence into a single vector",
    f"Stable Diffusion hands the whole sequence of {WORDS} tokens of {WIDE} numbers to the U-Net, which asks it by "
    "cross-attention at each place of the picture; a single vector is what CLIP compares with a picture's",
)


@dataclass(frozen=True)
class Card:
    """The parts of a thing that cannot ship: boxes, arrows, which are the learnt heart of it, and what to say."""

    title: str
    nodes: tuple[tuple[str, str, float, float], ...]
    edges: tuple[tuple[str, str, str], ...]
    marks: tuple[str, ...]
    words: str


STABLE = Card(
    "Stable Diffusion",
    (
        ("prompt", "prompt", 0, 0), ("encoder", "CLIP text encoder", 0, 1), ("tokens", "77 × 768", 0, 2),
        ("noise", "noise 64 × 64 × 4", 1, 0), ("unet", "U-Net", 1, 2), ("decoder", "decoder", 2, 2),
        ("picture", "512 × 512 × 3", 2, 0),
    ),
    (
        ("prompt", "encoder", ""), ("encoder", "tokens", ""), ("tokens", "unet", "cross-attention"),
        ("noise", "unet", ""), ("unet", "decoder", ""), ("decoder", "picture", ""),
    ),
    ("unet",),
    f"Stable Diffusion gives its U-Net the sequence of {WORDS} × {WIDE} numbers by cross-attention, at each step and "
    "at several sizes, and not one vector; the text encoder is frozen; guidance asks the U-Net twice, with these "
    "numbers and with those of an empty prompt; its weights cannot ship, so this is a card",
)  # fmt: skip
UNCLIP = Card(
    "unCLIP (DALL-E 2)",
    (
        ("prompt", "text", 0, 0), ("text", "CLIP text encoder", 0, 1), ("left", "text embedding", 0, 2),
        ("prior", "prior", 1, 2), ("right", "image embedding", 2, 2), ("decoder", "diffusion decoder", 2, 1),
        ("picture", "picture", 2, 0),
    ),
    (
        ("prompt", "text", ""), ("text", "left", ""), ("left", "prior", ""), ("prior", "right", ""),
        ("right", "decoder", ""), ("decoder", "picture", ""),
    ),
    ("prior", "decoder"),
    "unCLIP: an autoregressive or diffusion prior makes an image embedding of the text embedding, a diffusion decoder "
    "makes a picture of it; CLIP is frozen while both learn; its weights cannot ship, so this is a card; pictures that "
    "a run of your own makes can be added to a training on the Train page (synthetic samples), with the effect on "
    "held-out cases shown",
)  # fmt: skip
