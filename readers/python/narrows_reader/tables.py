"""FORMAT.md, "Frequency tables" and "Escaped symbols"."""

from itertools import accumulate
from typing import NamedTuple

from .conventions import need
from .tensors import Tensors

INT32, TOTAL = range(-(2**31), 2**31), 2**24


class Table(NamedTuple):
    """The frequencies of the symbols `low`, `low + 1` ..., and last that of the escape."""

    low: int
    weights: list[int]
    starts: list[int]

    @property
    def escape(self) -> int:
        """The last entry, which stands for all symbols outside the table."""
        return len(self.weights) - 1

    def symbol(self, entry: int, number: int | None = None) -> int:
        """Return the symbol of an entry; a number names one outside the table."""
        if number is None:
            return self.low + entry
        half, below = divmod(number, 2)
        symbol = self.low - 1 - half if below else self.low + self.escape + half
        need(symbol in INT32, "a symbol is no signed 32-bit integer")
        return symbol

    def entry(self, symbol: int) -> tuple[int, int | None]:
        """Return the entry of a symbol and, if that is the escape, the symbol's number."""
        if symbol < self.low:
            return self.escape, 2 * (self.low - 1 - symbol) + 1
        above = symbol - self.low - self.escape
        return (self.escape, 2 * above) if above >= 0 else (symbol - self.low, None)


def make_table(low: int, weights: list[int]) -> Table:
    """Make a frequency table, which must keep the limits."""
    need(2 <= len(weights) <= 4097 and low + len(weights) - 2 in INT32, "a table is too long")
    need(min(weights) >= 1 and sum(weights) == TOTAL, "frequencies are not as they must be")
    return Table(low, weights, list(accumulate(weights[:-1], initial=0)))


def read_tables(tensors: Tensors, shape: tuple[int | None, ...]) -> list[list[Table]]:
    """Read frequency tables, for each quality those of its latents."""
    low = tensors.unpack("low", "int32", *shape)
    sizes = tensors.unpack("size", "int32", *low.shape).ravel().tolist()
    need(sizes and min(sizes) >= 2 and max(sizes) <= 4097, "a table has no right number of entries")
    weights = tensors.unpack("weights", "int32", sum(sizes)).tolist()
    ends, lows, k = accumulate(sizes), low.ravel().tolist(), low.shape[1]
    tables = [make_table(low, weights[end - size : end])
              for low, size, end in zip(lows, sizes, ends, strict=True)]  # fmt: skip
    return [tables[i : i + k] for i in range(0, len(tables), k)]


class Bits:
    """Numbers in Exp-Golomb code, one behind the other."""

    def __init__(self, data: bytes) -> None:
        self.text, self.at = "".join(f"{byte:08b}" for byte in data), 0

    def number(self) -> int:
        """Read one number."""
        zeros = self.text.find("1", self.at) - self.at
        need(0 <= zeros <= 32, "a code has too many zeros in front, or no end")
        digits = self.text[self.at + zeros : self.at + 2 * zeros + 1]
        need(len(digits) == zeros + 1, "the bits end within a code")
        self.at += 2 * zeros + 1
        return int(digits, 2) - 1

    def check_end(self) -> None:
        """Check that only zeros are left, and less than a byte of them."""
        left = self.text[self.at :]
        need(len(left) < 8 and "1" not in left, "bits are left over")
