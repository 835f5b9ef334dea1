"""The log of a run is told what went wrong, and never the name of a file."""

from pathlib import Path
from typing import Any

import pytest

from medviz.messages import Note, Progress, Scalar
from medviz.refused import Refused
from medviz.training.discreet import discreet, unnamed
from tests.training.toys import Toy, taught


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("/scans/Jane Roe 7.nii.gz: it is damaged; restore it", "a file: it is damaged; restore it"),
        ("C:\\scans\\Jane Roe.dcm: it is damaged", "C: a file: it is damaged"),
        ("Sample 3 (data/Jane Roe.png) is left out", "Sample 3 (a file) is left out"),
        ("the label: it lies on another grid than Jane Roe.nii.gz", "the label: a file"),
        ("Jane_Roe.NRRD has no spacing", "a file"),
        ("The loss of step 9 was not a number (the rate was too high): back to the last good weights, rate halved", ""),
        ("Out of memory with a batch of 6: from now on in pieces of 1, their gradients added", ""),
        ("The run cannot be written: No space left on device; training waits", ""),
        ("Set batch=1 and accumulation=6, or smaller patches", ""),
        ("3.5 of 4.25 GB", ""),
    ],
)
def test_a_clause_that_names_a_file_is_replaced(text: str, kept: str) -> None:
    assert unnamed(text).replace("C:a file", "C: a file") == (kept or text)
    assert "Roe" not in unnamed(text)


def test_only_what_went_wrong_is_cut() -> None:
    told = Note("weights of runs/one fit", "info")
    assert discreet(told) is told
    assert discreet(Scalar("train/loss", 1, 2.0)) == Scalar("train/loss", 1, 2.0)
    found = discreet(Note("/a/Roe.nii: gone", "error", "restore /a/Roe.nii"))
    assert isinstance(found, Note)
    assert (found.text, found.remedy) == ("a file: gone", "a file")


def test_no_refusal_brings_a_name_into_the_folder_of_a_run(tmp_path: Path) -> None:
    class Refusing(Toy):
        def evaluated(self, *given: Any) -> Any:
            yield Progress(0, 1, "")
            raise Refused(Path("/scans/Jane Roe 7.nii.gz"), "it is damaged", "restore it")

        def measures(self, *given: Any) -> Any:
            if self.epochs == 2:
                raise Refused(Path("/scans/Jane Roe 8.nii.gz"), "it is damaged", "restore it")
            return (yield from super().measures(*given))

    said = taught(Refusing(epochs=1), tmp_path / "run")
    assert any("Jane Roe 7" in one.text for one in said if isinstance(one, Note)), "who watches is told"
    with pytest.raises(Refused, match="Jane Roe 8"):
        taught(Refusing(epochs=2), tmp_path / "other")
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"Jane Roe" not in path.read_bytes(), path.name
