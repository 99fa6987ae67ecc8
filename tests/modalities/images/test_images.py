"""Photographs of every format: what is read, and the way back to their pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from looktwice.core.errors import InputError
from looktwice.modalities.images import ImageStudy, PixelMap, is_image, read_image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "pictures of größe 2"
    made.mkdir()
    return made


def gradient(height: int = 20, width: int = 30) -> np.ndarray:
    """Red grows downwards, green to the right, blue stays."""
    image = np.full((height, width, 3), 60, np.uint8)
    image[..., 0] += np.arange(height, dtype=np.uint8)[:, None] * 5
    image[..., 1] += np.arange(width, dtype=np.uint8) * 5
    return image


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "webp"])
def test_lossless_colour_is_read_as_it_is(folder, suffix):
    path = folder / f"naïve picture.{suffix}"
    Image.fromarray(gradient()).save(path, **({"lossless": True} if suffix == "webp" else {}))
    assert is_image(path)
    assert np.array_equal(read_image(path), gradient())


def test_jpeg_is_read_nearly_as_it_is(folder):
    path = folder / "picture.jpg"
    Image.fromarray(gradient()).save(path, quality=95, subsampling=0)
    assert np.abs(read_image(path).astype(int) - gradient()).max() <= 8


def test_grey_becomes_three_equal_channels(folder):
    grey = gradient()[..., 0]
    Image.fromarray(grey).save(folder / "grey.png")
    read = read_image(folder / "grey.png")
    assert read.dtype == np.uint8
    assert all(np.array_equal(read[..., channel], grey) for channel in range(3))


@pytest.mark.parametrize("mode", ["1", "P", "CMYK", "LAB", "YCbCr"])
def test_other_colour_modes_are_shown_as_they_look(folder, mode):
    colour = Image.fromarray(gradient())
    picture = Image.frombytes("LAB", colour.size, colour.tobytes()) if mode == "LAB" else colour.convert(mode)
    picture.save(folder / "picture.tif")
    assert np.array_equal(read_image(folder / "picture.tif"), np.asarray(picture.convert("RGB")))


def test_transparency_is_laid_over_white(folder):
    image = np.zeros((4, 6, 4), np.uint8)
    image[:, 3:, 3] = 255  # black and opaque on the right, black and transparent on the left
    image[:, 2, 3] = 128
    Image.fromarray(image).save(folder / "alpha.png")
    read = read_image(folder / "alpha.png")
    assert (read[:, :2] == 255).all()
    assert np.abs(read[:, 2].astype(int) - 127).max() <= 1
    assert (read[:, 3:] == 0).all()


def test_a_transparent_palette_colour_is_white_too(folder):
    picture = Image.new("P", (4, 4))
    picture.putpalette([0, 0, 0, 10, 20, 30])
    picture.putpixel((1, 2), 1)
    picture.save(folder / "palette.png", transparency=0)
    read = read_image(folder / "palette.png")
    assert read[2, 1].tolist() == [10, 20, 30]
    assert read[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_grey_in_16_bit_is_scaled_by_the_bits_in_use(folder, bits, suffix):
    top = 2**bits - 1
    values = np.linspace(0, top, 600).astype(np.uint16).reshape(20, 30)
    path = folder / f"radiograph.{suffix}"
    Image.fromarray(values).save(path)
    read = read_image(path)[..., 0]
    assert np.array_equal(read, values >> (bits - 8))
    assert read.max() == 255


def test_big_endian_16_bit_is_the_same_picture(folder):
    values = np.linspace(0, 4095, 600).astype(np.uint16).reshape(20, 30)
    tifffile.imwrite(folder / "little.tif", values, byteorder="<")
    tifffile.imwrite(folder / "big.tif", values, byteorder=">")
    assert np.array_equal(read_image(folder / "big.tif"), read_image(folder / "little.tif"))


def test_floats_are_scaled_by_their_finite_range(folder):
    values = np.linspace(-3, 5, 600, dtype=np.float32).reshape(20, 30)
    values[0, 1], values[0, 2], values[0, 3] = np.nan, np.inf, -np.inf
    tifffile.imwrite(folder / "height map.tif", values)
    read = read_image(folder / "height map.tif")[..., 0]
    # What is not finite is shown like its nearest neighbour: the pixel to the left, or the two below.
    assert read[0, :4].tolist() == [0, 0, *read[1, 2:4]]
    assert read[-1, -1] == 255
    assert np.abs(read[1:].astype(float) - (values[1:] + 3) / 8 * 255).max() <= 0.5 + 1e-3


def test_floats_without_any_finite_value_are_refused(folder):
    tifffile.imwrite(folder / "nan.tif", np.full((8, 8), np.nan, np.float32))
    with pytest.raises(InputError, match="no pixel has a finite value"):
        read_image(folder / "nan.tif")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_stands_upright_whatever_its_exif_orientation(folder, orientation):
    upright = Image.fromarray(gradient())
    # How a camera stores the upright picture under each orientation.
    stored = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    picture = upright if stored is None else upright.transpose(stored)
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(folder / "photo.png", exif=exif)
    study = ImageStudy(folder / "photo.png")
    assert np.array_equal(study.views()[0].image, gradient())
    assert study.lift(np.zeros((1, 4, 4))).values.shape == (20, 30)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp", "webp"])
def test_a_truncated_file_is_refused_in_one_line(folder, suffix):
    path = folder / f"cut off.{suffix}"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="the image cannot be read") as error:
        read_image(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"hello"], ids=["empty", "magic only", "text"])
def test_what_is_no_picture_is_refused(folder, content):
    path = folder / "broken.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.png: the image cannot be read"):
        read_image(path)


def test_a_picture_without_contrast_is_refused(folder):
    Image.new("RGB", (9, 9), (7, 7, 7)).save(folder / "flat.png")
    with pytest.raises(InputError, match="same value"):
        read_image(folder / "flat.png")


def test_a_decompression_bomb_is_refused_before_it_is_decoded(folder, monkeypatch):
    from looktwice.modalities.images import reading

    Image.fromarray(gradient()).save(folder / "large.png")
    monkeypatch.setattr(reading, "MAX_PIXELS", 599)
    with pytest.raises(InputError, match=r"the image is too large"):
        read_image(folder / "large.png")


def test_a_study_has_one_view_and_a_name_for_its_folder(folder):
    Image.fromarray(gradient()).save(folder / "größe 3.png")
    study = ImageStudy(folder / "größe 3.png")
    (view,) = study.views()
    assert (view.index, view.image.shape) == (0, (20, 30, 3))
    assert study.name == "größe 3"
    assert study.base == 0


@pytest.fixture(scope="module")
def wide(tmp_path_factory) -> ImageStudy:
    path = tmp_path_factory.mktemp("wide") / "wide.png"
    Image.fromarray(gradient(30, 36).repeat(3, axis=0).repeat(6, axis=1)).save(path)  # 90 × 216
    return ImageStudy(path)


@given(row=st.integers(0, 8), column=st.integers(0, 11))
@settings(max_examples=25, deadline=None)
def test_a_hot_cell_lands_on_its_own_pixels(wide, row, column):
    small = np.zeros((1, 9, 12), np.float32)
    small[0, row, column] = 1
    values = wide.lift(small).values
    assert values.shape == (90, 216)
    assert values.dtype == np.float32
    hottest = np.argwhere(values == values.max()).mean(axis=0)
    assert 10 * row <= hottest[0] < 10 * (row + 1)
    assert 18 * column <= hottest[1] < 18 * (column + 1)


def test_a_lifted_map_keeps_its_level_and_stays_in_range(wide):
    np.testing.assert_allclose(wide.lift(np.full((1, 9, 12), 0.3)).values, 0.3, atol=1e-6)
    noisy = wide.lift(np.random.default_rng(0).random((1, 9, 12))).values
    assert noisy.min() >= 0
    assert noisy.max() <= 1


def test_regions_speak_of_x_and_y():
    values = np.zeros((40, 60), np.float32)
    values[5:8, 30:40] = 0.9
    values[20:30, 2:4] = 0.7
    first, second = PixelMap(values).regions(0.5)
    assert first.bbox == (30, 5, 40, 8)
    assert first.centroid == pytest.approx((34.5, 6.0))
    assert (first.size, first.size_unit) == (30, "area_px")
    assert first.score == pytest.approx(0.9)
    assert second.bbox == (2, 20, 4, 30)
    assert first.to_json()["area_px"] == 30


def test_regions_touch_at_corners_reach_the_threshold_and_are_limited():
    values = np.zeros((10, 10), np.float32)
    values[2, 2] = values[3, 3] = 0.5
    values[8, ::2] = 0.6
    found = PixelMap(values).regions(0.5)
    assert [region.size for region in found] == [1, 1, 1, 1, 1, 2]
    assert len(PixelMap(values).regions(0.5, limit=2)) == 2
    assert PixelMap(values).regions(0.7) == []
