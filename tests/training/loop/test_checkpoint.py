"""Checkpoints: they read as written, name what differs, and are refused where damaged."""

import ast
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch; extra train")

import torch
from torch import nn

import narrows
from narrows.errors import DataError, FormatError, SettingError
from narrows.training import run
from narrows.training.loop.checkpoint import read_checkpoint, write_checkpoint
from tests.helpers.interrupted import SETTINGS
from tests.helpers.tiny_models import refusing

SOURCE = Path(narrows.__file__).parent


def test_a_checkpoint_reads_as_what_was_written(checkpoint, folder):
    first = read_checkpoint(checkpoint)
    write_checkpoint(folder / "again", first)
    second = read_checkpoint(folder / "again")
    assert (first.run, first.plan, first.machine) == (second.run, second.plan, second.machine)
    assert first.state.history == second.state.history
    assert first.state.tensors.keys() == second.state.tensors.keys()
    for name, tensor in first.state.tensors.items():
        assert tensor.dtype == second.state.tensors[name].dtype
        assert torch.equal(tensor, second.state.tensors[name]), name
    assert (second.state.best_epoch, len(second.state.history)) == (2, 2)


def test_infinite_figures_survive(checkpoint):
    first = read_checkpoint(checkpoint)
    record = replace(first.state.history[0], psnr=float("inf"))
    state = replace(first.state, history=[record, *first.state.history[1:]])
    write_checkpoint(checkpoint, replace(first, state=state))
    assert read_checkpoint(checkpoint).state.history[0].psnr == float("inf")


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"epochs": 7}, "epochs was 6 and is 7"),
        ({"seed": 1}, "seed was 0 and is 1"),
        ({"batch_size": None}, "batch_size was 32 and is not given"),
        ({"latent_size": 5}, "latent_size was 4 and is 5"),
        ({"loss": "l1"}, "loss was mse and is l1"),
        ({"lambda_": 3.0}, "lambda was not given and is 3.0"),
        ({"epochs": None, "minutes": 1}, "minutes was not given and is 1"),
    ],
)
def test_other_settings_are_named(sample, checkpoint, changed, named):
    before = checkpoint.read_bytes()
    with refusing(SettingError, match=re.escape(named)):
        narrows.train(sample, **{**SETTINGS, **changed}, checkpoint=checkpoint, resume=True)
    assert checkpoint.read_bytes() == before


def test_other_signals_networks_and_surroundings_are_named(sample, digits, checkpoint, monkeypatch):
    def refused(match, signals=sample, **more):
        with pytest.raises(SettingError, match=match):
            narrows.train(signals, **SETTINGS, **more, checkpoint=checkpoint, resume=True)

    refused("training signals was [0-9a-f]{16} and is [0-9a-f]{16}", digits[:501])
    refused(r"validation signals was \w+ and is \w+", validation=digits[500:600])
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
    decoder = nn.Sequential(nn.Linear(4, 64), nn.Unflatten(1, (8, 8)))
    refused(r"encoder.0.1 was Linear.* and is Linear", encoder=encoder, decoder=decoder)
    with monkeypatch.context() as patch:
        patch.setattr(torch, "get_num_threads", lambda: 77)
        refused("number of threads was .* and is 77")
    with monkeypatch.context() as patch:
        patch.setattr(torch, "__version__", "9.9")
        refused("torch was .* and is 9.9")
    with monkeypatch.context() as patch:
        patch.setattr(run, "__version__", "9.9")
        refused("narrows was .* and is 9.9")


def test_another_processor_is_told_of(sample, checkpoint, monkeypatch, caplog):
    monkeypatch.setattr(run, "_machine", lambda device: "abacus")
    narrows.train(sample, **SETTINGS, checkpoint=checkpoint, resume=True)
    assert "abacus" in caplog.text


def test_a_processor_of_other_products_is_another_one(monkeypatch):
    told = set()
    for capabilities in ({}, {"avx512_bf16": True}):
        monkeypatch.setattr(
            torch.cpu, "get_capabilities", lambda of=capabilities: of, raising=False
        )
        told.add(run._machine(torch.device("cpu")))
    assert len(told) == 2


def test_a_damaged_checkpoint_is_an_error_of_one_line(kept, checkpoint):
    rng = np.random.default_rng(0)
    header = 8 + int.from_bytes(kept[:8], "little")
    places = [*range(0, header, 51), *rng.integers(header, len(kept), 30)]
    flipped = [bytearray(kept) for _ in places]
    for data, place in zip(flipped, places, strict=True):
        data[place] ^= 1 << rng.integers(8)
    lengths = [0, 1, 7, 8, 9, header - 1, header, header + 1, len(kept) - 1]
    for data in (*flipped, *(kept[:n] for n in lengths), kept + b"\0", b"\xff" * 100):
        checkpoint.write_bytes(data)
        with refusing(FormatError, match="checkpoint"):
            read_checkpoint(checkpoint)


def test_a_model_is_no_checkpoint(sample, whole, folder):
    whole.save(folder / "c")
    with pytest.raises(FormatError, match=r"c: not a narrows checkpoint.*-f"):
        narrows.train(sample, **SETTINGS, checkpoint="c", resume=True)


def test_a_checkpoint_holds_no_code(kept):
    header = json.loads(kept[8 : 8 + int.from_bytes(kept[:8], "little")])
    assert list(header["__metadata__"]) == ["narrows-checkpoint"]
    for path in (SOURCE / "training").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            shown = ast.unparse(node) if isinstance(node, ast.Attribute | ast.Import) else ""
            assert "pickle" not in shown, path
            assert shown not in ("torch.save", "torch.load"), path


def test_leftovers_of_a_killed_writer_are_removed(sample, checkpoint):
    leftovers = [checkpoint.with_name(f".{checkpoint.name}.{end}") for end in ("tmp", "lock")]
    other = checkpoint.with_name(".other.checkpoint.tmp")
    for path in (*leftovers, other):
        path.touch()
    narrows.train(sample, **SETTINGS, checkpoint=checkpoint, resume=True)
    assert not any(path.exists() for path in leftovers)
    assert other.exists()


def test_a_checkpoint_that_cannot_be_written_is_named(sample, folder):
    with pytest.raises(DataError, match="no folder nowhere"):
        narrows.train(sample, **SETTINGS, checkpoint="nowhere/c")
