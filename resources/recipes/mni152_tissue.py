"""Make the model that ships out of a run: measure it, compare it with brightness alone, write weights and card.

    python resources/recipes/mni152_tissue.py RUN FOLDER [SCAN LABELS]

SCAN and LABELS are a T1 of another head and its labels (1 white matter, 2 grey matter, as brainchop's MeshNet gives
them), on which the model is tried too.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from medviz.data.samples import GUARD, HELD_OUT, Mni152Tissue, Tissue, tissue
from medviz.imaging.judging.counts import dice_of
from medviz.imaging.readers import read
from medviz.messages import finished
from medviz.networks import NETWORKS
from medviz.parameters import parameters
from medviz.training import checkpoints, run
from medviz.training.using.formats.own import built
from medviz.training.using.inference import label_map
from medviz.training.using.model import Model
from medviz.training.using.models import WEIGHTS, write_card
from medviz.training.using.trust import percentiles

NAMES = Mni152Tissue.classes
LICENCE = "Weights: Apache-2.0. Made from the ICBM 2009a template, whose licence stands in resources/licences/ICBM152.md"


def main(words: list[str]) -> None:
    """Measure a run and write the model's folder."""
    source, folder = Path(words[0]), Path(words[1])
    weights, about = run.weights(source)
    about = {**about, "network": settings(about["network"])}
    half = {name: one.half() if one.is_floating_point() else one for name, one in weights.items()}
    made = built("mni152_tissue", half, about, "")
    whole = tissue()
    measured = held_out(made, whole)
    if len(words) > 2:
        measured.update(elsewhere(made, Path(words[2]), Path(words[3])))
    folder.mkdir(parents=True, exist_ok=True)
    checkpoints.write_weights(folder / WEIGHTS, half, about)
    about = {**about, "fingerprint": fingerprint(made, whole)}
    card = write_card(folder, said(about, measured), text(measured, sum(one.numel() for one in half.values())))
    print(f"{card.folder}: {(folder / WEIGHTS).stat().st_size / 1e6:.2f} MB, sha256 {card.sha256}")
    for name, value in card.metrics:
        print(f"  {name}: {value}")


def settings(said: dict) -> dict:
    """All parameters of the network, so that another default in a later version does not change it."""
    given = {"channels": 0, "classes": 0}
    known = {one.name: one.default for one in parameters(NETWORKS[said["name"]]) if one.name not in given}
    return {"name": said["name"], **known, **{name: value for name, value in said.items() if name != "name"}}


def fingerprint(made: Model, whole: Tissue) -> dict[str, object]:
    """What the training picture is like as the network sees it: percentiles 1, 50, 99 of what is not air."""
    values = percentiles(made.preparation.prepared(whole.scan))
    return {"intensities": [round(one, 3) for one in values], "modality": "T1-weighted MRI"}


def held_out(made: Model, whole: Tissue) -> dict[str, float]:
    """Dice on the held-out slices: of the model as it runs over the whole template, and of brightness alone."""
    slices = [z for slab in HELD_OUT for z in slab]
    found = finished(label_map(made, whole.scan, torch.device("cpu"))).frame()[:, :, slices]
    meant = whole.label[:, :, slices]
    network, brightness = dice_of(found, meant), dice_of(by_brightness(whole)[:, :, slices], meant)
    measured = {f"Dice {name}, held-out slices": round(network[k], 4) for k, name in enumerate(NAMES, 1)}
    more = {f"Dice {name}, held-out slices, brightness alone": round(brightness[k], 4) for k, name in enumerate(NAMES, 1)}
    return {**measured, **more}


def by_brightness(whole: Tissue) -> np.ndarray:
    """The best that brightness alone can do: for each value of the T1 the label it has most often in training."""
    counts = np.zeros((256, len(NAMES) + 1), int)
    for z in Mni152Tissue().training(2, 224, 0).slices:
        np.add.at(counts, (whole.t1[:, :, z].ravel(), whole.label[:, :, z].ravel()), 1)
    return counts.argmax(1).astype(np.uint8)[whole.t1]


def elsewhere(made: Model, scan: Path, labels: Path) -> dict[str, float]:
    """Dice against another network's labels on another head, skull and all."""
    found = finished(label_map(made, finished(read(scan)), torch.device("cpu")))
    theirs = finished(read(labels)).frame()
    meant = np.select([theirs == 2, theirs == 1], [1, 2], 0)
    brain = np.where(found.frame() == 3, 0, found.frame())  # they have no CSF
    both = dice_of(brain, meant)
    return {f"Dice {name}, another head with skull, against brainchop": round(both[k], 4) for k, name in enumerate(NAMES[:2], 1)}


def said(about: dict, measured: dict[str, float]) -> dict:
    """The card but for its SHA-256."""
    return {
        "title": "Brain tissue (T1)",
        "summary": "Grey matter, white matter and CSF in T1-weighted scans of the head, slice by slice",
        "labels": list(NAMES),
        "trained_on": "MNI152 T1 (ICBM 2009a nonlinear symmetric, average of 152 young adults), heads painted round it",
        "licence": LICENCE,
        "limits": "Trained on one average brain: no lesions, no children, no other contrast than T1. Not for diagnosis.",
        "metrics": measured,
        "about": about,
    }


def text(measured: dict[str, float], parameters: int) -> str:
    """The card as a person reads it."""
    rows = "\n".join(f"| {name} | {value:.4f} |" for name, value in measured.items())
    slabs = ", ".join(f"{slab.start} to {slab.stop - 1}" for slab in HELD_OUT)
    return f"""# Brain tissue on T1: grey matter, white matter, CSF

A 2-D U-Net of {parameters:,} parameters that labels axial slices of 1 mm. **Research and teaching, not for diagnosis.**

**Data.** The MNI152 T1 of nilearn's wheel: ICBM 2009a nonlinear symmetric, the average of 152 young adults (Fonov et
al., NeuroImage 54, 2011), skull-stripped. Grey and white matter are its probability maps; CSF is what the two leave of
a voxel in the brain. Label = the most likely of the three. Round half of the slices the recipe paints a head that
does not exist (fluid, bone, marrow, fat, muscle, air, neck) and tissues of random brightness, after SynthSeg (Billot et
al., 2023), so that the model may also see scans with a skull.

**Held out.** Axial slices {slabs} (counted from 0) and {GUARD} mm on either side of them were not trained on. The
template is exactly symmetric, so a held-out *hemisphere* would be a mirror image of the training data and no test.

**Measured** (Dice; the model as it ships, float16 weights, run over the whole scan)

| what | Dice |
|---|---|
{rows}

"Brightness alone" gives each T1 value the label that it has most often in the training slices: what any network must
beat to be worth its name. "Another head with skull" is one T1 at 1 mm of a living person with brainchop's own
MeshNet output as reference: another network's opinion, not a drawing by hand, and of grey and white matter only. The
strength of augmentation was chosen with an eye on this scan, so the number is a report and not an independent test.

**Limits.** One average brain: smooth sulci, no lesions, no children, no contrast but T1. Expect errors at the base of the
skull, in the neck and in scans that are turned by more than some 20°.

**Licence.** {LICENCE}.

**SHA-256 of weights.safetensors.** {{sha256}}

**Make it again.**

    medviz train segmentation --recipe resources/recipes/mni152_tissue.toml --out RUN
    python resources/recipes/mni152_tissue.py RUN resources/models/mni152_tissue
"""


if __name__ == "__main__":
    main(sys.argv[1:])
