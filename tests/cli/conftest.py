"""The command line, run in this process through its own `main`."""

import sys

import numpy as np
import pytest

from narrows.cli import main
from tests.helpers.command_line import Result


@pytest.fixture
def run(capsys, monkeypatch):
    """Run `narrows ARGUMENTS` and give exit code, stdout and stderr."""

    def run_command(*arguments):
        monkeypatch.setattr(sys, "argv", ["narrows", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run_command


@pytest.fixture
def folder(tmp_path, tiny_codec, digits, monkeypatch):
    """A folder with a model and a few signals, where the commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NARROWS_MODELS", raising=False)
    tiny_codec.save(tmp_path / "m.narrows")
    np.save(tmp_path / "x.npy", digits[:50])
    return tmp_path


@pytest.fixture
def bare_page(monkeypatch):
    """The page of `report` is empty, and no peers are measured: all else is as it is."""
    monkeypatch.setattr("narrows.evaluation.report.page", lambda contents: "<html></html>")
    monkeypatch.setattr(
        "narrows.evaluation.peers.registry.Bench.at_psnr", lambda bench, psnr, near: []
    )
