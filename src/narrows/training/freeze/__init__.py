"""Freezing: float networks to integer networks and back, and statistics to integer tables.

No other folder imports both torch and the codec's networks.
"""

from narrows.training.freeze.archives import archive_of, codec_of
from narrows.training.freeze.codec import freeze
from narrows.training.freeze.context import fitting_seconds
from narrows.training.freeze.own_networks import latent_size_of
from narrows.training.freeze.recordings import check_windows
from narrows.training.freeze.signals import TrainingSignals
from narrows.training.freeze.thawed import Thawed
from narrows.training.freeze.trellis import can_have_trellis, in_trellis
from narrows.training.freeze.wavelets import check_tiles
from narrows.training.freeze.with_contexts import with_contexts
from narrows.training.freeze.with_magnitudes import can_have_magnitudes, with_magnitudes

__all__ = [
    "Thawed",
    "TrainingSignals",
    "archive_of",
    "can_have_magnitudes",
    "can_have_trellis",
    "check_tiles",
    "check_windows",
    "codec_of",
    "fitting_seconds",
    "freeze",
    "in_trellis",
    "latent_size_of",
    "with_contexts",
    "with_magnitudes",
]
