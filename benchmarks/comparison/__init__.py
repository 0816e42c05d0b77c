"""The parts of the rate-distortion benchmark: signals, coders, measuring, curves, tables."""
