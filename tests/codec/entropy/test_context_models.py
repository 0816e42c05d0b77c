"""Context models of parts that do not fit, or of sums that could leave the exact integers."""

from dataclasses import replace

import numpy as np
import pytest

from narrows.codec.entropy import context_model as context
from narrows.codec.entropy.context_model import TENSORS, ContextModel
from narrows.errors import FormatError, UnprovenModelError
from tests.helpers.context_models import by_hand, mixed_model, tables_of
from tests.helpers.tiny_models import refusing


def parts_of(context):
    return context.tensors(), {**context.settings(), "sizes": context.sizes}


BAD_TENSORS = {
    "a latent twice": {"order": [0, 1, 1, 3]},
    "a latent that is not there": {"order": [0, 1, 2, 4]},
    "a negative latent": {"order": [0, 1, 2, -1]},
    "far latents": {"order": [2**31 - 1, -(2**31), -(2**31), -(2**31)]},
    "fewer latents": {"order": [2, 0, 1]},
    "more latents": {"order": [2, 0, 1, 4, 3]},
    "one latent": {"order": [0]},
    "no latent": {"order": []},
}


@pytest.mark.parametrize("change", BAD_TENSORS)
def test_an_order_that_is_none_is_refused(change):
    tensors, settings = parts_of(tables_of(0, 4).context)
    tensors |= {name: np.array(x, np.int32) for name, x in BAD_TENSORS[change].items()}
    row = tables_of(0, 4).row
    for build in (
        lambda: ContextModel(**tensors, **settings),
        lambda: ContextModel.build(tables_of(0, 4).context.settings(), tensors, row),
    ):
        with refusing(FormatError, match="order"):
            build()


@pytest.mark.parametrize("name", TENSORS)
def test_a_tensor_of_another_size_dtype_or_shape_is_refused(name):
    tensors, settings = parts_of(tables_of(1, 4).context)
    good = tensors[name]
    others = [good.astype(dtype) for dtype in ("uint8", "int16", "int32", "int64", "float64")]
    bad = [good[:-1], np.append(good, good[-1:]), good[:0], good[None], good.reshape(-1, 1)]
    bad += [other for other in others if other.dtype != good.dtype]
    for tensor in bad:
        with refusing(FormatError, "context model"):
            ContextModel(**{**tensors, name: tensor}, **settings)


@pytest.mark.parametrize("name", ["hidden_shift", "output_shift", "row_shift"])
@pytest.mark.parametrize("value", [-1, 41, 1.0, "1", None, True])
def test_a_shift_out_of_range_is_refused(name, value):
    with refusing(FormatError, name, "0 to 40"):
        replace(tables_of(1, 4).context, **{name: value})


@pytest.mark.parametrize("name", ["hidden_limit", "output_limit"])
@pytest.mark.parametrize("value", [-1, 0, 2**24 + 1, 1.0, "1", None, True])
def test_a_limit_out_of_range_is_refused(name, value):
    with refusing(FormatError, name, "1 to 16777216"):
        replace(tables_of(1, 4).context, **{name: value})


@pytest.mark.parametrize("sizes", [(), (3,), (3, 3, 3), (3, 4), (2, 2)])
def test_sizes_of_other_tables_are_refused(sizes):
    with refusing(FormatError, "context model"):
        by_hand(sizes=sizes)


def test_no_units_or_outputs_and_too_many_are_refused():
    no_units = {"hidden_weight": [], "hidden_bias": [], "output_weight": []}
    no_outputs = {"output_weight": [], "output_bias": [], "basis": []}
    for parts in (no_units, no_outputs, with_units(1025), with_outputs(33)):
        with refusing(FormatError, "context model"):
            by_hand(**parts)
    assert by_hand(**with_units(1024)).n_units == 1024
    assert by_hand(**with_outputs(32)).n_outputs == 32


def with_units(count):
    return dict.fromkeys(("hidden_weight", "hidden_bias", "output_weight"), count * [1])


def with_outputs(count):
    return {"output_weight": count * [1], "output_bias": 2 * count * [1], "basis": 6 * count * [1]}


def test_sums_that_could_reach_2_to_the_53_are_refused():
    """In the last of 17 positions 16 * 1024 units of weight 2**15 and activations of 2**24 meet."""
    pairs = 17 * 16 // 2
    parts = {
        "sizes": 17 * (2,), "order": range(17), "hidden_bias": 1024 * 16 * [0],
        "hidden_weight": np.zeros(1024 * pairs), "basis": 34 * [0], "base": 34 * [0],
    }  # fmt: skip
    weight = np.full(1024 * pairs, -(2**15))
    with refusing(UnprovenModelError, "2**54", "2**53"):
        by_hand(output_weight=weight, output_bias=17 * [0], **parts)
    weight[15] += 1  # from the first position's first unit to the last position
    largest = 2**24 - 1
    context = by_hand(output_weight=weight, output_bias=17 * [largest], **parts)
    assert context.peaks[1] == 2**53 - 1
    with pytest.raises(UnprovenModelError):
        by_hand(output_weight=weight, output_bias=[*16 * [0], -largest - 1], **parts)


def test_logarithms_can_never_reach_2_to_the_53():
    """All numbers are at the ends of their ranges: 32 outputs of 2**24 times -2**15, and -2**31."""
    parts = {**with_outputs(32), "basis": np.full(6 * 32, -(2**15)), "base": 6 * [-(2**31)]}
    peak = by_hand(**parts, row_shift=40).peaks[2]
    assert peak == 2 * (2**5 * 2**24 * 2**15 + 2**31) + (4640 << 40)
    assert 2**52 < peak < 2**53


def test_the_proof_holds_each_of_the_three_sums(monkeypatch):
    """The greatest one is that of logarithms here: were float64 narrower, it would be refused."""
    parts = {"hidden_limit": 1, "output_limit": 1, "row_shift": 3}
    peaks = by_hand(**parts).peaks
    assert max(peaks) == peaks[2]
    monkeypatch.setattr(context, "EXACT_FLOAT64", peaks[2] + 1)
    by_hand(**parts)
    monkeypatch.setattr(context, "EXACT_FLOAT64", peaks[2])
    with refusing(UnprovenModelError, "2**16", "2**53"):
        by_hand(**parts)


@pytest.mark.parametrize(
    "contexts",
    [[], [None], 4 * [None], 3 * [tables_of(0, 4).context], 3 * [tables_of(0, 3).context]],
)
def test_contexts_of_other_qualities_or_tables_are_refused(contexts):
    with refusing(FormatError, match="context"):
        replace(mixed_model(), contexts=contexts)
