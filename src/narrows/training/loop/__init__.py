"""The training loop: epochs, pace, state, and checkpoints."""
