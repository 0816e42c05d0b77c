"""What compiled code raises where Python is to code."""


class RefusedError(Exception):
    """Compiled code does not code this: Python does, or says what is wrong with it."""
