"""The efforts of a search; each continues where the one before it stops, so none is worse."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """How long a search goes on.

    Attributes
    ----------
    rounds : int
        Rounds of moves that the decoder's gradient proposes, all at once.
    trials : int
        Moves of one latent that are tried after them, the most promising ones first.
    forced_moves : int
        Moves that are held, though they cost more, while two rounds change the other latents.
    """

    rounds: int = 0
    trials: int = 0
    forced_moves: int = 0


EFFORTS = (
    Effort(),
    Effort(rounds=1),
    Effort(rounds=2),
    Effort(rounds=3),
    Effort(rounds=4),
    Effort(rounds=6),
    Effort(rounds=8),
    Effort(rounds=8, trials=32),
    Effort(rounds=8, trials=32, forced_moves=8),
    Effort(rounds=8, trials=32, forced_moves=48),
)
"""Efforts 0 to 9; 0 rounds the encoder's latents, and that is all."""

MAX_EFFORT = len(EFFORTS) - 1
DEFAULT_EFFORT = 2
