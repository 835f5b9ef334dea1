"""The recipes that ship with the program: by name, or a file of one's own."""

from pathlib import Path

from medviz.refused import Refused
from medviz.shipped import shipped

ENDING = ".toml"


def recipes() -> tuple[Path, ...]:
    """Return the recipes that ship with the program."""
    return tuple(sorted(shipped("recipes").glob(f"*{ENDING}")))


def recipe_at(wanted: str) -> Path:
    """Return the file of a recipe: its path, or the name of one that ships; refuses what is neither."""
    path = Path(wanted).expanduser()
    if path.is_file():
        return path
    found = next((one for one in recipes() if wanted in (one.stem, one.name)), None)
    if found is None:
        names = ", ".join(one.stem for one in recipes())
        raise Refused(wanted, "there is no such file, and no recipe of that name", f"there are {names}")
    return found


def told(recipe: Path) -> tuple[str, str]:
    """Return what stands at the head of a recipe: the first line and how it is trained."""
    lines = [line.lstrip("# ").rstrip() for line in recipe.read_text(encoding="utf-8").splitlines() if line[:1] == "#"]
    how = next((line for line in lines if line.startswith("medviz train")), "")
    return lines[0] if lines else "", how
