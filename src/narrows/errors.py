"""Every exception that a user of narrows can cause.

NarrowsError
├── DataError            (ValueError)       signals that cannot be read, trained on or coded
├── SettingError         (ValueError)       an option or argument outside what is accepted
├── FormatError          (ValueError)       a file that is damaged, foreign, or of a newer format
├── ModelError                              a model that cannot serve
│   ├── ModelNotFoundError
│   ├── WrongModelError                     another model wrote this archive
│   └── UnprovenModelError                  its arithmetic could leave the exact integers
├── TrainingError                           training went wrong (it diverged, say)
├── HubError                                the Hub cannot be reached, or refuses
├── OutputExistsError    (FileExistsError)  the output is there and -f was not given
├── OutputBusyError      (BlockingIOError)  another process is writing the output
└── MissingExtraError    (ImportError)      an optional dependency is not installed

Each message says what was received, what is accepted, and what to do next, in one line.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self


class NarrowsError(Exception):
    """The root of all errors that a user of narrows can cause."""


class DataError(NarrowsError, ValueError):
    """Signals that cannot be read, trained on or coded."""


class SettingError(NarrowsError, ValueError):
    """An option or argument outside what is accepted."""


class FormatError(NarrowsError, ValueError):
    """A file that is damaged, foreign, or of a format newer than this version reads."""


class ModelError(NarrowsError):
    """A model that cannot serve."""


class ModelNotFoundError(ModelError):
    """No model of the needed identity was found."""


class WrongModelError(ModelError):
    """The archive was written by another model."""


class UnprovenModelError(ModelError):
    """The model's integer arithmetic could leave the range in which float64 is exact."""


class TrainingError(NarrowsError):
    """Training went wrong: it diverged, say, or was stopped before there is a model."""


class HubError(NarrowsError):
    """The Hub of Hugging Face cannot be reached, or refuses what is pushed."""


class OutputExistsError(NarrowsError, FileExistsError):
    """The output file exists, and overwriting was not asked for."""


class OutputBusyError(NarrowsError, BlockingIOError):
    """Another process is writing the output."""


class MissingExtraError(NarrowsError, ImportError):
    """An optional dependency is not installed, or is and cannot be loaded.

    Parameters
    ----------
    needed, purpose, extra : str
        The package, what for, and the extra that installs it.
    cause : ImportError or OSError, optional
        What the import raised; by default that there is no such package.
    """

    def __init__(
        self, needed: str, purpose: str, extra: str, cause: ImportError | OSError | None = None
    ) -> None:
        self.needed, self.purpose, self.extra, self.cause = needed, purpose, extra, cause
        if cause is None or isinstance(cause, ModuleNotFoundError):
            state, way_out = "is not installed", "install it with: pip install"
        else:
            state = f"is installed but cannot be loaded ({' '.join(str(cause).split())})"
            way_out = "mend that, or install it anew with: pip install --force-reinstall"
        super().__init__(f"{purpose} needs {needed}, which {state}; {way_out} 'narrows[{extra}]'")

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        """Pickle what it was made from: an error reaches its caller from another process."""
        return type(self), (self.needed, self.purpose, self.extra, self.cause)


@contextmanager
def needing(package: str, purpose: str, extra: str) -> Iterator[None]:
    """Raise MissingExtraError where an import fails, or a library that it loads is missing."""
    try:
        yield
    except (ImportError, OSError) as error:
        raise MissingExtraError(package, purpose, extra, error) from None
