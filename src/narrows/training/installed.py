"""Whether what training needs is installed."""

from __future__ import annotations

from narrows.errors import MissingExtraError


def check_installed() -> None:
    """Raise MissingExtraError where torch or safetensors is missing, or cannot be loaded."""
    try:
        import safetensors  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name
        raise MissingExtraError(missing or "torch", "training", "train", error) from None
