"""What the window is told of models: cards in its own words, and work on them by the rooms below."""

from pathlib import Path
from typing import Any

from medviz.commands.engine import ENGINE
from medviz.gui.services import Looked, ModelCard, Modelled
from medviz.imaging.prediction import Prediction
from medviz.imaging.volume import Volume
from medviz.messages import Work


def modelled() -> Modelled:
    """Put together what the window can do with models."""
    return Modelled(
        look=_look,
        run=_run,
        add=_add,
        tell=_tell,
        forget=lambda where: ENGINE["forget_model"](where),
        layers=lambda where: ENGINE["layers_inside"](where),
        inside=lambda where, scan, asked, mm: ENGINE["inside"](where, scan, asked.what, asked.layer, asked.label, mm),
    )


def model_cards() -> tuple[ModelCard, ...]:
    """List the models that ship with the program, then those a person added."""
    shipped = tuple(card_of(one.name, ENGINE["trust"](one), "shipped") for one in ENGINE["models"]())
    return (*shipped, *(card_of(where, trust, "added") for where, trust in ENGINE["added_models"]()))


def card_of(where: str, trust: Any, origin: str = "") -> ModelCard:
    """Say a trust card in the window's words."""
    return ModelCard(
        where=where,
        title=trust.title or Path(where).name,
        summary=trust.summary,
        labels=tuple(trust.labels),
        trained_on=trust.trained_on,
        licence=trust.licence,
        sha256=trust.sha256,
        metrics=tuple(trust.metrics),
        facts=trust.facts(),
        origin=origin,
        whole=trust.plain(),
    )


def _look(where: str, scan: Volume | None) -> Work[Looked]:
    seen = yield from ENGINE["look_at_model"](where, scan)
    told = seen.estimate
    findings = tuple((one.what, one.scan, one.training, one.state) for one in seen.findings)
    words, fits = ("", True) if told is None else (told.words, told.fits)
    return Looked(card_of(where, seen.trust), words, fits, findings, seen.asks)


def _run(where: str, scan: Volume, mirror: bool, frame: int) -> Work[Prediction]:
    wishes = ENGINE["wishes"](keep="float16", mirror=mirror, frame=frame)
    work: Work[Prediction] = ENGINE["prediction"](where, scan, wishes)
    return work


def _add(path: Path) -> Work[Looked]:
    known = yield from ENGINE["add_model"](path)
    return Looked(card_of(known.where, known.trust, "added"), asks=known.asks)


def _tell(where: str, needs: Any) -> Work[Looked]:
    known = yield from ENGINE["tell_of_model"](where, needs)
    return Looked(card_of(known.where, known.trust, "added"))
