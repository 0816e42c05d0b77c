"""`narrows.zarr`: the codec of Zarr arrays, and how arrays are stored with it."""

from narrows.integrations.zarr import NarrowsCodec, encoding

__all__ = ["NarrowsCodec", "encoding"]
