"""Exact integer networks: layers, their proofs, and the rounding between networks and symbols."""
