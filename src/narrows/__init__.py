"""narrows: a codec that learns from your own signals.

    import narrows
    codec = narrows.train(x_train, latent_size=32)      # -> Codec, finished
    codec.save("digits.narrows"); codec = narrows.load("digits.narrows")
    blob = codec.compress(x)                            # -> bytes, an archive
    x_hat = codec.decompress(blob)                      # same shape, same dtype
"""

from narrows._version import __version__
from narrows.api import decompress, load, train
from narrows.codec.codec import Codec
from narrows.errors import NarrowsError

__all__ = ["Codec", "NarrowsError", "__version__", "decompress", "load", "train"]
