"""Signals coded on a grid that is refined level by level: hard error bounds, down to none."""
