"""Architecture predictive on arrays: their wavelets take fewer bytes than PCA of tiles."""

import io

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import narrows
from narrows.codec.archive import ArchiveReader, Mode
from narrows.codec.codec import Codec
from narrows.errors import SettingError
from tests.helpers.tiling import field


@pytest.fixture(scope="module")
def codecs():
    """PCA of tiles, and arrays as a whole, at the same aim."""
    x, given = field((24, 32, 32), 0), {"tile": (4, 4, 4), "aim": "snr:18"}
    names = ("linear", "predictive")
    return {name: narrows.train(x, architecture=name, **given) for name in names}


def measured(codec, x):
    """Return the bytes of an archive, the squared error, and the modes of its blocks."""
    blob = narrows.compress(x, codec)
    (decoded,) = decompressed(blob, codec, x)
    modes = {block.mode for block in ArchiveReader(io.BytesIO(blob))}
    return len(blob), np.square(decoded.astype(float) - x).mean(), modes


def decompressed(blob, codec, *like):
    """Return what an archive holds, of the shapes of some arrays."""
    from narrows.codec.archive import IndexedArchive
    from narrows.codec.decoder import stream_of
    from narrows.signals.geometry import unpack_geometry
    from narrows.signals.restoring import restored_arrays

    blocks = IndexedArchive(stream_of(blob))
    geometry = unpack_geometry(blocks.header, blocks.n_signals)
    frames = codec.decoder.decompress_from(stream_of(blob))
    members = range(len(geometry.names))
    out = [np.array(a) for _, a in restored_arrays(frames, geometry, codec.model.dtype, members)]
    assert [a.shape for a in out] == [x.shape for x in like]
    return out


def test_another_array_takes_fewer_bytes_and_comes_back_better(codecs):
    x = field((18, 30, 33), 9)
    size, error, modes = measured(codecs["predictive"], x)
    size_alone, error_alone, _ = measured(codecs["linear"], x)
    assert modes == {Mode.PREDICTED}
    assert size < 0.9 * size_alone
    assert error < 1.05 * error_alone


def test_an_aim_of_quality_is_met_on_held_out_tiles(codecs):
    reached = codecs["predictive"].model.training["reached"]
    assert reached["snr"] == pytest.approx(18.0, abs=0.5)


@pytest.mark.parametrize(
    ("shape", "tile", "dtype"),
    [((4000,), (16,), "int16"), ((90, 100), (8, 8), "uint8"), ((16, 40, 40), (1, 8, 8), "float64")],
)
def test_arrays_of_one_to_three_axes_and_slices_of_them_are_predicted(shape, tile, dtype):
    def made(seed):
        x = field(shape, seed, "float64")
        return (x if dtype == "float64" else 100 + np.clip(0.2 * x, -90, 90)).astype(dtype)

    codec = narrows.train(made(0), tile=tile, architecture="predictive", aim="snr:15")
    x = made(1)
    size, error, modes = measured(codec, x)
    assert modes == {Mode.PREDICTED}
    assert size < 0.3 * x.nbytes
    assert error < 0.1 * x.var()


def test_small_blocks_make_bricks_that_are_read_alone(codecs, tmp_path):
    codec, x = codecs["predictive"], field((12, 40, 40), 3)
    (tmp_path / "x.nrw").write_bytes(narrows.compress(x, codec, block_signals=30, embed_model=True))
    blob = (tmp_path / "x.nrw").read_bytes()
    assert len(list(ArchiveReader(io.BytesIO(blob)))) >= 10
    with narrows.open(tmp_path / "x.nrw") as archive:
        part, whole = archive[5:9, 10:31, 7], archive[...]
        assert np.array_equal(part, whole[5:9, 10:31, 7])
    (decoded,) = decompressed(blob, codec, x)
    assert np.array_equal(decoded, whole)
    assert np.square(whole - x).mean() < 0.05 * x.var()
    jobs = narrows.compress(x, codec, block_signals=30, embed_model=True, jobs=2)
    assert jobs == blob


def test_a_training_gives_the_same_model_each_time():
    x, given = field((60, 60), 0), {"tile": (6, 6), "architecture": "predictive", "aim": "snr:12"}
    models = [narrows.train(x, **given) for _ in range(2)]
    assert models[0].model_id == models[1].model_id
    again = Codec.from_bytes(models[0].model_bytes)
    assert narrows.compress(x, again) == narrows.compress(x, models[1])
    assert models[0].model.wavelets is not None
    assert models[0].model.prediction is None


def test_several_qualities_give_more_bytes_and_less_error():
    x, given = field((80, 90), 0), {"tile": (8, 8), "architecture": "predictive"}
    codec = narrows.train(x, qualities=3, **given)
    found = []
    for quality in (1, 2, 3):
        blob = narrows.compress(field((64, 64), 5), codec, quality=quality)
        (decoded,) = decompressed(blob, codec, np.zeros((64, 64)))
        found.append((len(blob), -np.square(decoded - field((64, 64), 5)).mean()))
    assert found == sorted(found)


def test_values_that_are_missing_come_back_and_only_their_block_is_patched(codecs):
    x = field((12, 40, 40), 4)
    x[2, 3, 4] = np.nan
    blob = narrows.compress(x, codecs["predictive"], block_signals=60)
    kinds = [block.kind for block in ArchiveReader(io.BytesIO(blob))]
    assert kinds[0] == "predicted_patched"
    assert set(kinds[1:]) == {"predicted"}
    (decoded,) = decompressed(blob, codecs["predictive"], x)
    assert np.array_equal(np.isnan(decoded), np.isnan(x))


def test_a_folder_of_arrays_is_learned_from_and_compressed(tmp_path):
    folder = tmp_path / "fields"
    folder.mkdir()
    shapes = [(40, 50), (64, 33), (20, 80)]
    arrays = [field(shape, seed) for seed, shape in enumerate(shapes)]
    for seed, x in enumerate(arrays):
        np.save(folder / f"{seed}.npy", x)
    codec = narrows.train(folder, tile=(4, 8), architecture="predictive", aim="snr:14")
    blob = narrows.compress(folder, codec)
    for x, decoded in zip(arrays, decompressed(blob, codec, *arrays), strict=True):
        assert np.square(decoded - x).mean() < 0.1 * x.var()
    modes = [block.mode for block in ArchiveReader(io.BytesIO(blob))]
    assert modes == [Mode.PREDICTED] * 3


@pytest.mark.parametrize(
    ("shape", "given", "words"),
    [
        ((40, 40), {"tile": (8, 8), "hop": (4, 4)}, "leave --hop out"),
        ((16, 16), {"tile": (8, 8)}, "less than 3 tiles"),
        ((99, 99), {"tile": (33, 33)}, "smaller --tile"),
        ((20, 4, 4, 4), {"tile": (2, 2, 2, 2)}, "tiles of 1 to 3 axes"),
    ],
)
def test_tiles_that_make_no_arrays_are_refused(shape, given, words):
    with pytest.raises(SettingError, match=words):
        narrows.train(field(shape, 0), architecture="predictive", **given)
