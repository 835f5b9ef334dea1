"""``medviz get``: fetches a public data set from where its makers put it, and says how to learn from it."""

import argparse
from pathlib import Path

from medviz.commands.command import Command, Said, followed
from medviz.data.fetching import fetched
from medviz.data.obtainable import named


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="a name of 'medviz list datasets', as Task04_Hippocampus or bloodmnist_64")
    parser.add_argument("--to", required=True, metavar="FOLDER", help="the folder it is put into")
    parser.add_argument(
        "--from", dest="source", default="", metavar="PLACE", help="a folder or address that holds a copy of the file"
    )


def _run(options: argparse.Namespace) -> Said:
    wanted = named(options.name)
    place = followed(fetched(options.name, Path(options.to), options.source), options.quiet or options.json)
    document = {
        "name": wanted.name,
        "path": str(place),
        "md5": wanted.md5,
        "licence": wanted.licence,
        "task": wanted.serves,
        "url": wanted.url,
    }
    learn = f"medviz train {wanted.serves} --data {place} --out RUN"
    return Said(document, f"{place}: {wanted.title}, {wanted.licence}, {wanted.home}\nto learn from it: {learn}")


COMMAND = Command(
    "get", "fetch a public data set (MedMNIST, Medical Segmentation Decathlon)",
    "medviz get Task04_Hippocampus --to data", _arguments, _run,
)  # fmt: skip
