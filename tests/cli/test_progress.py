"""Progress: a line of a terminal's stderr that takes its width, and is gone in the end."""

import io
import re
from contextlib import redirect_stderr

import numpy as np
import pytest

from narrows.cli.bar import bar
from narrows.cli.progress import training_progress
from narrows.codec.encoding.requests import Request
from narrows.evaluation.verification import verify


class Terminal(io.TextIOWrapper):
    """What a terminal is sent."""

    def __init__(self):
        super().__init__(io.BytesIO(), "utf-8", write_through=True)

    def getvalue(self):
        return self.buffer.getvalue().decode()

    def isatty(self):
        return True

    @property
    def lines(self):
        """All lines that were drawn, one after the other, without what moves the cursor."""
        plain = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", self.getvalue())
        return [line for line in re.split(r"[\r\n]+", plain) if line.strip()]

    @property
    def is_wiped(self):
        """Whether the last thing that was done to the line of the bar was to wipe it."""
        return "━" not in self.getvalue().rpartition("\x1b[2K")[2]


@pytest.fixture
def terminal(monkeypatch):
    """Stand for standard error while a block runs; before a test, pytest sets its own."""
    for name in ("NO_COLOR", "TTY_INTERACTIVE", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    return redirect_stderr(Terminal())


@pytest.mark.parametrize(("columns", "least"), [(60, 8), (80, 19), (120, 59)])
def test_the_bar_takes_the_width_there_is(terminal, monkeypatch, columns, least):
    monkeypatch.setenv("COLUMNS", str(columns))
    with terminal as screen, bar(False) as shown:
        shown.begin("compressing", 60_000, 784)
        shown.advance(12_800)
    full = [line for line in screen.lines if "12,800 of 60,000 signals" in line][-1]
    assert len(full) == columns - 5  # room for ^C, which would wrap the line
    assert sum(map(full.count, "━╺╸")) >= least
    assert full.endswith(" left")
    assert ("10.0 MB" in full) == (columns >= 80)


def test_the_bar_is_gone_after_ctrl_c(terminal):
    def interrupted():
        with bar(False) as shown:
            shown.begin("compressing", 10)
            raise KeyboardInterrupt

    with terminal as screen, pytest.raises(KeyboardInterrupt):
        interrupted()
    assert any("━" in line for line in screen.lines)
    assert screen.is_wiped


def test_where_nobody_looks_nothing_is_shown(terminal, capsys):
    with terminal as screen, bar(True) as shown:
        shown.begin("compressing", 10)
        shown.advance(10)
    assert screen.getvalue() == ""
    with bar(False) as shown:
        shown.begin("compressing", 10)
    assert capsys.readouterr().err == ""


def test_what_takes_long_is_told_once_where_there_is_no_terminal(run, folder, monkeypatch):
    from narrows.cli import bar as bars

    quick = run("compress", "x.npy", "-m", "m.narrows", "-o", "x.nrw")
    assert "compressing" not in quick.err
    monkeypatch.setattr(bars, "PATIENCE", -1.0)
    options = ("-m", "m.narrows", "-o", "x.nrw", "-f", "--target-bytes", 9)
    slow = run("compress", "x.npy", *options)
    assert slow.err.count("compressing: ") == 1
    assert "compressing: 0 of 50 signals" in slow.err
    assert run("compress", "x.npy", *options, "--quiet").err == ""


def test_commands_show_their_progress_on_a_terminal(run, folder, terminal):
    with terminal as screen:
        run("compress", "x.npy", "-m", "m.narrows", "-o", "x.nrw")
        run("decompress", "x.nrw", "-m", "m.narrows", "-o", "y.npy")
        run("verify", "x.nrw", "-m", "m.narrows")
        run("evaluate", "x.npy", "-m", "m.narrows", "--effort", 1, "--baselines")
    text = "\n".join(screen.lines)
    for what in ("compressing", "decompressing", "verifying"):
        assert re.search(rf"^{what} .*50 of 50 signals", text, re.M), what
    assert screen.is_wiped


def test_encode_probe_and_sweep_show_how_far_they_are(run, folder, digits, terminal):
    np.save("y.npy", np.arange(50) % 2)
    with terminal as screen:
        assert run("encode", "x.npy", "-m", "m.narrows", "-o", "z.npy").code == 0
        assert run("probe", "x.npy", "-m", "m.narrows", "--labels", "y.npy").code == 0
        sizes = ("--latent-size", "2,3", "--architecture", "linear", "--jobs", 1)
        assert run("sweep", "x.npy", "-o", "s", *sizes).code == 0
    text = "\n".join(screen.lines)
    assert re.search("^encoding .*50 of 50 signals", text, re.M)
    assert re.search("^probing raw signal .*2 of 3 features", text, re.M)
    assert re.search("^training .*2 of 2 models", text, re.M)
    assert screen.is_wiped


def test_training_shows_how_far_an_epoch_is(run, folder, digits, terminal, monkeypatch):
    pytest.importorskip("torch", reason="training needs torch; extra train")
    monkeypatch.setattr("narrows.training.run.TELL_SECONDS", 0.0)
    np.save("many.npy", digits)
    options = ("--latent-size", 2, "--epochs", 2, "--batch-size", 2, "--architecture", "dense")
    with terminal as screen:
        assert run("train", "many.npy", "-o", "n.narrows", *options).code == 0
    first = [line for line in screen.lines if line.startswith("epoch 1/2 ") and "of it" in line]
    shares = [int(re.search(r"(\d+) % of it +\d:\d\d left$", line)[1]) for line in first[1:]]
    assert shares == sorted(shares)
    assert len(set(shares) & set(range(1, 100))) > 0
    assert any(line.startswith("epoch 2/2 ") and "B/signal" in line for line in screen.lines)


def test_a_folder_that_is_restored_shows_its_signals(run, folder, digits, terminal):
    (folder / "d").mkdir()
    for name, part in (("a", digits[:20]), ("b", digits[20:50])):
        np.save(folder / "d" / f"{name}.npy", part)
    assert run("compress", "d", "-m", "m.narrows").code == 0
    for options, n in ((("-o", "e"), 50), (("--member", "b.npy", "-o", "b.npy"), 30)):
        with terminal as screen:
            assert run("decompress", "d.nrw", "-m", "m.narrows", *options).code == 0
        assert f"{n} of {n} signals" in "\n".join(screen.lines)


def test_training_says_what_it_prepares_and_what_it_reached(run, folder, terminal):
    with terminal as screen:
        done = run("train", "x.npy", "-o", "n.narrows", "--latent-size", 2, "--epochs", 2)
    assert done.code == 0
    drawn = [line for line in screen.lines if "━" in line]
    assert all("None" not in line for line in drawn)
    assert any(re.search(r"^fitting tables and context models ━", line) for line in drawn)


def test_a_training_s_epoch_fits_into_80_columns(terminal):
    pytest.importorskip("torch", reason="records are training's; extra train")
    from narrows.training.loop.state import EpochRecord

    record = EpochRecord(
        epoch=12, epochs=200, loss=1234.5, val_loss=1234.5, bytes_per_signal=12.8, psnr=25.42,
        lambda_=30.0, seconds=10.0, seconds_left=250.0,
    )  # fmt: skip
    with terminal as screen, training_progress(False) as show:
        show(record)
    last = screen.lines[-1]
    assert re.search(r"^epoch 12/200 [━╺╸]{20,} 12.80 B/signal .*25.42 dB 4:(10|09) left$", last)


@pytest.mark.parametrize(
    "request_",
    [Request(effort=0), Request(effort=2), Request(target_bytes=20), Request(target_psnr=12)],
)
def test_all_signals_are_counted_once(tiny_codec, digits, request_):
    x, counted = digits[:600], []
    blob = io.BytesIO()
    encoder = tiny_codec.encoder
    encoder.compress_to(blob, encoder.header(), x, request_, counted.append)
    assert sum(counted) == 600
    assert min(counted) >= 0
    assert len(counted) > 1 or request_.effort == 0
    counted.clear()
    verify(io.BytesIO(blob.getvalue()), tiny_codec.decoder, x, counted.append)
    assert sum(counted) == 600


def test_progress_changes_no_byte(tiny_codec, digits):
    x = digits[:300]
    assert tiny_codec.compress(x, progress=lambda n: None) == tiny_codec.compress(x)
    parts = [tiny_codec.encode(x[start : start + 100]) for start in (0, 100, 200)]
    assert np.array_equal(np.concatenate(parts), tiny_codec.encode(x))
