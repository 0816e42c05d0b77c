"""narrows: a codec that learns from your own signals.

    import narrows
    codec = narrows.train(x_train, latent_size=32)      # -> Codec, finished
    codec.save("digits.narrows"); codec = narrows.load("digits.narrows")
    blob = codec.compress(x)                            # -> bytes, an archive
    x_hat = codec.decompress(blob)                      # same shape, same dtype

The names are imported when they are first used, so that `narrows --help` need not wait for numpy.
"""

from typing import TYPE_CHECKING, Any

from narrows._version import __version__

if TYPE_CHECKING:
    from narrows.api import compress, decompress, load, open, train
    from narrows.codec.codec import Codec
    from narrows.errors import NarrowsError
    from narrows.integrations.loaded_models import register_model

__all__ = [
    "Codec",
    "NarrowsError",
    "__version__",
    "compress",
    "decompress",
    "load",
    "open",
    "register_model",
    "train",
]

_HOMES = {
    "Codec": "narrows.codec.codec",
    "NarrowsError": "narrows.errors",
    "compress": "narrows.api",
    "decompress": "narrows.api",
    "load": "narrows.api",
    "open": "narrows.api",
    "register_model": "narrows.integrations.loaded_models",
    "train": "narrows.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'narrows' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
