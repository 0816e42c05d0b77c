"""Python calls with a bound, or without loss."""

import numpy as np
import pytest

import narrows
from narrows.errors import DataError, SettingError, WrongModelError

X = (np.sin(np.add.outer(np.arange(30), np.arange(40)) / 7) * 50).astype("float32")


def test_signals_come_back_without_a_model_and_one_by_one():
    blob = narrows.compress(X, lossless=True, block_signals=8)
    assert narrows.decompress(blob).tobytes() == X.tobytes()
    with narrows.open(blob) as archive:
        assert (archive.shape, archive[17].tobytes()) == (X.shape, X[17].tobytes())
        assert np.array_equal(archive[5:20:3], X[5:20:3])


def test_a_bound_holds_and_is_kept_beside_the_user_s_metadata():
    blob = narrows.compress(X, max_error=0.25, metadata={"of": "waves"})
    assert np.abs(narrows.decompress(blob).astype(float) - X).max() <= 0.25
    with narrows.open(blob) as archive:
        assert archive.metadata == {"of": "waves", "guarantee": {"max_error": [0.25]}}


def test_a_relative_bound_is_of_the_range_of_all_finite_values():
    x = X.copy()
    x[0, 0] = np.inf
    y = narrows.decompress(narrows.compress(x, max_relative_error=0.001))
    assert y[0, 0] == np.inf
    finite = np.isfinite(x)
    assert np.abs(y[finite].astype(float) - x[finite]).max() <= 0.001 * float(np.ptp(X))


def test_processes_write_the_same_bytes():
    alone = narrows.compress(X, max_error=0.1, block_signals=10)
    assert narrows.compress(X, max_error=0.1, block_signals=10, jobs=2) == alone


def test_a_codec_promises_too_and_reads_what_it_wrote(tiny_codec, digits):
    blob = tiny_codec.compress(digits[:20], lossless=True)
    assert np.array_equal(tiny_codec.decompress(blob), digits[:20])
    assert np.array_equal(narrows.decompress(blob), digits[:20])
    packets = tiny_codec.compress_packets(digits[:20], max_error=1)
    errors = tiny_codec.decompress_packets(packets).astype(int) - digits[:20]
    assert np.abs(errors).max() == 1


def test_what_a_model_wrote_still_needs_it(tiny_codec, digits, monkeypatch):
    monkeypatch.delenv("NARROWS_MODELS", raising=False)
    with pytest.raises((WrongModelError, narrows.errors.ModelNotFoundError)):
        narrows.decompress(tiny_codec.compress(digits[:3]))


@pytest.mark.parametrize("promise", [{"max_error": 0.0}, {"max_error": True}, {"max_error": []},
                                     {"max_error": "0.1"}, {"max_relative_error": -0.1}, {},
                                     {"max_error": 1, "quality": 3}])  # fmt: skip
def test_wrong_promises_are_refused(promise):
    with pytest.raises(SettingError):
        narrows.compress(X, **promise)


@pytest.mark.parametrize("name", ["complex64", "complex128"])
def test_complex_numbers_are_refused_with_advice_that_keeps_every_bit(name):
    x = X.astype(name) * (1 - 2j)
    x[:, ::7] = complex(np.nan, -0.0)
    with pytest.raises(DataError, match=name) as caught:
        narrows.compress(x, lossless=True)
    parts, undone = str(caught.value).split("give ")[1].split(", two channels; ")
    given = eval(parts, {"np": np, "x": x})
    y = narrows.decompress(narrows.compress(given, lossless=True))
    assert eval(undone.removesuffix(" undoes it"), {"y": y}).tobytes() == x.tobytes()


def test_whole_numbers_cannot_be_off_by_less_than_one():
    with pytest.raises(SettingError, match="lossless"):
        narrows.compress(X.astype("int16"), max_error=0.5)
