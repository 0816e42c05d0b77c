"""Predicted windows in compiled code, which decodes the same numbers as numpy.

    Prediction ──arrays──► _native.rebuild_windows ◄── what a block says of its windows

Predictions whose networks are anything but a matrix each are left to numpy.
"""
