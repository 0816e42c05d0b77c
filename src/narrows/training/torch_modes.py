"""What a process or a model has but once: set for a training, and put back after it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from threading import Lock
from typing import Any

import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from narrows.errors import SettingError

DENORMAL = 1e-310
BFLOAT16 = ("avx512_bf16", "amx_bf16")  # of Zen 4, Cooper Lake and later
MIN_PRODUCTS = 30_000_000  # measured: a tenth of these take up to twice as long
PROCESS = os.getpid()  # that loaded torch here, and may have started its worker threads


def one_thread_after_fork() -> None:
    """Let torch use one thread in a forked process, which has none of its worker threads.

    It would wait for them for ever. The processes of torch's own DataLoader do the same.
    """
    if os.getpid() != PROCESS:
        torch.set_num_threads(1)


def device_named(name: str, dtype: torch.dtype, instead: str = "cpu") -> torch.device:
    """Return a device of torch's that this machine has, for numbers of a dtype.

    Raises
    ------
    SettingError
        If there is none; it says what to give `instead`.
    """
    try:
        device = torch.device(name)
        torch.empty(0, dtype=dtype, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise SettingError(
            f"device {name!r} is not available here ({reason}); give {instead}"
        ) from None
    return device


@contextmanager
def usual_modes() -> Iterator[None]:
    """Compute gradients, in full float32 on the CPU, whatever the caller has set for torch.

    The default dtype and the precision of products concern all threads: they are set only where
    they are others.
    """
    one_thread_after_fork()
    dtype, cpu = torch.get_default_dtype(), torch.device("cpu")
    precision = torch.get_float32_matmul_precision()
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for device in filter(torch.is_autocast_enabled, ("cpu", "cuda")):
            stack.enter_context(torch.autocast(device, enabled=False))
        if torch.get_default_device() != cpu:  # where it is, this would make every call slower
            stack.enter_context(cpu)
        if dtype != torch.float32:
            stack.callback(torch.set_default_dtype, dtype)
            torch.set_default_dtype(torch.float32)
        if precision != "highest":
            stack.callback(torch.set_float32_matmul_precision, precision)
            torch.set_float32_matmul_precision("highest")
        yield


def short_products(device: torch.device, n_products: int) -> AbstractContextManager[object]:
    """Multiply bfloat16, and add up float32, where a CPU has instructions for it.

    Weights stay float32, and so do the sums, the losses and the optimisers: it is mixed precision
    (Micikevicius et al. 2018) with the exponents of float32, so that no loss has to be scaled.

    Parameters
    ----------
    device : torch.device
    n_products : int
        About as many multiplications as there are: to convert few of them takes longer.
    """
    able = device.type == "cpu" and n_products >= MIN_PRODUCTS and multiplies_bfloat16()
    if not able:
        return nullcontext()
    return torch.autocast("cpu", torch.bfloat16, cache_enabled=False)  # threads would share it


def multiplies_bfloat16() -> bool:
    """Return whether the processor has instructions that do, as far as torch tells."""
    told: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.9 and later
    return any(told.get(name) for name in BFLOAT16)


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Flush denormals while training: in Adam's moments they slow late epochs down severalfold.

    torch's worker threads keep the mode in which they were started, so this stands around all
    parallel work, in a resumed run as in any other.
    """
    were_flushed = float(torch.tensor(DENORMAL, dtype=torch.float64) * 1.0) == 0.0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(were_flushed)


class _BlasLimit:
    """A limit of one thread for BLAS in the process, as long as any training needs it."""

    def __init__(self) -> None:
        self._lock, self._users = Lock(), 0

    def take(self) -> None:
        """Set the limit, unless another training has."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._limits = threadpool_limits(1, "blas")

    def release(self) -> None:
        """Remove the limit, unless another training needs it."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._limits.restore_original_limits()


_BLAS_LIMIT = _BlasLimit()


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS in the process, and OpenMP in this thread, to one thread."""
    _BLAS_LIMIT.take()
    try:
        with threadpool_limits(1, "openmp"):
            yield
    finally:
        _BLAS_LIMIT.release()


@contextmanager
def dropout_drawn_from(generator: torch.Generator, model: nn.Module) -> Iterator[None]:
    """Let the Dropout layers of a model draw from a generator, not from that of the process."""
    layers = [module for module in model.modules() if isinstance(module, nn.Dropout)]
    for layer in layers:
        layer.forward = partial(_dropped, layer, generator)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _dropped(layer: nn.Dropout, generator: torch.Generator, x: Tensor) -> Tensor:
    """Compute what the layer does, with the numbers that torch's own dropout takes on a CPU."""
    if not layer.training or layer.p == 0.0:
        return x
    kept = torch.empty_like(x).bernoulli_(1.0 - layer.p, generator=generator)
    return x * kept.div_(1.0 - layer.p or 1.0)
