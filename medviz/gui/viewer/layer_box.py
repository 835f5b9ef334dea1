"""One layer in the panel: seen or not, its name, what it is, and how it is drawn."""

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QMenu, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from medviz.gui.controls import calm
from medviz.gui.icons import icon
from medviz.gui.status import Elided
from medviz.gui.viewer.cards import label
from medviz.gui.viewer.layer_controls import Fading, Tuning, quiet
from medviz.imaging.intensity import Role
from medviz.imaging.labels import KNOWN_TABLES
from medviz.imaging.scene import Layer

ROLES: tuple[Role, ...] = ("image", "labels", "probability")


class LayerBox(QFrame):
    """Shows a layer and asks for changes of it.

    `changed` (a function from layer to layer), `automatic`, `chosen`, `recast` (role), `removed`, `saved`, `named` and
    `tabled` (title of a known table of labels) come from a hand only.
    """

    changed = Signal(object)
    automatic = Signal()
    chosen = Signal()
    recast = Signal(str)
    removed = Signal()
    saved = Signal()
    named = Signal()
    tabled = Signal(str)

    def __init__(self, layer: Layer, base: bool) -> None:
        super().__init__()
        self.layer, self.base = layer, base
        self.setProperty("look", "row")
        self.setObjectName("layer")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.eye = quiet("ph.eye", "Show or hide this layer")
        self.eye.clicked.connect(lambda: self.changed.emit(lambda one: replace(one, visible=not one.visible)))
        self.name = Elided("layer")
        self.name.setMinimumWidth(40)
        self.note = label("", "small")
        self.role = self._roles()
        self.more = self._menu()
        self.tuning, self.fading = Tuning(layer), Fading(layer)
        self.tuning.changed.connect(self.changed)
        self.tuning.automatic.connect(self.automatic)
        self.fading.changed.connect(self.changed)
        self._lay()
        self.show_layer(layer, active=False)

    def _roles(self) -> QComboBox:
        made = QComboBox()
        made.setAccessibleName("what it is")
        made.setToolTip("What this layer is: a grey or coloured image, labels, or a probability")
        made.addItems(ROLES)
        made.setVisible(not self.base)
        calm(made)
        made.activated.connect(self._recast)
        return made

    def _menu(self) -> QToolButton:
        button = quiet("ph.dots-three-vertical", "Save or remove this layer")
        menu = QMenu(button)
        self.names = menu.addMenu("Names of its labels")
        for title in KNOWN_TABLES:
            self.names.addAction(title).triggered.connect(lambda _=False, title=title: self.tabled.emit(title))
        self.names.addSeparator()
        self.names.addAction("From a file …", self.named.emit)
        menu.addAction("Save as NIfTI …", self.saved.emit)
        self.remove = menu.addAction("Remove", self.removed.emit)
        self.remove.setVisible(not self.base)
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return button

    def _lay(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(4)
        for widget in (self.eye, self.name, self.note, self.more):
            head.addWidget(widget, 1 if widget is self.name else 0)
        self.body = QWidget()
        below = QVBoxLayout(self.body)
        below.setContentsMargins(32, 0, 6, 6)
        below.setSpacing(4)
        first = QHBoxLayout()
        first.setSpacing(6)
        first.addWidget(self.role)
        first.addWidget(self.fading.styles)
        first.addStretch(1)
        below.addLayout(first)
        below.addWidget(self.fading)
        below.addWidget(self.tuning)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 2, 2, 2)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(self.body)

    def show_layer(self, layer: Layer, active: bool) -> None:
        """Show a layer as it is now; its controls where it is the active one."""
        self.layer = layer
        self.eye.setIcon(icon("ph.eye" if layer.visible else "ph.eye-slash", "text" if layer.visible else "faint"))
        self.name.write(layer.volume.name or "without a name")
        self.note.setText("proposed" if layer.proposal else "")
        self.note.setVisible(layer.proposal)
        self.role.setCurrentIndex(ROLES.index(layer.role))
        self.names.menuAction().setVisible(layer.role == "labels")
        self.tuning.show_layer(layer)
        self.fading.show_layer(layer)
        self.tuning.setVisible(layer.role != "labels" and layer.volume.kind != "colour")
        self.fading.setVisible(not self.base)
        self.body.setVisible(active and (not self.base or layer.volume.kind != "colour"))
        if self.property("active") != active:
            self.setProperty("active", active)
            self.style().unpolish(self)
            self.style().polish(self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose this layer."""
        self.chosen.emit()

    def _recast(self, number: int) -> None:
        self.role.setCurrentIndex(ROLES.index(self.layer.role))
        if ROLES[number] != self.layer.role:
            self.recast.emit(ROLES[number])
