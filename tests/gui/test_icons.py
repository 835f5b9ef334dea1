"""Every icon that is named somewhere is in the font: one that is not would leave a hole."""

import re
from pathlib import Path

import pytest

import medviz
from medviz.gui.icons import icon

ROOT = Path(medviz.__file__).parent
NAMED = re.compile(r'"((?:ph|mdi6)\.[a-z0-9-]+)"')


@pytest.mark.usefixtures("qapp")
def test_every_icon_that_is_named_is_in_the_font() -> None:
    named = {(name, path.name) for path in ROOT.rglob("*.py") for name in NAMED.findall(path.read_text("utf-8"))}
    assert len(named) > 50
    assert sorted(one for one in named if icon(one[0]).isNull()) == []
