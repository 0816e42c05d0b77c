"""Golden files of the present format version, good and bad."""

from pathlib import Path

FOLDER = Path(__file__).parents[2] / "tests" / "golden"
