"""What users pass in place of plain arrays, at every public function: kept, or refused by name."""

import io
import re

import numpy as np
import numpy.lib.recfunctions
import pytest

from narrows.arrays import as_array, holds_exactly
from narrows.codec.encoding.encoder import Encoder
from narrows.errors import DataError
from tests.helpers.tiny_models import refusing, tiny_codec

torch = pytest.importorskip("torch", reason="tensors and training need torch; extra train")
pd = pytest.importorskip("pandas", reason="tables need pandas; extra dev")
sparse = pytest.importorskip("scipy.sparse", reason="sparse matrices need scipy; extra dev")

import narrows  # noqa: E402
from narrows.codec.encoding.requests import Request  # noqa: E402
from narrows.evaluation.advice import advise  # noqa: E402
from narrows.evaluation.metrics import evaluate  # noqa: E402
from narrows.evaluation.probe.probe import probe  # noqa: E402
from narrows.evaluation.report.contents import measure  # noqa: E402
from narrows.evaluation.sweep import sweep  # noqa: E402
from narrows.evaluation.verification import verify  # noqa: E402
from narrows.signals import as_labels, check_signals, write_signals  # noqa: E402

CODEC = tiny_codec("float32", (3,), 2, 3)
X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
Y = np.arange(24) % 2
BLOB = CODEC.compress(X)


def append(x):
    encoder: Encoder = CODEC.encoder
    parts = iter([X, x])
    encoder.compress_to(io.BytesIO(), encoder.header(), parts, Request())


def estimator(x):
    from narrows.sklearn import Autoencoder

    return Autoencoder().fit(x)


ENTRIES = {
    "train": lambda x: narrows.train(x, latent_size=1, epochs=1),
    "train, validation": lambda x: narrows.train(X, validation=x, latent_size=1, epochs=1),
    "compress": CODEC.compress,
    "compress_packets": CODEC.compress_packets,
    "compress_packet": CODEC.compress_packet,
    "encode": CODEC.encode,
    "latents": CODEC.latents,
    "decode": CODEC.decode,
    "append": append,
    "evaluate": lambda x: evaluate(CODEC, x),
    "verify": lambda x: verify(io.BytesIO(BLOB), CODEC.decoder, x),
    "report": lambda x: measure(CODEC, x),
    "report, train": lambda x: measure(CODEC, X, train=x),
    "report, labels": lambda y: measure(CODEC, X, y),
    "probe": lambda x: probe(CODEC, x, Y),
    "probe, labels": lambda y: probe(CODEC, X, y),
    "sweep": lambda x: sweep(x, X, [{"latent_size": 1, "epochs": 1}], jobs=1),
    "sweep, test": lambda x: sweep(X, x, [{"latent_size": 1, "epochs": 1}], jobs=1),
    "advise": lambda x: advise(x, minutes=0.01),
    "check_signals": check_signals,
    "write_signals": lambda x: write_signals(io.BytesIO(), x),
    "labels": as_labels,
    "sklearn": estimator,
}

MASKED = np.ma.masked_array(X, X > 1)
OBJECTS = np.empty(2, object)
OBJECTS[:] = [X[0], X[1, :2]]
LOSSY = {
    "masked": (MASKED, "mask"),
    "list of masked": (list(MASKED), "mask"),
    "ragged": ([[0.5, 1.0], [2.0]], "cut or pad"),
    "needs gradients": (torch.tensor(X, requires_grad=True), "x.detach()"),
    "bfloat16": (torch.tensor(X).bfloat16(), "x.float()"),
    "both": (torch.tensor(X).bfloat16().requires_grad_(), "x.detach().float()"),
    "list of tensors": ([torch.tensor(r, requires_grad=True) for r in X], "x.detach()"),
    "sparse tensor": (torch.tensor(X).to_sparse(), "x.to_dense()"),
    "no numbers": (torch.empty(24, 3, device="meta"), "one with numbers"),
    "sparse matrix": (sparse.csr_matrix(X), "x.toarray()"),
    "sparse array": (sparse.coo_array(X), "x.toarray()"),
}
"""What every entry refuses, and a word of the advice."""

NO_NUMBERS = {
    "missing": (pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": [0.5, 1.0]}), "fillna"),
    "words in a table": (pd.DataFrame({"a": [1.0, 2.0], "w": ["u", "v"]}), "drop(columns=['w'])"),
    "objects": (X.astype(object), 'x.astype("float64")'),
    "ragged objects": (OBJECTS, "cut or pad"),
    "words": (np.array([["a", "b"]]), "no number"),
    "dates": (np.array([["2020-01-01"]], "M8[s]"), "np.timedelta64"),
    "times": (np.zeros((2, 3), "m8[s]"), "np.timedelta64"),
    "fields": (np.zeros(2, [("a", "f4"), ("b", "i4")]), "structured_to_unstructured(x)"),
    "a field": (np.zeros(2, [("a", "f4"), ("b", "U4")]), "x['a']"),
    "complex": (X.astype(complex), "x.imag"),
    "nothing": (None, "NoneType"),
    "generator": ((row for row in X), "generator"),
    "dictionary": ({"x": X}, "dict"),
    "a name": ("mnist:train", "read_signals"),
}
OTHERS = {"report, labels", "probe, labels", "labels", "sklearn", "decode", "compress_packet"}
OF_SIGNALS = [name for name in ENTRIES if name not in OTHERS]


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("kind", LOSSY)
def test_what_a_conversion_would_lose_is_refused_everywhere(entry, kind):
    values, advice = LOSSY[kind]
    with refusing(DataError, advice):
        ENTRIES[entry](values)


@pytest.mark.parametrize("entry", OF_SIGNALS)
@pytest.mark.parametrize("kind", NO_NUMBERS)
def test_what_is_no_array_of_numbers_is_refused_with_what_makes_one(entry, kind):
    if kind == "nothing" and entry in {"train, validation", "verify", "report, train"}:
        return  # there it stands for what is not given
    if kind == "a name" and entry.startswith("train"):
        return  # it is read
    if kind == "words in a table" and entry.startswith("train"):
        return  # its numbers are the signals
    values, advice = NO_NUMBERS[kind]
    with refusing(DataError, advice):
        ENTRIES[entry](values)


@pytest.mark.parametrize(
    "values",
    [
        X.tolist(),
        list(X),
        torch.tensor(X),
        list(torch.tensor(X)),
        X.view(np.matrix),
        np.ma.masked_array(X),
        pd.DataFrame(X),
        pd.DataFrame(X).astype("Float32"),
        np.asfortranarray(X),
        X.astype(">f4"),
    ],
)
def test_what_holds_the_same_numbers_is_taken_as_the_array(values):
    np.testing.assert_array_equal(as_array(values), X)
    if np.asarray(values).dtype.itemsize == 4:
        assert CODEC.compress(values) == BLOB


@pytest.mark.parametrize(
    "x",
    [
        MASKED,
        *(v for v, _ in LOSSY.values() if isinstance(v, torch.Tensor) and not v.is_meta),
        sparse.csr_matrix(X),
        *(v for k, (v, _) in NO_NUMBERS.items() if k not in {"nothing", "generator"}),
        np.zeros((2, 3), np.longdouble),
    ],
    ids=lambda x: type(x).__name__,
)
def test_advice_that_is_code_gives_signals(x):
    with pytest.raises(DataError) as caught:
        check_signals(x)
    code = re.search(r"\S*\bx\b.*?[\])](?=, (?:which|and|two|a channel)|$)", str(caught.value))
    if code is None:
        assert re.search("no number|no array|read_signals|cut or pad", str(caught.value))
        return
    text = code[0].removeprefix("seconds, ")
    given = eval(text, {"x": x, "np": np, "numpy": np, "value": 0.0})
    assert check_signals(given if given.ndim > 1 else given[:, None]).size


@pytest.mark.parametrize(
    ("values", "dtype", "held"),
    [
        ([255, 0], "uint8", True),
        ([-1, 0], "uint8", False),
        ([0.5, 1.0], "uint8", False),
        ([np.nan, 1.0], "float32", True),
        ([1e300, 1.0], "float32", False),
        ([2**24 + 1, 0], "float32", False),
        ([2**31 - 1, 0], "float32", False),
    ],
)
def test_a_cast_that_changes_a_value_is_known(values, dtype, held):
    assert holds_exactly(np.array(values), np.dtype(dtype)) is held


def test_words_in_a_table_are_labels():
    words = pd.Series(["dog", "cat", "dog"])
    assert as_labels(words).tolist() == [1, 0, 1]
    with pytest.raises(DataError, match=r"y\.argmax\(axis=1\)"):
        as_labels(np.eye(3))
