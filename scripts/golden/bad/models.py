"""Bad models."""

import zlib
from functools import partial

import numpy as np

from readers.python.narrows_reader import read_model
from scripts.golden.bad.good_files import (
    ARCHIVE,
    CONTEXT_MODEL,
    CONV_MODEL,
    ONE_LATENT_MODEL,
    WIDE_MODEL,
    flip,
)
from scripts.golden.bad.latent_groups import bad_latent_groups
from scripts.golden.bad.model_parts import ONE, Model, faulty, pack, shrunken, without_answers
from tests.helpers.model_files import sealed_text

# Each makes one fault in the contents of a model, whose id is then made right.
CONTENTS = {
    "future-version-of-decoding": lambda m: m.decoding.update(format=1),
    "sum-could-pass-2-to-53": lambda m: m.change("decoder.0.bias", 0, 2**53 - 1),
    "output-could-pass-2-to-52": lambda m: m.decoding["normaliser"].update(
        output_multiplier=2**15, output_shift=-32
    ),
    "frequencies-of-another-sum": lambda m: m.change("tables.weights", 8, 5),
    "frequency-0": lambda m: m.change("tables.weights", 0, 0),
    "table-beyond-32-bits": lambda m: m.change("tables.low", 0, 2**31 - 1),
    "sizes-of-another-sum": lambda m: m.change("tables.size", 0, 2),
    "step-too-great": lambda m: m.change("quantiser.step", 0, 2**21),
    "gain-negative": lambda m: m.change("quantiser.gain", 0, -1),
    "weights-of-another-shape": lambda m: m.replace("decoder.0.weight", np.zeros((6, 2), "i2")),
    "weights-of-32-bits": lambda m: m.replace("decoder.0.weight", np.zeros((2, 6), "i4")),
    "unknown-layer": lambda m: m.decoder["layers"].append({"kind": "swish"}),
    "unknown-setting": lambda m: m.decoder["layers"][0].update(gain=1),
    "shift-too-great": lambda m: m.decoder["layers"][0].update(shift=53),
    "limit-true": lambda m: m.decoder["layers"][0].update(limit=True),
    "limits-that-differ": lambda m: m.decoder.update(input_limit=255),
    "frame-shape-not-of-the-decoder": lambda m: m.decoding.update(frame_shape=[3, 2]),
    "offset-minus-0": lambda m: m.decoding["normaliser"].update(offset="-0x0.0p+0"),
    "scale-infinite": lambda m: m.decoding["normaliser"].update(output_scale="inf"),
    "normaliser-of-two-channels": lambda m: m.channels(2),
    "normaliser-of-one-offset-a-channel": lambda m: m.decoding["normaliser"].update(
        offset=[ONE] * 6
    ),
    "normaliser-of-no-channels": lambda m: m.channels(0),
    "normaliser-of-a-channel-of-scale-0": lambda m: (
        m.channels(6),
        m.decoding["normaliser"]["scale"].__setitem__(3, "0x0.0p+0"),
    ),
    "normaliser-of-a-channel-that-could-pass-2-to-52": lambda m: (
        m.channels(6),
        m.decoding["normaliser"]["output_shift"].__setitem__(5, -32),
        m.decoding["normaliser"]["output_multiplier"].__setitem__(5, 2**15),
    ),
    "tensor-missing": lambda m: m.packed.pop("training"),
    "tensor-unknown": lambda m: m.packed.update({"decoder.9.bias": m.packed["decoder.0.bias"]}),
    "encoder-null-but-there": lambda m: m.packed.update(
        {"encoder.0.bias": m.packed["decoder.0.bias"]}
    ),
}
# The same in a model of convolutions. The decoder's layers are dense, reshape, residual with conv
# and leaky_relu, transposed_conv, reshape.
CONV_CONTENTS = {
    "transposed-conv-of-size-0": lambda m: m.layer(3).update(size=[0, 5]),
    "transposed-conv-of-2-to-30-elements": lambda m: m.layer(3).update(size=[2**15, 2**15]),
    "transposed-conv-cut-by-its-kernel": lambda m: m.layer(3).update(before=[1, 3]),
    "residual-that-changes-the-shape": lambda m: m.inner().update(stride=[1, 2]),
    "residual-in-a-residual": lambda m: m.layer(2)["layers"].append(
        {"kind": "residual", "limit": None, "layers": []}
    ),
    "residual-without-a-tensor": lambda m: m.packed.pop("decoder.2.0.bias"),
    "residual-that-could-pass-2-to-53": lambda m: m.change("decoder.2.0.bias", 0, 2**53 - 1),
    "conv-of-stride-0": lambda m: m.inner().update(stride=[0, 1]),
    "conv-of-other-axes": lambda m: m.inner().update(stride=[1, 1, 1]),
    "conv-of-other-channels": lambda m: m.replace(
        "decoder.2.0.weight", np.zeros((3, 3, 3, 4), "i2")
    ),
    "conv-padded-by-its-kernel": lambda m: m.inner().update(padding=[[3, 1], [1, 1]]),
    "conv-larger-than-its-input": lambda m: m.replace(
        "decoder.2.0.weight", np.zeros((7, 3, 4, 4), "i2")
    ),
    "conv-with-a-kernel-of-65": lambda m: m.replace(
        "decoder.2.0.weight", np.zeros((65, 3, 4, 4), "i2")
    ),
}
# The same in a model of three latents and three qualities, of which the second has a context.
CONTEXT_CONTENTS = {
    "fewer-than-qualities": lambda m: m.contexts.pop(),
    "more-than-qualities": lambda m: m.contexts.append(None),
    "false-for-null": lambda m: m.contexts.__setitem__(0, False),
    "null-but-there": lambda m: m.contexts.__setitem__(1, None),
    "without-tensors": lambda m: m.contexts.__setitem__(2, dict(m.contexts[1])),
    "setting-missing": lambda m: m.contexts[1].pop("row_shift"),
    "setting-unknown": lambda m: m.contexts[1].update(rows=1),
    "shift-of-41": lambda m: m.contexts[1].update(hidden_shift=41),
    "limit-0": lambda m: m.contexts[1].update(output_limit=0),
    "limit-too-great": lambda m: m.contexts[1].update(hidden_limit=2**24 + 1),
    "limit-true": lambda m: m.contexts[1].update(hidden_limit=True),
    "order-with-a-latent-twice": lambda m: m.replace_part("order", [2, 1, 2]),
    "order-of-two-latents": lambda m: m.replace_part("order", [1, 0]),
    "tensor-missing": lambda m: m.packed.pop("contexts.1.base"),
    "tensor-of-another-quality": lambda m: m.packed.update(
        {"contexts.2.base": m.packed["contexts.1.base"]}
    ),
    "weights-of-32-bits": lambda m: m.replace(
        "contexts.1.hidden_weight", m.tensor("contexts.1.hidden_weight").astype("i4")
    ),
    "weights-of-two-dimensions": lambda m: m.replace(
        "contexts.1.hidden_weight", m.tensor("contexts.1.hidden_weight").reshape(3, -1)
    ),
    "hidden-weights-too-few": lambda m: m.cut("hidden_weight"),
    "output-weights-too-few": lambda m: m.cut("output_weight"),
    "hidden-biases-too-few": lambda m: m.cut("hidden_bias"),
    "output-biases-too-few": lambda m: m.cut("output_bias"),
    "basis-too-short": lambda m: m.cut("basis"),
    "base-too-short": lambda m: m.cut("base"),
    "of-no-units": lambda m: m.resize(0, 2),
    "of-1025-units": lambda m: m.resize(1025, 1),
    "of-no-outputs": lambda m: m.resize(3, 0),
    "of-33-outputs": lambda m: m.resize(1, 33),
}
# The same in a model of two latents and one quality, with its encoder and a search.
SEARCH_CONTENTS = {
    "null": lambda m: m.encoder.update(search=None),
    "without-curvature": lambda m: m.packed.pop("encoder.curvature"),
    "missing-but-curvature-there": lambda m: m.encoder.pop("search"),
    "encoder-null-but-curvature-there": lambda m: (
        m.leave_out("encoder.0."), m.settings.update(encoder=None)
    ),
    "setting-missing": lambda m: m.encoder["search"].pop("unit"),
    "setting-unknown": lambda m: m.encoder["search"].update(effort=2),
    "unit-0": lambda m: m.encoder["search"].update(unit="0x0.0p+0"),
    "unit-infinite": lambda m: m.encoder["search"].update(unit="inf"),
    "unit-as-a-number": lambda m: m.encoder["search"].update(unit=1),
    "weights-of-two-channels": lambda m: m.encoder["search"].update(weights=[ONE, ONE]),
    "weights-of-no-channels": lambda m: m.encoder["search"].update(weights=[]),
    "weight-0": lambda m: m.encoder["search"].update(weights=[*[ONE] * 5, "0x0.0p+0"]),
    "lambda-negative": lambda m: m.encoder["search"].update({"lambda": ["-" + ONE]}),
    "lambda-too-large": lambda m: m.encoder["search"].update({"lambda": ["0x1.8p+100"]}),
    "lambda-nan": lambda m: m.encoder["search"].update({"lambda": ["nan"]}),
    "lambda-in-another-form": lambda m: m.encoder["search"].update({"lambda": ["0x1p+0"]}),
    "lambda-without-a-list": lambda m: m.encoder["search"].update({"lambda": ONE}),
    "fewer-lambdas-than-qualities": lambda m: m.encoder["search"].update({"lambda": []}),
    "more-lambdas-than-qualities": lambda m: m.encoder["search"].update({"lambda": [ONE, ONE]}),
    "curvature-negative": lambda m: m.change("encoder.curvature", 1, -1),
    "curvature-of-64-bits": lambda m: m.replace("encoder.curvature", np.ones((1, 2), "i8")),
    "curvature-of-one-dimension": lambda m: m.replace("encoder.curvature", np.ones(2, "i4")),
    "curvature-of-another-latent": lambda m: m.replace("encoder.curvature", np.ones((1, 3), "i4")),
    "curvature-of-another-quality": lambda m: m.replace("encoder.curvature", np.ones((2, 2), "i4")),
}  # fmt: skip
# Each makes a fault in the good `decoder.0.weight`, (2, 6) int16: four bytes of type and shape,
# then shift, coding, raw bits, and planes.
PACKED = {
    "of-an-unknown-type": lambda data: b"\x04" + data[1:],
    "of-nine-dimensions": lambda data: data[:1] + b"\x09" + b"\x01" * 7 + data[2:],
    "of-2-to-70-numbers": lambda data: data[:2] + 2 * (b"\xff" * 4 + b"\x7f") + data[4:],
    "of-more-numbers-than-there-are": lambda data: data[:3] + b"\x07" + data[4:],
    "shift-of-16-bits": lambda data: data[:4] + b"\x10" + data[5:],
    "of-an-unknown-coding": lambda data: data[:5] + b"\x02" + data[6:],
    "of-16-raw-bits": lambda data: data[:6] + b"\x10" + data[7:8] + bytes(32) + data[8:],
    "of-more-raw-bits-than-bytes": lambda data: data[:6] + b"\x0f" + data[7:],
    "of-no-planes": lambda data: data[:7] + b"\0" + zlib.compress(b""),
    "of-3-planes": lambda data: data[:7] + b"\x03" + zlib.compress(bytes(36)),
    "inflating-too-far": lambda data: data[:8] + zlib.compress(bytes(2**20)),
    "inflating-too-little": lambda data: data[:8] + zlib.compress(bytes(23)),
    "stream-damaged": lambda data: data[:9] + b"\xff" + data[10:],
    "byte-after-its-stream": lambda data: data + b"\0",
    "truncated-in-its-head": lambda data: data[:7],
    "truncated-in-its-stream": lambda data: data[:-1],
    "of-no-bytes": lambda data: b"",
}


def searching():
    """Return the good model with its encoder and a search, without what only takes space."""
    model = without_answers()
    model.encoder["search"] = {"lambda": [ONE], "unit": ONE}
    model.replace("encoder.curvature", np.ones((1, 2), "i4"))
    return model


def bad_models():
    """Make each bad model."""
    assert read_model(shrunken().file()).id == ARCHIVE[6:22], "the good model is not good"
    good = searching()
    good.seal()
    read_model(good.file())
    files = (
        faulty(CONTENTS, shrunken, decoder="decoder.0.")
        | faulty(CONV_CONTENTS, partial(shrunken, CONV_MODEL))
        | faulty(CONTEXT_CONTENTS, partial(shrunken, CONTEXT_MODEL), "context-")
        | faulty(SEARCH_CONTENTS, searching, "search-", "decoder.0.")
    )
    for name, change in PACKED.items():
        model = shrunken()
        model.packed["decoder.0.weight"] = change(pack(model.tensor("decoder.0.weight")))
        files["packed-" + name] = model.file()
    return files | bad_contexts() | bad_latent_groups() | bad_layouts() | bad_answers()


def bad_contexts():
    """Make models of a context that could pass 2**53, of one latent, and of other frequencies."""
    wide, one, other = shrunken(WIDE_MODEL), shrunken(ONE_LATENT_MODEL), Model(CONTEXT_MODEL)
    wide.contexts[0].update(hidden_limit=2**24)
    wide.resize(1024, 1, 0, weight=-(2**15))
    one.contexts[0] = dict(wide.contexts[0])
    one.resize(0, 1, 0)
    base = other.tensor("contexts.1.base")
    base[0] += 64 << other.contexts[1]["row_shift"]
    other.replace("contexts.1.base", base)
    for model in (wide, one, other):
        model.seal("decoder.")
    return {"context-could-pass-2-to-53": wide.file(), "context-of-one-latent": one.file(),
            "context-known-frequencies-wrong": other.file()}  # fmt: skip


def bad_answers():
    """Make models with a wrong id, or known answers that do not come out."""
    other_id, other_answers, half = shrunken(), Model(), Model()
    other_id.settings["model_id"] = "0" * 32
    other_answers.settings["known_sha256"] = "f" * 64
    del half.packed["known.symbols"]
    return {"id-wrong": other_id.file(), "known-answers-wrong": other_answers.file(),
            "known-symbols-missing": half.file()}  # fmt: skip


def bad_layouts():
    """Make models with a fault in the layout, the JSON or the checksum."""
    model, good = shrunken(), shrunken().file()
    json = good[9 : 9 + int.from_bytes(good[5:9], "little")]
    body = good[9 + len(json) : -32]
    first, second = sorted(model.packed)[:2]
    size, next_size = len(model.packed[first]), len(model.packed[second])
    sizes = f'"{first}":{size},"{second}":{next_size}'.encode()
    return {
        "another-magic": b"\x89NRW" + good[4:],
        "future-version": sealed_text(json, body, version=1),
        "checksum-wrong": flip(good, len(good) - 1),
        "flipped-bit": flip(good, len(good) - 33),
        "truncated": good[:-1],
        "truncated-in-its-head": good[:8],
        "truncated-in-its-json": good[:99],
        "data-after-the-end": good + b"\0",
        "data-after-the-tensors": sealed_text(json, body + b"\0"),
        "json-longer-than-the-file": sealed_text(json, body, size=len(good)),
        "json-of-gigabytes": sealed_text(json, body, size=2**32 - 1),
        "json-shorter-than-it-is": sealed_text(json, body, size=len(json) - 1),
        "json-nested-too-deep": sealed_text(b"[" * 2_000, b""),
        "json-no-object": sealed_text(b"[]", body),
        "json-empty": sealed_text(b"", body),
        "json-not-ascii": model.file(lambda text: text.replace("linear", "lin\u00e9ar")),
        "json-with-a-space": model.file(lambda text: text.replace(",", ", ", 1)),
        "json-with-a-key-twice": model.file(lambda text: text[:-1] + ',"tensors":{}}'),
        "json-with-a-key-missing": model.file(lambda text: text.replace('"peak"', '"peek"')),
        "json-with-an-unknown-key": model.file(lambda text: text[:-1] + ',"unknown":0}'),
        "json-with-a-fraction": model.file(lambda text: text.replace(":0,", ":0.0,", 1)),
        "json-with-keys-out-of-order": model.file(
            lambda text: '{"encoder":null,' + text[1:].replace('"encoder":null,', "")
        ),
        "tensors-out-of-order": sealed_text(
            json.replace(sizes, b",".join(sizes.split(b",")[::-1])),
            body[size : size + next_size] + body[:size] + body[size + next_size :],
        ),
        "tensors-that-share-a-byte": model.file(**{first: size + 1}),
        "tensors-that-leave-a-byte-out": model.file(**{first: size - 1}),
        "tensors-cut-elsewhere": model.file(**{first: size + 1, second: next_size - 1}),
        "tensor-size-negative": model.file(**{first: -1, second: size + next_size + 1}),
        "tensor-size-as-a-string": model.file(**{first: str(size)}),
        "tensor-size-true": model.file(**{first: True, second: size + next_size - 1}),
        "tensor-sizes-in-a-list": model.file(
            lambda text: text[: text.index('"tensors"')] + f'"tensors":[{len(body)}]}}'
        ),
    }
