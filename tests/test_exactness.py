"""The exactness invariant: one SHA-256 with every engine, BLAS kernel, thread count and batch."""

import hashlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import narrows
from narrows.codec.codec import Codec
from narrows.codec.networks.native.extension import levels
from narrows.errors import ModelError
from tests.helpers.tiny_models import whole_range

GOLDEN = Path(__file__).parent / "golden" / "v0"
MODELS = (
    "conv-1d-int16", "conv-2d-uint8", "conv-3d-float32", "contexts", "contexts-wide",
    "search-conv-uint8", "search-float32", "predicted-int16", "predicted-gaps-float32",
    "trellis-float32", "trellis-int16",
)  # fmt: skip
SCRIPT = """
import hashlib, json, sys
import numpy as np, narrows
from narrows.codec.encoding.symbol_search import SymbolSearch

def sha(data):
    return hashlib.sha256(data).hexdigest()

found = {}
for name, model, data, points in json.load(open(sys.argv[1])):
    codec, x = narrows.load(model), np.load(data)
    if name.startswith("gradient"):
        search = SymbolSearch(codec.decoder.transform, 1)
        found_there = search._gradient(search._objective(x), codec.encode(x, 1, 0))
        found[name] = [sha(each.tobytes()) for each in found_there]
        continue
    found[name] = []
    for options in points:
        signals = np.delete(x, np.s_[::10], 0) if "target_bytes" in options else x
        blob = codec.compress(signals, **options)
        found[name] += [sha(blob), sha(codec.decompress(blob))]
print(json.dumps(found))
"""
TARGETS = {"search-conv-uint8": (3.4, 2.8), "search-float32": (2.9, 1.0)}  # at efforts 0 and 2
SEARCHES = tuple(TARGETS)  # the first with a context model, the second with two qualities


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
    """Return signals over a good part of the range of a model's element type."""
    rng, model = np.random.default_rng(0), codec.model
    x = rng.normal(size=(n, *model.frame_shape))
    if model.dtype.kind == "f":
        return (0.25 + x).astype(model.dtype)
    return np.clip(x * 50 + model.normaliser.offset, *whole_range(model.dtype)).astype(model.dtype)


def signals_to_search_for(name, n=50):
    """Return signals whose symbols a golden model's tables hold; every tenth's they do not hold."""
    rng, codec = np.random.default_rng(0), narrows.load(GOLDEN / f"{name}.narrows")
    x = np.load(GOLDEN / f"{name}.signals.npy")[rng.integers(20, size=n)].astype(np.float64)
    x += rng.normal(size=x.shape) * (2.0**-6 if codec.model.dtype.kind == "f" else 2.0)
    x = x.astype(codec.model.dtype)
    x[::10] = signals_for(codec, len(x[::10]))
    return codec, x


def points_of(name):
    """Return the efforts and targets that a search is tested with."""
    plain = [{"effort": effort} for effort in (0, 2, 9)]
    targets = zip((0, 2), TARGETS[name], strict=True)
    return plain + [{"effort": effort, "target_bytes": size} for effort, size in targets]


@pytest.fixture(scope="module")
def elsewhere(tiny_codec, digits, tmp_path_factory):
    """Return what a process finds with each OpenBLAS kernel, number of threads, and engine."""
    folder = tmp_path_factory.mktemp("elsewhere")
    tiny_codec.save(folder / "tiny.narrows")
    np.save(folder / "digits.npy", digits)
    jobs = [("digits", folder / "tiny.narrows", folder / "digits.npy", [{}])]
    for name in MODELS:
        np.save(folder / f"{name}.npy", signals_for(narrows.load(GOLDEN / f"{name}.narrows"), 300))
        jobs.append((name, GOLDEN / f"{name}.narrows", folder / f"{name}.npy", [{}]))
    for name in SEARCHES:
        data = folder / f"search-{name}.npy"
        np.save(data, signals_to_search_for(name)[1])
        for kind, points in (("points", points_of(name)), ("gradient", [])):
            jobs.append((f"{kind} of {name}", GOLDEN / f"{name}.narrows", data, points))
    (folder / "jobs.json").write_text(json.dumps(jobs, default=str))
    kernels = [(kernel, n, "numpy") for kernel in supported_kernels() for n in (1, 2)]
    environments = [*kernels, *(("", 1, f"native-{level}") for level in levels())]
    return {each: found_in_subprocess(folder / "jobs.json", *each) for each in environments}


def found_in_subprocess(jobs, kernel, threads, engine):
    environment = {
        **os.environ,
        "OPENBLAS_CORETYPE": kernel,
        "OPENBLAS_NUM_THREADS": str(threads),
        "OMP_NUM_THREADS": str(threads),
        "NARROWS_ENGINE": engine,
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(jobs)],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def hashes_here(codec, x, points=({},)):
    found = []
    for options in points:
        signals = np.delete(x, np.s_[::10], 0) if "target_bytes" in options else x
        blob = codec.compress(signals, **options)
        found += [hashlib.sha256(data).hexdigest() for data in (blob, codec.decompress(blob))]
    return found


def test_engines_blas_kernels_and_threads_change_no_byte(tiny_codec, digits, elsewhere):
    here = hashes_here(tiny_codec, digits)
    for environment, found in elsewhere.items():
        assert found["digits"] == here, environment


@pytest.mark.parametrize("name", MODELS)
def test_engines_blas_kernels_and_threads_change_no_byte_of_a_golden_model(name, elsewhere):
    codec = narrows.load(GOLDEN / f"{name}.narrows")
    here = hashes_here(codec, signals_for(codec, 300))
    for environment, found in elsewhere.items():
        assert found[name] == here, environment


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


@pytest.mark.parametrize("name", SEARCHES)
def test_engines_blas_kernels_and_threads_change_nothing_that_is_searched_for(name, elsewhere):
    codec, x = signals_to_search_for(name)
    here = hashes_here(codec, x, points_of(name))
    assert len(set(here)) == len(here)
    for environment, found in elsewhere.items():
        assert found[f"points of {name}"] == here, environment


@pytest.mark.parametrize("name", SEARCHES)
def test_blas_kernels_change_no_bit_of_a_gradient(name, elsewhere):
    """Symbols depend on its order alone, which could hide what is not exact."""
    found = [each[f"gradient of {name}"] for each in elsewhere.values()]
    assert all(len(each) == 2 for each in found)
    assert all(each == found[0] for each in found)


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("batch_size", [1, 7])
def test_the_batch_size_changes_nothing_that_is_searched_for(name, batch_size, monkeypatch):
    codec, x = signals_to_search_for(name, 15)
    here = hashes_here(codec, x, points_of(name))
    monkeypatch.setattr("narrows.codec.encoding.symbol_search.BATCH_SIGNALS", batch_size)
    assert hashes_here(Codec(codec.model, batch_size=batch_size), x, points_of(name)) == here


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("name", SEARCHES)
def test_torch_finds_what_numpy_finds(name, device):
    torch = pytest.importorskip("torch", reason="the torch backend needs torch; extra train")
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    from narrows.integrations.torch_backend import TorchBackend

    codec, x = signals_to_search_for(name)
    on_torch = Codec(codec.model, backend=TorchBackend(device))
    points = points_of(name)
    assert hashes_here(on_torch, x, points) == hashes_here(codec, x, points)


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


def test_denormals_that_a_library_flushes_to_zero_are_noticed():
    torch = pytest.importorskip("torch", reason="flushing needs torch; extra train")
    x = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
    small = x * np.float32(1e-39)
    codecs = [narrows.train(each, latent_size=4, architecture="linear") for each in (x, small)]
    blobs = [codec.compress(each) for codec, each in zip(codecs, (x, small), strict=True)]
    before = [codec.decompress(blob) for codec, blob in zip(codecs, blobs, strict=True)]
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor does not flush")
    try:
        assert np.array_equal(codecs[0].decompress(blobs[0]), before[0])
        for function, given in ((codecs[1].decompress, blobs[1]), (codecs[1].compress, small)):
            with pytest.raises(ModelError, match="flushes denormal numbers"):
                function(given)
    finally:
        torch.set_flush_denormal(False)
    assert codecs[1].compress(small) == blobs[1]
    assert np.array_equal(codecs[1].decompress(blobs[1]), before[1])
