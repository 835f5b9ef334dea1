"""What is written about the picture of the whole, and while there is none."""

from medviz.imaging.rendering.looks import TITLES
from medviz.imaging.rendering.view import CUTS, MODES, Shot, cut_of, shows_labels
from medviz.imaging.volume import Volume
from medviz.messages import Progress


def waiting(scan: Volume, work: Progress | None) -> str:
    """Say why there is no picture, or what is being prepared."""
    if min(scan.shape) < 2:
        return "a single slice has no 3-D view"
    if scan.kind == "colour":
        return "no 3-D view of colour pictures"
    if work is not None and work.total > 0:
        return f"building {work.what} … {100 * work.done / work.total:.0f} %"
    return "rendering …"


def described(shot: Shot, width: int, simple: bool = False) -> str:
    """Say what a picture shows in as many words as fit into a pane of `width` pixels."""
    wish = shot.wish
    words = [_what(shot)]
    kind = cut_of(wish.scene, wish.view)
    if kind not in ("none", "corner"):
        words.append(CUTS[kind].lower())
    scan = wish.scene.scan
    if scan is not None and scan.calibrated and width > 420:
        words.append(f"{shot.grid_mm:.2g} mm grid")
    if simple:
        words.append("simple view")
    return " · ".join(words) if width >= 260 else ""


def _what(shot: Shot) -> str:
    mode = shot.wish.view.mode
    if mode == "surfaces":
        return "surfaces of labels" if shows_labels(shot.wish) else "surface of the scan"
    if mode == "volume":
        return TITLES.get(shot.preset, "volume")
    return "maximum along the ray" if mode == "maximum" else MODES[mode].lower()
