"""Measuring: real bytes, real reconstructions, on signals held out from training."""
