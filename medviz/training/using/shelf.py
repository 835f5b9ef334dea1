"""The cards of models that a person keeps, and the list of those added to the program.

Both lie in the user's folder: ``models.json`` is the list, with the card of each, so that it costs no loading; the
files of the models stay where they are. Nothing here imports torch.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from platformdirs import user_data_path

from medviz.imaging.storage import in_words, opening, replacing
from medviz.refused import Refused
from medviz.training.using.trust import Trust

LARGEST_CARD = 4_000_000
_LIST = "models.json"


def listed() -> tuple[tuple[str, Trust], ...]:
    """List the models that were added, with their cards; those whose file is gone are left out."""
    return tuple((where, Trust.of(said)) for where, said in _held().items() if Path(where).exists())


def put(where: str, trust: Trust) -> None:
    """Put a model on the list."""
    _write({**_held(), where: trust.plain()})


def forget(where: str) -> None:
    """Take a model off the list; its file stays where it is."""
    held = _held()
    if held.pop(where, None) is not None:
        _write(held)


def _held() -> dict[str, dict[str, Any]]:
    path = kept_cards() / _LIST
    said = read_json(path) if path.is_file() else {}
    return {str(where): held for where, held in said.items() if isinstance(held, dict)}


def _write(held: Mapping[str, Any]) -> None:
    folder = kept_cards()
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / _LIST) as file:
        file.write((json.dumps(held, indent=1, ensure_ascii=False) + "\n").encode())


def kept_cards() -> Path:
    """Return the folder of the answers that persons gave: $MEDVIZ_MODELS, or the user's data folder."""
    return Path(os.environ.get("MEDVIZ_MODELS") or user_data_path("medviz") / "models")


def keep_card(sha256: str, card: Mapping[str, Any]) -> Path:
    """Keep what a person said of a model, under the sum of its file, so that it is known wherever the file lies."""
    folder = kept_cards()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{sha256}.json"
    with replacing(path) as file:
        file.write((json.dumps(dict(card), indent=1, ensure_ascii=False) + "\n").encode())
    return path


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; refuses what is none, or far too large for a card."""
    with opening(path):
        size = path.stat().st_size
        data = path.read_bytes() if size <= LARGEST_CARD else b""
    if size > LARGEST_CARD:
        raise Refused(path, f"a card of {in_words(size)} is none", "take another file")
    return as_object(data, path)


def as_object(data: bytes, where: object) -> dict[str, Any]:
    """Make a JSON object of bytes, or refuse them."""
    try:
        said = json.loads(data)
    except (ValueError, RecursionError) as problem:
        raise Refused(where, "it is not JSON", "download it again") from problem
    if not isinstance(said, dict):
        raise Refused(where, "it is JSON, but no object", "download it again")
    return said
