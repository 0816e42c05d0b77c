"""Signals <-> packets: a few bytes each, for radios and database cells."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from narrows.codec.encoding.budget_search import BudgetSearch
from narrows.codec.entropy.packets import Packet, PacketCoder, check_packable
from narrows.codec.transform import Frames, Symbols, Transform


class PacketCodec(Transform):
    """A transform that codes each signal on its own; see Transform for its parameters."""

    def compress_packet(
        self,
        x: Frames,
        quality: int | None = None,
        effort: int | None = None,
        *,
        target_bytes: float | None = None,
        target_psnr: float | None = None,
        checksum: bool = False,
    ) -> bytes:
        """Compress one signal to a packet: a few bytes, for a radio or a database cell.

        Parameters
        ----------
        x : (*frame_shape) of the model's dtype
            One signal; floats without NaN and infinities.
        quality : int, optional
            1 to the model's number of qualities; by default the middle one.
        effort : int, optional
            0 to 9: how long better symbols are searched for; see `encode`. By default 2.
        target_bytes, target_psnr : float, optional
            In place of a quality: the most bytes of the packet, all included, or the least PSNR
            of the signal; see `compress`.
        checksum : bool, default False
            Add a CRC-32, four bytes. The packet does not say so: the receiver must know.

        Raises
        ------
        SettingError
            If the signal cannot keep to its target; the error says what could be had.
        """
        x = np.asarray(x)
        check_packable(x, self.model.frame_shape)
        targets = {"target_bytes": target_bytes, "target_psnr": target_psnr}
        return self.compress_packets(x[None], quality, effort, **targets, checksum=checksum)[0]

    def compress_packets(
        self,
        x: Frames,
        quality: int | None = None,
        effort: int | None = None,
        *,
        target_bytes: float | None = None,
        target_psnr: float | None = None,
        checksum: bool = False,
    ) -> list[bytes]:
        """Compress `(n, *frame_shape)` signals to a packet each; see `compress_packet`.

        The packets are the same as one by one, and many together take a fraction of the time.
        """
        request = self.request(quality, effort, target_bytes, target_psnr)
        x = self.check_frames(x)
        check_packable(x, x.shape)
        if request.budget is None:
            symbols = self.encode(x, request.quality, request.effort)
            qualities = np.full(len(x), request.quality)
        else:

            def size(symbols: Symbols, quality: int) -> int:
                return len(self._packets.encode(symbols, quality, checksum=checksum))

            search = BudgetSearch(self, request.budget, request.effort, size)
            symbols, qualities = search.encode(x)
        return [
            self._packets.encode(each, quality, checksum=checksum)
            for each, quality in zip(symbols, qualities.tolist(), strict=True)
        ]

    def decompress_packet(self, packet: Packet, *, checksum: bool = False) -> Frames:
        """Decompress a packet to its signal, `(*frame_shape)` of the model's dtype.

        A damaged packet gives a FormatError or, now and then, some other signal; one with
        `checksum=True`, given on both sides, a FormatError.

        Raises
        ------
        FormatError
            If the packet is none that this model writes.
        """
        symbols, quality = self._packets.decode(packet, checksum=checksum)
        return self.decode(symbols[None], quality).reshape(self.model.frame_shape)

    @cached_property
    def _packets(self) -> PacketCoder:
        return PacketCoder(self.model.model_id, self.model.coding_tables)
