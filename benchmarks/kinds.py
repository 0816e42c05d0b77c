"""What the default training makes of six kinds of signals, on sources that it has not seen.

    python -m benchmarks.kinds [mnist ecg speech patches sensors fields] [--minutes M]
        [--architecture auto] [--folder FOLDER] [--output benchmarks/results]

Trains with `narrows.train(source)`, with nothing but the cut, compresses
sources that were not trained on (other pictures, patients, voices, days, planes), and states the
bytes a signal of the archive and the SNR beside the aim, and the best peer at the same error.
Writes kinds.md, kinds.json, which keep what was measured of other kinds before, and kinds-KIND.png:
ten signals, original, decoded and error.

Reads MNIST, ECG and the field in the folder NARROWS_DATA; colour pictures are those that
scikit-image and scikit-learn ship, and speech is made by espeak-ng (1.51), which must be installed.
"""

import argparse
import importlib.util
import json
import logging
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copy

import numpy as np

import narrows
from benchmarks.comparison import asked, datasets, results, tables
from benchmarks.sensors import sensor_table
from narrows.evaluation.metrics import distortion
from narrows.evaluation.peers.contract import measure
from narrows.evaluation.peers.mosaics import field as field_layout
from narrows.evaluation.peers.registry import peers_for, spread
from narrows.evaluation.plots import gallery, write_png
from narrows.evaluation.rate_point import at_psnr, fewest_bytes
from narrows.signals.channels import by_channel
from narrows.signals.inputs import as_source, reading_of, some_bricks

SHOWN = 10
PICTURES = (  # of scikit-image, and of scikit-learn
    ("chelsea.png", "coffee.png", "hubble_deep_field.jpg", "ihc.png", "motorcycle_left.png",
     "retina.jpg", "rocket.jpg", "china.jpg"),
    ("astronaut.png", "flower.jpg"),
)  # fmt: skip
VOICES = (
    ("m1", "m2", "m3", "m4", "m5", "f1", "f2", "f3", "f4", "croak", "klatt2", "Andrea"),
    ("m7", "f5", "Annie", "klatt"),
)
TEXTS = (
    "The quick brown fox jumps over the lazy dog, while seventeen ships sail slowly past the "
    "harbour. Nobody knows whether it will rain tomorrow; the forecast speaks of sun and wind. "
    "She bought apples, bread, cheese and a bottle of milk at the corner shop.",
    "Every morning the train leaves at half past six. Most passengers read, some of them sleep, "
    "and a few look out of the window, where fields, rivers and villages go by.",
)
TEST_DAYS = 28
MAX_SIGNALS = 5000  # to test on


@dataclass
class Kind:
    """Sources to train on and to test on, as `narrows.train` takes them, and how they are cut."""

    train: object
    test: object
    cut: dict = field(default_factory=dict)
    in_deviations: bool = False  # whether each channel counts in its own, for peers too
    layout: object = None  # for peers that take all signals at once


def mnist(folder):
    return Kind("mnist:train", "mnist:test")


def ecg(folder):
    """Records of three patients, and two others'."""
    parts = [folder / "train", folder / "test"]
    for part, records in zip(parts, (datasets.ECG_TRAIN, datasets.ECG_TEST), strict=True):
        part.mkdir()
        for record in records:
            for suffix in (".hea", ".dat"):
                copy(datasets.data_folder() / "ecg" / (record + suffix), part)
    return Kind(*parts, {"window": datasets.ECG_WINDOW})


def speech(folder):
    """Recordings of twelve voices, and of four others that say something else."""
    parts = [folder / "train", folder / "test"]
    for part, voices, text in zip(parts, VOICES, TEXTS, strict=True):
        part.mkdir()
        for voice in voices:
            words = ["espeak-ng", "-v", f"en+{voice}", "-w", part / f"{voice}.wav", text]
            subprocess.run(words, check=True)
    return Kind(*parts, {"window": 256})


def patches(folder):
    """Eight colour pictures, and two others, in tiles of 16 x 16, which is what is proposed."""
    from sklearn import datasets as shipped

    skimage = importlib.util.find_spec("skimage")
    if skimage is None or not skimage.submodule_search_locations:
        raise SystemExit("patches are cut from pictures of scikit-image: pip install scikit-image")
    folders = [Path(each) / "data" for each in skimage.submodule_search_locations]
    folders.append(Path(shipped.__file__).parent / "images")
    parts = [folder / "train", folder / "test"]
    for part, names in zip(parts, PICTURES, strict=True):
        part.mkdir()
        for name in names:
            copy(next(path for each in folders if (path := each / name).exists()), part)
    return Kind(*parts, {"tile": (16, 16)})


def sensors(folder):
    """A table of four columns in hours, and the hours of other days."""
    table = sensor_table()
    train, test = np.split(table, [len(table) - TEST_DAYS * 1440])
    return Kind(train, test, {"window": 60}, in_deviations=True)


def fields(folder):
    """Blocks of the first planes of a rough field, and those of the others."""
    whole = np.load(datasets.data_folder() / "fields" / datasets.FIELDS["fields"])
    border = int(datasets.TRAIN_SHARE * len(whole)) // datasets.BLOCK[0] * datasets.BLOCK[0]
    blocks = [side // part for side, part in zip(whole[border:].shape, datasets.BLOCK, strict=True)]
    test = whole[border:][
        tuple(slice(n * part) for n, part in zip(blocks, datasets.BLOCK, strict=True))
    ]
    layout = field_layout(datasets.BLOCK, tuple(blocks))
    return Kind(whole[:border], test, {"tile": datasets.BLOCK}, layout=layout)


KINDS = {each.__name__: each for each in (mnist, ecg, speech, patches, sensors, fields)}


def frames_of(kind, source):
    """Return `(n, *frame_shape)` signals of a source in their order, cut as by the commands."""
    found = as_source(source, reading_of(kind.cut.get("window"), kind.cut.get("tile"), None))
    return np.ascontiguousarray(found.read()[:MAX_SIGNALS])


def in_bricks(kind):
    """Return the tiles of arrays brick by brick, as archives have them, and the bricks' shapes."""
    if "tile" not in kind.cut:
        return None
    found = some_bricks(as_source(kind.test, reading_of(None, kind.cut["tile"], None)))
    return None if found is None else found[1:]


def standardised(x):
    """Return what makes of signals as `x` such that each channel has mean 0 and deviation 1."""
    axes = tuple(range(x.ndim - 1))
    mean, deviation = (f(x, axis=axes, dtype=np.float64) for f in (np.mean, np.std))
    return lambda y: ((y - mean) / deviation).astype(np.float32)


def snr(x, back):
    """Return the SNR in dB, about the mean of each channel."""
    error = np.square(by_channel(back).astype(np.float64) - by_channel(x)).mean()
    return 10 * np.log10(by_channel(x).var(axis=(0, 1), dtype=np.float64).mean() / error)


def best_peer(kind, x, psnr, peak):
    """Return the lossy peer that takes the fewest bytes at a PSNR; PCA is among the candidates."""
    work, peers = peers_for(x, peak, layout=kind.layout)
    points = []
    for peer in peers:
        if peer.lossless or peer.learns or (fault := peer.missing()):
            say(f"  {peer.name}: {'not asked' if peer.lossless or peer.learns else fault}")
            continue
        point = at_psnr(
            lambda setting, peer=peer: measure(
                peer.coder(work, setting), work.x, peak, peer.name, setting
            ),
            peer.settings(work), psnr,
        )  # fmt: skip
        if point is not None:
            say(f"  {peer.name}: {point.bytes_per_signal:.2f} B at {point.psnr:.2f} dB")
            points.append(point)
    return fewest_bytes(points)


def measure_kind(name, options, folder):
    """Train on sources of a kind, and measure others; return the figures and the picture."""
    kind, began = KINDS[name](folder), time.process_time()
    length = {"minutes": options.minutes} if options.minutes else {}
    codec = narrows.train(kind.train, architecture=options.architecture, **length, **kind.cut)
    seconds = time.process_time() - began
    frames, training = frames_of(kind, kind.test), codec.model.training
    x, shapes = in_bricks(kind) or (frames, ())
    blob = codec.compress(x, bricks=shapes)
    back = codec.decompress(blob)
    scale = standardised(x) if kind.in_deviations else lambda y: y
    both = [scale(each) for each in (x, back)]
    peak = 255.0 if x.dtype == np.uint8 else float(both[0].max()) - float(both[0].min())
    reached = distortion(*both, peak).psnr
    figures = {
        "kind": name, "signals": len(x), "raw": x[0].nbytes, "bytes": len(blob) / len(x),
        "snr": snr(*both), "aim": training["settings"]["aim"], "held_out": training["reached"],
        "architecture": codec.model.architecture, "model_bytes": len(codec.model_bytes),
        "seconds": seconds, "epochs": len(training["history"]),
        "candidates": training.get("candidates"),
    }  # fmt: skip
    say(f"{name}: {figures}")
    if not options.no_peers:
        peer = best_peer(kind, scale(frames), reached, peak)
        figures |= {"peer": peer.name, "peer_bytes": peer.bytes_per_signal, "peer_psnr": peer.psnr}
    shown = spread(len(x), SHOWN)
    title = f"{name}: {figures['bytes']:.1f} of {figures['raw']:,} bytes, {figures['snr']:.1f} dB"
    return figures, gallery(both[0][shown], both[1][shown], peak, title)


def with_others(rows, path, command):
    """Return rows in the order of KINDS, with those of other kinds that an earlier run wrote."""
    before = json.loads(path.read_text())["rows"] if path.exists() else []
    of_kind = {
        row["kind"]: row for row in [*before, *({**row, "command": command} for row in rows)]
    }
    return [of_kind[name] for name in KINDS if name in of_kind]


def page(rows, context):
    """Return the table in markdown."""
    lines = [["kind", "codec", "bytes", "of", "SNR", "held out from the training",
              "candidates at the aim", "best peer at that SNR", "its bytes", "model bytes",
              "CPU seconds", "command"]]  # fmt: skip
    for row in rows:
        held, each = row["held_out"], (row["candidates"] or {}).items()
        lines.append([
            row["kind"], row["architecture"], f"{row['bytes']:.2f}", f"{row['raw']:,}",
            f"{row['snr']:.1f} dB", f"{held['bytes_per_signal']:.2f} B, {held['snr']:.1f} dB",
            ", ".join(f"{name} {size:.2f}" for name, size in each),
            row.get("peer", tables.NOTHING), f"{row.get('peer_bytes', float('nan')):.2f}",
            f"{row['model_bytes']:,}", f"{row['seconds']:.0f}", f"`{row['command']}`",
        ])  # fmt: skip
    return (
        "# Six kinds of signals\n\nThe default training, aimed at 20 dB of SNR, tested on sources "
        "that were not trained on.\n\n    python -m benchmarks.kinds\n\n"
        f"{tables.table(lines)}\n\n"
        + "\n".join(f"![{row['kind']}](kinds-{row['kind']}.png)" for row in rows)
        + "\n"
    )


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_names(parser, "kinds", KINDS)
    parser.add_argument("--minutes", type=float, help="of training; by default as it is")
    parser.add_argument("--architecture", default="auto")
    parser.add_argument("--no-peers", action="store_true", help="measure narrows alone")
    parser.add_argument("--output", type=Path, default=results.RESULTS)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    rows = []
    for name in options.kinds:
        with tempfile.TemporaryDirectory() as folder:
            figures, picture = measure_kind(name, options, Path(folder))
        rows.append(figures)
        with open(options.output / f"kinds-{name}.png", "wb") as stream:
            write_png(picture, stream)
    context = results.context("kinds", sys.argv[1:])
    rows = with_others(rows, options.output / "kinds.json", context["command"])
    results.write(options.output, "kinds", page(rows, context), {**context, "rows": rows})


if __name__ == "__main__":
    main()
