"""The settings of a training as parameters: spelled out in signatures and docstrings."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterable
from inspect import Parameter
from typing import Any, TypeVar

from narrows.training.settings import SETTINGS, Setting

LINE_LENGTH = 88  # of the documentation, indented
Function = TypeVar("Function", bound=Callable[..., Any])


def takes_settings(
    names: Iterable[str] = SETTINGS, annotation: Callable[[str], Any] | None = None
) -> Callable[[Function], Function]:
    """Spell out the `**settings` of a function in its signature, before its own keywords.

    Parameters
    ----------
    names : iterable of str
        The settings that it takes.
    annotation : callable, optional
        Makes the annotation of a setting from its name, and has the others evaluated.
    """

    def spell_out(function: Function) -> Function:
        signature = inspect.signature(function, eval_str=annotation is not None)
        added = []
        for name in names:
            hint = annotation(name) if annotation else SETTINGS[name].annotation
            kind, default = Parameter.KEYWORD_ONLY, SETTINGS[name].default
            added.append(Parameter(name, kind, default=default, annotation=hint))
        own = [p for p in signature.parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
        by_place = [p for p in own if p.kind is not Parameter.KEYWORD_ONLY]
        parameters = [*by_place, *added, *own[len(by_place) :]]
        function.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        document_settings(function, names)
        return function

    return spell_out


def document_settings(documented: Any, names: Iterable[str]) -> None:
    """Replace the line `{settings}` of a docstring by the settings of these names."""
    lines = "\n".join(_as_documented(name, SETTINGS[name]) for name in names)

    def indented(place: re.Match[str]) -> str:
        return textwrap.indent(lines, place[1])

    # Python -OO leaves docstrings out, and from 3.13 on they come without indentation.
    text = documented.__doc__ or ""
    documented.__doc__ = re.sub(r"^( *)\{settings\}", indented, text, flags=re.MULTILINE)


def _as_documented(name: str, setting: Setting) -> str:
    """Return the lines of a parameter in a docstring, in numpy's style."""
    kind = setting.kind.__name__
    if setting.choices:
        kind = "{" + ", ".join(f'"{choice}"' for choice in setting.choices) + "}"
    default = "optional" if setting.default is None else f"default {setting.default!r}"
    text = f"{setting.help} By default {setting.unset}." if setting.unset else setting.help
    lines = [
        f"{name} : {kind}, {default}",
        *("    " + each for each in textwrap.wrap(text, LINE_LENGTH)),
    ]
    return "\n".join(lines)
