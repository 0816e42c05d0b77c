"""Coding tables in compiled code."""

from narrows.codec.entropy.context_tables import ContextTables
from narrows.codec.entropy.native.tables import CompiledTables, fits
from narrows.codec.networks.native.extension import extension
from tests.helpers.context_models import row_of
from tests.helpers.tiny_models import random_context, rng_of


def compiled(tables, level):
    assert fits(tables)
    return CompiledTables(tables, extension()[0], level)


def large_tables(k=40, units=37, outputs=5, seed=0):
    row = row_of(seed, k)
    return ContextTables(row, random_context(rng_of(seed), row, units, outputs))
