"""Where this person's files lay last, by what they hold; kept with the preferences, never in a session."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSettings

from medviz.imaging.scene import Scene

GROUP = "places"
MOST = 500


class Places:
    """A session that is shared names no folder of this machine; its own person need not look for files all the same."""

    def __init__(self, preferences: QSettings) -> None:
        self._preferences = preferences

    def known(self) -> dict[str, Path]:
        """Paths by the hash of what they hold."""
        try:
            told = json.loads(str(self._preferences.value(GROUP, "{}")) or "{}")
        except ValueError:
            return {}
        return {key: Path(path) for key, path in told.items()} if isinstance(told, dict) else {}

    def note(self, session: Path, scene: Scene) -> None:
        """Remember where the files of a session that was just saved lie."""
        layers = [layer for layer in scene.layers if layer.source is not None]
        if scene.second is not None:
            layers.append(scene.second.layer)
        by_name = {layer.source.path.name: layer.source.path for layer in layers if layer.source is not None}
        told = self.known()
        for layer in _layers(session):
            path = by_name.get(Path(str(layer.get("file", ""))).name)
            if path is not None:
                told.pop(key := str(layer["known_by"]["sha256"]), None)
                told[key] = path
        last = dict(list(told.items())[-MOST:])
        self._preferences.setValue(GROUP, json.dumps({key: str(path) for key, path in last.items()}))


def _layers(session: Path) -> list[Mapping[str, Any]]:
    try:
        told = json.loads(session.read_text("utf-8"))
    except (OSError, ValueError):
        return []
    second = told.get("second")
    return [*told["layers"], *([second["layer"]] if second else [])]
