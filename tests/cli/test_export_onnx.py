"""`narrows export-onnx`."""

import json
import sys
from pathlib import Path

import pytest

from tests.helpers.command_line import fails_with_one_line

pytest.importorskip("onnx", reason="graphs are written with onnx; extra onnx")


def test_both_graphs_are_written_and_their_sizes_told(run, folder):
    done = run("export-onnx", "m.narrows", "-o", "graphs", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    sizes = {path.name: path.stat().st_size for path in Path("graphs").iterdir()}
    assert told["bytes"] == sizes
    assert set(sizes) == {"encoder.onnx", "decoder.onnx"}
    assert fails_with_one_line(run("export-onnx", "m.narrows", "-o", "graphs"), "give -f")
    assert run("export-onnx", "m.narrows", "-o", "graphs", "-f", "--quiet").out == ""


def test_what_symbols_of_a_graph_lack_that_does_not_search_is_told(run, folder):
    trellis = Path(__file__).parents[1] / "golden" / "v0" / "trellis-int16.narrows"
    done = run("export-onnx", trellis, "-o", "graphs")
    assert done.code == 0, done.err
    assert "two to three times as many bytes; to encode by it, train with --no-trellis" in done.err
    assert "trellis" not in run("export-onnx", "m.narrows", "-o", "others").err


def test_what_cannot_be_exported_is_said_in_one_line(run, folder):
    assert run("export-decoder", "m.narrows", "-o", "d.narrows").code == 0
    done = run("export-onnx", "d.narrows", "-o", "graphs")
    assert fails_with_one_line(done, "no encoder", "export the model that it was made from")
    assert fails_with_one_line(run("export-onnx", "x.npy", "-o", "graphs"), "x.npy")
    done = run("export-onnx", "m.narrows", "-o", "graphs", "--quality", 9)
    assert fails_with_one_line(done, "quality 9")
    assert not Path("graphs").exists()


def test_without_onnx_the_line_that_installs_it_is_said(run, folder, monkeypatch):
    from narrows.integrations.onnx_layers import library

    library.cache_clear()
    monkeypatch.setitem(sys.modules, "onnx", None)
    done = run("export-onnx", "m.narrows", "-o", "graphs")
    assert fails_with_one_line(done, "pip install 'narrows[onnx]'")
    library.cache_clear()
