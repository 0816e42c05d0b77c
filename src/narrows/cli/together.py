"""Commands that several processes do together, as torchrun starts them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from narrows.training.installed import check_installed
from narrows.training.ranks import joined, started_together

if TYPE_CHECKING:
    from narrows.training.ranks import Ranks


@contextmanager
def one_of_several() -> Iterator[Ranks]:
    """Join the processes that were started together, if any; where they end, one says why."""
    together = started_together()
    if together:
        check_installed()
    with joined(together) as ranks:
        try:
            yield ranks
        except (SystemExit, typer.Exit, typer.BadParameter):
            raise
        except BaseException:
            if ranks.is_first_to_tell():
                raise
            raise typer.Exit(1) from None
