"""`medviz info` and `convert` with folders of several series, gaps, tilted stacks and contours."""

import json
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medviz.__main__ import main
from medviz.imaging.regular import shear_degrees
from tests.commands.test_commands import refused, said
from tests.imaging.dicom_files import phantom, write_series
from tests.imaging.readers.test_contours import square, write_structures

LEAN = np.tan(np.radians(10.0))


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "study"

    def numbered(number: int, words: str) -> Callable[[int], dict[str, object]]:
        return lambda k: {"SeriesNumber": number, "SeriesDescription": words}

    write_series(folder / "a", phantom(slices=8), tags=numbered(2, "thin"), keep=[0, 1, 2, 5, 6, 7])
    write_series(folder / "b", phantom(slices=4), lambda k: (0, 2 * k * LEAN, 2.0 * k), tags=numbered(5, "tilted"))
    write_structures(folder / "rs.dcm", ("liver", None, [square(42.5, -18, -14)]))
    return folder


def test_info_tells_each_series_of_a_folder(capsys: pytest.CaptureFixture[str], study: Path) -> None:
    told = said(capsys, "info", study)
    gapped, tilted, contours = told["series"]
    assert told["format"] == "DICOM" and told["shape"] == gapped["shape"] == [12, 10, 8]
    promised = {"shape", "axes", "spacing_mm", "affine", "dtype", "frames", "warnings"}
    assert all(promised <= set(one) for one in told["series"])
    assert gapped["gaps_mm"] == [[45.0, 52.5]] and any("missing at 45.0 to 52.5 mm" in w for w in gapped["warnings"])
    assert tilted["tilt_degrees"] == pytest.approx(10.0, abs=0.01) and tilted["number"] == 5
    assert contours["content"] == "contours"
    assert "Doe" not in json.dumps(told)


def test_info_tells_a_person_in_lines(capsys: pytest.CaptureFixture[str], study: Path) -> None:
    assert main(["info", str(study)]) == 0
    text = capsys.readouterr().out
    assert "#1 2 thin, CT, axial" in text and "#2 5 tilted" in text and "#3 " in text
    assert "12×10×8, 0.75×0.5×2.5 mm, stored as LPS, int16, not compressed" in text
    assert "warning: slices are missing" in text


@pytest.mark.trap("T5", "T10")
def test_convert_takes_one_series_and_makes_it_regular(
    capsys: pytest.CaptureFixture[str], study: Path, tmp_path: Path
) -> None:
    for wanted in ("5", "#2"):
        said(capsys, "convert", study, tmp_path / "plain.nii.gz", "--series", wanted)
        said(capsys, "convert", study, tmp_path / "square.nii.gz", "--series", wanted, "--regular")
        plain, square_one = (nib.load(tmp_path / name) for name in ("plain.nii.gz", "square.nii.gz"))
        assert shear_degrees(plain.affine) == pytest.approx(10.0, abs=0.01)
        assert shear_degrees(square_one.affine) < 1e-4 and square_one.shape[1] > plain.shape[1]
    told = said(capsys, "convert", study, tmp_path / "filled.nii.gz", "--regular")
    assert any("nothing was measured there" in warning for warning in told["warnings"])
    assert "no series called 9" in refused(capsys, "convert", study, tmp_path / "x.nii.gz", "--series", "9")
    assert not (tmp_path / "x.nii.gz").exists()
