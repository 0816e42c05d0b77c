"""The same bytes and signals in every batch, company and memory layout, and on every backend."""

import io
from functools import cache

import numpy as np
import pytest

from narrows.codec.codec import Codec
from narrows.codec.encoding.budget_search import BudgetSearch
from narrows.codec.encoding.requests import Budget, Request
from tests.helpers import budgets, symbol_search
from tests.helpers.altered_models import corrected
from tests.helpers.archives import BLOCK_LIMIT
from tests.helpers.predicting import repeating, tiny_predicting
from tests.helpers.tiny_models import (
    ACTIVATIONS,
    DTYPES,
    assert_identical,
    blocks_of,
    noise_frames,
    searching,
    tiny_conv_model,
    tiny_model,
)

KINDS_WITH_TARGETS = [("uint8", ()), ("int32", ()), ("float32", (1, 3))]


def plain(dtype="int16", activation="leaky_relu", **request):
    return tiny_model(dtype, (3, 5), 3, 3, activation, contexts=(2, 3)), request


def with_correction(kind):
    if kind == "conv":
        model = corrected(searching(tiny_conv_model("int16", (7, 5), contexts=(1,))), 6, (1,))
    else:
        model = tiny_model(kind, (4, 5), 3, n_qualities=3, contexts=(2,))
        model = corrected(searching(model), 4, qualities=(2, 3))
    return model, {"quality": model.n_qualities, "effort": 2}


def with_target(kind, name, effort):
    codec = budgets.codec_of(*kind)
    target = budgets.within_reach(codec, budgets.signals_of(codec), name)[1]
    return codec.model, {"effort": effort, name: target}


CASES = {
    **{dtype: lambda dtype=dtype: plain(dtype) for dtype in DTYPES},
    **{f"{act}, highest quality": lambda act=act: plain(activation=act, quality=3)
       for act in ACTIVATIONS},
    "no smaller than raw": lambda: (tiny_model("int16", (8,), 8), {}),
    "predicted": lambda: (tiny_predicting(), {"quality": 2}),
    **{f"{name}, effort {effort}": lambda name=name, effort=effort:
       (symbol_search.model_of(name), {"quality": 1, "effort": effort})
       for name in symbol_search.MODELS for effort in (0, 2, 9)},
    **{f"corrected {kind}": lambda kind=kind: with_correction(kind)
       for kind in ("uint8", "float32", "conv")},
    **{f"{name} of {kind[0]}, effort {effort}": lambda case=(kind, name, effort): with_target(*case)
       for kind in KINDS_WITH_TARGETS for name in budgets.TARGETS for effort in (0, 2)},
}  # fmt: skip
each_case = pytest.mark.parametrize("name", CASES)


@cache
def case(name):
    """Return a model, read-only signals for it, and what is asked for."""
    model, request = CASES[name]()
    if name == "predicted":
        x = repeating(model, 70)
    elif name == "no smaller than raw":
        x = noise_frames(model.dtype, (40, *model.frame_shape))
    elif request.keys() & budgets.TARGETS:
        x = budgets.signals_of(Codec(model))
    else:
        x = symbol_search.mixed_frames(model, 120 if request.get("effort") == 2 else 16)
    x.setflags(write=False)
    return model, x, request


def coded(codec, x, request):
    """Return the symbols `(n, k)` and the qualities `(n,)` of signals."""
    target = {name: request[name] for name in request.keys() & budgets.TARGETS}
    if target:
        search = BudgetSearch(codec.encoder.symbol_encoder, Budget(**target), request["effort"])
        return search.encode(x)
    quality = request.get("quality", (codec.model.n_qualities + 1) // 2)
    return codec.encode(x, **request), np.full(len(x), quality)


@each_case
@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_the_batch_size_changes_neither_bytes_nor_signals(name, batch_size, monkeypatch):
    model, x, request = case(name)
    blob = Codec(model).compress(x, **request)
    monkeypatch.setattr("narrows.codec.encoding.symbol_search.BATCH_SIGNALS", batch_size)
    if batch_size == 1:
        monkeypatch.setattr("narrows.codec.encoding.symbol_search.BATCH_ELEMENTS", 1)
    other = Codec(model, batch_size=batch_size)
    assert other.compress(x, **request) == blob
    assert_identical(other.decompress(blob), Codec(model).decompress(blob))


@each_case
def test_torch_changes_neither_bytes_nor_signals(torch_backend, name):
    model, x, request = case(name)
    ours, theirs = Codec(model), Codec(model, torch_backend)
    theirs.decoder.transform.check_known_answers()
    blob = ours.compress(x, **request)
    assert theirs.compress(x, **request) == blob
    assert_identical(theirs.decompress(blob), ours.decompress(blob))
    assert_identical(theirs.latents(x), ours.latents(x))


@each_case
@pytest.mark.parametrize("batch_size", [3, 256])
def test_a_signal_has_the_same_symbols_alone_and_in_every_company(name, batch_size):
    model, x, request = case(name)
    codec, other = Codec(model), Codec(model, batch_size=batch_size)
    symbols, qualities = coded(codec, x, request)
    decoded, latents = codec.decode(symbols, qualities), codec.latents(x)
    rng = np.random.default_rng(0)
    numbers = {0, 1, len(x) - 1, *({255, 256} if len(x) > 256 else ())}
    for chosen in (*([number] for number in numbers), *rng.integers(0, len(x), (3, 12))):
        again = coded(other, x[chosen], request)
        assert_identical(again[0], symbols[chosen])
        np.testing.assert_array_equal(again[1], qualities[chosen])
        assert_identical(other.decode(*again), decoded[chosen])
        assert_identical(other.latents(x[chosen]), latents[chosen])


def layouts(x):
    """Yield the same signals in other layouts and byte orders; no signal may be written into."""
    padded = np.zeros([2 * size for size in x.shape], x.dtype)
    window = tuple(slice(None, None, 2) for _ in x.shape)
    padded[window] = x
    yield np.asfortranarray(x)
    yield padded[window]
    yield np.flip(np.ascontiguousarray(np.flip(x)))
    yield np.frombuffer(b"x" + x.tobytes(), x.dtype, offset=1).reshape(x.shape)
    yield x.astype(x.dtype.newbyteorder())


@each_case
def test_every_run_and_memory_layout_gives_the_same_bytes(name):
    model, x, request = case(name)
    codec = Codec(model)
    blob = codec.compress(x, **request)
    assert codec.compress(x, **request) == blob == Codec(CASES[name]()[0]).compress(x, **request)
    for other in layouts(x):
        assert codec.compress(other, **request) == blob
        assert_identical(codec.encode(other), codec.encode(x))
    symbols = codec.encode(x)
    kept = symbols.copy()
    symbols.setflags(write=False)
    codec.decode(symbols)  # writing would raise
    assert_identical(symbols, kept)


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("target")])
def test_blocks_streams_and_single_signals_of_a_target_change_no_signal(name, monkeypatch):
    model, x, request = case(name)
    codec = Codec(model)
    together = codec.decompress(codec.compress(x, **request))
    assert_identical(together, codec.decode(*coded(codec, x, request)))
    for i in (0, 4, len(x) - 1):
        blob = codec.compress(x[i : i + 1], **request)
        assert_identical(codec.decompress(blob), together[i : i + 1])
    monkeypatch.setattr(BLOCK_LIMIT, 6 * x[0].nbytes)
    blob, stream = codec.compress(x, **request), io.BytesIO()
    assert len(blocks_of(blob)) == 4
    assert_identical(codec.decompress(blob), together)
    parts = iter([x[:6], x[6:12], x[12:]])
    codec.encoder.compress_to(stream, codec.encoder.header(), parts, Request(**request))
    assert stream.getvalue() == blob
