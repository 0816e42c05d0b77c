"""Bad packets, with right check bits but for one fault each: most are to keep a bound."""

import zlib
from functools import partial

from narrows.codec.promised_packets import Form, sealed
from readers.python.narrows_reader import read_packet
from scripts.golden import FOLDER
from scripts.golden.bad.good_files import flip

GOOD = FOLDER / "packets-v0"
MODELS = {
    f"packet-{kind}": GOOD.joinpath(f"{name}.narrows").read_bytes()
    for kind, name in (
        ("raw", "stored-uint8"),
        ("levels", "levels-float32"),
        ("bytes", "networks-uint8"),
        ("numbers", "changed-networks-int16"),
        ("floats", "exact-networks-float32"),
    )
}
"""The model of a bad packet, by how its name begins."""
FIXED = FOLDER / "v0" / "contexts.fixed-packet-0"
MODELS["packet-coded"] = FIXED.with_suffix(".narrows").read_bytes()


def bad_packets():
    """Make each bad packet."""
    makers = {
        "raw": _raw,
        "levels": _levels,
        "bytes": _bytes,
        "numbers": _numbers,
        "floats": _floats,
    }
    files = {f"coded-{name}": packet for name, packet in _coded().items()}
    for kind, make in makers.items():
        seal = partial(sealed, model_id=_id_of(MODELS[f"packet-{kind}"]))
        files |= {f"{kind}-{name}": packet for name, packet in make(seal).items()}
    return files


def _id_of(model):
    at = model.index(b'"model_id":"') + len(b'"model_id":"')
    return bytes.fromhex(model[at : at + 32].decode())


def _good(name):
    """Return a good packet, and its payload."""
    packet = GOOD.joinpath(f"{name}.packet").read_bytes()
    read_packet(packet, GOOD.joinpath(f"{name}.narrows").read_bytes())
    return packet, packet[1:-1]


def _coded():
    packet = FIXED.read_bytes()
    read_packet(packet, MODELS["packet-coded"])
    return {
        "not-the-least-of-its-length": packet[:-1] + bytes([packet[-1] + 1]),
        "cut-off": packet[:-1],
        "with-a-byte-more": packet + b"\1",
        "of-another-check-bit": flip(packet, 0),
        "of-too-many-bytes": packet + b"\1" * 10,
    }


def _raw(seal):
    packet, payload = _good("stored-uint8")
    return {
        "of-another-check-bit": flip(packet, 0),
        "of-another-payload": flip(packet, 3),
        "of-two-bytes": seal(Form.STORED, b""),
        "stored-too-short": seal(Form.STORED, payload[:-1]),
        "longer-than-its-signal": seal(Form.STORED, payload + b"\1"),
        "deflated-and-zlib-around": seal(Form.DEFLATED, zlib.compress(bytes(12))),
        "deflated-to-fewer-bytes": seal(Form.DEFLATED, zlib.compress(bytes(11))[2:-4]),
        "deflated-with-a-byte-behind": seal(Form.DEFLATED, zlib.compress(bytes(12))[2:-4] + b"\1"),
        "deflated-and-no-stream": seal(Form.DEFLATED, payload),
        "by-networks-that-are-none": seal(Form.NETWORKS, payload),
        "of-fronts-and-nothing-else": seal(Form.FRONTS, b""),
    }


def _levels(seal):
    _, payload = _good("levels-float32")
    return {
        "of-the-other-kind": seal(Form.FRONTS, payload),
        "truncated": seal(Form.LEVELS, payload[:-1]),
        "with-a-byte-left-over": seal(Form.LEVELS, payload + b"\1"),
    }


def _bytes(seal):
    _, payload = _good("networks-uint8")
    return {
        "with-changes": seal(Form.CHANGED_NETWORKS, payload),
        "of-a-string-with-a-byte-more": seal(Form.NETWORKS, payload + b"\1"),
        "of-a-string-with-a-0-more": seal(Form.NETWORKS, payload + b"\0"),
        "of-a-string-in-no-entry": seal(Form.NETWORKS, b"\xff" * 54),
    }


def _numbers(seal):
    _, payload = _good("changed-networks-int16")
    form = Form.CHANGED_NETWORKS
    return {
        "of-no-bytes": seal(form, b""),
        "start-class-48": seal(form, b"\x30" + payload[1:]),
        "changes-of-an-unknown-kind": seal(form, payload[:1] + b"\2" + payload[2:]),
        "changes-truncated": seal(form, payload[:4]),
        "changes-left-out": seal(Form.NETWORKS, payload),
        "of-a-string-with-a-byte-more": seal(form, payload + b"\x80"),
    }


def _floats(seal):
    _, payload = _good("exact-networks-float32")
    return {
        "exact-of-no-runs": seal(Form.NETWORKS_AND_EXACT, b"\0" + payload[1:]),
        "exact-left-out": seal(Form.NETWORKS, payload),
        "exact-alone": seal(Form.NETWORKS_AND_EXACT, payload[:30]),
    }
