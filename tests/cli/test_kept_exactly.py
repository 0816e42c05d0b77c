"""What does not fit a model is kept exactly, one by one, and said once."""

import json
from pathlib import Path

import numpy as np
import pytest

import narrows
from narrows.codec.codec import Codec
from narrows.errors import DataError
from tests.helpers.tiny_models import tiny_model, typical_frames

CODEC = Codec(tiny_model("float32", (6, 4), 3))
X = typical_frames(CODEC.model, 400)


@pytest.fixture
def unfit(tmp_path, monkeypatch):
    """A folder with a model, signals that fit, and the same with one NaN and two values outside."""
    monkeypatch.chdir(tmp_path)
    CODEC.save("m.narrows")
    x = X.copy()
    x[3, 1, 2], x[9, 0, :2] = np.nan, 1e6
    np.save("fit.npy", X)
    np.save("x.npy", x)
    return x


def test_compress_says_once_what_was_kept_and_info_counts_it(run, unfit):
    told = run("compress", "x.npy", "-m", "m.narrows")
    words = "kept exactly: 1 value of NaN, infinity or missing and 2 values outside the range"
    assert told.out.count(words) + told.err.count(words) == 1
    assert "in 2 signals" in told.out + told.err
    info = json.loads(run("info", "x.npy.nrw", "--json").out)
    assert info["blocks_by_mode"] == {"patched": 1}
    assert (info["signals_kept_exactly"], info["other_values_kept_exactly"]) == (0, 3)
    assert run("decompress", "x.npy.nrw", "-m", "m.narrows", "-o", "y.npy").code == 0
    y = np.load("y.npy")
    kept = ~np.isfinite(unfit) | (unfit == 1e6)
    assert y[kept].tobytes() == unfit[kept].tobytes()
    assert run("compress", "fit.npy", "-m", "m.narrows").out.count("kept") == 0


def test_they_cost_little(run, unfit):
    sizes = [
        json.loads(run("compress", f, "-m", "m.narrows", "--json").out)["compressed_bytes"]
        for f in ("fit.npy", "x.npy")
    ]
    assert sizes[1] < sizes[0] + 100


def test_strict_refuses_them_and_leaves_no_file(run, unfit, tmp_path):
    told = run("compress", "x.npy", "-m", "m.narrows", "--strict")
    assert told.code == 1
    assert "1 value of NaN, infinity or missing and 2 values outside" in told.err
    assert told.err.count("\n") == 1
    assert not (tmp_path / "x.npy.nrw").exists()
    assert run("compress", "fit.npy", "-m", "m.narrows", "--strict").code == 0


def test_json_has_the_counts(run, unfit):
    figures = json.loads(run("compress", "x.npy", "-m", "m.narrows", "--json").out)
    assert figures["kept_exactly"] == {"missing": 1, "outside": 2, "signals": 2, "unlike": 0}
    figures = json.loads(run("compress", "fit.npy", "-m", "m.narrows", "--json").out)
    assert figures["kept_exactly"] is None


def test_in_python_a_warning_is_logged_once_or_strict_refuses(unfit, caplog):
    CODEC.compress(unfit)
    assert [record.getMessage()[:21] for record in caplog.records] == ["kept exactly: 1 value"]
    with pytest.raises(DataError, match="refused by strict"):
        CODEC.compress(unfit, strict=True)


def test_single_signals_of_an_archive_have_them_too(unfit, tmp_path):
    (tmp_path / "x.nrw").write_bytes(CODEC.compress(unfit))
    whole = CODEC.decompress(CODEC.compress(unfit))
    with narrows.open(tmp_path / "x.nrw", tmp_path / "m.narrows") as archive:
        assert archive[9].tobytes() == whole[9].tobytes()
        assert archive[2:5].tobytes() == whole[2:5].tobytes()
        assert archive[9:2:-3].tobytes() == whole[9:2:-3].tobytes()


def test_packets_of_values_outside_are_told_of(unfit, caplog):
    CODEC.compress_packet(unfit[9])
    assert "2 values outside the range" in caplog.text


def test_figures_leave_them_out_and_would_show_one_that_was_lost(run, unfit, tmp_path):
    def figures(*command):
        return json.loads(run(*command, "-m", "m.narrows", "--json").out)

    whole, holed = (figures("evaluate", f) for f in ("fit.npy", "x.npy"))
    for name in ("rms_error", "snr", "psnr"):
        assert holed[name] == pytest.approx(whole[name], rel=0.01)
    run("compress", "x.npy", "-m", "m.narrows")
    found = figures("verify", "x.npy.nrw", "--against", "x.npy")
    assert found["psnr"] == pytest.approx(holed["psnr"])
    lost = unfit.copy()
    lost[5, 2, 1] = np.nan  # which the archive has not
    np.save("lost.npy", lost)
    assert figures("verify", "x.npy.nrw", "--against", "lost.npy")["psnr"] is None


def test_values_given_as_missing_come_back(run, unfit):
    x = X.copy()
    x[:, 2, 1] = 0.5  # a usual value
    np.save("s.npy", x)
    told = run("compress", "s.npy", "-m", "m.narrows", "--missing", "0.5,-7").err
    assert "kept exactly: 400 values of NaN, infinity or missing, in 400 signals" in told
    decoded = CODEC.decompress(Path("s.npy.nrw").read_bytes())
    assert (decoded[:, 2, 1] == 0.5).all()
    blob = CODEC.compress(x, missing=[0.5])
    assert CODEC.decompress(blob).tobytes() == decoded.tobytes()
    assert run("compress", "s.npy", "-m", "m.narrows", "-f", "--missing", "x").code == 1
