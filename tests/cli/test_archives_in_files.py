"""Appending, verifying, rescuing and streaming, through the command line."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from narrows.codec.archive import IndexedArchive
from narrows.models import load_codec
from tests.helpers.command_line import fails_with_one_line


@pytest.fixture
def archive(run, folder):
    """An archive x.nrw of 50 digits by m.narrows."""
    assert run("compress", "x.npy", "-m", "m.narrows", "-o", "x.nrw").code == 0
    return folder / "x.nrw"


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_append_adds_to_an_archive(run, folder, archive, digits):
    codec = load_codec(folder / "m.narrows")
    np.save("more.npy", digits[50:90])
    assert run("compress", "more.npy", "-m", "m.narrows", "-o", "x.nrw", "--append").code == 0
    decoded = codec.decompress(archive.read_bytes())
    assert np.array_equal(decoded, codec.decode(codec.encode(digits[:90])))


def test_append_tells_what_it_added_and_what_the_archive_holds(run, folder, archive, digits):
    np.save("more.npy", digits[50:90])
    command = ("compress", "more.npy", "-m", "m.narrows", "-o", "x.nrw", "--append")
    sizes = [archive.stat().st_size]
    figures = json.loads(run(*command, "--json").out)
    sizes.append(archive.stat().st_size)
    added = sizes[1] - sizes[0]
    assert figures == {
        "output": "x.nrw", "signals": 40, "raw_bytes": 40 * 64, "compressed_bytes": added,
        "bytes_per_signal": added / 40, "ratio": 40 * 64 / added,
        "quality": 1, "effort": 2, "target_bytes": None, "target_psnr": None,
        "strict": False, "missing": [], "packet_bytes": None, "kept_exactly": None,
        "archive_signals": 90, "archive_bytes": sizes[1],
        "embedded": False, "model_bytes": Path("m.narrows").stat().st_size,
    }  # fmt: skip
    told = run(*command).err
    added = archive.stat().st_size - sizes[1]
    assert f"x.nrw: 40 signals appended, 2,560 -> {added} bytes" in told
    assert f"the archive now holds 130 signals in {archive.stat().st_size} bytes" in told


def test_append_to_nothing_or_to_another_model_s_archive_changes_nothing(
    run, folder, archive, digits
):
    import narrows

    assert fails_with_one_line(
        run("compress", "x.npy", "-m", "m.narrows", "-o", "no.nrw", "--append"),
        "no file no.nrw; leave --append out",
    )
    other = narrows.train(digits[:300], latent_size=2, architecture="linear")
    other.save("other.narrows")
    before = archive.read_bytes()
    result = run("compress", "x.npy", "-m", "other.narrows", "-o", "x.nrw", "--append")
    assert fails_with_one_line(result, other.model_id, load_codec(folder / "m.narrows").model_id)
    assert archive.read_bytes() == before
    assert sorted(p.name for p in folder.iterdir()) == [
        "m.narrows", "other.narrows", "x.npy", "x.nrw",
    ]  # fmt: skip


def test_verify_measures_against_the_original(run, folder, archive, digits):
    found = json.loads(
        run("verify", "x.nrw", "-m", "m.narrows", "--against", "x.npy", "--json").out
    )
    codec = load_codec(folder / "m.narrows")
    error = codec.decompress(archive.read_bytes()).astype(float) - digits[:50]
    assert found["whole"]
    assert found["decoded"]
    assert found["signals"] == 50
    assert found["max_abs_error"] == np.abs(error).max()
    assert found["psnr"] == pytest.approx(-10 * np.log10(np.square(error / 16).mean()))
    assert found["first_difference"] == 0
    of_each = -10 * np.log10(np.square(error / 16).reshape(50, -1).mean(1))
    assert found["worst_signal"] == of_each.argmin()
    assert found["worst_psnr"] == pytest.approx(of_each.min())
    np.save("y.npy", codec.decompress(archive.read_bytes()))
    told = run("verify", "x.nrw", "-m", "m.narrows", "--against", "y.npy").out
    assert "first difference  none" in told
    assert "worst signal      none" in told


def test_verify_without_the_model_checks_the_checksums(run, archive):
    told = run("verify", "x.nrw").out
    model_id = load_codec(Path("m.narrows")).model_id
    assert f"model {model_id} is not at hand; give -m" in told
    assert run("verify", "x.nrw").code == 0
    flip(archive, 60)
    assert run("verify", "x.nrw").code == 1


def test_verify_refuses_an_original_of_other_length(run, archive, digits):
    for n in (49, 51):
        np.save("other.npy", digits[:n])
        result = run("verify", "x.nrw", "-m", "m.narrows", "--against", "other.npy")
        assert fails_with_one_line(result, str(n))


def test_info_tells_qualities_and_metadata(run, folder, digits):
    codec, described = load_codec(folder / "m.narrows"), {"names": ["a", "b"], "scale": 0.5}
    (folder / "x.nrw").write_bytes(codec.compress(digits[:9], metadata=described))
    shown = json.loads(run("info", "x.nrw", "--json").out)
    assert shown["metadata"] == described
    assert shown["signals_by_quality"] == {"1": 9}
    text = run("info", "x.nrw").out
    assert re.search(r"metadata +names \(9 bytes\), scale \(3 bytes\)", text)
    assert re.search(r"signals by quality +9 at 1\n", text)


def test_damage_is_told_and_the_rest_can_be_saved(run, folder, archive, digits):
    codec = load_codec(folder / "m.narrows")
    np.save("more.npy", digits[50:90])
    run("compress", "more.npy", "-m", "m.narrows", "-o", "x.nrw", "--append")
    with archive.open("rb") as stream:
        flip(archive, IndexedArchive(stream).offsets[1] - 1)
    assert fails_with_one_line(
        run("decompress", "x.nrw", "-m", "m.narrows", "-o", "y.npy"), "block"
    )
    assert not (folder / "y.npy").exists()
    shown = run("info", "x.nrw", "--json")
    assert shown.code == 1
    assert json.loads(shown.out)["signals"] == 40
    assert "signals 0 to 49 are lost" in shown.err
    done = run("decompress", "x.nrw", "-m", "m.narrows", "-o", "y.npy", "--skip-bad-blocks")
    assert done.code == 1
    assert "signals 0 to 49 are lost" in done.err
    assert "y.npy: 40 signals" in done.err
    assert np.array_equal(np.load("y.npy"), codec.decode(codec.encode(digits[50:90])))
    told = run("verify", "x.nrw", "-m", "m.narrows")
    assert "signals    40 in 1 block" in told.out
    assert "decoded    all but what is lost" in told.out
    assert "the rest is readable" in run("info", "x.nrw").err


def test_where_only_the_index_is_damaged_nothing_is_lost(run, archive, digits):
    flip(archive, -1)
    options = ("-m", "m.narrows", "-o", "y.npy", "--skip-bad-blocks")
    done = run("decompress", "x.nrw", *options)
    assert done.code == 0
    assert done.err.count("\n") == 2
    assert len(np.load("y.npy")) == 50


def test_an_archive_without_a_whole_block_has_no_rest(run, archive):
    with archive.open("rb") as stream:
        flip(archive, IndexedArchive(stream).offsets[1] - 1)
    told = run("verify", "x.nrw", "-m", "m.narrows", "--against", "x.npy")
    assert told.code == 1
    assert "decoded    none" in told.out
    assert "no signal is readable: signals 0 to 49 are lost" in run("info", "x.nrw").err
    options = ("-m", "m.narrows", "-o", "y.npy", "--skip-bad-blocks", "--quiet")
    done = run("decompress", "x.nrw", *options)
    assert fails_with_one_line(done, "signals 0 to 49 are lost")
    assert np.load("y.npy").shape == (0, 8, 8)


def test_a_decoder_alone_decompresses_but_does_not_compress(run, folder, archive):
    assert run("export-decoder", "m.narrows", "-o", "d.narrows").code == 0
    sizes = [(folder / name).stat().st_size for name in ("d.narrows", "m.narrows")]
    assert sizes[0] < 0.7 * sizes[1]
    assert run("decompress", "x.nrw", "-m", "d.narrows", "-o", "y.npy").code == 0
    codec = load_codec(folder / "m.narrows")
    assert np.array_equal(np.load("y.npy"), codec.decompress(archive.read_bytes()))
    assert fails_with_one_line(
        run("compress", "x.npy", "-m", "d.narrows", "-o", "z.nrw"), "no encoder"
    )
    assert not (folder / "z.nrw").exists()
    assert run("info", "d.narrows").code == 0


def test_every_flipped_byte_and_every_cut_is_an_error_and_leaves_no_file(run, folder, archive):
    good = archive.read_bytes()
    for place in range(0, len(good), 5):
        archive.write_bytes(good[:place] + bytes([good[place] ^ 0x10]) + good[place + 1 :])
        assert fails_with_one_line(run("decompress", "x.nrw", "-m", "m.narrows", "-o", "y.npy"))
        archive.write_bytes(good[:place])
        assert fails_with_one_line(run("decompress", "x.nrw", "-m", "m.narrows", "-o", "y.npy"))
    archive.write_bytes(good + b"\x00")
    assert fails_with_one_line(run("decompress", "x.nrw", "-m", "m.narrows", "-o", "y.npy"))
    assert sorted(p.name for p in folder.iterdir()) == ["m.narrows", "x.npy", "x.nrw"]


MEASURED = """
import resource, sys
sys.argv = ["narrows", *sys.argv[1:]]
from narrows.cli import main
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def megabytes_of(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *map(str, arguments)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(done.stdout)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(folder, digits):
    import narrows

    x = np.tile(digits.reshape(-1)[:65536].view(np.uint8), 4).reshape(-1, 256)
    narrows.train(x, latent_size=2, architecture="linear").save("wide.narrows")
    for name, copies in (("small", 4), ("large", 800)):
        np.save(f"{name}.npy", np.tile(x, (copies, 1)))  # 1 MB and 210 MB
    small, large = (
        megabytes_of("compress", f"{name}.npy", "-m", "wide.narrows", "-o", f"{name}.nrw")
        for name in ("small", "large")
    )
    assert large < small + 40
    small, large = (
        megabytes_of("decompress", f"{name}.nrw", "-m", "wide.narrows", "-o", f"{name}-y.npy")
        for name in ("small", "large")
    )
    assert large < small + 40
