"""Pictures in memory: arrays, tensors, images of Pillow and SimpleITK."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK
import torch
from PIL import Image

from looktwice import modalities
from looktwice.core.errors import InputError


def picture(height: int = 20, width: int = 30) -> np.ndarray:
    image = np.full((height, width, 3), 60, np.uint8)
    image[..., 0] += np.arange(height, dtype=np.uint8)[:, None] * 5
    image[..., 1] += np.arange(width, dtype=np.uint8) * 5
    return image


RGB = picture()
GREY = RGB[..., 0]


def shown(data, **options) -> np.ndarray:
    study = modalities.open(data, **options)
    assert study.modality is modalities.Modality.IMAGE
    assert not study.medical
    return study.views()[0].image


@pytest.mark.parametrize(
    "data",
    [
        RGB,
        np.asfortranarray(RGB),
        RGB[::-1][::-1],
        np.dstack([RGB, np.full(RGB.shape[:2], 255, np.uint8)]),
        RGB / 255,
        (RGB / 255).astype(np.float32),
        torch.from_numpy(RGB.transpose(2, 0, 1).copy()),
        torch.from_numpy(RGB.transpose(2, 0, 1).copy()).float().div(255).requires_grad_(),
        Image.fromarray(RGB),
        SimpleITK.GetImageFromArray(RGB, isVector=True),
    ],
    ids=["uint8", "fortran", "views", "opaque", "float64", "float32", "tensor", "float tensor", "pillow", "itk"],
)
def test_colour_is_the_same_picture_in_every_form(data):
    np.testing.assert_array_equal(shown(data), RGB)


@pytest.mark.parametrize(
    "data",
    [
        GREY,
        GREY[..., None],
        GREY / 255,
        torch.from_numpy(GREY.copy()),
        torch.from_numpy(GREY.copy())[None],
        Image.fromarray(GREY),
        SimpleITK.GetImageFromArray(GREY),
    ],
    ids=["uint8", "one channel", "float", "tensor", "tensor with a channel", "pillow", "itk"],
)
def test_grey_is_the_same_picture_in_every_form(data):
    np.testing.assert_array_equal(shown(data), np.repeat(GREY[..., None], 3, axis=2))


def test_half_precision_is_read():
    tensor = torch.linspace(0, 1, 600).reshape(1, 20, 30)
    assert shown(tensor.bfloat16())[-1, -1].tolist() == [255, 255, 255]
    assert shown(tensor.half())[-1, -1].tolist() == [255, 255, 255]


@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_uint16_is_scaled_by_the_bits_in_use_as_in_a_file(bits, byte_order):
    values = np.linspace(0, 2**bits - 1, 600).astype(f"{byte_order}u2").reshape(20, 30)
    np.testing.assert_array_equal(shown(values)[..., 0], values >> (bits - 8))


def test_opacity_is_laid_over_white():
    clear = np.dstack([np.zeros((8, 8, 3), np.uint8), np.repeat([[0], [255]], 4, axis=0).repeat(8, axis=1)])
    read = shown(clear.astype(np.uint8))
    assert (read[:4] == 255).all()
    assert (read[4:] == 0).all()


def test_pixels_that_are_not_finite_count_as_the_darkest():
    values = np.linspace(0.2, 1, 600).reshape(20, 30)
    values[0, 1:4] = np.nan, np.inf, -np.inf
    assert shown(values)[0, :4, 0].tolist() == [51, 51, 51, 51]


def test_a_change_to_the_array_afterwards_changes_nothing():
    values = picture()
    study = modalities.open(values)
    values[:] = 0
    np.testing.assert_array_equal(study.views()[0].image, RGB)


def test_exif_orientation_of_a_pillow_image_counts():
    turned = Image.fromarray(RGB).transpose(Image.Transpose.ROTATE_90)
    turned.getexif()[0x0112] = 6
    np.testing.assert_array_equal(shown(turned), RGB)


def test_names(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "doe jane.png")
    with Image.open(tmp_path / "doe jane.png") as opened:
        assert modalities.open(opened).name == "image"
    study = modalities.open(RGB)
    assert (study.name, str(study.source)) == ("array", "array")
    study = modalities.open(RGB, name="tile 3")
    assert (study.name, str(study.source)) == ("tile 3", "tile 3")
    assert modalities.open(tmp_path / "doe jane.png", name="tile").source == tmp_path / "doe jane.png"


def test_a_picture_is_medical_where_the_caller_or_dicom_attributes_say_so():
    assert modalities.open(RGB, medical=True).medical
    image = SimpleITK.GetImageFromArray(GREY)
    assert not modalities.open(image).medical
    image.SetMetaData("0010|0010", "DOE^JANE")
    assert modalities.open(image).medical


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (RGB * 2.0, r"array of shape \(20, 30, 3\) and dtype float64: floats of a picture lie in \[0, 1\].*to 410"),
        (RGB / 255 - 1, r"these reach from -0\.\d+ to"),
        (RGB.astype(np.int64), "dtype int64: a picture holds uint8"),
        (RGB.astype(np.uint16), "dtype uint16: a picture holds uint8"),
        (GREY > 100, "dtype bool: a picture holds uint8"),
        (np.full((9, 9), 7, np.uint8), "every pixel has the same value"),
        (np.full((9, 9), np.nan), "no pixel has a finite value"),
        (np.zeros((0, 9), np.uint8), "contains no pixels"),
        (np.zeros((2, 9, 9, 3), np.uint8), r"array of shape \(2, 9, 9, 3\) and dtype uint8 cannot be opened: a volume"),
        (torch.zeros(1, 3, 9, 9), r"tensor of shape \(1, 3, 9, 9\) and dtype float32 cannot be opened"),
        (np.zeros(9), r"array of shape \(9,\) and dtype float64 cannot be opened"),
        (np.float32(3), "object of type numpy.float32 cannot be opened"),
        ([[1, 2], [3, 4]], "object of type builtins.list cannot be opened"),
        (None, "object of type builtins.NoneType cannot be opened"),
    ],
)
def test_what_is_no_picture_is_refused_in_one_line(data, message):
    with pytest.raises(InputError, match=message) as error:
        modalities.open(data)
    assert "\n" not in str(error.value)


def test_a_kind_that_was_asked_for_is_kept_to():
    rows = np.random.default_rng(0).random((40, 3))
    assert modalities.open(rows).modality is modalities.Modality.POINTCLOUD
    assert modalities.open(rows, "image").views()[0].image.shape == (40, 3, 3)
    with pytest.raises(InputError, match="this is not an image"):
        modalities.open(object(), "image")
