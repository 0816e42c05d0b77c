"""Golden files: each archive must decode today, to the bit, with the core dependencies alone."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import narrows
from narrows.chunks import unpack_chunk
from narrows.codec.archive import DTYPE_CODES, ArchiveReader, Mode
from narrows.codec.archive.wrapped import FILLED
from narrows.codec.encoding.symbol_search import SymbolSearch
from narrows.codec.promised_packets import Form, form_of
from narrows.errors import FormatError
from readers.python import narrows_reader
from scripts.golden import promised_packets

FOLDER = Path(__file__).parents[1] / "golden"
NAMES = sorted(path.relative_to(FOLDER).with_suffix("") for path in FOLDER.glob("v*/*.nrw"))
SEARCHES = sorted(path.with_suffix("") for path in FOLDER.glob("v*/*.signals.npy"))
EFFORTS = {".effort-0": 0, ".nrw": 2, ".effort-9": 9}  # of a golden search, by the archive's suffix
TARGETS = {"qualities-float32": {"target_psnr": 29}, "qualities-uint8": {"target_bytes": 1.5}}
# A cost is of all elements: it has no number where some are NaN.
BRICKS = {"tiles-float32": (16, 17), "tiles-int16": (5, 8, 6), "tiles-uint8": (49,)}
GOLDEN_PACKETS = FOLDER / "packets-v0"
PROMISED = sorted(GOLDEN_PACKETS.glob("*.packet"))
GAPS = {"exact-float32", "predicted-gaps-float32"}
TRELLISES = {f"trellis-{each}" for each in ("float32", "int16", "contexts-int16")}
"""Searched as well as can be at every effort."""
AT_ONE_QUALITY = [
    path for path in SEARCHES if path.stem not in {*TARGETS, *GAPS, *BRICKS, *TRELLISES}
]
SOURCE = Path(narrows.__file__).parent


def test_there_are_golden_files_of_every_dtype():
    dtypes = {np.load(FOLDER / name.with_suffix(".npy")).dtype.name for name in NAMES}
    assert dtypes == {dtype.name for dtype in DTYPE_CODES}


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_a_golden_archive_decodes_to_its_array(name):
    codec = narrows.load(FOLDER / name.with_suffix(".narrows"))
    blob = (FOLDER / name.with_suffix(".nrw")).read_bytes()
    expected = np.load(FOLDER / name.with_suffix(".npy"))
    decoded = codec.decompress(blob)
    assert decoded.dtype == expected.dtype
    assert decoded.tobytes() == expected.tobytes()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("v*/*.packet")), ids=lambda path: path.stem)
def test_a_golden_packet_decodes_to_its_frame(path):
    codec = narrows.load(path.with_suffix(".narrows"))
    expected = np.load(path.with_suffix(".frame.npy"))
    packet, checked = path.read_bytes(), path.with_suffix(".checked-packet").read_bytes()
    assert codec.decompress_packet(packet).tobytes() == expected.tobytes()
    assert codec.decompress_packet(checked, checksum=True).tobytes() == expected.tobytes()
    assert narrows_reader.read_packet(packet, codec.model_bytes).tobytes() == expected.tobytes()


@pytest.mark.parametrize("number", [0, 1, 7])
def test_a_golden_packet_of_a_fixed_size_decodes_to_its_frame(number):
    path = FOLDER / "v0" / "contexts.narrows"
    codec, packet = narrows.load(path), path.with_suffix(f".fixed-packet-{number}").read_bytes()
    expected = np.load(path.with_suffix(".npy"))[number].tobytes()
    assert codec.decompress_packet(packet).tobytes() == expected
    assert narrows_reader.read_packet(packet, codec.model_bytes).tobytes() == expected
    assert packet[0] >> 4 & 1 == (number == 7)  # which has an escape
    symbols, quality = codec.decoder.packets.decode(packet)
    assert len(codec.decoder.packets.encode(symbols, quality)) < len(packet)


@pytest.mark.parametrize("path", PROMISED, ids=lambda path: path.stem)
def test_a_golden_packet_that_keeps_a_bound_decodes_to_its_signal(path):
    codec = narrows.load(path.with_suffix(".narrows"))
    expected = np.load(path.with_suffix(".npy"))
    packet, checked = path.read_bytes(), path.with_suffix(".checked-packet").read_bytes()
    for y in (
        codec.decompress_packet(packet),
        codec.decompress_packet(checked, checksum=True),
        narrows_reader.read_packet(packet, codec.model_bytes),
        narrows_reader.read_packet(checked, codec.model_bytes, checksum=True),
    ):
        assert (y.dtype, y.shape) == (expected.dtype, expected.shape)
        assert y.tobytes() == expected.tobytes()


def test_there_are_golden_packets_of_every_form():
    assert {form_of(path.read_bytes()) for path in PROMISED} == set(Form)


@pytest.mark.parametrize("name", ["stored-uint8", "networks-uint8", "networks-int16"])
def test_golden_packets_that_keep_a_bound_come_out_as_they_are(name):
    made = promised_packets.SETS[name]()
    path = GOLDEN_PACKETS / name
    assert made[".packet"] == path.with_suffix(".packet").read_bytes()
    assert made[".checked-packet"] == path.with_suffix(".checked-packet").read_bytes()


@pytest.mark.parametrize("suffix", [".wrapped", ".wrapped-twice"])
def test_golden_blocks_without_a_container_decode_to_their_frames(suffix):
    path = FOLDER / "v0" / "contexts.narrows"
    codec, expected = narrows.load(path), np.load(path.with_suffix(".npy")).tobytes()
    packed = path.with_suffix(suffix).read_bytes()
    assert codec.decoder.unwrap(packed, 20).tobytes() == expected
    assert narrows_reader.read_wrapped(packed, codec.model_bytes, 20).tobytes() == expected
    for damaged in (b"", packed[:4], packed[:-1], b"\x0e" + packed[1:], packed + b"\0"):
        with pytest.raises(FormatError):
            codec.decoder.unwrap(damaged, 20)
        with pytest.raises(narrows_reader.Rejected):
            narrows_reader.read_wrapped(damaged, codec.model_bytes, 20)
    with pytest.raises(narrows_reader.Rejected):
        narrows_reader.read_wrapped(packed, codec.model_bytes, 19)


def test_golden_signals_that_a_host_fills_up_come_back_with_its_filler():
    path = FOLDER / "v0" / "contexts.narrows"
    codec, expected = narrows.load(path), np.load(path.with_suffix(".npy"))
    packed, shape = path.with_suffix(".wrapped-filled").read_bytes(), (25, *expected.shape[1:])
    for whole in (
        unpack_chunk(packed, shape, codec.decoder, 7),
        narrows_reader.read_piece(packed, codec.model_bytes, shape, 7),
    ):
        assert whole[:20].tobytes() == expected.tobytes()
        assert (whole[20:] == 7).all()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("v*/*.piece")), ids=lambda path: path.stem)
def test_a_golden_piece_of_an_array_is_decoded_alike_by_both_readers(path):
    codec, expected = narrows.load(path.with_suffix(".narrows")), np.load(f"{path}.npy")
    packed = path.read_bytes()
    assert packed[0] == FILLED
    ours = unpack_chunk(packed, expected.shape, codec.decoder, 7)
    theirs = narrows_reader.read_piece(packed, codec.model_bytes, expected.shape, 7)
    assert ours.tobytes() == theirs.tobytes() == expected.tobytes()


def test_there_are_golden_packets_with_escapes_and_of_every_dtype():
    dtypes = {np.load(path).dtype.name for path in FOLDER.glob("v*/*.frame.npy")}
    assert dtypes == {dtype.name for dtype in DTYPE_CODES}
    assert any(path.read_bytes()[0] & 0x10 for path in FOLDER.glob("v*/*.packet"))


def test_there_are_golden_files_of_context_models_coded_with_them():
    for name, has_context in (("contexts", [False, True, False]), ("contexts-wide", [True])):
        path = FOLDER / "v0" / f"{name}.narrows"
        model = narrows.load(path).model
        assert [context is not None for context in model.contexts] == has_context
        blob, packet = (path.with_suffix(end).read_bytes() for end in (".nrw", ".packet"))
        header_bytes = 24 + len(model.frame_shape) + 4
        assert blob[header_bytes] == model.default_quality << 4  # mode 0, coded, and the quality
        assert packet[0] >> 5 == model.default_quality - 1


def test_there_are_golden_files_of_searches_that_do_something():
    alike = {*BRICKS, *TRELLISES}  # at every effort
    searches = [path for path in SEARCHES if path.stem not in alike]
    archives = [path.with_suffix(suffix) for path in searches for suffix in EFFORTS]
    assert len(archives) == len({path.read_bytes() for path in archives}) >= 12


@pytest.mark.parametrize("suffix", EFFORTS)
@pytest.mark.parametrize("name", TARGETS)
def test_there_are_golden_archives_of_several_qualities(name, suffix):
    path = FOLDER / "v0" / f"{name}.narrows"
    codec = narrows.load(path)
    (block,) = ArchiveReader(io.BytesIO(path.with_suffix(suffix).read_bytes()))
    assert (block.mode, block.quality) == (Mode.CODED, 0)
    counts = np.bincount(codec.decoder.blocks.unpack(block).qualities)
    assert np.count_nonzero(counts) >= 2
    has_context = [context is not None for context in codec.model.contexts]
    coded_so = {has_context[quality - 1] for quality in np.flatnonzero(counts)}
    assert coded_so == {False, True}


@pytest.mark.parametrize("suffix", EFFORTS)
@pytest.mark.parametrize("path", SEARCHES, ids=lambda path: path.stem)
def test_a_golden_search_gives_its_archive_byte_for_byte(path, suffix):
    codec, x = narrows.load(path.with_suffix(".narrows")), np.load(path.with_suffix(".signals.npy"))
    blob = path.with_suffix(suffix).read_bytes()
    expected = np.load(path.with_suffix(f"{suffix}.npy".removeprefix(".nrw")))
    targets = TARGETS.get(path.stem, {})
    bricks = [BRICKS[path.stem]] if path.stem in BRICKS else []
    assert codec.compress(x, effort=EFFORTS[suffix], bricks=bricks, **targets) == blob
    assert codec.decompress(blob).tobytes() == expected.tobytes()
    assert narrows_reader.read_archive(blob, codec.model_bytes).tobytes() == expected.tobytes()


@pytest.mark.parametrize("path", AT_ONE_QUALITY, ids=lambda path: path.stem)
def test_a_golden_search_costs_no_more_with_more_effort(path):
    codec, x = narrows.load(path.with_suffix(".narrows")), np.load(path.with_suffix(".signals.npy"))
    search = SymbolSearch(codec.decoder.transform, codec.model.default_quality)
    costs = [search.cost(x, codec.encode(x, effort=effort)) for effort in EFFORTS.values()]
    assert (np.diff(costs, axis=0) <= 0).all()
    assert (np.diff(np.mean(costs, axis=1)) < 0).all()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("v*/*.files.npz")), ids=lambda path: path.stem)
def test_files_of_golden_frames_are_put_together_by_both_readers(path):
    name = path.name.removesuffix(".files.npz")
    blob, model = (path.with_name(name + end) for end in (".nrw", ".narrows"))
    ours = narrows.decompress(blob.read_bytes(), model)
    theirs = narrows_reader.read_files(blob.read_bytes(), model.read_bytes())
    with np.load(path) as expected:
        assert [*ours] == [*theirs] == [*expected]
        for each, array in expected.items():
            assert ours[each].dtype == theirs[each].dtype == array.dtype
            assert ours[each].tobytes() == theirs[each].tobytes() == array.tobytes()


def test_the_metadata_of_a_golden_archive_are_read_by_both_readers():
    path = FOLDER / "v0" / "metadata.nrw"
    expected = json.loads(path.with_suffix(".metadata.json").read_text())
    with narrows.open(path, path.with_suffix(".narrows")) as archive:
        assert archive.metadata == expected
    assert narrows_reader.read_metadata(path.read_bytes()) == expected
    assert narrows_reader.read_metadata(path.with_name("contexts.nrw").read_bytes()) == {}


def test_an_embedded_model_decodes_alone():
    blob = (FOLDER / "v0" / "embedded-model.nrw").read_bytes()
    expected = np.load(FOLDER / "v0" / "embedded-model.npy")
    assert np.array_equal(narrows.decompress(blob), expected)


CORE_ALONE = """
import sys
class Only:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in {*sys.argv[2].split(","), *sys.stdlib_module_names}:
            raise ImportError(f"{name} is blocked in this test")
sys.meta_path.insert(0, Only())
import numpy as np
from pathlib import Path
from narrows.codec.decoder import Decoder
count = 0
for path in sorted(Path(sys.argv[1]).glob("v*/*.nrw")):
    decoder = Decoder.from_bytes(path.with_suffix(".narrows").read_bytes())
    x = decoder.decompress(path.read_bytes())
    assert x.tobytes() == np.load(path.with_suffix(".npy")).tobytes(), path
    count += 1
print(count)
"""


def decode_golden_files(folder, *packages):
    """Decode all golden archives in a process that finds narrows in a folder, and some packages."""
    done = subprocess.run(
        [sys.executable, "-c", CORE_ALONE, str(FOLDER), ",".join(("narrows", *packages))],
        capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(NAMES)


def test_golden_files_decode_without_what_is_optional():
    decode_golden_files(SOURCE.parent, "numpy", "constriction")


def test_the_decoder_s_folders_copied_out_decode_with_numpy_alone(tmp_path):
    copied = tmp_path / "narrows"
    shutil.copytree(SOURCE / "codec", copied / "codec", ignore=shutil.ignore_patterns("encoding"))
    for name in ("errors.py", "arrays.py", "element_types.py", "processes.py"):
        shutil.copy(SOURCE / name, copied)
    (copied / "__init__.py").touch()
    decode_golden_files(tmp_path, "numpy")
