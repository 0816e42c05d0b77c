"""Sets of good golden files with predicted windows."""

from narrows.codec.codec import Codec
from scripts.golden.files import efforts_of
from tests.helpers.predicting import repeating, tiny_predicting


def predicted(*frames):
    """Return windows of about one period, some predicted."""
    model = tiny_predicting(*frames)
    return efforts_of(Codec(model), repeating(model, 40, noise=0.1))
