"""The rule between rooms holds, and each contract that holds it is seen to break once."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.test_code import KNOWS_QT

# contract -> the file that goes astray, and the line that does it
ASTRAY = {
    "Rooms look down, never up, never across a bar": [
        ("imaging/slices.py", "import medviz.training.task"),
        ("gui/store.py", "import medviz.labs.lab"),
        ("tasks/__init__.py", "import medviz.labs.lab"),
        ("training/task.py", "import medviz.commands.info"),
        ("utils.py", "x = 1"),
    ],
    "Qt only in the window": [
        ("labs/lab.py", "from PySide6.QtCore import QObject"),
        ("training/task.py", "import pyqtgraph"),
        ("commands/info.py", "import pyqtgraph"),
    ],
    "No path from the window to torch, MONAI or a file format, not even an indirect one": [
        ("gui/store.py", "import torch"),
        ("gui/store.py", "import medviz.imaging.readers.nifti"),
        ("shipped.py", "import nilearn.datasets"),
    ],
    "Pictures and the vocabulary know no torch and no MONAI": [
        ("imaging/edit.py", "import torch"),
        ("shipped.py", "from monai.transforms import Flip"),
    ],
    "File formats only in the readers and writers": [
        ("imaging/edit.py", "import nibabel"),
        ("data/__init__.py", "from nibabel.orientations import io_orientation"),
    ],
    "VTK only in the process that renders": [("imaging/rendering/rays.py", "import vtkmodules.vtkCommonCore")],
    "The process that renders is run, never imported": [
        ("imaging/rendering/studio.py", "import medviz.imaging.rendering.machine.meshes"),
        ("gui/viewer/shooting.py", "from medviz.imaging.rendering.machine.window import Window"),
    ],
    "No lab knows another": [
        ("labs/convolution.py", "import medviz.labs.second"),
        ("labs/kernels.py", "import medviz.labs.second"),
    ],
    "No task knows another": [("tasks/segmentation.py", "import medviz.tasks.second")],
    "No network knows another": [("networks/unet.py", "import medviz.networks.lenet")],
    "No reader knows another": [("imaging/readers/nifti.py", "import medviz.imaging.readers.picture")],
    "No writer knows another": [("imaging/writers/surface.py", "import medviz.imaging.writers.table")],
    "No model format knows another": [("training/using/formats/own.py", "import medviz.training.using.formats.layers")],
    "No cycles between siblings": [("gui/rail.py", "import medviz.gui.window")],
}


def linted(folder: Path) -> tuple[int, str]:
    """Run import-linter on a checkout; returns its exit code and what it says, on one line."""
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([tool, "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=120)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    """Copy the package, with a second lab and a second task, so that there are two that could know each other."""
    folder = tmp_path / "copy"
    shutil.copytree(ROOT / "medviz", folder / "medviz", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "tests").mkdir()
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copy(ROOT / "tests" / "contracts.py", folder / "tests")
    (folder / "tests" / "__init__.py").touch()
    for room in ("labs", "tasks"):
        (folder / "medviz" / room / "second.py").write_text('"""Another."""\n')
        listed = folder / "medviz" / room / "__init__.py"
        words = listed.read_text()
        place = words.index("{", words.index(": Catalog")) + 1
        listed.write_text(f'{words[:place]}"second": Entry("medviz.{room}.second:Second"),{words[place:]}')
    yield folder
    shutil.rmtree(folder)


def test_the_contracts_hold() -> None:
    code, said = linted(ROOT)
    assert code == 0, said
    assert all(f"{name} KEPT" in said for name in ASTRAY), said


def test_the_contracts_hold_in_the_copy(copy: Path) -> None:
    code, said = linted(copy)
    assert code == 0, said


@pytest.mark.parametrize(
    ("contract", "file", "line"),
    [(name, *case) for name, cases in ASTRAY.items() for case in cases],
    ids=lambda value: value if value.endswith(".py") else "",
)
def test_a_contract_breaks_when_a_line_goes_astray(copy: Path, contract: str, file: str, line: str) -> None:
    astray = copy / "medviz" / file
    before = astray.read_text() if astray.exists() else '"""New."""\n'
    astray.write_text(f"{before}\n{line}\n")
    code, said = linted(copy)
    assert f"{contract} BROKEN" in said, said
    assert code == 1


def test_every_contract_is_seen_to_break() -> None:
    named = re.findall(r'\[\[tool\.importlinter\.contracts\]\]\nname = "(.*)"', (ROOT / "pyproject.toml").read_text())
    assert named == list(ASTRAY)


def fresh(code: str) -> str:
    """Run code in a process of its own and return what it prints."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def loaded(modules: set[str], after: str) -> str:
    """Which of these top-level modules are loaded after an import in a fresh process."""
    return fresh(
        f"import sys\n{after}\nprint(*sorted({modules!r} & {{name.partition('.')[0] for name in sys.modules}}))"
    )


HEAVY = {"torch", "monai", "nibabel", "nilearn", "pydicom", "SimpleITK", "tensorboard", "skimage", "sklearn", "pandas"}


def test_the_window_is_imported_without_torch_monai_or_a_file_format() -> None:
    assert loaded(HEAVY, "import medviz.gui.window") == ""


@pytest.mark.skipif(sys.platform == "win32", reason="on Windows torch goes first, on purpose (commands/window.py)")
def test_the_program_shows_its_window_before_torch_monai_or_nilearn_are_imported() -> None:
    assert loaded(HEAVY - {"nibabel"}, "import medviz.__main__, medviz.commands.window") == ""


@pytest.mark.parametrize(
    "after",
    [
        "import medviz.training.trainer, medviz.tasks.segmentation",
        "from medviz.commands import COMMANDS\nfor name in set(COMMANDS) - {'screenshot'}: COMMANDS[name]",
        "from medviz.labs import LABS\nfor name in LABS: LABS[name]",
        "from medviz.imaging.readers import READERS\nfor name in READERS: READERS[name]",
    ],
    ids=["training", "commands", "labs", "readers"],
)
def test_what_needs_no_window_is_imported_without_qt(after: str) -> None:
    assert loaded(KNOWS_QT, after) == ""


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_nothing_tracked_names_a_path_of_one_machine() -> None:
    homes = re.compile(r"(?<![\w.:/~])/(?:work|farm|root|home/\w|Users/\w|tmp/\w)[\w/]*/")
    found = []
    for path in tracked():
        if path.suffix in (".png", ".safetensors", ".gz", ".npz") or path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{path.name}: {match.group()}" for match in homes.finditer(text)]
        if re.search(r'\.\./shared|"\.\." / "shared"', text):
            assert "tests" in path.relative_to(ROOT).parts, f"{path}: the shared folder is known to tests alone"
    assert not found


def test_nothing_tracked_is_large() -> None:
    large = {path.name: path.stat().st_size for path in tracked() if path.stat().st_size > 4 << 20}
    assert not large


NO_QT = """
import sys
from importlib.machinery import PathFinder

class NoQt(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {names!r} else super().find_spec(name, path, target)

sys.meta_path[:] = [NoQt if finder is PathFinder else finder for finder in sys.meta_path]
"""


@pytest.fixture
def without_qt(tmp_path: Path) -> Path:
    """A folder with the plugin that takes Qt away from a process."""
    (tmp_path / "no_qt.py").write_text(NO_QT.format(names=KNOWS_QT))
    return tmp_path


def pytest_without_qt(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    call = [sys.executable, "-m", "pytest", "-p", "no_qt", "-p", "no:pytest-qt", "-q", "--no-header", *arguments]
    path = f"import sys; sys.path.insert(0, {str(folder)!r}); import runpy; sys.argv = {call[2:]!r}"
    code = f"{path}; runpy.run_module('pytest', run_name='__main__')"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=280)


WITH_QT = ["--ignore=tests/gui", "--ignore=tests/commands", "--ignore=tests/benchmarks", "--ignore=tests/test_house.py"]


def test_without_qt_the_blocker_blocks(without_qt: Path) -> None:
    done = pytest_without_qt(without_qt, "tests/gui", "--co")
    assert done.returncode != 0
    assert re.search("No module named '(PySide6|shiboken6)'", done.stdout + done.stderr)


def test_without_qt_every_test_below_the_window_is_collected(without_qt: Path) -> None:
    done = pytest_without_qt(without_qt, "--co", *WITH_QT, "tests")
    assert done.returncode == 0, done.stdout[-3000:]


def test_without_qt_the_vocabulary_pictures_labs_and_catalogs_pass(without_qt: Path) -> None:
    pictures = [f"imaging/test_{name}.py" for name in ("volume", "slices", "nifti", "labels", "resample", "drawn")]
    labs = [f"labs/test_{name}.py" for name in ("convolution", "attention", "boxes", "network", "lessons")]
    rooms = [f"tests/{name}" for name in ("test_vocabulary.py", *pictures, *labs, "networks")]
    done = pytest_without_qt(without_qt, *rooms, "-k", "not within")
    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"\d+ passed", done.stdout), done.stdout[-500:]
