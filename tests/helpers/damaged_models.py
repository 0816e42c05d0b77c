"""A model file to damage, and how it may be refused."""

import numpy as np

from narrows.codec.codec import Codec
from narrows.codec.model.content import write_decoding, write_encoder
from narrows.codec.model.model_file import pack_model
from narrows.errors import FormatError, ModelError
from tests.helpers import tiny_models
from tests.helpers.model_files import opened, packed, text_of
from tests.helpers.tiny_models import assert_one_line, searching, tiny_model

MODEL = searching(tiny_model("uint8", (2, 2), 2, 3, activation="step", contexts=(2,)))
DATA = pack_model(MODEL)
CONTENT, TENSORS = opened(DATA)
ROWS = packed(TENSORS)
TEXT, BODY = text_of(CONTENT, ROWS), b"".join(ROWS.values())


def refusal(data):
    """Return the message with which a file is refused."""
    return tiny_models.refusal(Codec.from_bytes, data, error=(FormatError, ModelError))


def refused_or_same(data):
    """What no id covers, the summary and the known answers, may differ or be refused."""
    try:
        codec = Codec.from_bytes(data)
    except (FormatError, ModelError) as error:
        assert_one_line(error)
    else:
        assert codec.model_id == MODEL.model_id.hex()
        assert write_encoder(codec.model).settings == write_encoder(MODEL).settings
        for name, tensor in write_decoding(codec.model).tensors.items():
            np.testing.assert_array_equal(tensor, TENSORS[name], strict=True)
