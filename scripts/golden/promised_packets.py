"""Good golden packets that keep a bound or every bit: one of each form, and more of networks."""

from functools import partial
from unittest.mock import patch

import numpy as np

from narrows.codec.archive.guarantee import Guarantee
from narrows.codec.codec import Codec
from narrows.codec.encoding.promised_packets import ways_of
from narrows.codec.levels.lattice import Lattice
from narrows.codec.promised_packets import Form, sealed
from tests.helpers.level_models import codec_with_levels, signals_for_levels
from tests.helpers.tiny_models import tiny_model

SHAPE = (6, 9)


def without_networks(form, x, *bounds):
    """Return the files of a signal that is coded in this form, by a model without networks."""
    codec = Codec(tiny_model(x.dtype.name, x.shape, 3))
    least = 1 if form is Form.FRONTS else 64  # elements of a front
    with patch("narrows.codec.encoding.plan_choice.LEAST_FRONT", least):
        ways = dict(ways_of(x[None], Guarantee(bounds), None))
    return _files(codec, form, ways[form])


def noise():
    """Draw bytes that nothing makes smaller."""
    return np.random.default_rng(0).integers(0, 256, (4, 3), dtype=np.uint8)


def repeated():
    """Repeat random numbers."""
    return np.tile(np.random.default_rng(1).integers(0, 2**31, 9, dtype=np.int32), (6, 1))


def rounded():
    """Return a slope with rounding, an infinity, and a NaN."""
    x = (np.arange(54).reshape(SHAPE) ** 1.5).astype("float32")
    x[2, 3], x[4, 4] = np.inf, np.nan
    return x


def planes():
    """Return a smooth field, which fronts predict better than levels do."""
    x, y = np.mgrid[:12, :12] / 9
    return (np.sin(x) * np.cos(y) * 30000).astype("int16")


def by_networks(form, dtype, lattice=None, *bounds):
    """Return the files of a signal that networks code in this form."""
    codec = codec_with_levels(dtype, lattice)
    x = signals_for_levels("int16" if dtype == "float32" else dtype, 1)
    if dtype == "float32":
        x = (x / 8).astype(dtype)
        if form & 1:
            x[0, 2, :3], x[0, 4, 0], x[0, 5, 5] = np.nan, np.inf, 1e30
    with patch("narrows.codec.encoding.level_fit.LEAST_ROWS", 12):
        ways = dict(ways_of(x, Guarantee(bounds), codec.model.levels))
    return _files(codec, form, ways[form])


def _files(codec, form, payload):
    packet = sealed(form, payload, codec.model.model_id)
    signal = codec.decompress_packet(packet)
    checked = codec.decoder.packets.checked(packet, checksum=True)
    return {".narrows": codec.model_bytes, ".packet": packet, ".checked-packet": checked,
            ".npy": signal}  # fmt: skip


FLOATS = ("float32", Lattice(1.5, 0.499), 0.25)
SETS = {
    "stored-uint8": lambda: without_networks(Form.STORED, noise()),
    "deflated-int32": lambda: without_networks(Form.DEFLATED, repeated()),
    "levels-float32": lambda: without_networks(Form.LEVELS, rounded(), 0.5),
    "fronts-int16": lambda: without_networks(Form.FRONTS, planes(), 2.0),
    "networks-uint8": partial(by_networks, Form.NETWORKS, "uint8"),
    "networks-int16": partial(by_networks, Form.NETWORKS, "int16"),
    "bounded-networks-uint8": partial(by_networks, Form.NETWORKS, "uint8", Lattice(-3, 21), 10.0),
    "exact-networks-float32": partial(by_networks, Form.NETWORKS_AND_EXACT, *FLOATS),
    "changed-networks-int16": partial(by_networks, Form.CHANGED_NETWORKS, "int16"),
    "changed-exact-networks-float32": partial(
        by_networks, Form.CHANGED_NETWORKS_AND_EXACT, *FLOATS
    ),
}
