"""The exactness invariant: one SHA-256 under every BLAS kernel, thread count and batch size."""

import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import narrows
from narrows.codec.codec import Codec

GOLDEN = Path(__file__).parent / "golden" / "v0"
MODELS = ("conv-1d-int16", "conv-2d-uint8", "conv-3d-float32", "contexts", "contexts-wide")
SCRIPT = """
import hashlib, sys
import numpy as np, narrows
codec = narrows.load(sys.argv[1])
x = np.load(sys.argv[2])
blob = codec.compress(x)
print(hashlib.sha256(blob).hexdigest(), hashlib.sha256(codec.decompress(blob)).hexdigest())
"""


def supported_kernels():
    """Name the OpenBLAS kernels that this processor can run."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return [""]
    cpu = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    kernels = ["Nehalem"]
    kernels += ["Haswell"] if "avx2" in cpu and "fma" in cpu else []
    kernels += ["SkylakeX"] if "avx512f" in cpu and "avx512dq" in cpu else []
    return kernels


def signals_for(codec, n):
    """Give signals over a good part of the range of a model's element type."""
    rng, model = np.random.default_rng(0), codec.model
    x = rng.normal(size=(n, *model.frame_shape))
    if model.dtype.kind == "f":
        return (0.25 + x).astype(model.dtype)
    bounds = np.iinfo(model.dtype)
    return np.clip(x * 50 + model.normaliser.offset, bounds.min, bounds.max).astype(model.dtype)


def hashes_in_subprocess(model, data, kernel, threads):
    environment = {
        **os.environ,
        "OPENBLAS_CORETYPE": kernel,
        "OPENBLAS_NUM_THREADS": str(threads),
        "OMP_NUM_THREADS": str(threads),
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(model), str(data)],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.split()


def hashes_here(codec, x):
    blob = codec.compress(x)
    return [hashlib.sha256(data).hexdigest() for data in (blob, codec.decompress(blob))]


def test_blas_kernels_and_threads_change_no_byte(tiny_codec, digits, tmp_path):
    model, data = tmp_path / "m.narrows", tmp_path / "x.npy"
    tiny_codec.save(model)
    np.save(data, digits)
    here = hashes_here(tiny_codec, digits)
    for kernel in supported_kernels():
        for threads in (1, 2):
            assert hashes_in_subprocess(model, data, kernel, threads) == here, (kernel, threads)


@pytest.mark.parametrize("name", MODELS)
def test_blas_kernels_and_threads_change_no_byte_of_a_golden_model(name, tmp_path):
    model, data = GOLDEN / f"{name}.narrows", tmp_path / "x.npy"
    codec = narrows.load(model)
    x = signals_for(codec, 700)
    np.save(data, x)
    here = hashes_here(codec, x)
    for kernel in supported_kernels():
        for threads in (1, 2):
            assert hashes_in_subprocess(model, data, kernel, threads) == here, (kernel, threads)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("batch_size", [1, 7, 4096])
def test_the_batch_size_changes_no_byte_of_a_golden_model(name, batch_size):
    codec = narrows.load(GOLDEN / f"{name}.narrows")
    x = signals_for(codec, 300)
    assert hashes_here(Codec(codec.model, batch_size=batch_size), x) == hashes_here(codec, x)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("name", MODELS)
def test_torch_gives_the_bits_of_numpy_for_a_golden_model(name, device):
    torch = pytest.importorskip("torch", reason="the torch backend needs torch; extra train")
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    from narrows.integrations.torch_backend import TorchBackend

    codec = narrows.load(GOLDEN / f"{name}.narrows")
    x = signals_for(codec, 300)
    on_torch = Codec(codec.model, backend=TorchBackend(device))
    assert hashes_here(on_torch, x) == hashes_here(codec, x)


@pytest.mark.parametrize("batch_size", [1, 7, 4096])
def test_the_batch_size_changes_no_byte(tiny_codec, digits, batch_size):
    x = digits[:300]
    blob = tiny_codec.compress(x)
    other = Codec(tiny_codec.model, batch_size=batch_size)
    assert other.compress(x) == blob
    assert np.array_equal(other.decompress(blob), tiny_codec.decompress(blob))


def test_torch_gives_the_bits_of_numpy(tiny_codec, digits):
    pytest.importorskip("torch", reason="the torch backend needs torch; extra train")
    from narrows.integrations.torch_backend import TorchBackend

    blob = tiny_codec.compress(digits)
    on_torch = Codec(tiny_codec.model, backend=TorchBackend())
    assert on_torch.compress(digits) == blob
    assert np.array_equal(on_torch.decompress(blob), tiny_codec.decompress(blob))


def test_cuda_gives_the_bits_of_numpy(tiny_codec, digits):
    torch = pytest.importorskip("torch", reason="the torch backend needs torch; extra train")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    from narrows.integrations.torch_backend import TorchBackend

    blob = tiny_codec.compress(digits)
    on_cuda = Codec(tiny_codec.model, backend=TorchBackend("cuda"))
    assert on_cuda.compress(digits) == blob
    assert np.array_equal(on_cuda.decompress(blob), tiny_codec.decompress(blob))
