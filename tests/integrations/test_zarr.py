"""Zarr arrays of both versions, whose chunks a model codes."""

import asyncio
import pickle
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
import pytest

pytest.importorskip("zarr", reason="Zarr arrays need zarr; extra xarray")

import numcodecs
import zarr

import narrows
import narrows.zarr
from narrows.codec.codec import Codec
from narrows.codec.levels.lattice import Lattice
from narrows.errors import DataError, FormatError, ModelNotFoundError, SettingError
from narrows.integrations import loaded_models
from narrows.integrations.loaded_models import codec_of, decoder_of
from narrows.integrations.numcodecs import Narrows
from tests.helpers.level_models import codec_with_levels, let_networks_code, signals_for_levels
from tests.helpers.tiny_models import tiny_codec, tiny_model, typical_frames

CODEC = tiny_codec("uint8", (6, 4), 3)
X = typical_frames(CODEC.model, 50)


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """Register both codecs, as the installed package does, and no model."""
    zarr.registry.register_codec("narrows", narrows.zarr.NarrowsCodec)
    numcodecs.register_codec(Narrows)
    monkeypatch.setattr(loaded_models, "_registered", {})
    monkeypatch.setattr(loaded_models, "_decoders", {})
    monkeypatch.delenv("NARROWS_MODELS", raising=False)


def made(codec, x, chunks=None, **options):
    """Return a store with x."""
    store = zarr.storage.MemoryStore()
    how = narrows.zarr.encoding(codec, x, **options)
    shards = how.pop("shards", None)
    how["chunks"] = chunks or how["chunks"]
    zarr.create_array(store, shape=x.shape, dtype=x.dtype, shards=shards, **how)[...] = x
    return store


def test_chunks_of_whole_frames_are_what_the_codec_gives():
    store = made(CODEC, X, (20, 6, 4), effort=0)
    expected = CODEC.decompress(CODEC.compress(X, effort=0))
    assert np.array_equal(zarr.open_array(store)[...], expected)
    assert np.array_equal(zarr.open_array(store)[33], expected[33])


def test_a_chunk_costs_no_more_than_16_bytes_above_its_share_of_an_archive():
    codec = Codec(tiny_model("uint8", (6, 4), 3))
    x = typical_frames(codec.model, 640)
    store = made(codec, x, (64, 6, 4))
    chunks = sum(len(v) for key, v in store._store_dict.items() if key != "zarr.json")
    assert (chunks - len(codec.compress(x))) / 10 <= 16


def test_arrays_are_cut_in_tiles_and_recordings_in_windows():
    rng = np.random.default_rng(0)
    field = rng.integers(0, 200, (13, 9), dtype=np.uint8)
    planes = rng.integers(0, 200, (3, 13, 9), dtype=np.uint8)
    recording = rng.integers(0, 200, 100, dtype=np.uint8)
    windows = tiny_codec("uint8", (16,), 3)
    for codec, x, chunks, cut in (
        (CODEC, field, (7, 9), {"tile": (6, 4)}),
        (CODEC, planes, (2, 8, 5), {"tile": (6, 4)}),
        (windows, recording, (40,), {"window": 16}),
    ):
        back = zarr.open_array(made(codec, x, chunks))[...]
        first = tuple(slice(0, n) for n in chunks)
        alone = narrows.decompress(narrows.compress(x[first], codec, **cut), codec)
        assert np.array_equal(back[first], alone)
        assert back.shape == x.shape


def chunk_sizes(store):
    """Return how many bytes each chunk has, the corner at the end of all axes last."""
    keys = sorted(key for key in store._store_dict if key != "zarr.json")
    return [len(store._store_dict[key]) for key in keys]


def test_what_zarr_fills_at_the_edge_of_an_array_costs_a_few_bytes():
    codec = Codec(tiny_model("float32", (6, 4), 3))
    field = typical_frames(codec.model, 12).transpose(1, 0, 2).reshape(6, 48)
    x = np.concatenate([field, field])[:9, :39] + np.float32(0)
    alone = len(made(codec, x[6:, 36:], (3, 3))._store_dict["c/0/0"])
    for fill_value in (0.0, np.nan, -9999.0):
        store = zarr.storage.MemoryStore()
        how = narrows.zarr.encoding(codec, x) | {"chunks": (6, 12), "fill_value": fill_value}
        zarr.create_array(store, shape=x.shape, dtype=x.dtype, **how)[...] = x
        assert chunk_sizes(store)[-1] == alone + 3  # 14, and two lengths
        back = zarr.open_array(store)[...]
        whole = zarr.open_array(made(codec, np.pad(x, ((0, 3), (0, 9)), "edge"), (6, 12)))[...]
        assert np.array_equal(back, whole[:9, :39])


def test_a_relative_error_is_a_part_of_the_range_of_data_and_not_of_what_is_filled():
    x = np.random.default_rng(0).uniform(280, 281, (50, 70)).astype("float32")
    back = zarr.open_array(made(None, x, (40, 60), max_relative_error=1e-2))[...]
    assert np.abs(back - x)[40:, 60:].max() <= 1e-2
    lossless = zarr.open_array(made(None, x, (40, 60), lossless=True))[...]
    assert np.array_equal(lossless, x)


@pytest.mark.parametrize("promise", [{}, {"lossless": True}, {"max_relative_error": 0.1}])
def test_a_chunk_that_is_all_filler_holds_no_signals(promise):
    x = np.zeros((20, 6, 4), "float32" if "max_relative_error" in promise else "uint8")
    x[:3] = X[:3]
    store, codec = zarr.storage.MemoryStore(), None if promise else CODEC
    how = narrows.zarr.encoding(codec, x, **promise) | {"chunks": (10, 6, 4)}
    config = {"write_empty_chunks": True}
    like_x = {"shape": x.shape, "dtype": x.dtype, "fill_value": 0, "config": config}
    zarr.create_array(store, **like_x, **how)[...] = x
    assert chunk_sizes(store)[-1] <= 9
    assert not zarr.open_array(store)[3:].any()


def test_what_is_filled_is_not_taken_for_data_of_the_other_zero():
    x = np.full((20, 30), -0.0, "float32")
    x[0, 0] = 1
    back = zarr.open_array(made(None, x, (20, 30), lossless=True))[...]
    assert back.tobytes() == x.tobytes()


def test_version_2_fills_chunks_too():
    codec = Codec(tiny_model("float32", (6, 4), 3))
    x = typical_frames(codec.model, 15)
    store = zarr.storage.MemoryStore()
    how = Narrows(narrows.register_model(codec), fill_value="NaN")
    second = {"zarr_format": 2, "chunks": (10, 6, 4), "compressors": how, "fill_value": np.nan}
    zarr.create_array(store, shape=x.shape, dtype=x.dtype, **second)[...] = x
    assert np.array_equal(zarr.open_array(store)[...], codec.decompress(codec.compress(x)))
    last = store._store_dict["1.0.0"].to_bytes()
    assert last[4:6] == bytes([14, 5])


def test_missing_values_come_back_exactly():
    codec = Codec(tiny_model("float32", (5,), 2))
    x = typical_frames(codec.model, 30)
    x[::7, 1], x[4] = np.nan, -9999
    back = zarr.open_array(made(codec, x, (10, 5), missing=(-9999,)))[...]
    assert np.array_equal(np.isnan(back), np.isnan(x))
    assert np.array_equal(back[4], x[4])


def test_shards_and_version_2_hold_the_same():
    expected = CODEC.decompress(CODEC.compress(X[:40]))
    how = narrows.zarr.encoding(CODEC, X) | {"chunks": (10, 6, 4)}
    like_x = {"shape": (40, 6, 4), "dtype": "uint8"}
    store = zarr.storage.MemoryStore()
    zarr.create_array(store, shards=(20, 6, 4), **like_x, **how)[...] = X[:40]
    assert np.array_equal(zarr.open_array(store)[...], expected)
    store = zarr.storage.MemoryStore()
    second = {"zarr_format": 2, "chunks": (10, 6, 4), "compressors": Narrows(CODEC.model_id)}
    zarr.create_array(store, **like_x, **second)[...] = X[:40]
    assert np.array_equal(zarr.open_array(store)[...], expected)


def test_both_forms_of_the_codec_give_the_same(monkeypatch):
    made(CODEC, X)
    from zarr.core.array_spec import ArrayConfig, ArraySpec
    from zarr.core.buffer import default_buffer_prototype
    from zarr.core.dtype import UInt8

    codec = narrows.zarr.NarrowsCodec(model=CODEC.model_id)
    prototype = default_buffer_prototype()
    spec = ArraySpec((50, 6, 4), UInt8(), np.uint8(0), ArrayConfig("C", False), prototype)
    chunk = prototype.nd_buffer.from_ndarray_like(X)
    one, two = codec._encode_sync(chunk, spec), asyncio.run(codec._encode_single(chunk, spec))
    assert one.to_bytes() == two.to_bytes()
    back = codec._decode_sync(one, spec), asyncio.run(codec._decode_single(two, spec))
    assert np.array_equal(*(each.as_numpy_array() for each in back))


def test_a_model_is_loaded_once_by_many_threads(tmp_path, monkeypatch):
    CODEC.save(tmp_path / "m.narrows")
    monkeypatch.setenv("NARROWS_MODELS", str(tmp_path))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(codec_of, [CODEC.model_id] * 32))
    assert len(set(map(id, found))) == 1


def test_a_store_with_its_decoder_opens_where_the_model_is_not_known():
    store = made(CODEC, X, embed_model=True)
    expected = zarr.open_array(store)[...]
    loaded_models._registered.clear()
    array = zarr.open_array(store)
    assert np.array_equal(array[...], expected)
    with pytest.raises(ModelNotFoundError, match=r"not registered.*NARROWS_MODELS.*register_model"):
        array[:1] = X[:1]


def test_without_the_model_an_array_does_not_open():
    store = made(CODEC, X)
    loaded_models._registered.clear()
    with pytest.raises(ModelNotFoundError, match=CODEC.model_id):
        zarr.open_array(store)


@pytest.mark.parametrize(
    ("shape", "dtype", "error"),
    [
        ((50, 6, 4), "int16", "chunks of int16; this model takes uint8"),
        ((50,), "uint8", "cannot be cut to the frames of the model"),
    ],
)
def test_an_array_that_the_model_cannot_hold_is_refused_when_it_is_made(shape, dtype, error):
    serializer = narrows.zarr.NarrowsCodec(model=narrows.register_model(CODEC))
    with pytest.raises(DataError, match=error):
        zarr.create_array(
            zarr.storage.MemoryStore(), shape=shape, dtype=dtype, chunks=shape,
            serializer=serializer, compressors=(),
        )  # fmt: skip


def test_settings_are_refused_before_an_array_is_made():
    with pytest.raises(FormatError, match="an id of 32 hexadecimal digits"):
        narrows.zarr.NarrowsCodec(model="m.narrows")
    with pytest.raises(SettingError, match="give one of the two"):
        narrows.zarr.NarrowsCodec(model=CODEC.model_id, quality=1, target_bytes=3.0)
    with pytest.raises(FormatError, match="no base64"):
        decoder_of(CODEC.model_id, "?")
    other = loaded_models.embedded_decoder(tiny_codec("uint8", (6, 4), 3, seed=1))
    with pytest.raises(FormatError, match=f"not of {CODEC.model_id}"):
        decoder_of(CODEC.model_id, other)


def test_the_metadata_say_what_was_asked_for_and_no_more():
    codec = narrows.zarr.NarrowsCodec(model=CODEC.model_id, effort=0, missing=[-1])
    told = {"model": CODEC.model_id, "effort": 0, "missing": [-1]}
    assert codec.to_dict() == {"name": "narrows", "configuration": told}
    again = narrows.zarr.NarrowsCodec.from_dict(codec.to_dict())
    assert again == codec
    assert pickle.loads(pickle.dumps(codec)) == codec  # noqa: S301
    assert len(pickle.dumps(codec)) < 400


def test_a_damaged_chunk_is_an_error_and_the_others_are_read():
    store = made(CODEC, X, (25, 6, 4))
    key = next(key for key in store._store_dict if key.endswith("1/0/0"))
    whole = store._store_dict[key].to_bytes()
    store._store_dict[key] = type(store._store_dict[key]).from_bytes(whole[:-1] + b"\0")
    array = zarr.open_array(store)
    assert array[:25].shape == (25, 6, 4)
    with pytest.raises(FormatError, match="damaged"):
        array[25:]


def test_numcodecs_refuse_what_is_damaged():
    codec = Narrows(narrows.register_model(CODEC))
    packed = codec.encode(X)
    assert np.array_equal(codec.decode(packed), codec.decode(packed, np.empty_like(X)))
    for damaged in (b"", b"\xff", packed[:3], packed[:-1]):
        with pytest.raises(FormatError):
            codec.decode(damaged)
    assert numcodecs.get_codec(codec.get_config()).encode(X) == packed


def test_proposed_chunks_are_whole_frames_of_about_a_mebibyte():
    assert narrows.zarr.encoding(CODEC, (10**6, 6, 4))["chunks"] == ((1 << 20) // 24, 6, 4)
    assert narrows.zarr.encoding(CODEC, (20, 500, 600))["chunks"] == (1, 504, 600)
    assert narrows.zarr.encoding(CODEC, (7, 9))["chunks"] == (12, 12)


@pytest.mark.parametrize("shape", [(9, 20, 30), (40, 30), (5000,), (3, 4, 5, 6)])
@pytest.mark.parametrize("dtype", ["float32", "int16", "float64"])
def test_a_bound_and_all_bits_are_kept_without_a_model(shape, dtype):
    rng = np.random.default_rng(0)
    x = (rng.normal(size=shape).cumsum(axis=-1) * 40).astype(dtype)
    for options, bound in (({"max_error": 1.5}, 1.5), ({"lossless": True}, 0)):
        chunks = tuple(-(-size // 2) for size in shape)
        back = zarr.open_array(made(None, x, chunks, **options))[...]
        assert np.abs(back.astype(float) - x).max() <= bound
    if dtype != "int16":
        x.reshape(-1)[::17] = np.nan
        back = zarr.open_array(made(None, x, max_relative_error=1e-3))[...]
        assert np.array_equal(np.isnan(back), np.isnan(x))
        assert np.nanmax(np.abs(back - x)) <= 1e-3 * (np.nanmax(x) - np.nanmin(x))


def test_whole_frames_are_coded_without_loss_by_a_model_s_networks(monkeypatch):
    let_networks_code(monkeypatch)
    codec, x = codec_with_levels("int16"), signals_for_levels("int16", 40)
    store = made(codec, x, (20, 9, 6), lossless=True)
    assert np.array_equal(zarr.open_array(store)[...], x)
    monkeypatch.setattr(loaded_models, "_registered", {})
    with pytest.raises(ModelNotFoundError, match=codec.model_id):
        zarr.open_array(store)[...]
    carried = made(codec, x, (20, 9, 6), lossless=True, embed_model=True)
    monkeypatch.setattr(loaded_models, "_registered", {})
    assert np.array_equal(zarr.open_array(carried)[...], x)
    for options in ({"max_error": 3}, {"lossless": True}):  # by no network: these need no model
        other = codec if "max_error" in options else tiny_codec("int16", (9, 6), 3)
        free = made(other, x, (20, 9, 6), **options)
        monkeypatch.setattr(loaded_models, "_registered", {})
        assert np.abs(zarr.open_array(free)[...].astype(int) - x).max() <= 3


@pytest.mark.parametrize(("promise", "by_networks"), [
    ({"max_error": 3}, True), ({"max_error": 4.5}, True), ({"max_error": 2}, False),
    ({"lossless": True}, False), ({"max_relative_error": 0.5}, False),
], ids=str)  # fmt: skip
def test_networks_for_a_bound_code_whole_frames_within_it(promise, by_networks, monkeypatch):
    let_networks_code(monkeypatch)
    codec, x = codec_with_levels("int16", Lattice(1, 7)), signals_for_levels("int16", 40)
    store = made(codec, x, (20, 9, 6), **promise)
    bound = promise.get("max_error", 0.5 * np.ptp(x.astype(int)) * ("lossless" not in promise))
    assert np.abs(zarr.open_array(store)[...].astype(int) - x).max() <= bound
    monkeypatch.setattr(loaded_models, "_registered", {})
    with pytest.raises(ModelNotFoundError) if by_networks else nullcontext():
        zarr.open_array(store)[...]


def test_a_bound_that_a_type_cannot_keep_is_refused_when_the_array_is_made():
    with pytest.raises(SettingError, match=r"below the resolution of int16.*lossless"):
        made(None, np.zeros((4, 4), "int16"), max_error=0.5)
    with pytest.raises(FormatError, match="an id of 32 hexadecimal digits"):
        narrows.zarr.NarrowsCodec()
