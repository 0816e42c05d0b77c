"""The command line. Conventions after zstd: the input is kept, -f overwrites, - is a pipe.

Exit code 0; 1 for a failure, with one clear line on stderr; 2 for wrong usage; 130 for Ctrl-C, 143
for SIGTERM.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer
from typer.main import get_command

from narrows._version import __version__
from narrows.cli.ending import Ended, ending_in_order
from narrows.cli.help import HelpPage, Overview
from narrows.cli.printing import OUT_OF_MEMORY, in_one_line
from narrows.cli.standard_streams import standard_streams

COMMANDS = {
    "Make a model": ("train", "advise", "sweep", "demo", "export_decoder", "export_onnx"),
    "Use a model": ("compress", "decompress", "encode", "decode"),
    "Look and measure": ("info", "verify", "evaluate", "report", "probe", "engines"),
    "Share a model": ("card", "push"),
}
"""In the order of the help; each is a function in the file of its name."""


class _Loaded(Mapping[str, Any]):
    """The commands by name: each is imported where it is first asked for."""

    def __init__(self) -> None:
        self._groups = {
            name.replace("_", "-"): group for group, names in COMMANDS.items() for name in names
        }
        self._commands: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._commands:
            settings: Any = {"cls": HelpPage, "rich_help_panel": self._groups[name]}
            alone = typer.Typer(add_completion=False, rich_markup_mode=None)
            function = name.replace("-", "_")
            alone.command(name, **settings)(
                getattr(import_module(f"narrows.cli.{function}"), function)
            )
            self._commands[name] = get_command(alone)
        return self._commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._groups)

    def __len__(self) -> int:
        return len(self._groups)


class _Commands(Overview):
    """The commands; Ctrl-C is told here, since typer would end without a word."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "commands": _Loaded()})

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was given."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            _fail(f"interrupted; {str(error) or 'nothing was written'}", 130)


app = typer.Typer(
    cls=_Commands,
    name="narrows",
    no_args_is_help=True,
    rich_markup_mode=None,  # our own help pages
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"narrows {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Learn a codec from your own signals: train, compress, decompress.

      narrows train signals.npy -o m.narrows
      narrows compress signals.npy -m m.narrows
      narrows decompress signals.npy.nrw -m m.narrows -o back.npy

    `narrows COMMAND --help` tells the options of a command.
    """


NO_MEMORY_OF_TORCH = "can't allocate memory", "out of memory"  # of a CPU, of a GPU


def main() -> None:
    """Run the command line; a user's mistake gives one line and exit code 1, no traceback."""
    with standard_streams(), warnings.catch_warnings():
        if not sys.warnoptions:  # what libraries warn their developers of
            warnings.showwarning = lambda *args, **kwargs: None
        _run()


def _run() -> None:
    from narrows.errors import NarrowsError

    try:
        with ending_in_order():
            try:
                app(prog_name="narrows")
            finally:
                sys.stdout.flush()  # here, where what fails is told
    except Ended as error:
        _fail(str(error), error.code)
    except (NarrowsError, OSError, MemoryError) as error:
        _fail(in_one_line(error))
    except RuntimeError as error:
        if not any(words in str(error) for words in NO_MEMORY_OF_TORCH):
            raise
        _fail(OUT_OF_MEMORY)


def _fail(message: str, code: int = 1) -> NoReturn:
    print("narrows: " + " ".join(message.split()), file=sys.stderr)
    sys.exit(code)
