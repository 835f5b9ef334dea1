"""The style sheet: what the palette alone cannot say, in one place."""

from medviz.gui.colours import Colours
from medviz.shipped import shipped


def sheet(c: Colours, text_px: int) -> str:
    """Write the style sheet for these colours; heights follow the text, distances the 8-pixel grid.

    A widget takes part by a dynamic property ``look``: "primary" (the one thing to do), "quiet" (a flat button),
    "heading", "title", "dim", "bad", "card", "page". Set it before the widget is shown.
    """
    folder = shipped("icons").as_posix()
    caret = "contrast" if c.name == "contrast" else "grey"
    check = "light" if c.on_accent == "#ffffff" else "dark"
    grown = text_px / 13
    knob, box, arrow = round(14 * grown), round(16 * grown), round(9 * grown)
    small, large = max(10, text_px - 2), text_px + 5
    edge = c.line
    groove = "#6e6e6e" if c.name == "contrast" else c.line
    return f"""
    QWidget {{ font-size: {text_px}px; }}
    QMainWindow, QWidget[look="page"] {{ background: {c.window}; }}
    QToolTip {{ background: {c.raised}; color: {c.text}; border: 1px solid {edge}; padding: 6px 8px; }}
    QLabel {{ background: transparent; }}
    QLabel[look="heading"] {{ font-weight: 600; }}
    QLabel[look="title"] {{ font-size: {large}px; font-weight: 600; }}
    QLabel[look="say"] {{ font-size: {text_px + 2}px; }}
    QFrame[look="lesson"] {{ background: {c.field}; border: none; border-bottom: 1px solid {edge}; }}
    QLabel[look="dim"] {{ color: {c.dim}; }}
    QLabel[look="small"] {{ color: {c.dim}; font-size: {small}px; }}
    QLabel[look="bad"] {{ color: {c.bad}; }}
    QLabel[look="good"] {{ color: {c.good}; }}
    QLabel[look="warning"] {{ color: {c.warning}; }}
    QFrame[look="card"] {{ background: {c.panel}; border: 1px solid {edge}; border-radius: 8px; }}
    QFrame[look="line"] {{ background: {edge}; border: none; max-height: 1px; min-height: 1px; }}

    QPushButton, QToolButton {{ background: {c.raised}; border: 1px solid {edge}; border-radius: 6px;
        padding: 4px 12px; min-height: {text_px + 5}px; }}
    QToolButton {{ padding: 4px 6px; }}
    QPushButton:hover, QToolButton:hover {{ background: {c.hover}; }}
    QPushButton:pressed, QToolButton:pressed {{ background: {c.line}; }}
    QPushButton:focus, QToolButton:focus {{ border-color: {c.accent}; }}
    QPushButton:disabled, QToolButton:disabled {{ color: {c.faint}; background: transparent; }}
    QToolButton:checked, QPushButton:checked {{ border-color: {c.accent}; color: {c.accent}; }}
    QPushButton[look="primary"] {{ background: {c.accent}; border-color: {c.accent}; color: {c.on_accent};
        font-weight: 600; }}
    QPushButton[look="primary"]:focus {{ border: 2px solid {c.text}; }}
    QPushButton[look="primary"]:disabled {{ background: {c.line}; border-color: {c.line}; color: {c.faint}; }}
    QPushButton[look="quiet"], QToolButton[look="quiet"] {{ background: transparent; border-color: transparent; }}
    QPushButton[look="quiet"]:hover, QToolButton[look="quiet"]:hover {{ background: {c.hover}; }}
    QPushButton[look="quiet"]:focus, QToolButton[look="quiet"]:focus {{ border-color: {c.accent}; }}
    QToolButton[look="quiet"] {{ padding: 2px; min-height: 0; }}
    QPushButton[look="section"] {{ background: transparent; border: none; border-bottom: 1px solid {edge};
        border-radius: 0; text-align: left; font-weight: 600; padding: 4px 0; }}
    QPushButton[look="section"]:hover {{ color: {c.accent}; }}
    QPushButton[look="section"]:focus {{ border-bottom-color: {c.accent}; }}
    QToolBar#rail {{ background: {c.panel}; border: none; border-right: 1px solid {edge}; padding: 0; spacing: 0; }}
    QWidget[look="corner"] {{ min-height: {text_px + 14}px; background: transparent; }}
    QWidget[look="panel"] {{ background: {c.panel}; }}
    QProgressBar[look="thin"] {{ background: transparent; min-height: 2px; max-height: 2px; border-radius: 1px; }}
    QProgressBar[look="thin"]::chunk {{ border-radius: 1px; }}
    QWidget[look="rail"] {{ background: {c.panel}; }}
    QToolButton[look="rail"] {{ background: transparent; border: none; border-left: 3px solid transparent;
        border-radius: 0; color: {c.dim}; padding: 8px 6px 6px 3px; min-width: 60px; font-size: {small}px; }}
    QToolButton[look="rail"]:hover {{ background: {c.hover}; color: {c.text}; }}
    QToolButton[look="rail"]:checked {{ color: {c.text}; border-left-color: {c.accent}; background: {c.window}; }}
    QToolButton[look="rail"]:focus {{ color: {c.accent}; }}
    QLabel[look="waiting"] {{ background: {c.image}; color: #8d929a; }}
    QLabel[look="dropping"] {{ background: rgba(0, 0, 0, 160); color: #ffffff; border: 2px dashed {c.accent};
        border-radius: 12px; font-size: {large}px; }}
    QLabel[look="key"] {{ background: {c.raised}; border: 1px solid {edge}; border-radius: 4px; padding: 1px 6px;
        font-weight: 600; }}
    QStatusBar {{ background: {c.panel}; border-top: 1px solid {edge}; }}
    QStatusBar::item {{ border: none; }}
    QFrame[look="status"] {{ background: transparent; }}
    QToolButton[look="tab"] {{ background: transparent; border: none; border-bottom: 2px solid transparent;
        border-radius: 0; color: {c.dim}; padding: 2px; min-height: 20px; }}
    QToolButton[look="tab"]:hover {{ color: {c.text}; background: {c.hover}; }}
    QToolButton[look="tab"]:checked {{ color: {c.text}; border-bottom-color: {c.accent}; }}
    QToolButton[look="tab"]:focus {{ color: {c.accent}; }}
    QFrame[look="chip"] {{ background: {c.raised}; border: 1px solid {edge}; border-radius: 6px; }}
    QFrame[look="chip"]:hover {{ background: {c.hover}; }}
    QFrame[look="chip"]:focus {{ border-color: {c.accent}; }}
    QFrame[look="notice"] {{ background: {c.raised}; border: 1px solid {edge}; border-left: 3px solid {c.accent};
        border-radius: 6px; }}
    QFrame[look="notice"][level="warning"] {{ border-left-color: {c.warning}; }}
    QFrame[look="notice"][level="error"] {{ border-left-color: {c.bad}; }}
    QLabel[changed="true"] {{ color: {c.accent}; }}
    QFrame[look="nest"] {{ border: none; border-left: 2px solid {edge}; }}
    QToolButton::menu-indicator {{ image: none; }}

    QLineEdit, QAbstractSpinBox, QComboBox, QPlainTextEdit, QTextEdit {{ background: {c.field};
        border: 1px solid {edge}; border-radius: 6px; padding: 3px 8px; min-height: {text_px + 5}px;
        selection-background-color: {c.accent}; selection-color: {c.on_accent}; }}
    QLineEdit:focus, QAbstractSpinBox:focus, QComboBox:focus, QPlainTextEdit:focus {{ border-color: {c.accent}; }}
    QLineEdit:disabled, QAbstractSpinBox:disabled, QComboBox:disabled {{ color: {c.faint};
        background: transparent; }}
    QLineEdit[look="cell"] {{ padding: 0 2px; border-radius: 3px; }}
    QLineEdit[bad="true"], QAbstractSpinBox[bad="true"] {{ border-color: {c.bad}; color: {c.bad}; }}
    QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ background: transparent; border: none;
        width: {arrow + 7}px; subcontrol-origin: border; margin-right: 2px; }}
    QAbstractSpinBox::up-button {{ subcontrol-position: top right; margin-top: 2px; }}
    QAbstractSpinBox::down-button {{ subcontrol-position: bottom right; margin-bottom: 2px; }}
    QAbstractSpinBox::up-arrow {{ image: url({folder}/caret-up-{caret}.svg); width: {arrow}px; height: {arrow}px; }}
    QAbstractSpinBox::down-arrow {{ image: url({folder}/caret-down-{caret}.svg); width: {arrow}px; height: {arrow}px; }}
    QComboBox::drop-down {{ border: none; width: 22px; }}
    QComboBox::down-arrow {{ image: url({folder}/caret-down-{caret}.svg); width: {arrow + 2}px;
        height: {arrow + 2}px; }}
    QComboBox QAbstractItemView {{ background: {c.raised}; border: 1px solid {edge}; padding: 4px; outline: none;
        selection-background-color: {c.accent}; selection-color: {c.on_accent}; }}

    QCheckBox, QRadioButton {{ spacing: 8px; background: transparent; }}
    QCheckBox::indicator, QTreeView::indicator {{ width: {box}px; height: {box}px; border: 1px solid {c.faint};
        border-radius: 4px; background: {c.field}; }}
    QCheckBox::indicator:hover, QCheckBox::indicator:focus, QTreeView::indicator:hover {{ border-color: {c.accent}; }}
    QCheckBox:focus {{ color: {c.accent}; }}
    QRadioButton::indicator {{ width: {box - 2}px; height: {box - 2}px; border: 1px solid {c.faint};
        border-radius: {box // 2}px; background: {c.field}; }}
    QRadioButton::indicator:hover, QRadioButton::indicator:focus {{ border-color: {c.accent}; }}
    QRadioButton::indicator:checked {{ background: {c.field}; border: {box // 3}px solid {c.accent};
        width: {box - 2 * (box // 3)}px; height: {box - 2 * (box // 3)}px; }}
    QRadioButton:focus {{ color: {c.accent}; }}
    QCheckBox::indicator:checked, QTreeView::indicator:checked {{ background: {c.accent}; border-color: {c.accent};
        image: url({folder}/check-{check}.svg); }}
    QCheckBox::indicator:disabled {{ border-color: {c.line}; background: {c.line}; }}

    QSlider {{ min-height: {knob + 6}px; background: transparent; }}
    QSlider::groove:horizontal {{ height: 4px; background: {groove}; border-radius: 2px; }}
    QSlider::sub-page:horizontal {{ background: {c.accent}; border-radius: 2px; height: 4px; }}
    QSlider::handle:horizontal {{ width: {knob}px; height: {knob}px; margin: -{knob // 2 - 1}px 0;
        border-radius: {knob // 2 + 1}px;
        background: {c.text}; border: 1px solid {c.panel}; }}
    QSlider::handle:horizontal:hover, QSlider::handle:horizontal:focus {{ background: {c.accent}; }}
    QSlider::handle:horizontal:focus {{ border: 2px solid {c.text}; }}
    QSlider::sub-page:horizontal:disabled, QSlider::handle:horizontal:disabled {{ background: {c.faint}; }}

    QProgressBar {{ background: {groove}; border: none; border-radius: 2px; min-height: 4px; max-height: 4px; }}
    QProgressBar::chunk {{ background: {c.accent}; border-radius: 2px; }}

    QTabBar {{ background: transparent; }}
    QTabBar::tab {{ background: transparent; color: {c.dim}; padding: 8px 12px; border: none;
        border-bottom: 2px solid transparent; }}
    QTabBar::tab:hover {{ color: {c.text}; }}
    QTabBar::tab:selected {{ color: {c.text}; border-bottom-color: {c.accent}; }}
    QTabWidget::pane {{ border: none; border-top: 1px solid {edge}; }}

    QAbstractItemView {{ background: {c.field}; border: 1px solid {edge}; border-radius: 6px; outline: none;
        alternate-background-color: {c.panel}; }}
    QAbstractItemView::item {{ padding: 4px 6px; }}
    QAbstractItemView::item:selected {{ background: {c.accent}; color: {c.on_accent}; }}
    QHeaderView::section {{ background: {c.panel}; color: {c.dim}; border: none; padding: 6px 8px;
        border-bottom: 1px solid {edge}; }}
    QTableCornerButton::section {{ background: {c.panel}; border: none; }}

    QMenuBar {{ background: {c.panel}; border-bottom: 1px solid {edge}; padding: 2px 4px; }}
    QMenuBar::item {{ padding: 4px 10px; border-radius: 4px; background: transparent; }}
    QMenuBar::item:selected {{ background: {c.hover}; }}
    QMenu {{ background: {c.raised}; border: 1px solid {edge}; padding: 4px; }}
    QMenu::item {{ padding: 6px 28px 6px 24px; border-radius: 4px; }}
    QMenu::item:selected {{ background: {c.accent}; color: {c.on_accent}; }}
    QMenu::item:disabled {{ color: {c.faint}; }}
    QMenu::separator {{ height: 1px; background: {edge}; margin: 4px 8px; }}

    QScrollArea, QScrollArea > QWidget > QWidget {{ background: transparent; border: none; }}
    QScrollBar {{ background: transparent; border: none; margin: 0; }}
    QScrollBar:vertical {{ width: 10px; }}
    QScrollBar:horizontal {{ height: 10px; }}
    QScrollBar::handle {{ background: {c.hover}; border-radius: 3px; margin: 2px; min-height: 24px;
        min-width: 24px; }}
    QScrollBar::handle:hover {{ background: {c.faint}; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}

    QSplitter::handle {{ background: {c.window}; }}
    QSplitter::handle:hover {{ background: {c.accent}; }}
    QMainWindow::separator {{ background: {c.window}; width: 4px; height: 4px; }}
    QMainWindow::separator:hover {{ background: {c.accent}; }}
    QDockWidget {{ color: {c.text}; }}
    QGroupBox {{ border: none; margin-top: 20px; font-weight: 600; }}
    QGroupBox::title {{ subcontrol-origin: margin; left: 0; }}
    """
