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
├── OutputExistsError    (FileExistsError)  the output is there and -f was not given
├── OutputBusyError      (BlockingIOError)  another process is writing the output
└── MissingExtraError    (ImportError)      an optional dependency is not installed

Each message says what was received, what is accepted, and what to do next, in one line.
"""

from __future__ import annotations

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
    """Training went wrong: it diverged, or freezing lost too much."""


class OutputExistsError(NarrowsError, FileExistsError):
    """The output file exists, and overwriting was not asked for."""


class OutputBusyError(NarrowsError, BlockingIOError):
    """Another process is writing the output."""


class MissingExtraError(NarrowsError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, needed: str, purpose: str, extra: str) -> None:
        self.needed, self.purpose, self.extra = needed, purpose, extra
        super().__init__(
            f"{purpose} needs {needed}, which is not installed; "
            f"install it with: pip install 'narrows[{extra}]'"
        )

    def __reduce__(self) -> tuple[type[Self], tuple[str, str, str]]:
        """Pickle what it was made from: an error reaches its caller from another process."""
        return type(self), (self.needed, self.purpose, self.extra)
