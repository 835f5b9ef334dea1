"""What is installed is what is declared, the wheel is whole, and the set-up says clearly what it lacks."""

import importlib.util
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name as canonical

from tests.conftest import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
RUN = [Requirement(text) for text in [*PROJECT["dependencies"], *EXTRAS["window"]]]
DEVELOP = [Requirement(text) for text in [*EXTRAS["test"], *EXTRAS["develop"]] if not text.startswith("medviz")]


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / "packaging" / name).read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith(("#", "-r"))]
    for one in found:
        assert re.fullmatch(r"==[\w.]+", str(one.specifier)), f"{one} is not pinned"
    return {canonical(one.name): str(one.specifier)[2:] for one in found}


WINDOW_PINS = pins("requirements.txt")
ALL_PINS = WINDOW_PINS | pins("requirements-develop.txt")


def needed(roots: list[Requirement]) -> Iterator[tuple[str, Requirement]]:
    """Walk what packages need of others, as installed here; yields (who, what)."""
    seen: set[str] = set()
    todo = [("medviz", one) for one in roots]
    while todo:
        who, one = todo.pop()
        yield who, one
        if canonical(one.name) in seen:
            continue
        seen.add(canonical(one.name))
        for text in distribution(one.name).requires or []:
            inner = Requirement(text)
            if inner.marker is None or inner.marker.evaluate({"extra": ""}):
                todo.append((one.name, inner))


@pytest.mark.parametrize(("roots", "pinned"), [(RUN, WINDOW_PINS), (DEVELOP, ALL_PINS)], ids=["window", "develop"])
def test_all_that_is_needed_is_pinned_within_its_bounds(roots: list[Requirement], pinned: dict[str, str]) -> None:
    for who, one in needed(roots):
        name = canonical(one.name)
        if name.startswith(("nvidia-", "triton", "cuda-")):
            continue  # a CUDA build of torch pins its own
        assert name in pinned, f"{who} needs {name}, which no requirements file pins"
        assert one.specifier.contains(pinned[name], prereleases=True), f"{who} wants {one}, {pinned[name]} is pinned"


def test_what_is_installed_is_what_is_pinned() -> None:
    wrong = {}
    for name, version in ALL_PINS.items():
        try:
            here = distribution(name).version.partition("+")[0]
        except PackageNotFoundError:
            continue  # of another platform or Python
        if here != version:
            wrong[name] = f"{here}, pinned {version}"
    assert not wrong


def test_the_versions_known_to_be_bad_are_left_out() -> None:
    qt = next(one for one in RUN if one.name == "PySide6-Essentials").specifier
    assert not any(qt.contains(bad) for bad in ("6.11.0", "6.11.1", "6.12.0", "6.9.3"))
    assert qt.contains(WINDOW_PINS["pyside6-essentials"])
    assert "torchvision" not in ALL_PINS


def test_every_dependency_has_its_licence_and_reason_written_down() -> None:
    words = (ROOT / "resources/licences/DEPENDENCIES.md").read_text(encoding="utf-8")
    rows = {canonical(row) for row in re.findall(r"^\| ([\w.-]+) \|", words, re.M)}
    assert {canonical(one.name) for one in RUN + DEVELOP} <= rows


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_link_of_a_document_leads_somewhere(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    gone = [link for link in links if not (ROOT / link).exists()]
    assert not gone


def test_the_tree_in_the_readme_is_the_tree(root: Path) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    rooms = {path.parent.name for path in (root / "medviz").glob("*/__init__.py")}
    missing = {room for room in rooms if f"{room}/" not in text}
    assert not missing


# -- the wheel -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    call = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_every_module_and_every_resource(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "medviz").rglob("*.py")}
    listed = subprocess.run(["git", "ls-files", "resources"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    resources = {f"medviz/{name}" for name in listed if (ROOT / name).is_file()}
    assert modules <= held
    assert resources <= held
    assert {"LICENSE", "OFL.txt"} <= {name.rpartition("/")[2] for name in held if ".dist-info/licenses/" in name}


def test_an_installed_wheel_finds_its_resources(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = "from medviz.shipped import shipped; print(shipped('licences', 'DEPENDENCIES.md'))"
    call = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"]
    found = Path(subprocess.run(call, capture_output=True, text=True, check=True, cwd=tmp_path).stdout.strip())
    assert found.is_file()
    assert found.is_relative_to(tmp_path / "medviz" / "resources")


def test_the_wheel_makes_the_command_medviz(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    points = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
    assert "medviz = medviz.__main__:main" in archive.read(points).decode()


# -- the set-up ------------------------------------------------------------------------------------------------------


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Load the set-up script, with its .venv in a folder of the test."""
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "packaging" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / "stamp.json")
    monkeypatch.delenv("MEDVIZ_TORCH_INDEX", raising=False)
    return module


def test_the_set_up_needs_nothing_but_the_standard_library() -> None:
    code = "import sys; sys.path.insert(0, 'packaging'); import bootstrap; print('ok')"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "ok", done.stderr


def test_with_an_nvidia_card_the_cpu_build_of_torch_is_refused(bootstrap: ModuleType) -> None:
    version = WINDOW_PINS["torch"]
    assert f"torch==={version}" in bootstrap.installations("requirements.txt", "cuda")[0]
    assert not [word for word in bootstrap.installations("requirements.txt", "cpu")[0] if word.startswith("torch")]


def test_an_index_for_torch_is_asked_first_and_for_torch_alone(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDVIZ_TORCH_INDEX", "file:///wheels")
    first, second, _ = bootstrap.installations("requirements.txt", "cpu")
    assert first == ["--index-url", "file:///wheels", f"torch=={WINDOW_PINS['torch']}"]
    assert "--index-url" not in second


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("NewConnectionError: Failed to establish a new connection: Name or service not known", "cannot be reached"),
        ("ReadTimeoutError: Read timed out.", "cannot be reached"),
        ("ERROR: No matching distribution found for torch==2.13.0", "has no torch==2.13.0 for Python"),
        ("OSError: [Errno 13] Permission denied: 'x'", "cannot be written"),
    ],
)
def test_what_goes_wrong_in_pip_is_said_in_one_sentence(bootstrap: ModuleType, said: str, words: str) -> None:
    sentence = bootstrap.why(f"Collecting torch\n{said}\n")
    assert words in sentence
    assert "\n" not in sentence


def test_another_fault_is_told_with_pips_last_line(bootstrap: ModuleType) -> None:
    assert bootstrap.why("something new") == ""
    assert bootstrap.last_line("a\n\nb\n\n") == "b"


def test_a_missing_library_of_qt_is_named_with_its_package(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = bootstrap.missing_libraries({"libnothing.so.7": ("libnothing7", "nothing-libs")})
    assert missing == [("libnothing7", "nothing-libs")]
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    with pytest.raises(bootstrap.Stopped, match=r"sudo apt install libnothing7$"):
        bootstrap.complain_of(missing)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: "/usr/bin/dnf")
    with pytest.raises(bootstrap.Stopped, match=r"sudo dnf install nothing-libs$"):
        bootstrap.complain_of(missing)
    bootstrap.complain_of([])


def test_without_a_screen_the_window_is_not_tried(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(bootstrap.Stopped, match="no screen here"):
        bootstrap.complain_of_no_screen()
    monkeypatch.setenv("DISPLAY", ":0")
    bootstrap.complain_of_no_screen()


def test_a_full_disk_is_told_before_anything_is_fetched(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".venv").mkdir()
    monkeypatch.setattr(bootstrap.shutil, "disk_usage", lambda path: type("Disk", (), {"free": 1e9})())
    with pytest.raises(bootstrap.Stopped, match=r"1\.0 GB are free .* 4 GB are needed"):
        bootstrap.complain_of_space("cpu", already=False)


def test_an_old_python_is_told_which_ones_serve(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "newer_python", lambda: None)
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2, "final", 0))
    assert bootstrap.main(["run"]) == 1
    assert "this is Python 3.9.2; medviz needs Python 3.11, 3.12 or 3.13" in capsys.readouterr().err


def test_a_python_that_serves_is_found_on_the_path_and_takes_over(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "newer_python", lambda: "/usr/bin/python3.12")
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2, "final", 0))
    monkeypatch.setattr(bootstrap, "replaced_by", lambda call, environment: calls.append(call) or 0)
    assert bootstrap.main(["test", "-x"]) == 0
    assert calls == [["/usr/bin/python3.12", str(ROOT / "packaging" / "bootstrap.py"), "test", "-x"]]


def test_a_stamp_of_the_same_pins_is_trusted_and_another_is_not(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "make_venv", lambda: None)
    monkeypatch.setattr(bootstrap, "complain_of_space", lambda flavour, already: None)
    monkeypatch.setattr(bootstrap, "has_nvidia", lambda: False)
    monkeypatch.setattr(bootstrap, "pip", asked.append)
    python = Path(bootstrap.python_of(tmp_path / ".venv"))
    python.parent.mkdir(parents=True)
    python.touch()
    bootstrap.set_up("requirements.txt")
    assert len(asked) == 2
    bootstrap.set_up("requirements.txt")
    assert len(asked) == 2
    bootstrap.set_up("requirements-develop.txt")
    assert len(asked) == 4
    bootstrap.set_up("requirements.txt", again=True)
    assert len(asked) == 6
    bootstrap.STAMP.write_text("{ half a st")
    bootstrap.set_up("requirements.txt")
    assert len(asked) == 8
    python.unlink()
    bootstrap.set_up("requirements.txt")
    assert len(asked) == 10


def test_what_serves_to_develop_serves_to_run(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "pip", lambda arguments: pytest.fail("nothing should be installed"))
    python = Path(bootstrap.python_of(tmp_path / ".venv"))
    python.parent.mkdir(parents=True)
    python.touch()
    bootstrap.STAMP.write_text(f'{{"requirements-develop.txt": "{bootstrap.hash_of("requirements-develop.txt")}"}}')
    bootstrap.set_up("requirements.txt")


def test_help_names_every_command(bootstrap: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main([]) == 0
    said = capsys.readouterr().out
    assert all(f"  {name}" in said for name in bootstrap.COMMANDS)
    assert bootstrap.main(["walk"]) == 2


def test_the_makefile_only_calls_the_set_up() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipes = [line.strip() for line in text.splitlines() if line.startswith("\t")]
    assert recipes
    assert all(line.startswith("@$(BOOTSTRAP)") for line in recipes)
