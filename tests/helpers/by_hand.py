"""A model and its file worked out by hand, which docs/FORMAT.md explains field by field."""

import hashlib
import struct

import numpy as np

from narrows.codec.entropy.tables import FrequencyTable
from narrows.codec.model.model import Model
from narrows.codec.networks.layers import Dense
from narrows.codec.networks.network import IntegerNetwork
from narrows.codec.networks.normaliser import Normaliser
from narrows.codec.networks.quantiser import Quantiser

SIGNALS = np.array([[2, 2], [0, 0], [6, 6], [1, 2]], dtype=np.uint8)
# What the model id is a hash of: the settings as canonical JSON ...
DENSE_LAYER = '{"kind":"dense","limit":null,"shift":0}'
ENCODER = '{"input_limit":255,"input_shape":[2],"layers":[' + DENSE_LAYER + "]}"
DECODING = (
    '{"contexts":[null],"decoder":{"input_limit":255,"input_shape":[1],"layers":['
    + DENSE_LAYER
    + "]},"
    '"format":0,"frame_shape":[2],'
    '"normaliser":{"dtype":"uint8","limit":255,"offset":"0x0.0p+0","output_multiplier":1,'
    '"output_offset":"0x0.0p+0","output_scale":"0x1.0000000000000p+0","output_shift":0,'
    '"scale":"0x1.0000000000000p+0"},"quantiser":{"limit":255,"shift":2}}'
)
# ... and the tensors, each after a line with its name, type and shape.
ENCODER_TENSORS = (
    (b"\nencoder.0.bias int64 [1]\n", struct.pack("<q", 0)),
    (b"\nencoder.0.weight int16 [2, 1]\n", struct.pack("<2h", 1, 1)),
)
DECODING_TENSORS = (
    (b"\ndecoder.0.bias int64 [2]\n", struct.pack("<2q", 0, 0)),
    (b"\ndecoder.0.weight int16 [1, 2]\n", struct.pack("<2h", 1, 1)),
    (b"\nquantiser.gain int32 [1, 1]\n", struct.pack("<i", 1)),
    (b"\nquantiser.step int32 [1, 1]\n", struct.pack("<i", 2)),
    (b"\ntables.low int32 [1, 1]\n", struct.pack("<i", 0)),
    (b"\ntables.size int32 [1, 1]\n", struct.pack("<i", 3)),
    (b"\ntables.weights int32 [3]\n", struct.pack("<3i", 2**23, 2**22, 2**22)),
)


def digest(settings, tensors):
    parts = [settings.encode("ascii"), *(line + data for line, data in tensors)]
    return hashlib.sha256(b"".join(parts)).digest()


TENSORS = ENCODER_TENSORS + DECODING_TENSORS
ENCODER_DIGEST = digest(ENCODER, ENCODER_TENSORS)
DECODING_DIGEST = digest(DECODING, DECODING_TENSORS)
MODEL_ID = hashlib.sha256(ENCODER_DIGEST + DECODING_DIGEST).digest()[:16]


def stored_deflate(raw):
    """A zlib stream of one uncompressed block: every byte of it is known."""
    a, b = 1, 0
    for byte in raw:
        a = (a + byte) % 65521
        b = (b + a) % 65521
    length = struct.pack("<2H", len(raw), len(raw) ^ 0xFFFF)
    return b"\x78\x01\x01" + length + raw + struct.pack(">2H", b, a)


# The tensors as a model file may hold them: type, shape, shift, coding, raw bits, planes; the body.
ROWS = {
    "decoder.0.bias": bytes.fromhex("03 01 02  00 00 00 01") + stored_deflate(bytes(2)),
    "decoder.0.weight": bytes.fromhex("01 02 01 02  00 00 00 01") + stored_deflate(b"\1\1"),
    "encoder.0.bias": bytes.fromhex("03 01 01  00 00 00 01") + stored_deflate(bytes(1)),
    # The lowest bit of 1 and 1 is raw, 1 and 1; above it both are 0.
    "encoder.0.weight": bytes.fromhex("01 02 02 01  00 00 01 01  c0") + stored_deflate(bytes(2)),
    "quantiser.gain": bytes.fromhex("02 02 01 01  00 00 00 01") + stored_deflate(b"\1"),
    "quantiser.step": bytes.fromhex("02 02 01 01  01 00 00 01") + stored_deflate(b"\1"),  # 1 << 1
    "tables.low": bytes.fromhex("02 02 01 01  00 00 00 01") + stored_deflate(bytes(1)),
    "tables.size": bytes.fromhex("02 02 01 01  00 00 00 01") + stored_deflate(b"\3"),
    # The numbers 2, 1, 1 shifted by 22, as the differences 2, -1, 0.
    "tables.weights": bytes.fromhex("02 01 03  16 01 00 01") + stored_deflate(b"\x02\xff\x00"),
    "training": bytes.fromhex("00 01 02  00 00 00 01") + stored_deflate(b"{}"),
}


def model_by_hand():
    """Two bytes a signal, one latent: symbol = floor(sum / 4 + 1/2), decoded to twice itself."""
    one = np.ones((1, 1), dtype=np.int32)
    add = Dense(np.ones((2, 1), np.int16), np.zeros(1, np.int64), shift=0, limit=None)
    repeat = Dense(np.ones((1, 2), np.int16), np.zeros(2, np.int64), shift=0, limit=None)
    return Model(
        frame_shape=(2,),
        normaliser=Normaliser(
            np.dtype("uint8"),
            offset=0.0,
            scale=1.0,
            limit=255,
            output_multiplier=1,
            output_shift=0,
            output_scale=1.0,
            output_offset=0.0,
        ),
        encoder=IntegerNetwork([add], (2,), 255),
        quantiser=Quantiser(gain=one, shift=2, step=2 * one, limit=255),
        decoder=IntegerNetwork([repeat], (1,), 255),
        tables=[[FrequencyTable(0, np.array([2**23, 2**22, 2**22]))]],
        contexts=[None],
        architecture="by hand",
        peak=255.0,
    )


def model_file_by_hand(*, with_encoder=True):
    """The model's file: magic, version, JSON, the rows in the order of their names, digest."""
    rows = {n: row for n, row in ROWS.items() if with_encoder or not n.startswith("encoder.")}
    sizes = ",".join(f'"{name}":{len(row)}' for name, row in rows.items())
    text = (
        f'{{"architecture":"by hand","decoding":{DECODING},'
        f'"encoder":{ENCODER if with_encoder else "null"},'
        f'"encoder_sha256":"{ENCODER_DIGEST.hex()}","known_sha256":null,'
        f'"model_id":"{MODEL_ID.hex()}","peak":"0x1.fe00000000000p+7","tensors":{{{sizes}}}}}'
    ).encode("ascii")
    data = b"\x89NRM" + b"\x00" + struct.pack("<I", len(text)) + text + b"".join(rows.values())
    return data + hashlib.sha256(data).digest()
