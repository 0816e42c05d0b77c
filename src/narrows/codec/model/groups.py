"""Groups of latents: adjacent columns of the symbols that are made and coded in one way."""

from __future__ import annotations

from collections.abc import Mapping

from narrows.codec.checks import check_whole
from narrows.errors import FormatError

ENCODED = "encoded"
"""The encoder's outputs, rounded. All are coded, with a context model where there is one."""

CORRECTED = "corrected"
"""Inputs of a linear chain, whose output is added to that of the encoded latents.

An encoder chooses them such that the least error is left. They are coded at the qualities that have
a step for them, with the frequencies of their tables, and are 0 at the others.
"""

GROUPS = (ENCODED, CORRECTED)
"""All groups, in the order of their columns and of coding; the first is in every model."""


def check_groups(sizes: Mapping[str, int], latent_size: int) -> None:
    """Raise FormatError unless these are groups of so many latents, in order."""
    if not sizes or tuple(sizes) != GROUPS[: len(sizes)]:
        named = ", ".join(sizes)[:80]
        raise FormatError(f"groups {named} of latents; known, in this order, are {GROUPS}")
    for name, size in sizes.items():
        check_whole(size, 1, latent_size, f"number of {name} latents")
    if sum(sizes.values()) != latent_size:
        raise FormatError(f"groups of {sum(sizes.values())} latents in a model of {latent_size}")


def columns_of(name: str, sizes: Mapping[str, int]) -> slice:
    """Return the columns of a group; none if the model does not have it."""
    start = sum(sizes.get(each, 0) for each in GROUPS[: GROUPS.index(name)])
    return slice(start, start + sizes.get(name, 0))
