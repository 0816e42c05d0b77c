"""`--device`: torch computes the networks of a model, and the bytes are those of the processor."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="devices are torch's; extra train")

import torch

from narrows.integrations.torch_backend import TorchBackend
from tests.helpers.command_line import fails_with_one_line

MODEL = ("-m", "m.narrows")


@pytest.fixture(params=["cpu", "cuda"])
def device(request):
    """A device that this machine has."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    return ("--device", request.param)


@pytest.fixture
def computed(monkeypatch):
    """The devices on which torch is asked to compute."""
    devices, made = [], TorchBackend.constant

    def constant(self, values, dtype):
        devices.append(self.device.type)
        return made(self, values, dtype)

    monkeypatch.setattr(TorchBackend, "constant", constant)
    return devices


@pytest.mark.parametrize("how", [[], ["--packets", "-o", "x.jsonl"], ["--embed-model"]])
def test_a_device_writes_and_reads_the_same_bytes(run, folder, digits, device, computed, how):
    np.save("x.npy", digits[:20])
    output = "x.jsonl" if "--packets" in how else "x.npy.nrw"
    assert run("compress", "x.npy", *MODEL, *how).code == 0
    usual = Path(output).read_bytes()
    assert not computed
    assert run("compress", "x.npy", *MODEL, *how, *device, "-f").code == 0
    assert Path(output).read_bytes() == usual
    assert set(computed) == {device[1]}
    read = [output, *(() if "--embed-model" in how else MODEL)]
    assert run("decompress", *read, "-o", "usual.npy").code == 0
    computed.clear()
    assert run("decompress", *read, "-o", "back.npy", *device).code == 0
    assert set(computed) == {device[1]}
    assert Path("back.npy").read_bytes() == Path("usual.npy").read_bytes()


@pytest.mark.parametrize("command", ["compress", "decompress"])
@pytest.mark.parametrize("name", ["cuda:99", "abacus"])
def test_a_device_that_is_not_here_is_refused_before_anything_is_written(
    run, folder, digits, command, name
):
    np.save("x.npy", digits[:20])
    run("compress", "x.npy", *MODEL)
    source = {"compress": "x.npy", "decompress": "x.npy.nrw"}[command]
    done = run(command, source, *MODEL, "-o", "out", "--device", name)
    assert fails_with_one_line(done, f"device '{name}'", "give cpu")
    assert not Path("out").exists()
    assert run(command, source, *MODEL, "-o", "out", "--device", "cpu").code == 0


def test_several_processes_compute_on_a_device(run, folder, digits, device):
    for name in ("a", "b"):
        np.save(f"{name}.npy", digits[:20])
    both = ["a.npy", "b.npy"]
    assert run("compress", *both, *MODEL, "--output-dir", "one").code == 0
    assert run("compress", *both, *MODEL, "--output-dir", "two", "-j", 2, *device).code == 0
    for name in ("a.npy.nrw", "b.npy.nrw"):
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()
