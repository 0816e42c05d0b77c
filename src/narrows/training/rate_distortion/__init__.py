"""Training for rate and distortion together."""
