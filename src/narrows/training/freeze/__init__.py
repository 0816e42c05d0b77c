"""Freezing: float networks to integer networks, training-set statistics to integer tables; once.

This folder alone knows both worlds, torch's and the runtime's.
"""

from narrows.training.freeze.codec import TrainingSignals, freeze

__all__ = ["TrainingSignals", "freeze"]
