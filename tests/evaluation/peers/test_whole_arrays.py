"""Peers of arrays get the arrays, not the tiles that these were cut to."""

import numpy as np
import pytest

from narrows.evaluation.metrics import distortion, signal_psnr
from narrows.evaluation.peers.contract import Workload
from narrows.evaluation.peers.mosaics import layout_of
from narrows.evaluation.peers.registry import Bench, registry
from narrows.evaluation.peers.whole_arrays import WholeArrays
from narrows.evaluation.units import Units
from narrows.signals import Reading, open_signals
from narrows.signals.inputs import some_bricks
from tests.helpers.tiling import field


def cut(tmp_path, arrays, tile, most=None):
    """Return arrays in files as tiles in the order of bricks, and what these are of."""
    for number, array in enumerate(arrays):
        np.save(tmp_path / f"{number}.npy", array)
    path = tmp_path if len(arrays) > 1 else tmp_path / "0.npy"
    found = some_bricks(open_signals(path, Reading(tile=tile)), most)
    return found[1], WholeArrays.of(*found)


@pytest.mark.parametrize(
    ("shapes", "tile"),
    [
        ([(13, 17)], (4, 4)),
        ([(5, 30, 31)], (4, 4)),  # tiles of two of three axes
        ([(9, 10, 11)], (2, 3, 4)),
        ([(100,)], (7,)),
        ([(12, 8), (5, 9), (20, 4)], (4, 4)),
    ],
)
def test_tiles_are_put_together_to_the_arrays_they_are_of(tmp_path, shapes, tile):
    arrays = [field(shape, seed) for seed, shape in enumerate(shapes)]
    x, whole = cut(tmp_path, arrays, tile)
    for found, array in zip(whole.arrays(x), arrays, strict=True):
        assert np.array_equal(found, array)
    ends = np.cumsum([part.n_tiles for part in whole.parts])
    assert ends[-1] == len(x) == whole.n_tiles
    back = [p.layout.split(a, p.n_tiles) for p, a in zip(whole.parts, arrays, strict=True)]
    assert np.array_equal(np.concatenate(back), x)
    assert whole.inside(x).sum() == sum(array.size for array in arrays)


def test_of_an_array_that_is_not_all_there_come_its_bricks(tmp_path):
    array = field((64, 64, 64), 0, "float64")  # two megabytes: a brick less than it
    x, whole = cut(tmp_path, [array, array[:8]], (8, 8, 8), most=400)
    assert len(x) < 512
    assert [part.name for part in whole.parts] == ["a part of 0.npy"] * len(whole.bricks)
    first = whole.arrays(x)[0]
    assert np.array_equal(first, array[tuple(map(slice, first.shape))])
    assert whole.first(1).n_tiles == whole.tiles_of_bricks[0]


def test_peers_of_arrays_code_them_and_not_what_is_beyond_their_ends(tmp_path):
    x, whole = cut(tmp_path, [field((33, 35), 0), field((21, 40), 1)], (8, 8))
    work = Workload(x, 600.0, layout_of((8, 8)), arrays=whole)
    (peer,) = [each for each in registry() if each.key == "zlib"]
    coder = peer.coder(work, None)
    blobs = coder.encode(x)
    assert len(blobs) == 2
    assert np.array_equal(coder.decode(blobs, len(x)), x)  # the ends of arrays go on in tiles
    off = np.where(whole.inside(x), x, 0)
    assert distortion(x, off, 600.0, whole.inside(x)).psnr == np.inf
    assert (signal_psnr(x, off, 600.0, whole.inside(x)) == np.inf).all()


def test_the_bench_measures_a_codec_of_fields_on_the_field(tmp_path):
    pytest.importorskip("imagecodecs", reason="SPERR is in imagecodecs; extra bench")
    array = field((24, 26, 28), 0)
    x, whole = cut(tmp_path, [array], (4, 8, 8))
    units = Units(float(np.ptp(array)))
    tiles, arrays = Bench(x, units), Bench(x, units, arrays=whole)
    for bench in (tiles, arrays):
        bench.peers = [peer for peer in bench.peers if peer.key == "sperr"]
    (of_tiles,), (of_array,) = (bench.at_psnr(40.0) for bench in (tiles, arrays))
    assert of_array.bytes_per_signal < 0.8 * of_tiles.bytes_per_signal
