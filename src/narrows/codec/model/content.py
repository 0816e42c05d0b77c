"""A model's parts <-> JSON values and tensors: what its file holds and its id is a hash of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from narrows.codec.entropy.context_model import ContextModel
from narrows.codec.entropy.tables import Row, pack_tables, unpack_tables
from narrows.codec.model.codings import read_trellis, write_trellis
from narrows.codec.model.groups import ENCODED, columns_of
from narrows.codec.model.parts import Content, Parts, Tensors
from narrows.codec.model.predictions import read_predictions, write_predictions
from narrows.codec.model.tradeoff import Fit, Tradeoffs
from narrows.codec.networks.layers.contract import above, below
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.networks.normaliser import Normaliser
from narrows.codec.networks.quantiser import Quantiser

VERSION = 0


# ---------------------------------------------------------------- what decoding depends on


def write_decoding(model: Parts) -> Content:
    """Describe all that decoding depends on, and the quantiser's gains."""
    contexts = write_contexts(model.contexts)
    settings = {
        "format": VERSION,
        "frame_shape": list(model.frame_shape),
        "normaliser": model.normaliser.settings(),
        "quantiser": {"shift": model.quantiser.shift, "limit": model.quantiser.limit},
        "decoder": model.decoder.settings(),
        "contexts": contexts.settings,
    }
    if len(model.groups) > 1:
        settings["groups"] = [list(group) for group in model.groups.items()]
    predictions, trellis = write_predictions(model), write_trellis(model)
    settings |= predictions.settings | trellis.settings
    tensors = {
        "quantiser.gain": model.quantiser.gain,
        "quantiser.step": model.quantiser.step,
        **above("decoder.", model.decoder.tensors()),
        **above("tables.", pack_tables(model.tables)),
        **contexts.tensors,
        **predictions.tensors,
        **trellis.tensors,
    }
    return Content(settings, tensors)


def read_decoding(content: Content) -> dict[str, Any]:
    """Undo `write_decoding`: return the model's parts by name."""
    settings, tensors = content
    decoder = IntegerNetwork.build(settings["decoder"], below("decoder.", tensors))
    tables = unpack_tables(below("tables.", tensors))
    groups = dict(settings.get("groups", []))
    rows = [row[columns_of(ENCODED, groups)] if groups else row for row in tables]
    return {
        "frame_shape": tuple(settings["frame_shape"]),
        "normaliser": Normaliser.build(settings["normaliser"]),
        "quantiser": Quantiser(
            gain=tensors["quantiser.gain"], step=tensors["quantiser.step"], **settings["quantiser"]
        ),
        "decoder": decoder,
        "tables": tables,
        "contexts": read_contexts(Content(settings["contexts"], tensors), rows),
        "groups": groups,
        "trellis": read_trellis(content, tables),
        **read_predictions(content),
    }


def write_contexts(contexts: Sequence[ContextModel | None]) -> Content:
    """Describe the context models of all qualities; one that several have is written once."""
    settings: list[dict[str, Any] | None] = []
    tensors: Tensors = {}
    for number, context in enumerate(contexts):
        first = next(i for i, each in enumerate(contexts) if each is context)
        if context is None:
            settings.append(None)
        elif first < number:
            settings.append({"same_as": first})
        else:
            settings.append(context.settings())
            tensors |= above(f"contexts.{number}.", context.tensors())
    return Content(settings, tensors)


def read_contexts(content: Content, rows: Sequence[Row]) -> list[ContextModel | None]:
    """Undo `write_contexts`, for the rows of tables that the context models tilt."""
    contexts: list[ContextModel | None] = []
    for number, each in enumerate(content.settings):
        if each is None or "same_as" in each:
            contexts.append(None if each is None else contexts[each["same_as"]])
        else:
            own = below(f"contexts.{number}.", content.tensors)
            contexts.append(ContextModel.build(each, own, rows[number]))
    return contexts


# ---------------------------------------------------------------- what only encoding depends on


def write_encoder(model: Parts) -> Content:
    """Describe the encoder and what a search for better symbols needs; None where it is left out.

    The settings are those of the network, with `search` and `fit` besides.
    """
    if model.encoder is None:
        return Content(None, {})
    settings = model.encoder.settings()
    tensors = above("encoder.", model.encoder.tensors())
    if model.tradeoffs is not None:
        settings = {**settings, "search": model.tradeoffs.settings()}
        tensors["encoder.curvature"] = model.tradeoffs.curvature
    if model.fit is not None:
        settings = {**settings, "fit": model.fit.settings()}
    return Content(settings, tensors)


def read_encoder(content: Content) -> dict[str, Any]:
    """Undo `write_encoder`: return the model's parts by name."""
    settings, tensors = content
    if settings is None:
        return {"encoder": None}
    parts: dict[str, Any] = {
        "encoder": IntegerNetwork.build(settings, below("encoder.", tensors)),
    }
    if "search" in settings:
        parts["tradeoffs"] = Tradeoffs.build(settings["search"], tensors["encoder.curvature"])
    if "fit" in settings:
        parts["fit"] = Fit.build(settings["fit"])
    return parts
