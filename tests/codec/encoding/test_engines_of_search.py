"""The way back through compiled layers: gradients of numpy, to the last bit and in its types."""

import numpy as np
import pytest

from narrows.codec.encoding.adjoints import taped_chain
from narrows.codec.networks.engines import REFERENCE, LibraryEngine, NativeEngine
from narrows.codec.networks.native.extension import extension, levels
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


def test_a_search_takes_the_engine_of_its_codec_and_numpy_beside_another_library(
    tiny_codec, torch_backend
):
    from narrows.codec.codec import Codec
    from narrows.codec.encoding.symbol_search import SymbolSearch

    for backend, expected in ((None, NativeEngine), (torch_backend, LibraryEngine)):
        transform = Codec(tiny_codec.model, backend).transform
        assert isinstance(SymbolSearch(transform, 1)._engine, expected)
