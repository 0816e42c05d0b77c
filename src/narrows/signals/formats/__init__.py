"""The files that signals are read from and written to."""
