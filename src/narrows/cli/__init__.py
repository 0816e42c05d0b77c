"""The command line. Conventions after zstd: the input is kept, -f overwrites, - is a pipe.

Exit code 0; 1 for a failure, with one clear line on stderr; 2 for wrong usage; 130 for Ctrl-C, 143
for SIGTERM.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from narrows._version import __version__
from narrows.cli.ending import Ended, ending_in_order
from narrows.cli.standard_streams import standard_streams


class _Commands(TyperGroup):
    """The commands; Ctrl-C is told here, since typer would end without a word."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was given."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _fail("interrupted; nothing was written", 130)


app = typer.Typer(
    cls=_Commands,
    name="narrows",
    help="A codec that learns from your own signals: train, compress, decompress.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS = (
    "train", "compress", "decompress", "info", "verify", "evaluate", "probe", "report", "encode",
    "decode", "sweep", "advise", "export_decoder", "demo",
)  # fmt: skip
"""In the order of the help; each is a function in the file of its name."""
for name in COMMANDS:
    app.command()(getattr(import_module(f"narrows.cli.{name}"), name))


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
    """A codec that learns from your own signals: train, compress, decompress."""


def main() -> None:
    """Run the command line; a user's mistake gives one line and exit code 1, no traceback."""
    with standard_streams():
        _run()


def _run() -> None:
    from narrows.errors import NarrowsError

    try:
        with ending_in_order():
            try:
                app()
            finally:
                sys.stdout.flush()  # here, where what fails is told
    except NarrowsError as error:
        _fail(str(error))
    except Ended as error:
        _fail(str(error), error.code)
    except MemoryError:
        _fail("out of memory: give fewer or smaller signals")
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        _fail(f"{error.strerror or error}{where}")


def _fail(message: str, code: int = 1) -> NoReturn:
    print("narrows: " + " ".join(message.split()), file=sys.stderr)
    sys.exit(code)
