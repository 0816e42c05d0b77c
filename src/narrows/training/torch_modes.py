"""What torch keeps for a whole thread or process: set for a training, and put back after it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

DENORMAL = 1e-310
PROCESS = os.getpid()  # that loaded torch here, and may have started its worker threads


def one_thread_after_fork() -> None:
    """Let torch use one thread in a forked process, which has none of its worker threads.

    It would wait for them for ever. The processes of torch's own DataLoader do the same.
    """
    if os.getpid() != PROCESS:
        torch.set_num_threads(1)


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
