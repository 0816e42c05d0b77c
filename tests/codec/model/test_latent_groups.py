"""Groups of latents: their columns, their coding one after the other, and their place in a file."""

import numpy as np
import pytest

from narrows.codec.codec import Codec
from narrows.codec.entropy.ans import SymbolCoder
from narrows.codec.entropy.counting import count_table
from narrows.codec.entropy.tables import FixedTables, TablesInTurn, frequencies_of
from narrows.codec.model.groups import CORRECTED, ENCODED, check_groups, columns_of
from narrows.codec.model.model_file import pack_model
from narrows.errors import FormatError
from tests.helpers.altered_models import corrected
from tests.helpers.model_files import forged, opened
from tests.helpers.tiny_models import refusing, searching, tiny_model


def test_groups_are_adjacent_columns_in_order():
    sizes = {ENCODED: 3, CORRECTED: 2}
    assert list(range(5))[columns_of(ENCODED, sizes)] == [0, 1, 2]
    assert list(range(5))[columns_of(CORRECTED, sizes)] == [3, 4]
    assert list(range(3))[columns_of(CORRECTED, {ENCODED: 3})] == []


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ({}, "known, in this order"),
        ({CORRECTED: 3}, "groups corrected of latents"),
        ({CORRECTED: 1, ENCODED: 2}, "groups corrected, encoded"),
        ({ENCODED: 1, "other": 2}, "groups encoded, other"),
        ({ENCODED: 3, CORRECTED: 0}, "number of corrected latents is 0"),
        ({ENCODED: 1.5, CORRECTED: 1.5}, "number of encoded latents is 1.5"),
        ({ENCODED: 1, CORRECTED: 1}, "groups of 2 latents in a model of 3"),
    ],
)
def test_other_groups_are_refused(sizes, told):
    with refusing(FormatError, told):
        check_groups(sizes, 3)


def test_a_group_without_others_is_not_written():
    model = tiny_model("uint8", (4, 5), 3)
    content, _ = opened(pack_model(model))
    assert "groups" not in content["decoding"]
    assert model.groups == {ENCODED: 3}


@pytest.mark.parametrize(
    "groups",
    [[["encoded", 3]], [], None, {"encoded": 3}, [["encoded", 2], ["encoded", 1]], "encoded"],
    ids=repr,
)
def test_a_file_that_writes_one_group_in_any_form_is_refused(groups):
    content, tensors = opened(pack_model(tiny_model("uint8", (4, 5), 3)))
    content["decoding"]["groups"] = groups
    with pytest.raises(FormatError):
        Codec.from_bytes(forged(content, tensors))


def test_groups_of_a_corrected_model_are_its_decoders_split():
    model = corrected(searching(tiny_model("uint8", (4, 5), 3, n_qualities=2)), 4)
    model = model.without_encoder()
    content, tensors = opened(pack_model(model))
    assert content["decoding"]["groups"] == [["encoded", 3], ["corrected", 4]]
    assert Codec.from_bytes(forged(content, tensors)).model_id == model.model_id.hex()
    content["decoding"]["groups"] = [["encoded", 4], ["corrected", 3]]
    with refusing(FormatError, "parallel layer that splits [4, 3]"):
        Codec.from_bytes(forged(content, tensors))


def tables_of(symbols):
    return [count_table(column) for column in symbols.T]


def test_groups_are_coded_one_after_the_other_each_as_alone():
    rng = np.random.default_rng(0)
    symbols = rng.integers(-9, 9, (40, 5), np.int32)
    symbols[:, 3] = 0
    row = tables_of(symbols)
    tables = TablesInTurn([FixedTables(row[:2], [1, 0]), FixedTables(row[2:], [0, 2])])
    assert tables.row == row
    assert tables.order == [1, 0, 2, 4]
    given = [found.tolist() for found in frequencies_of(symbols, tables)]
    assert given == [row[j].weights.tolist() for j in tables.order]
    coder = SymbolCoder(tables)
    decoded = coder.decode(coder.encode(symbols), len(symbols))
    np.testing.assert_array_equal(decoded, symbols)
