"""Sets of good golden files with predicted windows."""

import numpy as np

from narrows.codec.codec import Codec
from scripts.golden.files import efforts_of
from tests.helpers.predicting import repeating, tiny_predicting


def predicted(*frames):
    """Return windows of about one period, some predicted."""
    model = tiny_predicting(*frames)
    return efforts_of(Codec(model), repeating(model, 40, noise=0.1))


def predicted_gaps():
    """Return such windows with values that are missing: single ones, and two windows in a row."""
    model = tiny_predicting("float32", (9, 2))
    x = repeating(model, 40, noise=0.1)
    x[[5, 5, 17], [0, 1, 8], [1, 1, 0]] = np.nan
    x[23:25] = np.nan
    x[31, 4:] = np.inf
    return efforts_of(Codec(model), x)
