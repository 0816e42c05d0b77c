"""How alike packets and queries are: the search of a database of vectors.

Packets are decoded some at a time, so that memory does not grow with their number. Products with
the latents in place of the vectors would give the same for linear models, but save nothing: most of
the time is the entropy coder's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import numpy.typing as npt

from narrows.arrays import as_array
from narrows.codec.entropy.packets import Packet, check_finite
from narrows.codec.shared import Shared
from narrows.codec.transform import Frames
from narrows.errors import DataError, FormatError, SettingError

MEASURES = ("cosine", "product")
AT_ONCE = 4096  # packets
Floats = npt.NDArray[np.float64]


class Comparing(Shared):
    """Compares what it decodes with queries."""

    def decompress_packets(self, packets: Iterable[Packet], *, checksum: bool = False) -> Frames:
        """Decompress packets to `(n, *frame_shape)` signals; an error tells its packet's number."""
        raise NotImplementedError

    def similarity(
        self,
        query: Frames,
        packets: Iterable[Packet],
        *,
        measure: str = "cosine",
        checksum: bool = False,
    ) -> npt.NDArray[np.float32]:
        """Compute how alike a query, or each of several, and the signals of packets are.

        Parameters
        ----------
        query : (*frame_shape) or (m, *frame_shape) numbers
            Vectors, as a model of embeddings gives them; signals of more axes count as vectors.
        packets : iterable of bytes
            n of them.
        measure : str, default "cosine"
            The cosine of the angle between the two, 0 where one of them is 0; or their "product".
        checksum : bool, default False
            Whether the packets have one.

        Returns
        -------
        (n,) or (m, n) float32
            Of what `decompress_packets` gives, summed in float64.

        Raises
        ------
        FormatError
            If a packet cannot be decoded.

        Examples
        --------
        >>> nearest = np.argsort(-codec.similarity(x[0], packets))[:10]   # doctest: +SKIP
        """
        if measure not in MEASURES:
            raise SettingError(f"measure {measure!r}; accepted are {' and '.join(MEASURES)}")
        if isinstance(packets, Packet):
            raise FormatError("packets are one packet; give a list of them")
        rows, is_one = self._rows(query)
        if measure == "cosine":
            rows = rows / _lengths(rows)[:, None]
        parts = [np.empty((len(rows), 0), np.float32)]
        for y in self._decoded(packets, checksum):
            found = rows @ y.T
            if measure == "cosine":
                found /= _lengths(y)
            parts.append(found.astype(np.float32))
        each = np.concatenate(parts, axis=1)
        return each.reshape(-1) if is_one else each

    def _decoded(self, packets: Iterable[Packet], checksum: bool) -> Iterator[Floats]:
        """Decode packets to `(n, size)` rows at a time; an error tells its packet's number."""
        coming, start = iter(packets), 0
        while some := list(islice(coming, AT_ONCE)):
            try:
                y = self.decompress_packets(some, checksum=checksum)
            except FormatError:
                self._tell_first_fault(some, checksum, start)
                raise
            yield y.reshape(len(y), -1).astype(np.float64)
            start += len(some)

    def _tell_first_fault(self, packets: list[Packet], checksum: bool, start: int) -> None:
        for number, packet in enumerate(packets, start):
            try:
                self.decompress_packets([packet], checksum=checksum)
            except FormatError as error:
                told = str(error).removeprefix("packet 0, counted from 0: ")
                raise FormatError(f"packet {number}, counted from 0: {told}") from None

    def _rows(self, query: Frames) -> tuple[Floats, bool]:
        """Return one query or several as rows, and whether it was one."""
        given, shape = as_array(query, "query"), self.model.frame_shape
        if given.dtype.kind not in "biuf" or given.shape not in (shape, (*given.shape[:1], *shape)):
            raise DataError(
                f"query of shape {given.shape} and dtype {given.dtype}; this model's signals are "
                f"numbers of shape {shape}: give one, or (m, {', '.join(map(str, shape))})"
            )
        check_finite(given, "a query")
        is_one = given.shape == shape
        rows = given.astype(np.float64).reshape(1 if is_one else len(given), -1)
        return rows, is_one


def _lengths(rows: Floats) -> Floats:
    """Return the length of each row, 1 where it is 0."""
    lengths = np.sqrt(np.square(rows).sum(axis=1))
    return np.where(lengths > 0.0, lengths, 1.0)
