"""The way back through compiled layers: gradients of numpy, to the last bit and in its types."""

import numpy as np
import pytest

from narrows.codec.encoding.adjoints import taped_chain
from narrows.codec.networks.engines import REFERENCE, LibraryEngine, NativeEngine
from narrows.codec.networks.native.extension import extension, levels
from tests.helpers.random_chains import random_chain, random_gradients
from tests.helpers.random_networks import random_inputs, random_network

native, WHY = extension()
pytestmark = pytest.mark.skipif(native is None, reason=f"the compiled part is {WHY}")


@pytest.mark.parametrize("level", levels())
@pytest.mark.parametrize("seed", range(3))
def test_gradients_of_random_networks_are_those_of_numpy(level, seed):
    compiled = 0
    for number in range(30):
        rng = np.random.default_rng((seed, number))
        network = random_network(rng)
        x = random_inputs(network, rng)
        g = rng.normal(size=(len(x), *network.output_shape)) * 2.0 ** rng.integers(-30, 30)
        g[rng.integers(len(g))] = 0.0
        found = []
        for engine in (REFERENCE, NativeEngine(level)):
            chain = taped_chain(network.layers, network.input_shape, network.input_limit, engine)
            y, pull = chain(x)
            found.append((y, pull(g)))
        for ours, theirs in zip(*found, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert found[0][1].dtype == found[1][1].dtype
        compiled += NativeEngine(level).compile(network).steps != []
    assert compiled


@pytest.mark.parametrize("level", levels())
@pytest.mark.parametrize("size", [2.0**-400, 2.0**-135, 2.0**-125, 2.0**90, 2.0**400])
def test_gradients_beyond_float32_are_those_of_numpy(level, size):
    for number in range(40):
        rng = np.random.default_rng((11, number))
        network = random_chain(rng) if number % 2 else random_network(rng)
        x = random_inputs(network, rng)
        g = rng.normal(size=(len(x), *network.output_shape)) * size
        own, found = (network.layers, network.input_shape, network.input_limit), []
        with np.errstate(all="ignore"):
            for engine in (REFERENCE, NativeEngine(level)):
                _, pull = taped_chain(*own, engine)(x)
                found.append(pull(g))
        np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("level", levels())
def test_the_way_back_through_a_whole_chain_is_that_of_numpy(level):
    compiled = 0
    for number in range(60):
        rng = np.random.default_rng((7, number))
        network = random_chain(rng)
        x = random_inputs(network, rng)[:1].repeat(int(rng.integers(1, 40)), axis=0)
        x[1:] = rng.integers(-network.input_limit, network.input_limit, x[1:].shape, endpoint=True)
        own = network.layers, network.input_shape, network.input_limit
        ours, theirs = taped_chain(*own, NativeEngine(level)), taped_chain(*own)
        compiled += ours.__qualname__.startswith("compiled_chain")
        (y, pull), (expected, pull_alike) = ours(x), theirs(x)
        np.testing.assert_array_equal(y, expected)
        for _ in range(2):  # a tape may be gone back along again
            g = random_gradients(network, rng, len(x))
            with np.errstate(all="ignore"):
                found, wanted = pull(g), pull_alike(g)
            np.testing.assert_array_equal(found, wanted)
            assert found.dtype == wanted.dtype
    assert compiled > 10


def test_tapes_and_ways_back_that_do_not_fit_are_refused():
    level, rng = levels()[0], np.random.default_rng(1)
    networks = [random_chain(np.random.default_rng((7, number))) for number in range(30)]
    of = [_programs(network, level) for network in networks]
    (ahead, back), (other, _) = [each for each in of if each][:2]
    tape = np.zeros(native.tape_bytes(ahead, 20), np.uint8)
    g, to = rng.normal(size=(20, 1)), np.zeros((20, 1))
    for arguments in (
        (ahead, ahead, tape, g, to),
        (back, back, tape, g, to),
        (back, other, tape, g, to),
        (back, ahead, tape[:-64], g, to),
        (back, ahead, tape, g[:5], to),
        (back, ahead, tape, g, to[:5]),
    ):
        with pytest.raises(ValueError, match="do not fit the way back"):
            native.pull(*arguments)
    with pytest.raises(ValueError, match="do not fit"):
        native.run(back, g, to)


def _programs(network, level):
    """Return the programs there and back of a chain, None where it is not compiled."""
    own = network.layers, network.input_shape, network.input_limit
    chain = taped_chain(*own, NativeEngine(level))
    if not chain.__qualname__.startswith("compiled_chain"):
        return None
    held = dict(zip(chain.__code__.co_freevars, chain.__closure__, strict=True))
    return held["forward"].cell_contents, held["back"].cell_contents


def test_a_search_takes_the_engine_of_its_codec_and_numpy_beside_another_library(
    tiny_codec, torch_backend
):
    from narrows.codec.codec import Codec
    from narrows.codec.encoding.symbol_search import SymbolSearch

    for backend, expected in ((None, NativeEngine), (torch_backend, LibraryEngine)):
        transform = Codec(tiny_codec.model, backend).transform
        assert isinstance(SymbolSearch(transform, 1)._engine, expected)
