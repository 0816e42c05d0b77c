"""Packets of the command line: a folder of files or JSON lines, and back to the array."""

import base64
import io
import json
import re
import stat
import sys

import numpy as np
import pytest

from narrows.models import load_codec
from tests.helpers.command_line import fails_with_one_line

MODEL = ("-m", "m.narrows")


@pytest.fixture
def codec(folder):
    return load_codec(folder / "m.narrows")


@pytest.fixture
def packets(run, folder):
    """The folder of packets of 50 signals, `p`."""
    assert run("compress", "x.npy", *MODEL, "--packets", "-o", "p").code == 0
    return folder / "p"


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("checksum", [False, True])
@pytest.mark.parametrize("output", ["p", "p.jsonl"])
def test_packets_are_the_codec_s_and_come_back(run, folder, codec, digits, output, checksum):
    option = ("--checksum",) if checksum else ()
    done = run("compress", "x.npy", *MODEL, "--packets", *option, "-o", output, "--json")
    figures = json.loads(done.out)
    expected = codec.compress_packets(digits[:50], checksum=checksum)
    sizes = [len(packet) for packet in expected]
    assert figures["bytes_per_signal"] == sum(sizes) / 50
    assert figures["max_packet_bytes"] == max(sizes)
    if output == "p":
        files = sorted((folder / "p").iterdir())
        assert [file.read_bytes() for file in files] == expected
        assert files[7].name == "00007-of-00050.packet"
    else:
        lines = lines_of(folder / output)
        assert [base64.b64decode(line["packet"]) for line in lines] == expected
        assert [line["number"] for line in lines] == list(range(50))
        assert [line["bytes"] for line in lines] == sizes
    assert run("decompress", output, *MODEL, *option, "-o", "y.npy").code == 0
    assert np.array_equal(np.load("y.npy"), codec.decode(codec.encode(digits[:50])))
    other = () if checksum else ("--checksum",)
    failed = run("decompress", output, *MODEL, *other, "-o", "z.npy")
    assert fails_with_one_line(failed, codec.model_id, "--checksum", "0, 1, 2, 3, 4 and 4")


def test_packets_may_all_have_the_same_size(run, folder, codec, digits):
    command = ("compress", "x.npy", *MODEL, "--packets", "-o", "p.jsonl", "--checksum")
    done = run(*command, "--packet-bytes", 14, "--json")
    figures = json.loads(done.out)
    assert (figures["bytes_per_signal"], figures["max_packet_bytes"]) == (14, 14)
    assert (figures["packet_bytes"], figures["quality"]) == (14, None)
    packets = [base64.b64decode(line["packet"]) for line in lines_of(folder / "p.jsonl")]
    assert packets == codec.compress_packets(digits[:50], packet_bytes=14, checksum=True)
    assert run("decompress", "p.jsonl", *MODEL, "--checksum", "-o", "y.npy").code == 0
    assert np.array_equal(np.load("y.npy"), codec.decompress_packets(packets, checksum=True))


def test_a_size_of_packets_is_refused_where_it_has_no_use(run, folder):
    wrong = run("compress", "x.npy", *MODEL, "-o", "p.jsonl", "--packet-bytes", 9)
    assert wrong.code == 2
    assert "--packet-bytes is of packets: give --packets" in wrong.err
    for options, words in (
        (("--packets", "--packet-bytes", 9, "-q", 1), ("packet_bytes 9 and quality 1",)),
        (("--packets", "--packet-bytes", 9, "--lossless"), ("packet_bytes 9", "lossless")),
        (("--packets", "--packet-bytes", 1), ("packet_bytes 1: of 50 signals", "or more")),
    ):
        failed = run("compress", "x.npy", *MODEL, "-o", "p.jsonl", *options)
        assert fails_with_one_line(failed, *words)


def test_packets_without_loss_come_back_and_are_alike_for_any_number_of_processes(
    run, folder, codec, digits
):
    command = ("compress", "x.npy", *MODEL, "--packets", "--lossless", "-o", "p.jsonl", "-f")
    assert run(*command).code == 0
    packets = [base64.b64decode(line["packet"]) for line in lines_of(folder / "p.jsonl")]
    assert packets == codec.compress_packets(digits[:50], lossless=True)
    assert run(*command, "-j", "2").code == 0
    assert [base64.b64decode(line["packet"]) for line in lines_of(folder / "p.jsonl")] == packets
    assert run("decompress", "p.jsonl", *MODEL, "-o", "y.npy").code == 0
    assert np.array_equal(np.load("y.npy"), digits[:50])


def test_no_packet_is_longer_than_its_target(run, folder, codec, digits):
    done = run("compress", "x.npy", *MODEL, "--packets", "--target-bytes", 9, "-o", "p.jsonl")
    assert done.code == 0, done.err
    sizes = [line["bytes"] for line in lines_of(folder / "p.jsonl")]
    assert max(sizes) <= 9
    assert f"{np.mean(sizes):.2f} bytes a packet, {max(sizes)} at most" in done.err


def test_lines_go_through_pipes(run, folder, codec, digits, monkeypatch):
    piped = io.TextIOWrapper(io.BytesIO(), write_through=True)
    monkeypatch.setattr(sys, "stdout", piped)
    assert run("compress", "x.npy", *MODEL, "--packets", "-o", "-").code == 0
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(piped.buffer.getvalue())))
    assert run("decompress", "-", *MODEL, "-o", "y.npy").code == 0
    assert np.array_equal(np.load("y.npy"), codec.decode(codec.encode(digits[:50])))


def test_one_line_names_what_is_missing_and_what_is_damaged(run, packets, codec, digits):
    for number in (3, 17, 49):
        (packets / f"{number:05}-of-00050.packet").unlink()
    (packets / "00009-of-00050.packet").write_bytes(b"")
    failed = run("decompress", "p", *MODEL, "-o", "y.npy")
    assert fails_with_one_line(failed, "missing: 3, 17, 49;", "--checksum: 9;", codec.model_id)
    saved = run("decompress", "p", *MODEL, "-o", "y.npy", "--skip-bad-blocks", "--json")
    assert saved.code == 1
    assert saved.err.count("\n") == 1
    assert [loss["first"] for loss in json.loads(saved.out)["losses"]] == [3, 9, 17, 49]
    rest = np.delete(codec.decode(codec.encode(digits[:50])), (3, 9, 17, 49), axis=0)
    assert np.array_equal(np.load("y.npy"), rest)


def test_names_and_lines_may_say_less(run, packets, folder, codec, digits):
    for file in list(packets.iterdir()):
        file.rename(packets / f"{int(file.name[:5])}.packet")
    assert run("decompress", "p", *MODEL, "-o", "y.npy").code == 0
    encoded = [base64.b64encode(p).decode() for p in codec.compress_packets(digits[:50])]
    (folder / "q").write_text("\n".join(json.dumps({"packet": each}) for each in encoded))
    assert run("decompress", "q", *MODEL, "-o", "z.npy").code == 0
    assert np.array_equal(np.load("y.npy"), np.load("z.npy"))
    assert len(np.load("z.npy")) == 50


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"packet": "!"}', ("line 2 of p.jsonl is no packet",)),
        ('{"number": 7}', ("line 2", "'packet'")),
        ("{", ("line 2",)),
        ("[1]", ("line 2",)),
        ('{"packet": "AAAA", "bytes": 4}', ("line 2", "3 bytes where it says 4")),
        ('{"packet": "AAAA", "number": -1}', ("line 2", "-1")),
        ('{"packet": "AAAA", "number": true}', ("line 2", "True")),
        ('{"packet": "AAAA", "number": 0}', ("two packets of number 0",)),
        ('{"packet": "AAAA", "number": 2, "of": 2}', ("packet 2 of 2",)),
        ('{"packet": "AAAA", "number": 1, "of": 3}', ("of 2 and of 3 signals",)),
    ],
)
def test_lines_that_are_no_packets_are_named(run, folder, line, words):
    first = {} if '"of": 3' not in line else {"of": 2}
    text = json.dumps({"packet": "AAAA", "number": 0, **first})
    (folder / "p.jsonl").write_text(f"{text}\n{line}\n")
    assert fails_with_one_line(run("decompress", "p.jsonl", *MODEL, "-o", "y.npy"), *words)
    assert not (folder / "y.npy").exists()


def test_a_number_far_off_takes_no_memory(run, packets):
    (packets / "00049-of-00050.packet").unlink()
    for file in list(packets.iterdir()):
        file.rename(packets / f"{int(file.name[:5])}.packet")
    (packets / "999999999999999999.packet").write_bytes(b"a")
    failed = run("decompress", "p", *MODEL, "-o", "y.npy")
    assert fails_with_one_line(failed, "missing: 49, 50, 51, 52, 53 and ")
    saved = run("decompress", "p", *MODEL, "-o", "y.npy", "--skip-bad-blocks")
    assert saved.code == 1
    assert len(np.load("y.npy")) == 49


def test_a_folder_is_replaced_only_if_asked_and_only_if_it_holds_packets_alone(
    run, packets, folder, digits
):
    before = sorted(file.name for file in packets.iterdir())
    again = ("compress", "y.npy", *MODEL, "--packets", "-o", "p")
    np.save("y.npy", digits[:9])
    assert fails_with_one_line(run(*again), "p exists already", "-f")
    (packets / "note.txt").write_text("mine")
    assert fails_with_one_line(run(*again, "-f"), "'note.txt'")
    (packets / "note.txt").unlink()
    assert sorted(file.name for file in packets.iterdir()) == before
    assert run(*again, "-f").code == 0
    assert len(list(packets.iterdir())) == 9
    assert {file.name for file in folder.iterdir()} == {"m.narrows", "x.npy", "y.npy", "p"}


def test_nothing_is_left_of_a_folder_that_could_not_be_written(run, folder):
    failed = run("compress", "x.npy", *MODEL, "--packets", "--target-bytes", 0.5)
    assert fails_with_one_line(failed, "out of reach")
    assert {file.name for file in folder.iterdir()} == {"m.narrows", "x.npy"}
    np.save("wrong.npy", np.zeros((3, 5, 5), np.uint8))
    assert run("compress", "wrong.npy", *MODEL, "--packets").code == 1
    assert not (folder / "wrong.npy.packets").exists()


def test_packets_are_as_private_as_their_signals(run, folder):
    (folder / "x.npy").chmod(0o600)
    assert run("compress", "x.npy", *MODEL, "--packets").code == 0
    modes = [file.stat().st_mode for file in (folder / "x.npy.packets").iterdir()]
    assert not any(mode & (stat.S_IRWXG | stat.S_IRWXO) for mode in modes)
    assert run("decompress", "x.npy.packets", *MODEL, "-o", "y.npy").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("compress", "x.npy", *MODEL, "--packets", "--append"),
        ("compress", "x.npy", *MODEL, "--packets", "--embed-model"),
        ("compress", "x.npy", *MODEL, "--checksum"),
        ("compress", "x.npy", "--packets"),
        ("decompress", "x.nrw", *MODEL, "--checksum", "-o", "y.npy"),
        ("info", "x.nrw", "--checksum"),
    ],
)
def test_options_of_the_other_kind_are_wrong_usage(run, folder, arguments):
    run("compress", "x.npy", *MODEL, "-o", "x.nrw")
    assert run(*arguments).code == 2
    assert not (folder / "x.npy.packets").exists()


def test_the_model_of_packets_must_be_given(run, packets, folder):
    assert fails_with_one_line(run("decompress", "p"), "do not say which model", "-m")
    (folder / "empty").mkdir()
    assert fails_with_one_line(run("decompress", "empty", *MODEL), "holds no packets", "--packets")


def test_info_tells_sizes_and_qualities_of_packets_without_a_model(run, packets):
    (packets / "00009-of-00050.packet").unlink()
    sizes = [file.stat().st_size for file in packets.iterdir()]
    described = json.loads(run("info", "p", "--json").out)
    assert described["packets"] == 49
    assert described["missing"] == 1
    assert described["bytes_per_signal"] == sum(sizes) / 49
    assert described["max_packet_bytes"] == max(sizes)
    assert described["signals_by_quality"] == {"1": 49}
    assert "49 at 1" in run("info", "p").out


@pytest.mark.parametrize("output", ["p", "p.jsonl"])
@pytest.mark.parametrize("checksum", [(), ("--checksum",)], ids=["plain", "checksum"])
def test_verify_compares_packets_with_their_original(run, folder, codec, digits, output, checksum):
    assert run("compress", "x.npy", *MODEL, "--packets", *checksum, "-o", output).code == 0
    done = run("verify", output, *MODEL, *checksum, "--against", "x.npy", "--json")
    figures = json.loads(done.out)
    assert (done.code, figures["signals"], figures["whole"]) == (0, 50, True)
    back = codec.decode(codec.encode(digits[:50]))
    errors = np.square(back.astype(float) - digits[:50])
    assert figures["mse"] == pytest.approx(errors.mean() / codec.model.peak**2)
    assert figures["worst_signal"] == errors.sum(axis=(1, 2)).argmax()
    told = run("verify", output, *MODEL, *checksum).out
    assert re.search(("checksums" if checksum else "check bits") + " +all right", told)


def test_verify_names_packets_that_are_missing_and_damaged_and_writes_nothing(run, packets, folder):
    (packets / "00003-of-00050.packet").unlink()
    (packets / "00007-of-00050.packet").write_bytes(b"\xff" * 9)
    before = sorted(folder.rglob("*"))
    done = run("verify", "p", *MODEL, "--against", "x.npy", "--json")
    figures = json.loads(done.out)
    assert (done.code, figures["signals"], figures["whole"], figures["mse"]) == (1, 48, False, None)
    assert [loss["first"] for loss in figures["losses"]] == [3, 7]
    assert done.err.startswith("narrows: p: of 50 packets (counted from 0) missing: 3; damaged")
    assert sorted(folder.rglob("*")) == before


def test_verify_of_packets_needs_their_model_and_as_many_originals(run, packets, digits):
    assert fails_with_one_line(run("verify", "p"), "which model wrote them", "-m")
    for n in (49, 51):
        np.save("other.npy", digits[:n])
        failed = run("verify", "p", *MODEL, "--against", "other.npy")
        assert fails_with_one_line(failed, str(n), "of the original")
    assert run("verify", "x.npy", *MODEL, "--checksum").code != 0
