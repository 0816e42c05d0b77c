"""The help pages: what a command does, examples, then its options in groups.

A page is text of at most 80 columns, in which nothing is cut. Its groups stand in the order in
which the options first name them, without a name first; what all commands share stands last.
"""

from __future__ import annotations

import textwrap
from typing import Any

from typer.core import TyperCommand, TyperGroup

NAMES = 26
"""The columns for names: a longer one has a line of its own."""
OPTIONS = "Options"
SHARED = "Files and messages"
"""The group of what most commands take, and of `--help`."""
Rows = list[tuple[str, str]]


class HelpPage(TyperCommand):
    """A command with our help page."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; where a shell made many files of a pattern, say how it is passed."""
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            message = getattr(error, "message", "")  # of a usage error alone
            takes_data = any(parameter.name == "data" for parameter in self.params)
            if takes_data and "unexpected extra argument" in str(message):
                advice = "DATA is one file or folder, or a pattern in quotes, such as 'x/*.wav'"
                setattr(error, "message", f"{message}; {advice}")  # noqa: B010
            raise

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return what stands behind the name of the command."""
        return _usage(self, ctx)

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Write what the command does."""
        _write_text(self.help or "", formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options."""
        _write_parameters(self, ctx, formatter)


class Overview(TyperGroup):
    """The help page of all commands."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return what stands behind the name of the program."""
        return ["COMMAND", *_usage(self, ctx), "..."]

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Write what the program does."""
        _write_text(self.help or "", formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, then the options."""
        groups: dict[str, Rows] = {}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            row = name, " ".join(command.help.split("\n\n")[0].split())
            groups.setdefault(command.rich_help_panel, []).append(row)
        _write_groups(groups, formatter)
        _write_parameters(self, ctx, formatter)


def _usage(command: Any, ctx: Any) -> list[str]:
    arguments = [p for p in command.get_params(ctx) if p.param_type_name == "argument"]
    return [*(_metavar(argument) for argument in arguments), "[OPTIONS]"]


def _write_text(text: str, formatter: Any) -> None:
    """Write paragraphs; examples as they are."""
    for paragraph in text.split("\n\n"):
        formatter.write_paragraph()
        if paragraph.lstrip().startswith("narrows "):
            formatter.write(textwrap.indent(textwrap.dedent(paragraph), "  ") + "\n")
        else:
            formatter.write_text(paragraph)


def _write_parameters(command: Any, ctx: Any, formatter: Any) -> None:
    groups: dict[str, Rows] = {"Arguments": [], OPTIONS: []}
    shared: Rows = []
    # What is required stands first in its group.
    for parameter in sorted(command.get_params(ctx), key=lambda each: not each.required):
        row = _names(parameter), _told(parameter)
        group = getattr(parameter, "rich_help_panel", None) or OPTIONS
        if parameter.param_type_name == "argument":
            groups["Arguments"].append(row)
        elif group == SHARED or parameter.name == "help":
            shared.append(row)
        elif not parameter.hidden:
            groups.setdefault(group, []).append(row)
    _write_groups({**groups, SHARED: shared}, formatter)


def _write_groups(groups: dict[str, Rows], formatter: Any) -> None:
    """Write names, and beside them, in a column of the same place in all groups, what they mean.

    Nothing is broken but at spaces: names of options are to be copied.
    """
    longest = max(len(name) for rows in groups.values() for name, _ in rows)
    column = 2 + min(longest, NAMES) + 2
    for group, rows in groups.items():
        if not rows:
            continue
        formatter.write(f"\n{group}:\n")
        for name, text in rows:
            told = textwrap.wrap(
                text, formatter.width - column, break_long_words=False, break_on_hyphens=False
            )
            first = f"  {name}".ljust(column - 1)
            if len(first) >= column:
                formatter.write(f"{first}\n")
                first = ""
            lines = "\n".join(f"{line:>{column + len(line)}}" for line in told)
            formatter.write(first + lines[len(first) :] + "\n")


def _names(parameter: Any) -> str:
    """Return `-o, --output FILE`, `--augment/--no-augment`, or the name of an argument."""
    if parameter.param_type_name == "argument":
        return _metavar(parameter)
    names = ", ".join(sorted(parameter.opts, key=len))
    if parameter.secondary_opts:
        return f"{names}/{parameter.secondary_opts[0]}"
    return names if parameter.is_flag else f"{names} {_metavar(parameter)}"


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper().replace("_", "-"))


def _told(parameter: Any) -> str:
    """Return the help of a parameter, and what holds where it is left out."""
    default, shown = parameter.default, parameter.show_default
    if parameter.secondary_opts:
        default = (parameter.opts if default else parameter.secondary_opts)[0]
    elif parameter.param_type_name == "option" and parameter.is_flag:
        default = None
    text = parameter.help or ""
    if parameter.required:
        return text if parameter.param_type_name == "argument" else f"{text} [required]"
    if isinstance(shown, str):
        return f"{text} [default: {shown}]"
    return text if default is None or not shown else f"{text} [default: {default}]"
