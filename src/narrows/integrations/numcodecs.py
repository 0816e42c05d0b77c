"""Arrays in stores of version 2 of Zarr, and whatever else takes codecs of numcodecs."""

from __future__ import annotations

from typing import Any

import numpy as np

from narrows.chunks import pack_chunk, unpack_chunk
from narrows.codec.checks import MAX_DIMENSIONS
from narrows.codec.encoding.requests import Request
from narrows.codec.entropy.bits import read_varint, write_varint
from narrows.errors import FormatError, needing
from narrows.integrations.loaded_models import as_id, codec_of, decoder_of, remembered

with needing("numcodecs", "codecs of numcodecs", "xarray"):
    from numcodecs.abc import Codec as NumcodecsCodec


class Narrows(NumcodecsCodec):  # type: ignore[misc, unused-ignore]
    """A codec of numcodecs; see `narrows.zarr.NarrowsCodec` for what the parameters are.

    What is encoded begins with its shape, since a decoder is not told it. Nor is it told the fill
    value of the array, which is therefore a parameter: a number, or "NaN".
    """

    codec_id = "narrows"

    def __init__(
        self,
        model: str,
        quality: int | None = None,
        effort: int | None = None,
        target_bytes: float | None = None,
        target_psnr: float | None = None,
        strict: bool = False,
        missing: Any = (),
        model_base64: str | None = None,
        fill_value: float | str = 0,
    ) -> None:
        as_id(model)
        self.model, self.model_base64 = model, model_base64
        self.quality, self.effort = quality, effort
        self.target_bytes, self.target_psnr = target_bytes, target_psnr
        self.strict, self.missing = strict, list(missing)
        self.fill_value = fill_value
        self._asked()  # refused before an array is made

    def _asked(self) -> Request:
        targets = self.target_bytes, self.target_psnr
        return Request(self.quality, self.effort, *targets, self.strict, tuple(self.missing))

    def encode(self, buf: Any) -> bytes:
        """Compress an array of whole frames, or of what is cut into frames."""
        array = np.asarray(buf)
        shape = bytes([array.ndim]) + b"".join(map(write_varint, array.shape))
        own = (codec_of(self.model), self._asked(), self.fill_value, remembered)
        return shape + pack_chunk(array, *own)

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Decompress an array; FormatError if it is damaged."""
        data = bytes(memoryview(buf).cast("B"))
        if not data or data[0] > MAX_DIMENSIONS + 1:
            raise FormatError(f"{len(data)} bytes that do not begin with a shape")
        shape, position = [], 1
        for _ in range(data[0]):
            size, position = read_varint(data, position)
            shape.append(size)
        own = (decoder_of(self.model, self.model_base64), self.fill_value, remembered)
        array = unpack_chunk(data[position:], tuple(shape), *own)
        if out is None:
            return array
        np.copyto(np.asarray(out).reshape(array.shape), array)
        return out
