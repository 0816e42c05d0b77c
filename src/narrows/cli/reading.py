"""The options that say how DATA is read: how recordings and large arrays are cut to frames."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from narrows.cli.printing import say

if TYPE_CHECKING:
    from narrows.codec.codec import Codec
    from narrows.codec.decoder import Decoder
    from narrows.signals import Reading

PANEL = "How DATA is read"


def _option(name: str, metavar: str | None, help: str) -> Any:
    return typer.Option(name, metavar=metavar, help=help, show_default=False, rich_help_panel=PANEL)


OPTIONS: dict[str, Any] = {
    "window": Annotated[
        int | None,
        _option("--window", "N", "Cut recordings in windows of N samples, along their first axis."),
    ],
    "tile": Annotated[
        str | None, _option("--tile", "A,B", "Cut pictures and arrays in tiles, along their last "
                            "axes.")
    ],
    "hop": Annotated[
        str | None, _option("--hop", "N|A,B", "From one window or tile to the next; what overlaps "
                            "is blended.")
    ],
    "shape": Annotated[
        str | None, _option("--shape", "A,B,C", "Of a file of bare numbers; -1 for the first: as "
                            "many as there are.")
    ],
    "dtype": Annotated[
        str | None, _option("--dtype", "TYPE", "Of a file of bare numbers, such as float32, or "
                            ">i2 for big-endian.")
    ],
    "skip_unreadable": Annotated[
        bool, _option("--skip-unreadable", None, "Go on without the files of a folder that cannot "
                      "be read.")
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What was asked for, as it was given."""

    window: int | None = None
    tile: str | None = None
    hop: str | None = None
    shape: str | None = None
    dtype: str | None = None
    skip_unreadable: bool = False
    quiet: bool = False

    def reading(self, codec: Decoder | Codec | None = None) -> Reading:
        """Return how DATA is to be read; with a codec, as its model takes it."""
        from narrows.signals import Reading
        from narrows.signals.reading import parse_dtype, parse_lengths

        def lengths(name: str) -> tuple[int, ...] | None:
            text = getattr(self, name)
            return None if text is None else parse_lengths(text, name)

        return Reading(
            self.window,
            lengths("hop"),
            lengths("tile"),
            lengths("shape"),
            None if self.dtype is None else parse_dtype(self.dtype),
            skip_unreadable=self.skip_unreadable,
            proposes=True,
            tell=lambda text: say(text, self.quiet),
        ).for_model(codec and codec.model)


def reads(command: Callable[..., None]) -> Callable[..., None]:
    """Add these options to a command, which gets them as `asked`."""
    signature = inspect.signature(command, eval_str=True)
    own = [p for p in signature.parameters.values() if p.name != "asked"]
    added = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=False if name.startswith("skip") else None,
                  annotation=annotation)
        for name, annotation in OPTIONS.items()
    ]  # fmt: skip

    @wraps(command)
    def reading(*args: Any, **kwargs: Any) -> None:
        given = {name: kwargs.pop(name) for name in OPTIONS}
        command(*args, asked=Asked(**given, quiet=kwargs.get("quiet", False)), **kwargs)

    by_place = [p for p in own if p.kind is not Parameter.KEYWORD_ONLY]
    parameters = [*by_place, *added, *own[len(by_place) :]]
    reading.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return reading
