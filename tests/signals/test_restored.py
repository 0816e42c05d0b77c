"""An open archive slices along the axes of what it was cut from, decoding what it needs."""

import pickle

import numpy as np
import pytest

import narrows
from narrows.errors import DataError
from narrows.signals.restored import RestoredArray, RestoredFolder

pytest.importorskip("torch", reason="training needs torch; extra train")
KEYS = [
    3, -1, slice(None), slice(2, 9), slice(None, None, -2), slice(5, 5), ..., (..., 2),
    (slice(1, 4), slice(-3, None), 0), (0, 0, 0), (np.int64(4), ..., slice(3)), (),
    (slice(10, 2, -3), 7), (slice(100, 200),),
]  # fmt: skip


@pytest.fixture(scope="module", params=[(4, 4, 4), (2, 3, 4)])
def field(request, tmp_path_factory):
    """The path of an archive of a field in tiles, its model, and the array that comes back."""
    place = tmp_path_factory.mktemp("field")
    x = np.random.default_rng(0).normal(size=(13, 10, 9)).cumsum(0).astype(np.float32)
    np.save(place / "x.npy", x)
    codec = narrows.train(
        place / "x.npy", tile=(4, 4, 4), hop=request.param, architecture="linear", latent_size=3
    )
    codec.save(place / "m.narrows")
    (place / "x.nrw").write_bytes(narrows.compress(place / "x.npy", codec))
    back = narrows.decompress((place / "x.nrw").read_bytes(), place / "m.narrows")
    assert back.shape == x.shape
    assert np.square(back - x).mean() < x.var() / 2
    return place, back


def opened(place):
    return narrows.open(place / "x.nrw", place / "m.narrows")


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_slices_are_those_of_the_whole_array(field, key):
    place, back = field
    with opened(place) as array:
        part = array[key]
        assert part.shape == back[key].shape
        assert np.array_equal(part, back[key])


def test_it_describes_itself_as_an_array(field):
    place, back = field
    with opened(place) as array:
        assert isinstance(array, RestoredArray)
        assert (array.shape, array.ndim, len(array)) == ((13, 10, 9), 3, 13)
        assert np.array_equal(np.asarray(array), back)
        assert np.array_equal(np.stack(list(array)), back)
        assert array.name == "x.npy"
        assert "x.npy" in repr(array)
        assert array.frames.shape[1:] == (4, 4, 4)
        again = pickle.loads(pickle.dumps(array))  # noqa: S301
        assert np.array_equal(again[2], back[2])
        again.close()


def test_a_part_decodes_only_what_it_needs(field, monkeypatch):
    place, _ = field
    with opened(place) as array:
        seen = []
        decode = type(array.frames).__getitem__
        monkeypatch.setattr(
            type(array.frames),
            "__getitem__",
            lambda self, key: seen.append(key) or decode(self, key),
        )
        array[0, 0, 0]
        assert sum(key.stop - key.start for key in seen) == 1


@pytest.mark.parametrize(
    ("key", "error"), [(13, IndexError), ((0, 0, 0, 0), IndexError), ((..., ...), IndexError),
                       ([1, 2], DataError), ("a", DataError), (1.5, DataError)],
)  # fmt: skip
def test_other_keys_are_refused(field, key, error):
    with opened(field[0]) as array, pytest.raises(error):
        array[key]


def test_a_folder_is_a_mapping_of_names_to_arrays(field, tmp_path):
    place, _ = field
    rng = np.random.default_rng(1)
    for name, shape in (("b", (4, 5, 6)), ("a", (9, 4, 4))):
        np.save(tmp_path / f"{name}.npy", rng.normal(size=shape).astype(np.float32))
    (tmp_path / "x.nrw").write_bytes(narrows.compress(tmp_path, place / "m.narrows"))
    with narrows.open(tmp_path / "x.nrw", place / "m.narrows") as folder:
        assert isinstance(folder, RestoredFolder)
        assert [(name, array.shape) for name, array in folder.items()] == [
            ("a.npy", (9, 4, 4)),
            ("b.npy", (4, 5, 6)),
        ]
        with pytest.raises(KeyError):
            folder["c.npy"]


def test_an_array_in_memory_is_cut_as_a_file_is():
    x = np.random.default_rng(2).normal(size=3000).cumsum().astype(np.float32)
    codec = narrows.train(x, window=16, architecture="linear", latent_size=4)
    blob = narrows.compress(x, codec, window=16, embed_model=True)
    back = narrows.decompress(blob)
    assert back.shape == x.shape
    assert np.square(back - x).mean() < x.var() / 10
