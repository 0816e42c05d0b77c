"""A second reader of what narrows writes, made from docs/FORMAT.md alone.

It needs the standard library and numpy, has one small file a section of that page, and favours
clarity over speed. Each `read_...` raises `Rejected`, nothing else.
"""

from .archive import read_archive, read_metadata
from .conventions import Rejected
from .geometry import read_files
from .model import read_model
from .packet import read_packet
from .wrapped import read_piece, read_wrapped

__all__ = [
    "Rejected",
    "read_archive",
    "read_files",
    "read_metadata",
    "read_model",
    "read_packet",
    "read_piece",
    "read_wrapped",
]
