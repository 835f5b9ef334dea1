"""What every file of the program keeps to, and no tool looks for; each rule is seen to find what it is for."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.conftest import ROOT

KNOWS_FILES = {"nibabel", "pydicom", "SimpleITK", "highdicom", "indexed_gzip", "nrrd"}
KNOWS_QT = {"PySide6", "shiboken6", "pyqtgraph", "qtawesome", "qtpy"}
UNPICKLES = {"pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
SAYS_NOTHING = {"util", "utils", "helper", "helpers", "misc", "common", "manager", "tools"}
LONGEST = 400


@dataclass(frozen=True)
class Code:
    """One file: its path below medviz/ ("imaging/readers/nifti.py"), its text and what Python makes of it."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)


def program() -> list[Code]:
    files = sorted((ROOT / "medviz").rglob("*.py"))
    return [Code(one.relative_to(ROOT / "medviz").as_posix(), one.read_text(encoding="utf-8")) for one in files]


def imported(code: Code) -> Iterator[tuple[int, str]]:
    """Line and top-level name of each import."""
    for node in ast.walk(code.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module.partition(".")[0]


def calls(code: Code) -> Iterator[tuple[int, str, ast.Call]]:
    """Line, name as written and node of each call."""
    for node in ast.walk(code.tree):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func), node


def says_what_it_is_for(code: Code) -> Iterator[tuple[int, str]]:
    """A module, and each public class and function of it, says what it is for; the module in a sentence."""
    first = (ast.get_docstring(code.tree) or "").partition("\n")[0].rstrip()
    if not first.endswith((".", ":", "?")):
        yield 1, "the module does not say, in a sentence, what it is for"
    for node in code.tree.body:
        named = isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
        if named and not ast.get_docstring(node):  # type: ignore[arg-type]
            yield node.lineno, "it does not say what it is for"


def imports_in_sight(code: Code) -> Iterator[tuple[int, str]]:
    """Imports stand at the top, by the full name; only the catalog imports by a name that is known later."""
    for function in ast.walk(code.tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    yield node.lineno, "an import hides in a function"
    for node in ast.walk(code.tree):
        if isinstance(node, ast.ImportFrom) and (node.level or node.names[0].name == "*"):
            yield node.lineno, "import by the full name"
    for line, name, _ in calls(code):
        if name.rpartition(".")[2] in ("import_module", "__import__") and code.path != "catalog.py":
            yield line, "importing by name belongs into a catalog"


def knows_its_place(code: Code) -> Iterator[tuple[int, str]]:
    """Qt stays in the window, file formats in the readers."""
    for line, name in imported(code):
        if name in KNOWS_QT and not code.path.startswith("gui/"):
            yield line, f"{name} belongs into gui"
        if name in KNOWS_FILES and not code.path.startswith(("imaging/readers/", "imaging/writers/")):
            yield line, f"{name} belongs into imaging.readers or imaging.writers"


def prints_nothing(code: Code) -> Iterator[tuple[int, str]]:
    """Only the command line prints."""
    if code.path == "__main__.py" or code.path.startswith("commands/"):
        return
    for line, name, _ in calls(code):
        if name in ("print", "pprint", "input", "breakpoint"):
            yield line, f"{name}() belongs to the command line"


def unpickles_nothing(code: Code) -> Iterator[tuple[int, str]]:
    """Opening a stranger's file must not run it."""
    for line, name in imported(code):
        if name in UNPICKLES:
            yield line, f"{name} runs what it reads"
    for line, name, node in calls(code):
        given = {word.arg: ast.unparse(word.value) for word in node.keywords}
        if name == "torch.load" and given.get("weights_only") != "True":
            yield line, "torch.load without weights_only=True"
        if name in ("np.load", "numpy.load") and given.get("allow_pickle", "False") != "False":
            yield line, "numpy with pickles"


def catches_what_it_names(code: Code) -> Iterator[tuple[int, str]]:
    """Only the Job catches everything; elsewhere what is caught is named, or raised again."""
    for node in ast.walk(code.tree):
        if isinstance(node, ast.ExceptHandler) and code.path != "gui/job.py":
            everything = node.type is None or ast.unparse(node.type) in ("Exception", "BaseException")
            if everything and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node)):
                yield node.lineno, "name what may go wrong"


def is_finished(code: Code) -> Iterator[tuple[int, str]]:
    """Nothing is left for later, and no name says nothing."""
    for number, line in enumerate(code.text.splitlines(), start=1):
        if re.search(r"raise NotImplementedError|\b(?:TODO|FIXME|XXX)\b|coming soon", line):
            yield number, "unfinished"
    if SAYS_NOTHING & set(code.path.removesuffix(".py").split("/")):
        yield 1, "its name says nothing"


def can_be_read_at_one_sitting(code: Code) -> Iterator[tuple[int, str]]:
    """A file holds one idea."""
    if code.text.count("\n") > LONGEST:
        yield LONGEST, f"more than {LONGEST} lines"


Rule = Callable[[Code], Iterator[tuple[int, str]]]
BROKEN: dict[Rule, list[tuple[str, str]]] = {
    says_what_it_is_for: [
        ("a.py", "x = 1\n"),
        ("a.py", '"""Without a full stop"""\n'),
        ("a.py", '"""A."""\ndef f(): ...\n'),
        ("a.py", '"""A."""\nclass F: ...\n'),
    ],
    imports_in_sight: [
        ("a.py", "def f():\n    import os\n"),
        ("a.py", "class A:\n    def f(self):\n        from os import path\n"),
        ("a.py", "from .b import c\n"),
        ("a.py", "from os import *\n"),
        ("gui/a.py", "import importlib\nimportlib.import_module('b')\n"),
    ],
    knows_its_place: [("labs/a.py", "import pyqtgraph\n"), ("imaging/a.py", "from nibabel import load\n")],
    prints_nothing: [("gui/a.py", "print('x')\n")],
    unpickles_nothing: [
        ("a.py", "import pickle\n"),
        ("a.py", "torch.load(path)\n"),
        ("a.py", "torch.load(path, weights_only=False)\n"),
        ("a.py", "np.load(path, allow_pickle=True)\n"),
    ],
    catches_what_it_names: [
        ("a.py", "try:\n    f()\nexcept:\n    pass\n"),
        ("a.py", "try:\n    f()\nexcept Exception as problem:\n    g(problem)\n"),
    ],
    is_finished: [
        ("a.py", "# TO" + "DO: later\n"),
        ("a.py", "raise NotImplemented" + "Error\n"),
        ("gui/utils.py", "x = 1\n"),
    ],
    can_be_read_at_one_sitting: [("a.py", "x = 1\n" * (LONGEST + 1))],
}


@pytest.mark.parametrize("rule", BROKEN, ids=lambda rule: rule.__name__)
def test_every_file_keeps_to_the_rule(rule: Rule) -> None:
    faults = [f"medviz/{code.path}:{line}: {fault}" for code in program() for line, fault in rule(code)]
    assert not faults, "\n" + "\n".join(faults)


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [(rule, path, text) for rule, cases in BROKEN.items() for path, text in cases],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_rule_finds_what_it_is_for(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Code(path, text)))


def test_the_package_itself_imports_nothing() -> None:
    assert not list(imported(Code("__init__.py", (ROOT / "medviz/__init__.py").read_text(encoding="utf-8"))))
