import sys
from pathlib import Path

# The tiny models are shared with the tests of the codec.
sys.path.insert(0, str(Path(__file__).parent.parent / "codec"))
