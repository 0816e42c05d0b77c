"""Symbols <-> bytes: integer tables, context models, and the coders of blocks and packets."""
