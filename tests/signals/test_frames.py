"""Files and folders as frames: what is read, what is proposed, and what is refused."""

import os
import wave
from functools import partial

import numpy as np
import pytest

from narrows.errors import DataError, SettingError
from narrows.signals import Frames, Reading, open_signals, read_signals
from narrows.signals.cutting import MAX_TILE, tile_of
from narrows.signals.geometry import unpack_metadata
from narrows.signals.reading import parse_dtype, parse_lengths
from narrows.signals.windows import join
from tests.helpers.tiny_models import refusal


def write_wav(path, x, rate=8000):
    """Write int16 samples with the standard library."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1 if x.ndim == 1 else x.shape[1], 2, rate, 0, "NONE", ""))
        file.writeframes(x.astype("<i2").tobytes())


@pytest.fixture
def folder(tmp_path):
    """A folder of three recordings of different lengths, one in a folder of its own."""
    rng, folder = np.random.default_rng(0), tmp_path / "spoken"
    (folder / "in").mkdir(parents=True)
    for name, n in (("b.wav", 1000), ("a.wav", 300), ("in/c.wav", 17)):
        write_wav(folder / name, rng.integers(-999, 999, n))
    (folder / ".hidden").write_bytes(b"x")
    return folder


message = partial(refusal, open_signals, error=DataError)


def restored(frames):
    """Join what `Frames` reads, by its metadata alone."""
    geometry = unpack_metadata(frames.metadata)
    back, x = {}, frames.read()
    for number, name in enumerate(geometry.names):
        grid = geometry.grid(number)
        own = x[geometry.starts[number] : geometry.starts[number + 1]]
        out = np.empty(grid.shape, x.dtype)
        back[name] = join(own.reshape(len(own), *grid.lengths), grid, out)
    return back


@pytest.mark.parametrize("hop", [None, (100,), (256,)])
def test_a_folder_of_recordings_is_one_source_of_windows(folder, hop):
    frames = open_signals(folder, Reading(window=256, hop=hop))
    assert isinstance(frames, Frames)
    assert frames.dtype == np.int16
    assert frames.shape == ((4 + 2 + 1 if hop != (100,) else 9 + 2 + 1), 256)
    back = restored(frames)
    assert [*back] == ["a.wav", "b.wav", "in/c.wav"]
    assert [len(x) for x in back.values()] == [300, 1000, 17]
    assert np.array_equal(back["b.wav"], read_signals(folder / "b.wav", Reading(window=1000))[0])
    assert [dict(each) for each in frames.geometry.attributes] == [{"rate": 8000}] * 3


def test_blocks_and_rows_of_frames_are_those_of_all(folder):
    frames = open_signals(folder, Reading(window=64, hop=(32,)))
    whole = frames.read()
    assert np.array_equal(np.concatenate(list(frames.blocks(7))), whole)
    order = np.random.default_rng(1).permutation(len(whole))
    assert np.array_equal(frames.rows(order), whole[order])


@pytest.mark.parametrize(
    ("shape", "tile", "frame_shape"),
    [
        ((9, 20, 13), (4, 8, 8), (4, 8, 8)),
        ((9, 20, 13), (8, 8), (8, 8)),
        ((9, 20, 13), (1, 5, 1), (5, 1)),
        ((50,), (8,), (8,)),
    ],
)
def test_an_array_is_cut_in_tiles_along_its_last_axes(tmp_path, shape, tile, frame_shape):
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    frames = open_signals(tmp_path / "x.npy", Reading(tile=tile))
    assert frames.shape[1:] == frame_shape
    assert np.array_equal(restored(frames)["x.npy"], x)


def test_rows_of_numpy_files_stay_what_they_were(tmp_path):
    x = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
    np.save(tmp_path / "x.npy", x)
    assert not isinstance(open_signals(tmp_path / "x.npy"), Frames)
    (tmp_path / "many").mkdir()
    for n in (3, 4):
        np.save(tmp_path / "many" / f"{n}.npy", np.zeros((n, 28, 28), np.uint8))
    assert read_signals(tmp_path / "many").shape == (7, 28, 28)


def test_bare_numbers_need_shape_and_type(tmp_path):
    x = np.random.default_rng(0).normal(size=(5, 6, 7)).astype(">f4")
    (tmp_path / "x.f32").write_bytes(x.tobytes())
    for shape in ((5, 6, 7), (-1, 6, 7)):
        frames = open_signals(tmp_path / "x.f32", Reading(shape=shape, dtype=np.dtype(">f4")))
        assert np.array_equal(frames.read(), x)
        assert frames.geometry.shapes[0] == (5, 6, 7)
    assert "give --shape and --dtype" in message(tmp_path / "x.f32", Reading())
    wrong = Reading(shape=(4, 6, 7), dtype=np.dtype("f4"))
    assert "840 bytes, and shape 4,6,7 of float32 takes 672" in message(tmp_path / "x.f32", wrong)


def test_a_size_is_proposed_and_said(folder):
    told = []
    frames = open_signals(folder, Reading(tell=told.append))
    assert frames.shape[1:] == (256,)  # 32 ms
    assert "frames of 256; --window" in told[0]
    assert "27 % of the frames is beyond the ends" in told[1]


def test_frames_are_cut_as_the_model_takes_them(folder, tmp_path):
    assert open_signals(folder, Reading(frame_shape=(100,))).shape[1:] == (100,)
    assert "cannot be cut to the frames of the model" in message(
        folder, Reading(frame_shape=(28, 28))
    )
    np.save(tmp_path / "x.npy", np.zeros((9, 30, 30), np.uint8))
    assert open_signals(tmp_path / "x.npy", Reading(frame_shape=(30, 30))).shape == (9, 30, 30)
    assert open_signals(tmp_path / "x.npy", Reading(frame_shape=(8, 8))).shape == (9, 30, 30)
    cut = Reading(frame_shape=(8, 8), hops_of_model=(1, 8, 8))
    assert open_signals(tmp_path / "x.npy", cut).shape == (144, 8, 8)


def test_a_folder_of_unlike_files_is_refused(folder):
    write_wav(folder / "stereo.wav", np.zeros((500, 2)))
    told = message(folder, Reading(window=64))
    assert "'a.wav' of 1 channel of int16 and 'stereo.wav' of 2 channels of int16" in told


def test_an_unreadable_file_is_named_and_can_be_skipped(folder):
    (folder / "notes.txt").write_text("read me")
    told = message(folder, Reading(window=64))
    assert "notes.txt" in told
    assert "--skip-unreadable" in told
    skipped = []
    frames = open_signals(folder, Reading(window=64, skip_unreadable=True, tell=skipped.append))
    assert len(frames.members) == 3
    assert "notes.txt" in skipped[0]
    (folder / "notes.txt").unlink()
    os.symlink(folder / "gone", folder / "link.wav")
    assert "link.wav' is a link to nothing" in message(folder, Reading(window=64))


def test_what_cannot_be_cut_is_refused(folder, tmp_path):
    assert "window 2000 is longer than the longest recording, 'b.wav' of 1000" in message(
        folder, Reading(window=2000)
    )
    np.save(tmp_path / "x.npy", np.zeros((9, 5, 5), np.uint8))
    with pytest.raises(SettingError, match="give window or tile, too"):
        open_signals(folder, Reading(hop=(4,)))
    with pytest.raises(SettingError, match="hop 9 of the model's frames of 8; it must be 1 to"):
        open_signals(folder, Reading(hop=(9,), frame_shape=(8,)))
    assert "is longer than every array" in message(tmp_path / "x.npy", Reading(tile=(8, 8)))
    assert "has 4 axes" in message(tmp_path / "x.npy", Reading(tile=(1, 1, 1, 1)))
    (tmp_path / "none").mkdir()
    assert "without files of signals" in message(tmp_path / "none", Reading())


def test_a_pattern_stands_for_the_files_that_match(folder):
    frames = open_signals(f"{folder}/*.wav", Reading(window=64))
    assert frames.geometry.names == ["a.wav", "b.wav"]


@pytest.mark.parametrize(
    "wrong",
    [{"window": 8, "tile": (8,)}, {"hop": (0,)}, {"window": 0}, {"window": 8, "hop": (9,)},
     {"tile": (8, 8), "hop": (4,)}, {"shape": (3,)}, {"tile": (8,), "hop": (0,)}],
)  # fmt: skip
def test_requests_that_contradict_each_other_are_refused(wrong):
    with pytest.raises(SettingError):
        Reading(**wrong)


def test_lengths_and_types_are_read_from_text():
    assert parse_lengths("8,16,16", "tile") == parse_lengths("8x16x16", "tile") == (8, 16, 16)
    assert parse_dtype("float32") == np.dtype("<f4")
    assert parse_dtype(">i2") == np.dtype(">i2")
    for wrong in ("complex64", "nonsense", "U5", ""):
        with pytest.raises(SettingError, match="dtype"):
            parse_dtype(wrong)
    with pytest.raises(SettingError, match="tile '8;16'"):
        parse_lengths("8;16", "tile")


def test_pictures_of_different_sizes_are_cut_in_tiles_and_jpeg_becomes_png(tmp_path):
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    for name, size in (("a.png", (40, 31)), ("a.jpg", (33, 64)), ("b.tif", (7, 50))):
        image.fromarray(rng.integers(0, 255, (*size, 3), np.uint8)).save(tmp_path / name)
    frames = open_signals(tmp_path, Reading(tile=(16, 16)))
    assert frames.shape[1:] == (16, 16, 3)
    back = restored(frames)
    assert [*back] == ["a.jpg.png", "a.png", "b.tif"]
    for name, x in back.items():
        with image.open(tmp_path / name.replace(".jpg.png", ".jpg")) as picture:
            assert np.array_equal(np.asarray(picture), x)
    (tmp_path / "a.png").unlink()
    assert open_signals(tmp_path, Reading(tile=(16, 16))).geometry.names == ["a.png", "b.tif"]
    told = message(tmp_path, Reading(window=16))
    assert "is a picture; cut it with --tile" in told


def test_pictures_of_one_size_are_signals_as_they_are(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for n in range(3):
        image.fromarray(np.full((32, 32, 3), n, np.uint8)).save(tmp_path / f"{n}.png")
    assert open_signals(tmp_path).shape == (3, 32, 32, 3)


def test_each_file_of_a_folder_is_opened_once_where_blocks_are_read_in_order(folder):
    frames = open_signals(folder, Reading(window=16))
    opened = []
    for member in frames.members:
        original = member.open

        def opening(original=original, name=member.name):
            opened.append(name)
            return original()

        object.__setattr__(member, "open", opening)
    assert sum(len(block) for block in frames.blocks(1000)) == frames.shape[0]
    assert opened == ["a.wav", "b.wav", "in/c.wav"]


@pytest.mark.parametrize("window", [100, 256, 1])
@pytest.mark.parametrize("dtype", ["<i2", ">i2", "<f2", "<i8"])
def test_windows_that_are_read_as_rows_are_those_cut_one_by_one(tmp_path, window, dtype):
    for number, length in enumerate((1000, 0, 777)):
        x = np.random.default_rng(number).integers(0, 99, (length, 2)).astype(dtype)
        np.save(tmp_path / f"{number}.npy", x)
    frames = open_signals(tmp_path, Reading(window=window))
    one_by_one = frames.rows(np.arange(frames.shape[0]))
    for size in (1, 3, 7, 10_000):
        blocks = list(frames.blocks(size))
        assert {block.dtype for block in blocks} == {frames.dtype}
        assert np.array_equal(np.concatenate(blocks), one_by_one)


def test_blocks_read_each_row_once(tmp_path, monkeypatch):
    x = np.arange(40_000, dtype="<i2").reshape(100, 20, 20)
    x.tofile(tmp_path / "x.raw")
    reads = []
    monkeypatch.setattr(
        np, "fromfile", lambda *a, _real=np.fromfile, **k: reads.append(a[2]) or _real(*a, **k)
    )
    shape = (100, 20, 20)
    for reading in (
        Reading(shape=shape, dtype=x.dtype, tile=(8, 8)),
        Reading(shape=shape, dtype=x.dtype, tile=(5, 20, 20)),
    ):
        reads.clear()
        sum(len(block) for block in open_signals(tmp_path / "x.raw", reading).blocks(16))
        assert sum(reads) == x.size


def test_overlaps_are_said(folder):
    told = []
    open_signals(folder, Reading(window=16, hop=(4,), tell=told.append))
    assert "frames overlap: they hold 3.9 times the numbers" in told[0]


@pytest.mark.parametrize(
    ("sizes", "channels", "tile"),
    [
        ((512, 512), 1, (32, 32)),
        ((512, 512), 3, (16, 16)),
        ((512, 512), 4, (16, 16)),
        ((41, 128, 128), 1, (4, 16, 16)),
        ((9, 41, 128, 128), 1, (4, 16, 16)),
        ((2, 900), 1, (2, 32)),
        ((100,), 1, (100,)),
    ],
)
def test_tiles_that_are_proposed_can_be_coded_as_whole_arrays(sizes, channels, tile):
    pytest.importorskip("torch", reason="training needs torch; extra train")
    from narrows.training.freeze.wavelets import MAX_SIZE

    assert tile_of(sizes, channels) == tile
    assert np.prod(tile) * channels <= MAX_TILE == MAX_SIZE


def test_colour_pictures_are_cut_in_tiles_that_can_be(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for name, height in (("a", 50), ("b", 70)):
        image.fromarray(np.zeros((height, 60, 3), np.uint8)).save(tmp_path / f"{name}.png")
    told = []
    assert open_signals(tmp_path, Reading(tell=told.append)).shape[1:] == (16, 16, 3)
    assert told[0] == "cut in frames of 16 x 16 x 3; --tile takes another size"


def test_few_large_rows_are_told_that_tiles_would_be_more(tmp_path):
    told = []
    np.save(tmp_path / "x.npy", np.zeros((41, 128, 128), np.float32))
    asked = Reading(proposes=True, tell=told.append)
    assert not isinstance(open_signals(tmp_path / "x.npy", asked), Frames)
    assert told == ["41 signals of 128 x 128: few to learn from; --tile 4,16,16 cuts them in more"]
    open_signals(tmp_path / "x.npy", Reading(proposes=True, frame_shape=(128, 128)))


def held_out(tmp_path, lengths, seed=0, loudness=(1,) * 99):
    for number, length in enumerate(lengths):
        write_wav(tmp_path / f"{number}.wav", loudness[number] * np.arange(length) % 999)
    parts = open_signals(tmp_path, Reading(window=10)).hold_out(0.1, seed)
    return parts and [[member.name for member in part.members] for part in parts]


@pytest.mark.parametrize(("n", "expected"), [(4, None), (5, 1), (8, 1), (20, 2)])
def test_of_five_recordings_or_more_some_are_held_out(tmp_path, n, expected):
    parts = held_out(tmp_path, [100] * n)
    if expected is None:
        assert parts is None
        return
    learnt, others = parts
    assert len(others) == expected
    assert sorted([*learnt, *others]) == sorted(f"{number}.wav" for number in range(n))


@pytest.mark.parametrize("seed", range(5))
def test_a_recording_that_is_most_of_all_is_learnt_from(tmp_path, seed):
    learnt, others = held_out(tmp_path, [4000, 150, 150, 150, 150, 150, 150, 150], seed)
    assert "0.wav" in learnt
    assert 2 <= len(others) <= 3


@pytest.mark.parametrize("odd", [0, 3, 5])
def test_of_a_few_recordings_none_is_held_out_that_is_far_calmer_or_louder(tmp_path, odd):
    loudness = [5, 4, 6, 5, 4, 6]
    loudness[odd] = 90
    _, others = held_out(tmp_path, [100] * 6, loudness=loudness)
    assert others != [f"{odd}.wav"]
