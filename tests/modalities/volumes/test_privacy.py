"""A planted identity must not leave the house: whole inspections, every byte they give looked at."""

from __future__ import annotations

import base64
import gzip
import io
import re
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid
from typer.testing import CliRunner

from looktwice.cli import app

INSPECT = ("inspect", "--device", "cpu", "--llm", "template")
IDENTIFIERS = {
    "PatientName": "Qvortrup^Zelmira",
    "PatientID": "SECRET-ID-4711",
    "PatientBirthDate": "19700101",
    "AccessionNumber": "SECRET-ACC",
    "ReferringPhysicianName": "SECRET^REFERRER",
    "StudyDate": "20190203",
    "StudyTime": "131415",
    "StudyID": "SECRET-STUDY",
}
"""What the modules Patient and General Study require of every object; `--keep-identifiers` keeps these."""

FREE_TEXT = {
    "OtherPatientNames": "Qvortrup^Zelmirana",
    "PatientBirthName": "SECRET^MAIDEN",
    "PatientAddress": "SECRET street 1",
    "PatientTelephoneNumbers": "SECRET-PHONE",
    "PatientComments": "SECRET comment",
    "AdditionalPatientHistory": "SECRET history",
    "InstitutionName": "SECRET hospital",
    "InstitutionAddress": "SECRET town",
    "InstitutionalDepartmentName": "SECRET ward",
    "StationName": "SECRET-STATION",
    "OperatorsName": "SECRET^OPERATOR",
    "PerformingPhysicianName": "SECRET^DOCTOR",
    "StudyDescription": "head of Zelmira Qvortrup",
    "SeriesDescription": "SECRET series of Qvortrup",
    "ProtocolName": "SECRET protocol",
    "ImageComments": "SECRET: Qvortrup Zelmira",
    "RequestedProcedureDescription": "SECRET request",
    "DeviceSerialNumber": "SECRET-SERIAL",
    "BodyPartExamined": "SECRET HEAD",
    "AcquisitionDate": "20190204",
    "ContentDate": "20190205",
    "SeriesDate": "20190206",
}
WORDS = (
    "Qvortrup", "QVORTRUP", "Zelmira", "ZELMIRA", "SECRET", "19700101", "1970-01-01", "20190203", "2019-02-03",
    "20190204", "20190205", "20190206",
)  # fmt: skip
"""None of these may be found anywhere."""

AFFINE = np.array([[-4.0, 0, 0, 90], [0, -4.0, 0, 90], [0, 0, 6.0, -40], [0, 0, 0, 1]])


@pytest.fixture
def ball() -> np.ndarray:
    """A ball of soft tissue with something bright in it; columns, rows, slices."""
    i, j, k = np.meshgrid(np.arange(44), np.arange(44), np.arange(14), indexing="ij")
    values = np.where(((i - 22) / 18) ** 2 + ((j - 22) / 20) ** 2 + ((k - 7) / 8) ** 2 < 1, 40.0, -1000.0)
    values[26:32, 18:24, 5:8] = 90
    return values


def plant(dataset: pydicom.Dataset) -> None:
    """Put the identity into attributes of every kind, nested and private ones among them."""
    with pydicom.config.disable_value_validation():
        for keyword, value in {**IDENTIFIERS, **FREE_TEXT}.items():
            setattr(dataset, keyword, value)
        request = pydicom.Dataset()
        request.RequestedProcedureID, request.ScheduledProcedureStepDescription = "SECRET-RP", "SECRET step"
        dataset.RequestAttributesSequence = [request]
        other = pydicom.Dataset()
        other.PatientID, other.IssuerOfPatientID = "SECRET-OTHER", "SECRET issuer"
        dataset.OtherPatientIDsSequence = [other]
    block = dataset.private_block(0x0099, "SECRET VENDOR", create=True)
    block.add_new(0x01, "LO", "Qvortrup^Zelmira")
    block.add_new(0x02, "UN", b"SECRET bytes of Qvortrup")


def as_series(folder: Path) -> Path:
    """Give the files of a series names that tell who the patient is."""
    for number, path in enumerate(sorted(folder.iterdir())):
        path.rename(path.with_name(f"Qvortrup_Zelmira_19700101_{number:02d}.dcm"))
    return folder


def as_zip(folder: Path) -> Path:
    packed = folder.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"Qvortrup^Zelmira/SECRET/{path.name}")
    return packed


def as_multiframe(folder: Path) -> Path:
    from highdicom.legacy import LegacyConvertedEnhancedCTImage

    singles = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
    # The converter copies no private tags and some text; all is planted again, in every frame too.
    for single in singles:
        single.BodyPartExamined, single.OtherPatientIDsSequence = "HEAD", []
    converted = LegacyConvertedEnhancedCTImage(singles, generate_uid(), 1, generate_uid(), 1)
    plant(converted)
    for group in converted.PerFrameFunctionalGroupsSequence:
        group.FrameContentSequence[0].FrameComments = "SECRET frame of Qvortrup^Zelmira"
        group.private_block(0x0099, "SECRET VENDOR", create=True).add_new(0x01, "LO", "Qvortrup^Zelmira")
    path = folder.with_name("multiframe.dcm")
    converted.save_as(path)
    return path


BASE64 = re.compile(rb"[A-Za-z0-9+/]{200,}={0,2}")


def told(out: Path, *streams: str) -> bytes:
    """Return all that an inspection gave: streams, names of files and their content, decompressed as well."""
    parts = ["\n".join(streams).encode()]
    for path in sorted(out.rglob("*")):
        parts.append(str(path.relative_to(out)).encode())
        if path.is_file():
            content = path.read_bytes()
            parts += [content, unpacked(content), *picture_text(content)]
            if path.suffix == ".html":
                embedded = [base64.b64decode(found + b"=" * (-len(found) % 4)) for found in BASE64.findall(content)]
                parts += [part for one in embedded for part in (one, unpacked(one), *picture_text(one))]
    return b"\n".join(parts)


def unpacked(content: bytes) -> bytes:
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else b""


def picture_text(content: bytes) -> list[bytes]:
    """Return what a picture says besides its pixels (PNG packs its text chunks)."""
    from PIL import Image

    if not content.startswith((b"\x89PNG", b"\xff\xd8")):
        return []
    with Image.open(io.BytesIO(content)) as image:
        return [repr(image.info).encode(), repr(dict(image.getexif())).encode()]


def found_in(content: bytes, words: tuple[str, ...] = WORDS) -> list[str]:
    return [word for word in words if word.encode() in content or word.encode("utf-16-le") in content]


@pytest.mark.parametrize("packed", [as_series, as_zip, as_multiframe])
def test_whole_inspection_of_dicom_tells_nothing(write_series, ball, tmp_path, packed):
    source = packed(write_series(ball, AFFINE, change=lambda dataset, index: plant(dataset)))
    out = tmp_path / "out"

    run = CliRunner().invoke(app, [*INSPECT, str(source), "--out", str(out), "--dicom", "--json"])

    assert run.exit_code == 0, run.output
    assert len(list(out.rglob("*.dcm"))) >= 2
    assert len(list(out.rglob("report.html"))) == 1
    assert found_in(told(out, run.stdout, run.stderr)) == []


def test_identifiers_are_kept_in_dicom_objects_alone(write_series, ball, tmp_path):
    source = write_series(ball, AFFINE, change=lambda dataset, index: plant(dataset))
    out = tmp_path / "out"

    run = CliRunner().invoke(app, [*INSPECT, str(source), "--out", str(out), "--dicom", "--keep-identifiers"])

    assert run.exit_code == 0, run.output
    objects = sorted(out.rglob("*.dcm"))
    for path in objects:
        dataset = pydicom.dcmread(path)
        assert {keyword: str(dataset[keyword].value) for keyword in IDENTIFIERS} == IDENTIFIERS
        content = path.read_bytes()
        assert [text for text in FREE_TEXT.values() if text.encode() in content] == []
        assert b"SECRET VENDOR" not in content
        path.unlink()
    assert found_in(told(out, run.stdout, run.stderr)) == []


def test_damaged_series_is_refused_without_its_identity(write_series, ball, tmp_path):
    source = as_series(write_series(ball, AFFINE, change=lambda dataset, index: plant(dataset)))
    for path in source.iterdir():
        path.write_bytes(path.read_bytes()[:-2000])
    out = tmp_path / "out"

    run = CliRunner().invoke(app, [*INSPECT, str(source), "--out", str(out), "--json"])

    assert run.exit_code == 1
    assert "error" in run.stderr
    assert found_in(told(out, run.stdout, run.stderr)) == []


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_whole_inspection_of_nifti_tells_nothing(ball, tmp_path, kind):
    image = kind(ball.astype(np.int16), AFFINE)
    for field in ("descrip", "aux_file", "db_name", "data_type", "intent_name"):
        if field in image.header:
            image.header[field] = b"Qvortrup"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"SECRET: Qvortrup^Zelmira, 19700101"))
    source, out = tmp_path / "case.nii.gz", tmp_path / "out"
    nib.save(image, source)

    run = CliRunner().invoke(app, [*INSPECT, str(source), "--out", str(out), "--json"])

    assert run.exit_code == 0, run.output
    assert found_in(told(out, run.stdout, run.stderr)) == []
