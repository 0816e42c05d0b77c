"""FORMAT.md, "Groups of latents": what the latents of each quality are coded with."""

from typing import Any

import numpy as np

from .context_model import ContextModel
from .conventions import need
from .payload import Group
from .settings import has_search
from .tables import Table
from .tensors import Tensors


def check_groups(decoding: dict[str, Any], k: int, encoder: Any) -> int:
    """Check the groups of latents, and return the number of encoded ones."""
    if "groups" not in decoding:
        return k
    sizes = [size for _, size in decoding["groups"]]
    need(sum(sizes) == k, "groups of another number of latents")
    layers = decoding["decoder"]["layers"]
    fits = [layer.get("split") for layer in layers] == [sizes]
    need(fits, "corrected latents without a parallel layer that splits at their group")
    kinds = [each["kind"] for each in layers[0]["second"]]
    need(kinds in (["dense"], ["dense", "reshape"]), "corrected latents without a dense layer")
    need(not encoder or has_search(encoder), "corrected latents without a search")
    return sizes[0]


def read_codings(
    tensors: Tensors, contexts: list[Any], tables: list[list[Table]], steps: np.ndarray, a: int
) -> list[list[Group]]:
    """Read what each quality is coded with: `a` encoded latents, and the corrected ones."""
    found: list[list[Group]] = []
    each = read_contexts(tensors, contexts, [row[:a] for row in tables])
    for number, (context, row) in enumerate(zip(each, tables, strict=True)):
        group = Group(range(a), row) if context is None else context
        corrected = [j for j in range(a, steps.shape[1]) if steps[number, j]]
        found.append([group, Group(corrected, row)])
    return found


def read_contexts(
    tensors: Tensors, contexts: list[Any], tables: list[list[Table]], bases: int = 1
) -> list[ContextModel | None]:
    """Read the context model of each quality, for the tables of its encoded latents."""
    need(len(contexts) == len(tables), "contexts of another number of qualities")
    found: list[ContextModel | None] = []
    for number, (settings, row) in enumerate(zip(contexts, tables, strict=True)):
        if not settings:
            found.append(None)
        elif "same_as" in settings:
            other = settings["same_as"]
            need(other < number and contexts[other], "a context model that is none before it")
            need("same_as" not in contexts[other], "the same as the same as another")
            context = found[other]
            assert context is not None
            found.append(context.for_tables(row))
        else:
            own = tensors.under(f"contexts.{number}.")
            found.append(ContextModel(settings, row, own, bases))
    return found
