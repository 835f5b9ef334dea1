"""``medviz list``: what there is, with its parameters."""

import argparse
from dataclasses import asdict
from typing import Any

from medviz.catalog import Catalog
from medviz.commands.command import Command, Said, table
from medviz.commands.recipes import recipes, told
from medviz.data import DATASETS
from medviz.data.obtainable import obtainable
from medviz.imaging.readers import READERS
from medviz.imaging.storage import in_words
from medviz.labs import LABS
from medviz.networks import NETWORKS
from medviz.parameters import MISSING, Parameter, Range, Settings, parameters
from medviz.tasks import TASKS
from medviz.training.using.models import models
from medviz.training.using.shelf import listed

_CATALOGS: dict[str, Catalog[Any]] = {
    "labs": LABS,
    "tasks": TASKS,
    "networks": NETWORKS,
    "datasets": DATASETS,
    "readers": READERS,
}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=[*_CATALOGS, "models", "recipes"])


def _run(options: argparse.Namespace) -> Said:
    if options.what == "recipes":
        cards = [{"name": one.stem, "title": told(one)[1], "summary": told(one)[0]} for one in recipes()]
    elif options.what == "models":
        cards = [{"name": card.name, "title": card.title, "summary": card.summary} for card in models()]
        cards += [{"name": at, "title": trust.title, "summary": trust.summary} for at, trust in listed()]
    else:
        cards = [_card(options.what, name, options.json) for name in _CATALOGS[options.what]]
    rows = [(card["name"], card["title"], card["summary"]) for card in cards]
    document, text = {options.what: cards}, table(rows, ("name", "title", "what it is"))
    if options.what == "datasets":
        document["obtainable"] = [asdict(one) for one in obtainable()]
        text += f"\n\nto be fetched with medviz get NAME --to FOLDER (NAME_64 for pictures of 64 px)\n{_obtainable()}"
    return Said(document, text)


def _obtainable() -> str:
    """List the public sets that can be fetched."""
    rows = []
    for one in obtainable():
        sides = ", ".join(str(size) for size in one.sizes)
        size = f"about {in_words(one.about_bytes)}" if one.about_bytes else f"{sides} px"
        rows.append((one.name, one.summary, f"{one.samples:,}", size, one.licence))
    return table(rows, ("name", "what it is", "samples", "size", "licence"))


def _card(what: str, name: str, with_parameters: bool) -> dict[str, Any]:
    catalog = _CATALOGS[what]
    entry = catalog.entries[name]
    card: dict[str, Any] = {"name": name, "title": entry.title, "summary": entry.summary}
    if with_parameters and what != "readers":
        card["parameters"] = [described(one) for one in parameters(catalog[name])]
    return card


def described(one: Parameter) -> dict[str, Any]:
    """Describe a parameter in plain values."""
    default = {"name": one.default.name} if isinstance(one.default, Settings) else one.default
    bounds = one.mark(Range)
    full = {
        "name": one.name,
        "kind": one.kind,
        "default": None if one.default is MISSING or one.kind == "input" else default,
        "unit": one.unit,
        "low": bounds.low if bounds else None,
        "high": bounds.high if bounds else None,
        "options": list(one.options) or None,
        "help": one.help,
    }
    return {key: value for key, value in full.items() if value is not None and value != ""}


COMMAND = Command(
    "list", "labs, tasks, networks, data sets, models, readers", "medviz list networks --json", _arguments, _run
)
