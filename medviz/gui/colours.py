"""Every colour of the window, as values: dark, light and high contrast."""

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QColor


@dataclass(frozen=True)
class Colours:
    """Every colour of the window, as "#rrggbb". `image` is the ground of an image pane, black in every look.

    `window` is the page, `panel` the docks and bars beside it, `raised` buttons, `field` what is typed into, `hover`
    what is under the mouse, `line` what divides; `text`, `dim` (units, help) and `faint` (greyed out) are three
    strengths of writing. `good`, `warning` and `bad` are only for what they say.
    """

    name: str
    dark: bool
    window: str
    panel: str
    raised: str
    field: str
    hover: str
    line: str
    text: str
    dim: str
    faint: str
    accent: str
    on_accent: str
    good: str
    warning: str
    bad: str
    image: str = "#000000"
    on_image: str = "#f2f2f2"

    def of(self, name: str) -> QColor:
        """Return the colour of this name as Qt takes it."""
        return QColor(getattr(self, name))


DARK = Colours(
    name="dark", dark=True, window="#17181a", panel="#1f2023", raised="#2d2f33", field="#141517", hover="#393c41",
    line="#34363b", text="#e8e9eb", dim="#a2a6ad", faint="#6b6f76", accent="#4aa3f0", on_accent="#06121d",
    good="#5fbf8a", warning="#e6b34d", bad="#f0706c",
)  # fmt: skip
LIGHT = Colours(
    name="light", dark=False, window="#f1f2f4", panel="#fafafb", raised="#ffffff", field="#ffffff", hover="#e6e8eb",
    line="#d5d8dc", text="#1b1d20", dim="#5a6068", faint="#9a9fa6", accent="#1668c7", on_accent="#ffffff",
    good="#1f7a4d", warning="#8f5f00", bad="#c0302c",
)  # fmt: skip
CONTRAST = Colours(
    name="contrast", dark=True, window="#000000", panel="#000000", raised="#101010", field="#000000", hover="#303030",
    line="#ffffff", text="#ffffff", dim="#f0f0f0", faint="#b0b0b0", accent="#ffd60a", on_accent="#000000",
    good="#6dff9d", warning="#ffd60a", bad="#ff9a94",
)  # fmt: skip
LOOKS: dict[str, Colours] = {"dark": DARK, "light": LIGHT, "contrast": CONTRAST}
PROPERTY = "medviz_colours"


def colours() -> Colours:
    """Return the colours now; the dark ones where no theme was made (a test of a lone view)."""
    app = QCoreApplication.instance()
    now = app.property(PROPERTY) if app is not None else None
    return now if isinstance(now, Colours) else DARK
