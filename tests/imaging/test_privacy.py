"""What tells who the patient is, is found, masked in reports, and not in a clean copy."""

import gzip
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from PIL import Image, ImageDraw, PngImagePlugin
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from medviz.imaging.faces import face_of, has_text
from medviz.imaging.findings import Finding, Report, in_name, suspicion
from medviz.imaging.privacy import check
from medviz.imaging.readers import write
from medviz.imaging.readers.dicom.identity import burnt_in, identifying, new_uids
from medviz.imaging.volume import like
from medviz.imaging.writers import export
from medviz.imaging.writers.clean import share
from medviz.imaging.writers.writer import Export
from medviz.messages import finished
from medviz.refused import Refused
from tests.imaging.dicom_files import item, phantom, write_series, write_slice
from tests.imaging.making import asymmetric, opened, saved, volume

SECRETS = (b"Doe", b"Jane", b"4711", b"19500102", b"St. Elsewhere", b"Dr^Who", b"secret", b"1.2.3.4.777")
AFFINE = np.diag([1.0, 2.0, 3.0, 1.0])


def told(k: int) -> dict[str, object]:
    return {
        "PatientBirthDate": "19500102", "StudyInstanceUID": "1.2.3.4.777", "StudyDate": "20010203",
        "InstitutionName": "St. Elsewhere", "ReferringPhysicianName": "Dr^Who", "FrameOfReferenceUID": "1.2.3.4.777.1",
        "RequestAttributesSequence": [item(ScheduledProcedureStepDescription="secret", RequestedProcedureID="4711")],
        "ReferencedImageSequence": [
            item(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2", ReferencedSOPInstanceUID="1.2.3.4.777.9")
        ],
        "RescaleSlope": 1, "RescaleIntercept": -1024, "ManufacturerModelName": "bed of DOE",
        "ConvolutionKernel": "seen by Dr^Who",
    }  # fmt: skip


def dicom(folder: Path) -> Path:
    write_series(folder, phantom(), tags=told)
    for path in folder.iterdir():
        data = dcmread(path)
        data.private_block(0x0029, "VENDOR", create=True).add_new(1, "LO", "secret")
        data.add_new(0x60000010, "US", 8)
        data.save_as(path)
    return folder


def kinds(report: Report) -> set[str]:
    return {finding.kind for finding in report.findings}


@pytest.mark.trap("T24")
def test_tags_private_elements_and_nested_items_are_found_and_gone_in_a_clean_copy(tmp_path: Path) -> None:
    folder = dicom(tmp_path / "scan")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    found = finished(check([folder]))
    what = {finding.what: finding for finding in found.findings}
    assert what["Patient's Name"].level == what["Patient ID"].level == "identifies"
    assert {"Institution Name", "Scheduled Procedure Step Description", "Study Date"} <= set(what)
    assert what["Manufacturer's Model Name"].level == what["Convolution Kernel"].level == "identifies"  # her name in it
    assert any(finding.kind == "private" and "VENDOR" in finding.what for finding in found.findings)
    assert what["Patient's Name"].where.endswith("and 5 more")
    report = finished(share((folder,), tmp_path / "copy"))
    assert len(report.made) == 6 and all(path.is_file() for path in report.made)
    for path in report.made:
        raw = path.read_bytes()
        assert not [secret for secret in SECRETS if secret in raw]
        assert dcmread(path).PatientIdentityRemoved == "YES"
    assert not finished(check([tmp_path / "copy"])).findings
    assert {path: path.read_bytes() for path in folder.iterdir()} == before  # the originals stay


@pytest.mark.trap("T24")
def test_a_clean_copy_is_the_same_picture_in_the_same_place(tmp_path: Path) -> None:
    scan = opened(dicom(tmp_path / "scan"))
    finished(share((tmp_path / "scan",), tmp_path / "copy"))
    copy = opened(tmp_path / "copy")
    np.testing.assert_array_equal(copy.voxels, scan.voxels)
    assert copy.same_grid(scan) and copy.intercept == scan.intercept == -1024


def test_uids_are_replaced_the_same_for_the_same_throughout_a_copy(tmp_path: Path) -> None:
    folder = dicom(tmp_path / "scan")
    scan = opened(folder)
    voxels = np.zeros(scan.shape, np.uint8)
    voxels[3:6, 3:6, 2:4] = 7
    finished(export(Export(like(scan, voxels), scan=scan), folder / "seg.dcm", "seg"))
    report = finished(share((folder,), tmp_path / "copy"))
    copies = [dcmread(path) for path in report.made]
    images = {one.SOPInstanceUID for one in copies if one.Modality == "CT"}
    (seg,) = [one for one in copies if one.Modality == "SEG"]
    source = seg.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence[0]
    assert source.ReferencedSOPInstanceUID in images and len(images) == 6
    assert len({one.StudyInstanceUID for one in copies}) == len({one.FrameOfReferenceUID for one in copies}) == 1
    assert all(uid.startswith("2.25.") for uid in images) and all(len(uid) <= 64 for uid in images)
    again = finished(share((folder,), tmp_path / "again"))
    assert {dcmread(path).SOPInstanceUID for path in again.made}.isdisjoint(images)  # no way back, no link
    assert new_uids(b"a" * 32)("1.2.3") == new_uids(b"a" * 32)("1.2.3") != new_uids(b"b" * 32)("1.2.3")
    back = opened(next(path for path in report.made if dcmread(path).Modality == "SEG"))
    assert set(np.unique(back.voxels)) == {0, 7}


def test_pictures_that_may_have_text_burnt_in_are_left_out(tmp_path: Path) -> None:
    folder = dicom(tmp_path / "scan")
    pixels = np.zeros((64, 96), np.uint16)
    capture = {"SOPClassUID": SecondaryCaptureImageStorage, "Modality": "OT", "ConversionType": "WSD"}
    write_slice(folder / "capture", pixels, 1, "1.2.3.4.777.2", **capture)
    write_slice(folder / "clean", pixels, 1, "1.2.3.4.777.3", BurnedInAnnotation="NO", **capture)
    report = finished(share((folder,), tmp_path / "copy"))
    assert len(report.made) == 7 and any("burnt in" in left for left in report.left_out)
    assert any(one.kind == "pixels" and one.where == "capture" for one in report.findings)
    data = Dataset()
    data.BurnedInAnnotation = "YES"
    assert burnt_in(data) and not burnt_in(Dataset())


def test_a_folder_that_is_there_is_not_written_into(tmp_path: Path) -> None:
    folder = dicom(tmp_path / "scan")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "mine").touch()
    with pytest.raises(Refused, match="new folder"):
        finished(share((folder,), tmp_path / "copy"))
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("Doe")
    with pytest.raises(Refused, match="nothing could be copied"):
        finished(share((tmp_path / "notes",), tmp_path / "other"))
    assert not (tmp_path / "other").exists() and len(list(tmp_path.iterdir())) == 3


def test_a_copy_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    work = share((dicom(tmp_path / "scan"),), tmp_path / "copy")
    for _ in range(3):
        next(work)
    work.close()
    assert [path.name for path in tmp_path.iterdir()] == ["scan"]


@pytest.mark.trap("T24")
def test_texts_of_a_nifti_are_found_and_gone(tmp_path: Path) -> None:
    image = nib.Nifti1Image(asymmetric(), AFFINE)
    image.header["descrip"] = b"Doe^Jane 19500102"
    image.header["db_name"] = b"4711000"
    image.header["aux_file"] = b"FSL5.0"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"patient: secret"))
    nib.save(image, tmp_path / "scan.nii")
    path = tmp_path / "Jane_Doe.nii.gz"
    with path.open("wb") as file, gzip.GzipFile("Doe_Jane_1950-01-02.nii", "wb", fileobj=file) as packed:
        packed.write((tmp_path / "scan.nii").read_bytes())
    report = finished(check([path]))
    places = {finding.what.split(":")[0] for finding in report.findings}
    assert {
        "header field descrip", "header field db_name", "header extension (comment)", "name before it was compressed"
    } <= places  # fmt: skip
    assert any(finding.kind == "name" for finding in report.findings) and report.count("identifies") >= 2
    made = finished(share((path,), tmp_path / "copy")).made
    assert [one.name for one in made] == ["scan.nii.gz"]
    whole = gzip.decompress(made[0].read_bytes())
    assert not [word for word in (*SECRETS, b"FSL5.0") if word in whole or word in made[0].read_bytes()]
    one, other = nib.load(path), nib.load(made[0])
    np.testing.assert_array_equal(np.asarray(one.dataobj), np.asarray(other.dataobj))
    np.testing.assert_array_equal(one.affine, other.affine)
    assert not finished(check(made)).findings


def test_comments_of_a_nrrd_and_of_a_picture_are_found(tmp_path: Path) -> None:
    write(volume(asymmetric()), tmp_path / "a.nrrd")
    head, body = (tmp_path / "a.nrrd").read_bytes().split(b"\n\n", 1)
    (tmp_path / "a.nrrd").write_bytes(head + b"\nDICOM_0010_0010_name:=Doe^Jane\n\n" + body)
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "Dr^Who")
    Image.fromarray(np.zeros((40, 40), np.uint8)).save(tmp_path / "a.png", pnginfo=info)
    report = finished(check([tmp_path]))
    assert {finding.value for finding in report.findings} == {"Doe^Jane", "Dr^Who"}
    finished(share((tmp_path / "a.nrrd", tmp_path / "a.png"), tmp_path / "copy"))
    assert not finished(check([tmp_path / "copy"])).findings


@pytest.mark.parametrize(
    "name", ["Doe^Jane.nii", "Jane_Doe.nii.gz", "Mueller, Hans", "scan_1950-01-02.nii", "19500102_T1.nii", "MRN0012345",
             "patient_smith.nii", "0012345678.nii.gz", "geb. 02.01.1950"],
)  # fmt: skip
def test_names_of_files_that_tell_are_seen(name: str) -> None:
    assert in_name(name) is not None


@pytest.mark.parametrize(
    "name", ["scan.nii.gz", "brain1_image.nrrd", "Task04_Hippocampus", "hippocampus_001.nii.gz", "T1_Brain.nii",
             "ct.nii", "1.2.840.113619.2.55.3.dcm", "IM-0001-0042.dcm", "000012.dcm", "sub-01_ses-02_T1w.nii.gz",
             "RAS.nii.gz", "segmentation_multilabel.nii.gz", "t1_crop.nii.gz",
             "CT.1.3.12.2.1107.5.1.4.60064.30000022120808113428"],
)  # fmt: skip
def test_plain_names_of_files_are_left_alone(name: str) -> None:
    assert in_name(name) is None


def test_a_report_does_not_itself_give_the_patient_away() -> None:
    finding = Finding("tag", "identifies", "a.dcm", "Patient's Name", "Doe^Jane")
    assert finding.masked == "Do… (8 characters)" and "Jane" not in finding.masked
    assert Finding("tag", "look", "", "", "x").masked == "…" and Finding("face", "look", "", "").masked == ""
    report = Report((finding, Finding("face", "look", "a", "b")), 1)
    assert report.in_words == "In 1 file: 1 thing identifies the patient, 1 to be looked at"
    assert "no proof" in Report((), 1).in_words
    assert suspicion("TE=30 ms") is None


@pytest.mark.parametrize("text", ["DOE JANE 02.01.1950", "St. Elsewhere MRN 4711"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_text_in_a_picture_is_seen(text: str, dtype: type) -> None:
    noise = (np.random.default_rng(0).random((300, 400)) * 90).astype(np.uint8)
    image = Image.fromarray(noise)
    ImageDraw.Draw(image).text((8, 8), text, 255, font_size=14)
    pixels = np.asarray(image).astype(dtype) * (200 if dtype is np.uint16 else 1)
    assert has_text(pixels) and not has_text(noise)
    assert has_text(np.stack([np.asarray(image)] * 3, axis=-1))


def test_a_letter_of_side_alone_is_no_text() -> None:
    image = Image.fromarray(np.full((300, 400), 60, np.uint8))
    ImageDraw.Draw(image).text((8, 8), "L", 255, font_size=40)
    assert not has_text(np.asarray(image)) and not has_text(np.zeros((300, 400))) and not has_text(np.ones((4, 4)))


@pytest.mark.data
def test_few_of_many_real_pictures_are_taken_for_text(data: Path) -> None:
    pictures = sorted((data / "classification" / "brain_tumor_mri").rglob("*.jpg"))[:40]
    assert pictures and sum(has_text(np.asarray(Image.open(path))) for path in pictures) <= 2


def head(nose: bool) -> np.ndarray:
    """A head of soft tissue in air, 2 mm voxels: an ellipsoid, a neck, and a nose or none."""
    x, y, z = np.indices((110, 130, 130)) * 2.0
    skull = ((x - 110) / 75) ** 2 + ((y - 125) / 95) ** 2 + ((z - 150) / 100) ** 2 <= 1
    neck = (((x - 110) / 45) ** 2 + ((y - 110) / 50) ** 2 <= 1) & (z < 130)
    made = skull | neck
    if nose:
        made |= (np.abs(x - 110) < 12 - (y - 215) / 4) & (y > 200) & (y < 243) & (np.abs(z - 130) < 22)
    return np.where(made, 300, 0).astype(np.int16)


def test_a_nose_in_front_of_cheeks_makes_a_face() -> None:
    with_nose = volume(head(True), np.diag([2.0, 2.0, 2.0, 1.0]))
    assert face_of(with_nose).seen and face_of(with_nose).nose_mm > 14
    assert not face_of(volume(head(False), np.diag([2.0, 2.0, 2.0, 1.0]))).seen
    assert not face_of(volume(head(True), np.diag([0.5, 0.5, 0.5, 1.0]))).seen  # as small as a mouse
    ct = volume(np.where(head(True) > 0, 40, -1000).astype(np.int16), np.diag([2.0, 2.0, 2.0, 1.0]))
    assert face_of(ct).seen
    flipped = volume(head(True)[::-1, ::-1], np.diag([-2.0, -2.0, 2.0, 1.0]))
    assert not face_of(flipped).seen or flipped.affine[0, 0] < 0  # only RAS+ views come here


@pytest.mark.data
def test_of_real_heads_only_the_one_with_a_face_has_one(data: Path) -> None:
    assert face_of(opened(data / "weights" / "brainchop" / "t1_crop.nii.gz")).seen
    for name in ("volumes/orientations/RAS.nii.gz", "volumes/orientations/PIL.nii.gz", "volumes/mha.mha",
                 "seg3d/pyradiomics_brain1/brain1_image.nrrd", "seg3d/totalsegmentator_ct/ct.nii.gz"):  # fmt: skip
        if (data / name).exists():
            assert not face_of(opened(data / name)).seen, name


@pytest.mark.data
@pytest.mark.trap("T24")
def test_a_real_series_has_nothing_left_in_its_clean_copy(data: Path, tmp_path: Path) -> None:
    folder = data / "dicom" / "hippocrop_mr_study1"
    assert finished(check([folder])).count("identifies") == 3
    finished(share((folder,), tmp_path / "copy"))
    assert not finished(check([tmp_path / "copy"])).findings
    np.testing.assert_array_equal(opened(tmp_path / "copy").voxels, opened(folder).voxels)


def test_a_mask_takes_no_text_over(tmp_path: Path) -> None:
    scan = opened(saved(tmp_path / "scan.nii", asymmetric(), AFFINE, descrip=b"Doe^Jane", db_name=b"4711"))
    files = finished(
        export(Export(like(scan, scan.frame() > 0), scan=scan, card={"model": {"name": "m"}}), tmp_path / "m.nii")
    )
    assert not finished(check(files[:1])).findings
    assert "Doe" not in files[1].read_text() and json.loads(files[1].read_text())["model"]["name"] == "m"


def test_every_file_that_comes_with_pydicom_is_copied_clean_or_refused_in_a_sentence(tmp_path: Path) -> None:
    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size < 400_000]
    copied = 0
    for number, path in enumerate(files):
        try:
            report = finished(share((path,), tmp_path / str(number)))
        except Refused as refusal:
            assert str(refusal).endswith(".") and "\n" not in str(refusal)
            continue
        copied += 1
        for made in report.made:
            data = dcmread(made, stop_before_pixels=True) if made.suffix == ".dcm" else Dataset()
            assert not [one for one in identifying(data, "") if one.level == "identifies"], path.name
    assert copied > 20
