"""`narrows report`: the page is written whole or not at all, and mistakes are told before work."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from narrows.evaluation.peers.registry import HALF_LEARNT, Bench
from narrows.models import load_codec
from tests.helpers.command_line import fails_with_one_line

pytest.importorskip("matplotlib", reason="drawing needs matplotlib; extra report")


@pytest.fixture
def unmeasured(monkeypatch):
    """Fail where anything is measured."""

    def measured(*arguments, **options):
        raise AssertionError("work was done before the mistake was told")

    monkeypatch.setattr("narrows.evaluation.report.contents.compare", measured)
    monkeypatch.setattr("narrows.codec.codec.Codec.compress", measured)


@pytest.fixture
def no_peers(monkeypatch):
    """Leave those codecs out that take long to measure."""
    monkeypatch.setattr(Bench, "at_psnr", lambda bench, psnr, near: [])


def test_the_report_is_one_page_and_its_figures_are_those_of_evaluate(run, folder, no_peers):
    np.save("y.npy", np.arange(50) % 10)
    done = run("report", "x.npy", "-m", "m.narrows", "--labels", "y.npy", "--json")
    assert (done.code, done.err) == (0, "")
    written = Path("report.html").read_text("utf-8")
    assert written.startswith("<!DOCTYPE html>")
    assert written.endswith("</html>\n")
    assert "coloured by 10 labels" in written
    assert "narrows report x.npy -m m.narrows <code>--labels</code> y.npy" in written
    told = json.loads(done.out)
    measured = json.loads(run("evaluate", "x.npy", "-m", "m.narrows", "--json").out)
    assert {k: told[k] for k in measured} == measured
    assert told["output"] == "report.html"
    assert told["report_bytes"] == Path("report.html").stat().st_size
    assert {"raw", "zlib -9", f"{HALF_LEARNT} at this size"} <= {
        r["name"] for r in told["baselines"]
    }
    assert all(s["text"] and s["mood"] in ("good", "bad", "plain") for s in told["verdict"])


def test_the_verdict_is_told_unless_quiet(run, folder, no_peers, monkeypatch):
    monkeypatch.setattr("narrows.evaluation.report.page", lambda contents: "<html></html>")
    done = run("report", "x.npy", "-m", "m.narrows")
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("measuring 50 signals and other codecs: ")
    assert "has paid for itself after" in done.err
    assert "report.html: 13 bytes" in done.err
    assert fails_with_one_line(run("report", "x.npy", "-m", "m.narrows"), "report.html", "-f")
    done = run("report", "x.npy", "-m", "m.narrows", "-f", "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert run("report", "x.npy", "-m", "m.narrows", "-o", "-").out == "<html></html>"


def test_so_many_signals_are_looked_at_and_keep_their_numbers(run, folder, no_peers):
    np.save("y.npy", np.arange(50) % 10)
    done = run(
        "report", "x.npy", "-m", "m.narrows", "--labels", "y.npy", "--signals", "5", "--json"
    )
    told = json.loads(done.out)
    assert (told["signals"], told["all_signals"]) == (5, 50)
    np.save("five.npy", np.load("x.npy")[::10])
    alone = json.loads(run("evaluate", "five.npy", "-m", "m.narrows", "--json").out)
    some = json.loads(run("evaluate", "x.npy", "-m", "m.narrows", "--signals", "5", "--json").out)
    assert some == alone
    assert {name: told[name] for name in alone} == alone
    written = Path("report.html").read_text("utf-8")
    assert "#40 at " in written
    assert "5 of the 50 signals" in written
    assert "coloured by 1 labels" in written
    assert "<code>--signals</code> 5" in written
    assert "5 of 50" in run("evaluate", "x.npy", "-m", "m.narrows", "--signals", "5").out
    assert run("evaluate", "x.npy", "-m", "m.narrows", "--signals", "0").code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("x.npy", "-m", "m.narrows", "--labels", "few.npy"), ("7 labels for 50 signals",)),
        (("x.npy", "-m", "m.narrows", "--labels", "nowhere.npy"), ("nowhere.npy",)),
        (("other.npy", "-m", "m.narrows"), ("(4, 5, 5)", "(n, 8, 8)")),
        (("float.npy", "-m", "m.narrows"), ("float32", "uint8")),
        (("x.npy", "-m", "nowhere.narrows"), ("nowhere.narrows", "narrows train")),
        (("x.npy", "-m", "half.narrows"), ("no encoder",)),
        (("x.npy", "-m", "m.narrows", "-o", "there.html"), ("there.html", "-f")),
        (("x.npy", "-m", "m.narrows", "-o", "none/r.html"), ("none",)),
    ],
)
def test_mistakes_are_told_before_any_work(run, folder, unmeasured, arguments, words):
    np.save("few.npy", np.zeros(7, np.int64))
    np.save("other.npy", np.zeros((4, 5, 5), np.uint8))
    np.save("float.npy", np.zeros((4, 8, 8), np.float32))
    load_codec(folder / "m.narrows").without_encoder().save(folder / "half.narrows")
    Path("there.html").write_text("as it was")
    before = sorted(folder.iterdir())
    assert fails_with_one_line(run("report", *arguments), *words)
    assert sorted(folder.iterdir()) == before
    assert Path("there.html").read_text() == "as it was"


def test_without_matplotlib_the_extra_is_named_before_any_work(
    run, folder, unmeasured, monkeypatch
):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    done = run("report", "x.npy", "-m", "m.narrows")
    assert fails_with_one_line(done, "matplotlib", "pip install 'narrows[report]'")
    assert not Path("report.html").exists()


def test_a_page_that_fails_leaves_no_file(run, folder, no_peers, monkeypatch):
    from narrows.errors import DataError

    def fails(contents):
        raise DataError("something in the middle")

    monkeypatch.setattr("narrows.evaluation.report.page", fails)
    before = sorted(folder.iterdir())
    done = run("report", "x.npy", "-m", "m.narrows", "--quiet")
    assert fails_with_one_line(done, "in the middle")
    assert sorted(folder.iterdir()) == before


def test_a_page_and_json_cannot_share_standard_output(run, folder):
    assert run("report", "x.npy", "-m", "m.narrows", "-o", "-", "--json").code == 2
