"""A second reader of what narrows writes, made from docs/FORMAT.md alone.

It needs the standard library and numpy, has one small file a section of that page, and favours
clarity over speed. `read_model`, `read_archive` and `read_packet` raise `Rejected`, nothing else.
"""

from .archive import read_archive
from .conventions import Rejected
from .model import read_model
from .packet import read_packet

__all__ = ["Rejected", "read_archive", "read_model", "read_packet"]
