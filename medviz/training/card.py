"""Where a model comes from: the environment, the data's fingerprint, and the card that goes with its weights."""

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import torch

import medviz
from medviz.refused import Refused
from medviz.training.checkpoints import read_weights, weights_digest
from medviz.training.device import in_words
from medviz.training.results import read_results
from medviz.training.run import Run, recipe
from medviz.training.standing import Standing
from medviz.training.synthetic import Mixed
from medviz.training.task import Samples, Task

_CHOSEN = (
    "\nThe weights were chosen on the validation cases, so their numbers are a little too good; those of a test set "
    "are not.\n"
)
_PACKAGES = ("torch", "monai", "numpy", "nibabel", "safetensors")
_LOOKED_AT, _VALUES_AT_MOST, _OF_EACH = 8, 20_000_000, 100_000


def environment(device: torch.device, precision: str) -> dict[str, str]:
    """What the bits of a run depend on beside its recipe; no name of a person or a machine."""
    return {
        "medviz": medviz.__version__,
        "python": platform.python_version(),
        **{name: _version(name) for name in _PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "device": in_words(device),
        "precision": precision,
    }


def fingerprint(data: Any, training: Samples, validation: Any) -> dict[str, Any]:
    """Describe the data without naming a case: how many, what size, what intensities, how much of each class.

    Looks at the first few validation samples; `digest` tells whether two runs saw the same ones.
    """
    total = hashlib.sha256()
    shapes, values, labels, seen = [], [], [], 0
    for index in range(min(_LOOKED_AT, len(validation))):
        try:
            whole = validation[index]
        except (Refused, OSError):  # it is told when it is measured
            continue
        sample = {name: np.asarray(value) for name, value in whole.items() if not isinstance(value, str)}
        for name in sorted(sample):
            total.update(np.ascontiguousarray(sample[name]).tobytes())
        if "image" in sample:
            shapes.append(list(sample["image"].shape))
            flat = sample["image"].reshape(-1)
            values.append(flat[:: max(1, flat.size // _OF_EACH)])
        if "label" in sample and sample["label"].dtype.kind in "iu" and sample["label"].min() >= 0:
            labels.append(np.bincount(sample["label"].reshape(-1)))
        seen += sum(one.size for one in sample.values())
        if seen > _VALUES_AT_MOST:
            break
    about: dict[str, Any] = {"training samples": len(training), "validation samples": len(validation)}
    if isinstance(training, Mixed):
        about |= {"training samples": len(training.real), "synthetic samples": training.count}
    about["classes"] = list(getattr(data, "classes", ()))
    if values:
        about["shapes"] = shapes
        about["percentiles 1, 50, 99"] = [
            round(float(p), 4) for p in np.percentile(np.concatenate(values), (1, 50, 99))
        ]
    if labels:
        width = max(len(one) for one in labels)
        counts = np.sum([np.pad(one, (0, width - len(one))) for one in labels], axis=0)
        about["class shares"] = [round(float(share), 5) for share in counts / counts.sum()]
    return {**about, "digest": total.hexdigest()}


def split_of(data: Any) -> dict[str, Any]:
    """Say which cases are learnt from and which are held out, by hashes of their names; empty where nobody says."""
    told = getattr(data, "split", None)
    return asdict(told()) if callable(told) else {}


def card(task: Task, run: Run, now: Standing, data: Mapping[str, Any]) -> str:
    """Write the model card: what the network does, from what it was taught, how well, and how to do it again."""
    measures, digest, step = {}, "none kept yet", now.step
    if run.best.exists():
        weights, kept = read_weights(run.best)
        measures, digest, step = kept.get("measures", {}), weights_digest(weights), kept.get("step", step)
    rows = "\n".join(f"| {name} | {value:.4f} |" for name, value in measures.items()) or "| none | |"
    classes = ", ".join(data.get("classes", ())) or "none"
    changed = f"- Changed on the way: {now.asked.words()}\n" if now.asked.words() else ""
    return f"""# {task.NAME}: {task.network.name} on {task.data.name}

For research and teaching, **not for diagnosis**.

- Task: {task.NAME}; network: {task.network.name}; data set: {task.data.name}; classes: {classes}
- {data["training samples"]} training samples, {data["validation samples"]} validation samples
{_synthetic(data)}- {now.step} steps trained; the weights kept are those of step {step}
{changed}- Weights: `checkpoints/best.safetensors`, SHA-256 over the weights `{digest}`
- Licence and consent: those of the data set; check them before you pass the weights on

## Measured on samples it did not learn from

| measure | value |
|---|---|
{rows}
{_case_by_case(run, digest)}
## The recipe

```toml
{recipe(task)}```
"""


def _synthetic(data: Mapping[str, Any]) -> str:
    count = data.get("synthetic samples", 0)
    return f"- {count} synthetic samples, made by a network, were learnt from too\n" if count else ""


def _case_by_case(run: Run, digest: str) -> str:
    """The measures over cases with their intervals, where these weights were measured case by case."""
    measured_with, results = read_results(run.folder)
    if measured_with != digest:
        return ""
    text = "\nCase by case, with 95 % bootstrap intervals over cases (`results.csv` has a row for each):\n"
    for one in results:
        text += (
            f"\n### {one.group}, {len(one.rows)} cases\n\n| measure | mean (95 % interval) | cases |\n|---|---|---|\n"
        )
        text += "".join(f"| {name} | {found.words()} | {found.count} |\n" for name, found in one.measures.items())
    return text + (_CHOSEN if any(one.group == "validation" for one in results) else "")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
