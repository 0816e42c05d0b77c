"""The command line. Conventions after zstd: the input is kept, -f overwrites, - is a pipe.

Exit code 0; 1 for a failure, with one clear line on stderr; 2 for wrong usage.
"""

from __future__ import annotations

import sys

import typer

from narrows.cli import advising, coding, looking, measuring, probing, reporting, sweeping, training

app = typer.Typer(
    name="narrows",
    help="A codec that learns from your own signals: train, compress, decompress.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    training.train,
    coding.compress,
    coding.decompress,
    looking.info,
    looking.verify,
    measuring.evaluate,
    probing.probe,
    reporting.report,
    coding.encode,
    coding.decode,
    sweeping.sweep,
    advising.advise,
    training.export_decoder,
    training.demo,
):
    app.command()(command)


@app.callback()
def _root() -> None:
    """A codec that learns from your own signals: train, compress, decompress."""


def main() -> None:
    """Run the command line; a user's mistake gives one line and exit code 1, no traceback."""
    from narrows.errors import NarrowsError

    try:
        app()
    except NarrowsError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("interrupted; nothing was written", 130)
    except MemoryError:
        _fail("out of memory: give fewer or smaller signals")
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        _fail(f"{error.strerror or error}{where}")


def _fail(message: str, code: int = 1) -> None:
    print("narrows: " + " ".join(message.split()), file=sys.stderr)
    sys.exit(code)
