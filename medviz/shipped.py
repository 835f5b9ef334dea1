"""Where the files that ship with the program lie (`resources/`), and the scan that nilearn ships."""

from importlib.util import find_spec
from pathlib import Path

from medviz.refused import Refused

_PACKAGE = Path(__file__).parent


def shipped(*parts: str) -> Path:
    """Path of a file in `resources/`, both in a checkout and in an installed wheel."""
    inside = _PACKAGE / "resources"
    return (inside if inside.is_dir() else _PACKAGE.parent / "resources").joinpath(*parts)


def sample_scan(kind: str = "t1") -> Path:
    """Path of the MNI152 T1 ("t1") or its grey ("gm") or white ("wm") matter map; nilearn is not imported.

    ICBM 152 2009a nonlinear symmetric (Fonov et al., 2011), 197×233×189 voxels of 1 mm.
    """
    spec = find_spec("nilearn")
    if spec is None or not spec.submodule_search_locations:
        raise Refused("MNI152 T1", "it comes with the package nilearn, which is not installed", "install nilearn")
    folder = Path(next(iter(spec.submodule_search_locations))) / "datasets" / "data"
    return folder / f"mni_icbm152_{kind}_tal_nlin_sym_09a_converted.nii.gz"
