"""The reader written from docs/FORMAT.md alone and narrows agree, on good files and on bad ones."""

import ast
import io
import re
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import narrows
from narrows.chunks import unpack_chunk
from narrows.codec.archive import ArchiveReader
from narrows.codec.codec import Codec
from narrows.errors import NarrowsError
from readers.python import narrows_reader as reader
from scripts.golden.bad.packets import MODELS as PACKET_MODELS
from scripts.golden.bad.reasons import reason_of
from scripts.golden.bad.wrapped import SHAPES
from tests.helpers.archives import written

FOLDER = Path(reader.__file__).parent
DOCS = Path(__file__).parents[2] / "docs"
ALONE = """
import runpy, sys
sys.path[0:0] = [sys.argv.pop(1)]
sys.modules["narrows"] = None
runpy.run_module("narrows_reader", run_name="__main__")
"""
GOLDEN = Path(__file__).parents[1] / "golden"
ARCHIVES = sorted(GOLDEN.glob("v*/*.nrw"))
BAD = sorted(path for path in GOLDEN.glob("bad-v*/*") if path.suffix != ".txt")
WITH_PACKETS = (
    "linear-uint8", "linear-float64", "dense-gelu", "dense-leaky_relu", "escapes",
    "conv-1d-int16", "conv-2d-uint8", "conv-3d-float32", "contexts", "contexts-wide",
    "search-conv-uint8", "search-float32", "qualities-float32", "qualities-uint8",
)  # fmt: skip
SMALL = GOLDEN / "v0" / "escapes.narrows"
CONTEXTS = GOLDEN / "v0" / "contexts.narrows"  # at the second of three qualities
QUALITIES = GOLDEN / "v0" / "qualities-float32.narrows"  # an archive of several qualities
EXACT = GOLDEN / "v0" / "exact-float32.narrows"
TRUTHS = GOLDEN / "v0" / "linear-bool.narrows"
TILES = GOLDEN / "v0" / "tiles-float32.narrows"
NETWORKS = GOLDEN / "v0" / "level-networks-int16.narrows"
LATTICE = GOLDEN / "v0" / "level-bounds-float32.narrows"
PREDICTED = GOLDEN / "v0" / "predicted-float32.narrows"
MODELS = {  # of bad archives
    "archive-qualities": QUALITIES,
    "archive-exact": EXACT,
    "archive-lattice": LATTICE,
    "archive-networks": NETWORKS,
    "archive-predicted": PREDICTED,
    "archive-tiles": TILES,
    "archive-truths": TRUTHS,
}
BOTH = pytest.mark.parametrize("path", [SMALL, CONTEXTS], ids=lambda path: path.stem)


def name_of(path):
    return path.stem


def assert_same(x, y):
    """Two arrays agree in element type, shape and every bit."""
    assert (x.dtype, x.shape) == (y.dtype, y.shape)
    assert x.tobytes() == y.tobytes()


def assert_rejected_or_same(read, expected):
    """Damage is noticed, or it hit what changes nothing."""
    try:
        x = read()
    except reader.Rejected:
        return
    assert_same(x, expected)


def flips(data, count):
    """Flip one bit at each of `count` positions, spread over the data."""
    for i, at in enumerate(np.linspace(0, len(data) - 1, count).astype(int)):
        yield data[:at] + bytes([data[at] ^ 1 << i % 8]) + data[at + 1 :]


def test_the_reader_imports_nothing_but_the_standard_library_numpy_and_itself():
    for path in FOLDER.glob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        names = {n.name for node in nodes if isinstance(node, ast.Import) for n in node.names}
        names |= {n.module for n in nodes if isinstance(n, ast.ImportFrom) and not n.level}
        assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names | {"numpy"}
        assert all(n.level <= 1 for n in nodes if isinstance(n, ast.ImportFrom))
        called = {node.id for node in nodes if isinstance(node, ast.Name)}
        assert not called & {"__import__", "importlib", "exec", "eval"}


def test_each_file_of_the_reader_is_small_and_names_its_section():
    readme = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    for path in FOLDER.glob("[!_]*.py"):
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 160
        assert f"`{path.name}`" in readme, path.name
        page, headings = re.match(r'"""(\S+\.md), ([^:.]+)[:.]', text).groups()
        document = (DOCS / page).read_text(encoding="utf-8")
        for heading in re.findall(r'"(.*?)"', headings):
            assert re.search(rf"^#+ (\d+\. )?{heading}$".replace(" ", r"\s"), document, re.M), path


def run_alone(*arguments):
    """Run the reader's command line from its own folder, without narrows."""
    return subprocess.run(
        [sys.executable, "-I", "-c", ALONE, str(FOLDER.parent), *map(str, arguments)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_command_line_decodes_an_archive_and_a_packet_without_narrows(tmp_path):
    out, path = tmp_path / "out.npy", CONTEXTS
    done = run_alone(path.with_suffix(".nrw"), "-m", path, "-o", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert_same(np.load(out), np.load(path.with_suffix(".npy")))
    done = run_alone(path.with_suffix(".packet"), "-m", path, "-o", out, "--packet")
    assert (done.returncode, done.stderr) == (0, "")
    assert_same(np.load(out), np.load(path.with_suffix(".frame.npy")))


def test_the_command_line_says_in_one_line_what_is_wrong(tmp_path):
    done = run_alone(SMALL, "-m", SMALL, "-o", tmp_path / "out.npy")
    assert (done.returncode, done.stderr) == (1, "narrows_reader: this is no archive\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", ARCHIVES, ids=name_of)
def test_a_golden_archive_decodes_to_its_array(path):
    model = path.with_suffix(".narrows").read_bytes()
    expected = np.load(path.with_suffix(".npy"))
    assert_same(reader.read_archive(path.read_bytes(), model), expected)


@pytest.mark.parametrize("path", ARCHIVES, ids=name_of)
def test_a_golden_archive_decodes_with_a_model_without_an_encoder(path):
    model = narrows.load(path.with_suffix(".narrows")).without_encoder().model_bytes
    expected = np.load(path.with_suffix(".npy"))
    assert_same(reader.read_archive(path.read_bytes(), model), expected)


def test_an_embedded_model_decodes_alone():
    path = GOLDEN / "v0" / "embedded-model.nrw"
    assert_same(reader.read_archive(path.read_bytes()), np.load(path.with_suffix(".npy")))


def test_an_archive_without_its_model_is_rejected_with_the_id():
    with pytest.raises(reader.Rejected, match=narrows.load(SMALL).model_id):
        reader.read_archive(SMALL.with_suffix(".nrw").read_bytes())


@pytest.mark.parametrize("checksum", [False, True])
@pytest.mark.parametrize("name", WITH_PACKETS)
def test_packets_decode_as_in_narrows(name, checksum):
    path = GOLDEN / "v0" / f"{name}.narrows"
    codec, model = narrows.load(path), path.read_bytes()
    for x in np.load(path.with_suffix(".npy"))[:10]:
        packet = codec.compress_packet(x, checksum=checksum)
        expected = codec.decompress_packet(packet, checksum=checksum)
        assert_same(reader.read_packet(packet, model, checksum), expected)


@pytest.mark.parametrize("name", ["contexts", "contexts-wide"])
def test_archives_and_packets_of_every_quality_decode_as_in_narrows(name):
    path = GOLDEN / "v0" / f"{name}.narrows"
    codec, model = narrows.load(path), path.read_bytes()
    x = np.load(path.with_suffix(".npy"))
    for quality in range(1, codec.model.n_qualities + 1):
        archive = codec.compress(x, quality)
        assert archive[29 + len(x.shape) - 2] == quality << 4  # the first block: coded
        assert_same(reader.read_archive(archive, model), codec.decompress(archive))
        for signal in x[:10]:
            packet = codec.compress_packet(signal, quality)
            assert_same(reader.read_packet(packet, model), codec.decompress_packet(packet))


@BOTH
def test_a_flipped_bit_of_an_archive_is_rejected(path):
    archive, model = path.with_suffix(".nrw").read_bytes(), path.read_bytes()
    expected = np.load(path.with_suffix(".npy"))
    for damaged in flips(archive, len(archive)):
        assert_rejected_or_same(lambda data=damaged: reader.read_archive(data, model), expected)


@BOTH
def test_a_flipped_bit_of_a_model_is_rejected(path):
    for damaged in flips(path.read_bytes(), 300):
        with pytest.raises(reader.Rejected):
            reader.read_model(damaged)


@BOTH
def test_a_flipped_bit_of_a_packet_with_a_checksum_is_rejected(path):
    codec, model = narrows.load(path), path.read_bytes()
    packet = codec.compress_packet(np.load(path.with_suffix(".npy"))[7], checksum=True)
    for damaged in flips(packet, len(packet)):
        with pytest.raises(reader.Rejected):
            reader.read_packet(damaged, model, checksum=True)


def assert_judged_alike(ours, theirs):
    """Both readers refuse, or both give the same."""
    try:
        expected = ours()
    except NarrowsError:
        with pytest.raises(reader.Rejected):
            theirs()
    else:
        assert_same(theirs(), expected)


@BOTH
def test_a_flipped_bit_of_a_bare_packet_is_judged_as_in_narrows(path):
    codec, model = narrows.load(path), path.read_bytes()
    packet = codec.compress_packet(np.load(path.with_suffix(".npy"))[7])
    for damaged in [packet[: len(packet) - 1], *flips(packet, len(packet)), packet + b"\0"]:
        assert_judged_alike(
            partial(codec.decompress_packet, damaged), partial(reader.read_packet, damaged, model)
        )


@pytest.mark.parametrize(
    "name", ["qualities-float32", "qualities-uint8", "exact-float32", "exact-qualities-int16"]
)
def test_a_flipped_bit_of_a_payload_is_judged_as_in_narrows(name):
    path = GOLDEN / "v0" / f"{name}.narrows"
    codec, model = narrows.load(path), path.read_bytes()
    (block,) = ArchiveReader(io.BytesIO(path.with_suffix(".nrw").read_bytes()))
    for at, bit in np.ndindex(len(block.payload), 8):
        flipped = bytes([block.payload[at] ^ 1 << bit])
        payload = block.payload[:at] + flipped + block.payload[at + 1 :]
        damaged = written(codec.encoder.header(), [replace(block, payload=payload)])
        assert_judged_alike(
            partial(codec.decompress, damaged), partial(reader.read_archive, damaged, model)
        )


def read_bad_with_narrows(path):
    """Read a bad file with narrows."""
    if path.suffix == ".narrows":
        return narrows.load(path)
    if path.suffix == ".wrapped":
        shape = next(shape for start, shape in SHAPES.items() if path.stem.startswith(start))
        return unpack_chunk(path.read_bytes(), shape, narrows.load(CONTEXTS).decoder, 0)
    if path.suffix == ".packet":
        model = next(m for start, m in PACKET_MODELS.items() if path.stem.startswith(start))
        return Codec.from_bytes(model).decompress_packet(path.read_bytes())
    if "embedded" in path.stem:
        return narrows.decompress(path.read_bytes())
    if "archive-geometry" in path.stem:
        return narrows.decompress(path.read_bytes(), SMALL)
    model = next((m for start, m in MODELS.items() if path.stem.startswith(start)), SMALL)
    return narrows.load(model).decompress(path.read_bytes())


def test_the_bad_files_are_there_and_small():
    assert len(BAD) >= 20
    sizes = [path.stat().st_size for path in BAD]
    assert max(sizes) < 7_000
    assert sum(sizes) < 640_000


@pytest.mark.parametrize("path", BAD, ids=name_of)
def test_narrows_refuses_a_golden_bad_file(path):
    with pytest.raises(NarrowsError):
        read_bad_with_narrows(path)


@pytest.mark.parametrize("path", BAD, ids=name_of)
def test_the_reader_rejects_a_golden_bad_file_for_its_fault(path):
    """The reasons in the list were read beside the names; another one is another check."""
    reasons = (path.parent / "reasons.txt").read_text(encoding="utf-8").splitlines()
    assert f"{path.name}: {reason_of(path.name, path.read_bytes())}" in reasons
    assert len(reasons) == len(BAD)
