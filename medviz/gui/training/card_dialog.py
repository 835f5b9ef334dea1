"""The model card of a run, as it lies beside its weights."""

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget


class CardDialog(QDialog):
    """Shows Markdown; it can be copied."""

    def __init__(self, title: str, markdown: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Model card of {title}")
        self.resize(640, 640)
        self.text = QTextBrowser()
        self.text.setMarkdown(markdown)
        self.text.setAccessibleName("model card")
        self.text.setOpenLinks(False)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = self.buttons.addButton("Copy", QDialogButtonBox.ButtonRole.ActionRole)
        copy.setToolTip("Copy the card as Markdown")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(markdown))
        self.buttons.rejected.connect(self.close)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.addWidget(self.text, 1)
        column.addWidget(self.buttons)
