"""Every peer keeps the contract, and layouts of all signals in one array are inverted."""

import math
from dataclasses import replace

import numpy as np
import pytest

from narrows.evaluation.peers import mosaics, pca
from narrows.evaluation.peers.contract import Coder, Workload, measure
from narrows.evaluation.peers.mosaics import layout_of
from narrows.evaluation.peers.registry import registry


def smooth(n, shape, dtype, scale=100.0):
    """Random walks along every axis of a frame: neighbours are alike."""
    x = np.random.default_rng(len(shape)).standard_normal((n, *shape))
    for axis in range(1, x.ndim):
        x = np.cumsum(x, axis=axis)
    x = scale * (x - x.min()) / np.ptp(x)
    return np.rint(x).astype(dtype) if np.dtype(dtype).kind in "iu" else x.astype(dtype)


KINDS = {
    "grey": smooth(20, (8, 9), np.uint8),
    "coloured": smooth(20, (8, 9, 3), np.uint8),
    "bytes": smooth(20, (50,), np.uint8),
    "grey of 16 bits": smooth(20, (8, 9), np.uint16, 5000.0),
    "two leads": smooth(20, (64, 2), np.int16, 3000.0) - np.int16(1000),
    "sound": smooth(20, (64,), np.int16, 3000.0) - np.int16(1000),
    "counts": smooth(20, (40,), np.int32, 1e6),
    "volumes": smooth(12, (4, 8, 8), np.float32),
    "of four dimensions": smooth(6, (2, 3, 8, 8), np.float32),
    "float pictures": smooth(20, (8, 9), np.float32),
    "doubles": smooth(20, (40,), np.float64),
    "with gaps": np.where(np.arange(40) % 9, smooth(20, (40,), np.float32), np.float32(np.nan)),
}
ALWAYS = {"pca", "pca-rounded", "pca-packets", "zlib", "bz2", "zstd", "zstd-dictionary", "lzma"}
PICTURES = {
    f"{name}-{kind}"
    for name in ("jpeg", "webp", "avif", "jpegxl", "jpeg2000")
    for kind in ("mosaic", "files")
}
NUMBERS = {"sz3-bulk", "sz3-records", "zfp-bulk", "zfp-records"}
FIELDS = NUMBERS | {"sperr", "sperr-bound", "pcodec"}
TAKEN = {
    "grey": PICTURES | {"jpegxl-lossless"},
    "coloured": PICTURES | {"jpegxl-lossless"},
    "bytes": NUMBERS | {"jpegxl-lossless"},
    "grey of 16 bits": FIELDS | {"jpegxl-lossless"},
    "two leads": NUMBERS | {"pcodec", "jpegxl-lossless", "flac"},
    "sound": NUMBERS | {"pcodec", "jpegxl-lossless", "flac"},
    "counts": NUMBERS | {"pcodec"},
    "volumes": FIELDS,
    "of four dimensions": FIELDS,
    "float pictures": FIELDS,
    "doubles": NUMBERS | {"pcodec"},
    "with gaps": {"pcodec"},
}
PEERS = {peer.key: peer for peer in registry()}


def workload(kind):
    x = KINDS[kind]
    return Workload(x[::2], float(np.nanmax(x)), layout_of(x.shape[1:]), x[1::2], (1.0, 20.0))


@pytest.mark.parametrize("kind", KINDS)
def test_peers_take_what_they_say_and_nothing_else(kind):
    taken = {key for key, peer in PEERS.items() if peer.takes(workload(kind))}
    assert taken == TAKEN[kind] | ALWAYS


def test_every_peer_says_what_it_accepts_and_has_a_key_of_its_own():
    assert len(PEERS) == len(registry())
    assert all(peer.accepts for peer in PEERS.values())
    assert len({peer.name for peer in PEERS.values()}) == len(PEERS)


# PCA trains on what other tests train on; ten such signals are too few for a dictionary.
MEASURED = [
    (kind, key)
    for kind, keys in TAKEN.items()
    for key in sorted(keys | {"zlib", "bz2", "zstd", "lzma"})
]


@pytest.mark.parametrize(("kind", "key"), MEASURED)
def test_a_peer_keeps_shape_dtype_and_its_promise(kind, key):
    peer, work = PEERS[key], workload(kind)
    if missing := peer.missing():
        pytest.importorskip(peer.requires.partition(".")[0], reason=missing)
    settings = peer.settings(work)
    coarse, fine = (
        measure(peer.coder(work, setting), work.x, work.peak, peer.name, setting)
        for setting in (settings[0], settings[-1])
    )
    assert 0 < coarse.bytes_per_signal <= fine.bytes_per_signal
    if peer.lossless:
        assert fine.psnr == math.inf
        return
    assert coarse.psnr < fine.psnr
    if peer.bounded:
        rounding = 0.5 if work.x.dtype.kind in "iu" else 0.0
        for point in (coarse, fine):
            assert point.max_abs_error <= 1.0001 * point.setting + rounding


@pytest.mark.parametrize("key", ["pca", "pca-rounded", "pca-packets", "zstd-dictionary"])
def test_what_learns_has_a_model_that_counts(key, digits):
    peer = PEERS[key]
    if missing := peer.missing():
        pytest.importorskip(peer.requires, reason=missing)
    work = Workload(digits[1500:], 16.0, layout_of((8, 8)), digits[:1500], (3.0, 6.0))
    setting = peer.settings(work)[len(peer.settings(work)) // 2]
    point = measure(peer.coder(work, setting), work.x, 16.0, peer.name, setting)
    assert point.model_bytes > 1000
    if key != "zstd-dictionary":
        assert 0.8 < point.bytes_per_signal / setting < 1.3


def test_variants_of_pca_share_what_they_train(digits, monkeypatch):
    pytest.importorskip("torch", reason=PEERS["pca"].missing())
    trained, train = [], pca.train_pca
    monkeypatch.setattr(pca, "train_pca", lambda x, bits: trained.append(bits) or train(x, bits))
    work = Workload(digits[1500:], 16.0, layout_of((8, 8)), digits[:1500], (3.0, 6.0))
    own = {peer.key: peer for peer in registry()}
    made = [own[key].coder(work, 4.0) for key in ("pca", "pca-rounded", "pca-packets")]
    assert trained == [32.0]
    assert len({coder.model_bytes for coder in made}) == 1
    own["pca"].coder(replace(work, train=digits[:1000]), 4.0)
    assert trained == [32.0, 32.0]


def test_whole_numbers_come_back_as_such():
    work = workload("two leads")
    pytest.importorskip("pysz", reason=PEERS["sz3-records"].missing())
    point = measure(PEERS["sz3-records"].coder(work, 3.0), work.x, 100.0, "SZ3", 3.0)
    assert 0 < point.max_abs_error <= 3.0


def test_dark_pictures_are_stretched_over_the_range_of_a_byte(digits):
    pytest.importorskip("imagecodecs", reason=PEERS["webp-mosaic"].missing())
    work = Workload(digits[:100], 16.0, layout_of((8, 8)))
    point = measure(PEERS["webp-mosaic"].coder(work, 100), work.x, 16.0, "WebP")
    assert point.psnr > 35.0  # 255 / 15 times worse where it is not
    assert point.max_abs_error <= 1


def test_what_decodes_to_another_shape_is_refused():
    wrong = Coder(lambda x: [b"x"], lambda blobs, n: np.zeros((n, 8), np.uint8))
    with pytest.raises(ValueError, match="decoded from"):
        measure(wrong, KINDS["grey"], 16.0, "wrong")


def test_a_package_that_is_missing_or_built_without_a_codec_is_told_with_the_way_out():
    def requiring(package):
        return replace(PEERS["sperr"], requires=package)

    assert requiring("").missing() is None
    assert requiring("no_such_package").missing() == (
        "no_such_package is not installed: pip install 'narrows[bench]'"
    )
    pytest.importorskip("imagecodecs", reason=PEERS["sperr"].missing())
    assert requiring("imagecodecs.SPERR").missing() is None
    assert "this imagecodecs is built without HEIF: pip install" in (
        requiring("imagecodecs.HEIF").missing()
    )


@pytest.mark.parametrize("n", [1, 5, 24])
@pytest.mark.parametrize(
    ("layout", "shape"),
    [
        (mosaics.mosaic((3, 4)), (3, 4)),
        (mosaics.mosaic((3, 4, 3)), (3, 4, 3)),
        (mosaics.mosaic((2, 4, 5)), (2, 4, 5)),
        (mosaics.recording((5, 2)), (5, 2)),
        (mosaics.windows((5, 2)), (5, 2)),
        (mosaics.windows((5,)), (5,)),
        (mosaics.field((1, 2, 3), (2, 3, 4)), (1, 2, 3)),
        (mosaics.row((7,)), (7,)),
    ],
)
def test_layouts_are_inverted(layout, shape, n):
    x = np.arange(n * math.prod(shape), dtype=np.int16).reshape(n, *shape)
    back = layout.split(layout.join(x), n)
    assert np.array_equal(back, x)
    assert back.dtype == x.dtype


def test_a_mosaic_holds_every_picture_once_in_rows():
    x = np.arange(250 * 12, dtype=np.uint8).reshape(250, 3, 4)
    picture = mosaics.mosaic((3, 4)).join(x)
    assert picture.shape == (16 * 3, 16 * 4)
    assert np.array_equal(picture[3:6, 4:8], x[17])
    assert not picture[-3:, 40:].any()  # 250 = 15 * 16 + 10: the last row is blank at its end


def test_coloured_pictures_keep_their_colours_and_volumes_their_depth():
    x = np.arange(6 * 4 * 5 * 3).reshape(6, 4, 5, 3)
    assert np.array_equal(mosaics.mosaic((4, 5, 3)).join(x)[:4, 5:10], x[1])
    volumes = x.reshape(6, 3, 5, 4)
    assert np.array_equal(mosaics.mosaic((3, 5, 4)).join(volumes)[:, :5, 4:8], volumes[1])


@pytest.mark.parametrize(
    ("frame_shape", "name"),
    [
        ((100,), "one row"),
        ((256, 2), "one recording"),
        ((28, 28), "one mosaic"),
        ((32, 32, 3), "one mosaic"),
        ((4, 8, 8), "one mosaic"),
    ],
)
def test_the_layout_follows_from_the_shape_of_a_frame(frame_shape, name):
    assert mosaics.layout_of(frame_shape).name == name
