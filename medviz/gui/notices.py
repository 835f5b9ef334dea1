"""Notices: they slide in at the top right, say what happened and what to do, and never take the focus."""

from collections import deque

from PySide6.QtCore import QEasingCurve, QEvent, QObject, QPoint, QPropertyAnimation, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medviz.gui.desk import Desk, Offer
from medviz.gui.icons import icon
from medviz.messages import Note

MOST = 3
WIDTH_PX = 384
SLIDE_MS = 160
LASTS_MS = {"info": 6000, "warning": 12000}
"""Errors stay until they are dismissed."""
ICONS = {"info": "ph.info", "warning": "ph.warning", "error": "ph.warning-circle"}
COLOURS = {"info": "accent", "warning": "warning", "error": "bad"}


class Notices(QObject):
    """Stacks notices over a window, three at most; what comes meanwhile waits until one is dismissed."""

    def __init__(self, over: QWidget, desk: Desk) -> None:
        super().__init__(over)
        self._over, self._desk = over, desk
        self.shown: list[Notice] = []
        self.waiting: deque[Note | Offer] = deque()
        over.installEventFilter(self)
        desk.noticed.connect(self.tell)

    def tell(self, what: Note | Offer) -> None:
        """Show a notice, or count it where the same is shown already."""
        for one in self.shown:
            if one.says(what):
                one.again()
                return
        self.waiting.append(what)
        self._next()

    def dismiss_all(self) -> None:
        """Take all away."""
        self.waiting.clear()
        for one in tuple(self.shown):
            one.close_up()

    def dismiss(self, level: str) -> None:
        """Take those of a level away."""
        for one in tuple(self.shown):
            if one.level == level:
                one.close_up()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep to the corner."""
        if event.type() == QEvent.Type.Resize:
            self._place(slide=False)
        return False

    def _next(self) -> None:
        if len(self.shown) >= MOST and not any(one.level == "error" for one in self.shown):
            self.shown[0].close_up()  # nothing that must be read stands there
            return
        while self.waiting and len(self.shown) < MOST:
            notice = Notice(self.waiting.popleft(), self._over)
            notice.gone.connect(self._gone)
            self.shown.append(notice)
            notice.move(self._over.width(), self._top(notice))
            notice.show()
            notice.raise_()
            self._place(slide=True)

    def _gone(self, notice: "Notice") -> None:
        if notice in self.shown:
            self.shown.remove(notice)
            self._next()
            self._place(slide=True)

    def _top(self, notice: "Notice") -> int:
        return 48 + sum(one.height() + 8 for one in self.shown[: self.shown.index(notice)])

    def _place(self, slide: bool) -> None:
        moves = slide and self._desk.preferred.state.motion and self._over.isVisible()
        for one in self.shown:
            one.go_to(QPoint(self._over.width() - one.width() - 16, self._top(one)), moves)


class Notice(QFrame):
    """One notice. `gone` (itself) comes when it was dismissed, acted upon, or has faded."""

    gone = Signal(object)

    def __init__(self, what: Note | Offer, over: QWidget) -> None:
        super().__init__(over)
        self.what, self._over = what, over
        self.note = what.note if isinstance(what, Offer) else what
        self.level = self.note.level if self.note.level in ICONS else "info"
        self.times = 1
        self.slides = False
        self.setProperty("look", "notice")
        self.setProperty("level", self.level)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(f"{self.level}: {self.note.text} {self.note.remedy}")
        self._move = QPropertyAnimation(self, b"pos", self)
        self._move.setDuration(SLIDE_MS)
        self._move.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._last = QTimer(self)
        self._last.setSingleShot(True)
        self._last.timeout.connect(self.close_up)
        self._lay_out()
        self._wait()

    def says(self, what: Note | Offer) -> bool:
        """Tell whether this notice says the same."""
        return (what.note if isinstance(what, Offer) else what) == self.note

    def again(self) -> None:
        """Count one more of the same."""
        self.times += 1
        self._text.setText(f"{self.note.text}  ({self.times}×)")
        self._size()
        self._wait()

    def go_to(self, place: QPoint, slide: bool) -> None:
        """Slide or jump to a place."""
        self._move.stop()
        self.slides = slide
        if not slide:
            self.move(place)
            return
        self._move.setStartValue(self.pos())
        self._move.setEndValue(place)
        self._move.start()

    def close_up(self) -> None:
        """Go away."""
        self._last.stop()
        self.gone.emit(self)
        if self.slides and self.isVisible():
            self._move.finished.connect(self.deleteLater)
            self.go_to(QPoint(self._over.width(), self.y()), slide=True)
            return
        self._move.stop()
        self.hide()
        self.deleteLater()

    def enterEvent(self, event: object) -> None:
        """Stay while it is read."""
        self._last.stop()

    def leaveEvent(self, event: object) -> None:
        """Fade again."""
        self._wait()

    def _wait(self) -> None:
        if self.level in LASTS_MS and not isinstance(self.what, Offer):
            self._last.start(LASTS_MS[self.level])

    def _lay_out(self) -> None:
        sign = QLabel()
        sign.setPixmap(icon(ICONS[self.level], COLOURS[self.level]).pixmap(QSize(20, 20)))
        sign.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._text = _words(self.note.text)
        close = QToolButton()
        close.setProperty("look", "quiet")
        close.setIcon(icon("ph.x", "dim"))
        close.setIconSize(QSize(14, 14))
        close.setToolTip("Dismiss")
        close.setAccessibleName("dismiss")
        close.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        close.clicked.connect(self.close_up)
        column = QVBoxLayout()
        column.setSpacing(6)
        column.addWidget(self._text)
        remedy = self.note.remedy
        if remedy and "\n" not in remedy:
            column.addWidget(_words(remedy[:1].upper() + remedy[1:], dim=True))
        button = self._button()
        if button is not None:
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 12, 8, 12)
        row.setSpacing(12)
        row.addWidget(sign)
        row.addLayout(column, 1)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self._size()

    def _button(self) -> QPushButton | None:
        if isinstance(self.what, Offer):
            button = QPushButton(self.what.button)
            button.clicked.connect(self._act)
        elif "\n" in self.note.remedy:
            button = QPushButton("Details")
            button.clicked.connect(self._details)
        else:
            return None
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _act(self) -> None:
        offer = self.what
        self.close_up()
        if isinstance(offer, Offer):
            offer.act()

    def _details(self) -> None:
        details = Details(self.note, self.window())
        details.open()

    def _size(self) -> None:
        width = min(WIDTH_PX, max(240, self._over.width() - 32))
        self.setFixedWidth(width)
        for widget in (self, *self.findChildren(QWidget)):
            widget.ensurePolished()  # in its own type and border, before its height is asked for
        layout = self.layout()
        assert layout is not None
        layout.invalidate()
        tall = layout.totalHeightForWidth(width)
        self.setFixedHeight(tall if tall > 0 else layout.totalSizeHint().height())


class Details(QDialog):
    """What broke, in full, to be copied into a report."""

    def __init__(self, note: Note, over: QWidget) -> None:
        super().__init__(over)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Details")
        self.resize(720, 420)
        text = QPlainTextEdit(note.remedy)
        text.setReadOnly(True)
        text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        text.setAccessibleName("details")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = buttons.addButton("Copy", QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(f"{note.text}\n\n{note.remedy}"))
        buttons.rejected.connect(self.close)
        column = QVBoxLayout(self)
        column.addWidget(_words(note.text))
        column.addWidget(text, 1)
        column.addWidget(buttons)


def _words(text: str, dim: bool = False) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
    if dim:
        label.setProperty("look", "dim")
    return label
