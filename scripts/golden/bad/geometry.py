"""Archives that would harm who restores files from them: hostile names, impossible frames."""

import json
from copy import deepcopy

from scripts.golden.bad.archives import CODED, archive, block, describe, good_payload

NAMES = {
    "name-absolute": "/etc/passwd",
    "name-leaving-its-folder": "a/../../b",
    "name-of-a-dot": "a/./b",
    "name-with-an-empty-part": "a//b",
    "name-with-a-backslash": "..\\b",
    "name-with-a-drive": "C:b",
    "name-with-nul": "a\0b",
    "name-with-a-newline": "a\nb",
    "name-with-a-lone-surrogate": "\ud800",
    "name-of-a-device": "a/aux.wav",
    "name-of-a-device-and-spaces": "COM1 .wav",
    "name-ending-in-a-dot": "a.",
    "name-ending-in-a-space": "a /b",
    "name-of-no-characters": "",
    "name-too-long": "a" * 1001,
}
PAIRS = {
    "names-twice": ["a", "a"],
    "names-alike-but-for-case": ["a.WAV", "A.wav"],
    "names-alike-but-for-accents": ["\u00e9", "e\u0301"],
    "names-a-file-and-a-folder": ["a", "A/b"],
}


def bad_geometries():
    """Make each bad archive; MODEL has frames of 6 float32."""
    n, payload, quality = good_payload()
    good = block(CODED, n, payload, quality)

    def made(change=None, names=("a",), **keys):
        metadata = {
            "geometry": {
                "folder": True,
                "format": "bare numbers",
                "lengths": [6],
                "shape": [6 * n],
            },
            "names": {"shared": [0] * len(names), "rest": list(names)},
        } | keys
        metadata = deepcopy(metadata)
        if len(names) == 2:
            metadata["geometry"]["shape"] = [[6, 6 * (n - 1)]]
        if change:
            change(metadata["geometry"], metadata["names"])
        text = json.dumps(metadata, sort_keys=True, separators=(",", ":")).encode()
        return archive(good, head=describe(text))

    def with_value(key, value):
        return made(lambda form, _: form.update({key: value}))

    return {
        **{key: made(names=[name]) for key, name in NAMES.items()},
        **{key: made(names=pair) for key, pair in PAIRS.items()},
        "a-list": made(geometry=[]),
        "names-missing": made(lambda _, names: names.clear()),
        "names-that-share-too-much": made(lambda _, names: names.update(shared=[1])),
        "names-of-gigabytes": made(
            lambda _, names: names.update(
                shared=[0] + [1000] * 300_000, rest=["a"] + [""] * 300_000
            )
        ),
        "key-unknown": with_value("more", 1),
        "key-missing": made(lambda form, _: form.pop("format")),
        "several-files-without-a-folder": made(
            lambda form, _: form.update(folder=False), names=("a", "b")
        ),
        "length-0": with_value("lengths", [0]),
        "hop-0": with_value("hops", [0]),
        "hop-beyond-the-length": with_value("hops", [7]),
        "shape-true": with_value("shape", [True]),
        "shape-with-a-fraction": with_value("shape", [6.0 * n]),
        "shape-negative": with_value("shape", [-6]),
        "shape-of-other-axes": with_value("shape", [6 * n, 1]),
        "shape-of-exabytes": with_value("shape", [2**48]),
        "shape-of-fewer-frames": with_value("shape", [6 * n - 6]),
        "lengths-of-other-frames": made(lambda form, _: form.update(lengths=[3], shape=[3 * n])),
        "overlap-too-much": made(
            lambda form, _: form.update(lengths=[2**17], hops=[1], shape=[2**17 + n - 1])
        ),
        "brick-0": with_value("brick", [0]),
        "brick-of-other-axes": with_value("brick", [1, 1]),
        "brick-of-frames-that-overlap": made(
            lambda form, _: form.update(hops=[5], shape=[5 * n + 1], brick=[2])
        ),
        "attributes-of-others": made(attributes={"each": [{}, {}]}),
        "attributes-a-list": made(attributes=[]),
        "attributes-without-names": made(attributes={"all": [1]}),
    }
