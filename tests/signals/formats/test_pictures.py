"""Pictures there and back, and those that Pillow would change without a word."""

import io
from functools import partial

import numpy as np
import pytest

from narrows.errors import DataError
from narrows.signals.formats.pictures import JPEG, PNG, TIFF, open_picture, write_picture
from narrows.signals.formats.registry import find_format
from tests.helpers.tiny_models import refusal, refusing

Image = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)


def values(dtype, shape):
    if dtype == "float32":
        return RNG.normal(size=shape).astype(dtype)
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    return RNG.integers(low, high, shape, dtype, endpoint=True)


def message(path):
    return refusal(find_format(path).open, path, None, error=DataError)


@pytest.mark.parametrize("size", [(1, 1), (5, 9), (31, 2)])
@pytest.mark.parametrize(
    ("kind", "dtype", "channels"),
    [("PNG", "uint8", c) for c in (1, 2, 3, 4)]
    + [("PNG", "uint16", c) for c in (1, 2, 3, 4)]
    + [("TIFF", "uint8", c) for c in (1, 2, 3, 4)]
    + [("TIFF", name, 1) for name in ("uint16", "int32", "float32")],
)
def test_numbers_come_back_as_they_were(tmp_path, kind, dtype, channels, size):
    if dtype == "uint16" and channels > 1:
        pytest.importorskip("imagecodecs")
    x = values(dtype, size if channels == 1 else (*size, channels))
    path = tmp_path / "x"
    with path.open("wb") as stream:
        write_picture(kind, stream, x, {})
    source = find_format(path).open(path, None)
    assert find_format(path).name == kind
    assert (source.shape, source.dtype) == (x.shape, x.dtype)
    assert source.read().tobytes() == x.tobytes()
    assert np.array_equal(source.part(1, 3), x[1:3])


def test_16_bit_colours_are_not_cut_to_8(tmp_path, monkeypatch):
    imagecodecs = pytest.importorskip("imagecodecs")
    x = values("uint16", (6, 5, 3))
    (tmp_path / "x.png").write_bytes(imagecodecs.png_encode(x))
    assert np.asarray(Image.open(tmp_path / "x.png")).dtype == np.uint8  # Pillow, without a word
    assert np.array_equal(open_picture("PNG", tmp_path / "x.png").read(), x)
    monkeypatch.setitem(__import__("sys").modules, "imagecodecs", None)
    assert "pip install imagecodecs" in message(tmp_path / "x.png")


@pytest.mark.parametrize("dtype", ["uint16", "int16"])
def test_tiff_that_pillow_would_change_is_refused(tmp_path, dtype):
    imagecodecs = pytest.importorskip("imagecodecs")
    x = values(dtype, (6, 5, 3) if dtype == "uint16" else (6, 5))
    try:
        content = imagecodecs.tiff_encode(x)
    except (AttributeError, NotImplementedError, imagecodecs.DelayedImportError):
        pytest.skip("no writer of such a TIFF here")
    (tmp_path / "x.tif").write_bytes(content)
    assert "numbers of 16 bits" in message(tmp_path / "x.tif")


def test_a_palette_is_read_as_its_colours(tmp_path):
    x = values("uint8", (20, 20, 3)) // 64 * 64
    for name, mode in (("plain.png", "RGB"), ("clear.png", "RGBA")):
        picture = Image.fromarray(x).quantize(16)
        extra = {"transparency": 3} if mode == "RGBA" else {}
        picture.save(tmp_path / name, **extra)
        with Image.open(tmp_path / name) as opened:
            assert opened.mode == "P"
            expected = np.asarray(opened.convert(mode))
        assert np.array_equal(open_picture("PNG", tmp_path / name).read(), expected)


def test_black_and_white_stays_that(tmp_path):
    x = values("uint8", (9, 7)) > 128
    Image.fromarray(x).save(tmp_path / "x.png")
    source = open_picture("PNG", tmp_path / "x.png")
    assert source.read().tolist() == (x * 255).tolist()
    stream = io.BytesIO()
    write_picture("PNG", stream, source.read(), source.attributes)
    assert Image.open(stream).mode == "1"
    assert np.array_equal(np.asarray(Image.open(stream)), x)


def test_jpeg_is_read_as_pillow_decodes_it_and_written_as_png(tmp_path):
    Image.fromarray(values("uint8", (16, 24, 3))).save(tmp_path / "x.jpg")
    source = open_picture("JPEG", tmp_path / "x.jpg")
    assert np.array_equal(source.read(), np.asarray(Image.open(tmp_path / "x.jpg")))
    assert (JPEG.written_as, JPEG.can_write) == (".png", False)
    assert PNG.can_write
    assert TIFF.suffixes == (".tif", ".tiff")


def test_other_kinds_of_pixels_and_several_pages_are_refused(tmp_path):
    Image.fromarray(values("uint8", (4, 4, 4)), "CMYK").save(tmp_path / "x.tif")
    assert "pixels of the kind CMYK" in message(tmp_path / "x.tif")
    pages = [Image.fromarray(values("uint8", (4, 4))) for _ in range(3)]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    assert "holds 3 pages" in message(tmp_path / "pages.tif")


@pytest.mark.parametrize("length", [8, 20, 33, 60])
def test_a_truncated_picture_is_named(tmp_path, length):
    stream = io.BytesIO()
    write_picture("PNG", stream, values("uint8", (50, 50)), {})
    (tmp_path / "x.png").write_bytes(stream.getvalue()[:length])
    with refusing(DataError, match=r"x\.png"):
        open_picture("PNG", tmp_path / "x.png").read()


@pytest.mark.parametrize(
    ("kind", "array"),
    [("PNG", np.zeros((3, 3), "f4")), ("PNG", np.zeros((3, 3), "i2")),
     ("PNG", np.zeros((0, 3), "u1")),
     ("TIFF", np.zeros((3, 3, 3), "u2")), ("PNG", np.zeros((3, 3, 5), "u1")),
     ("PNG", np.zeros(3, "u1")), ("TIFF", np.zeros((2, 3, 3, 3), "u1"))],
)  # fmt: skip
def test_what_a_picture_cannot_hold_is_refused(kind, array):
    with pytest.raises(DataError, match=f"{kind} cannot hold"):
        partial(write_picture, kind)(io.BytesIO(), array, {})


def test_pictures_of_any_size_are_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    Image.fromarray(values("uint8", (16, 24))).save(tmp_path / "x.png")
    assert open_picture("PNG", tmp_path / "x.png").read().shape == (16, 24)
