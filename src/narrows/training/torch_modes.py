"""What torch keeps for a whole thread or process: set for a training, and put back after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

DENORMAL = 1e-310


@contextmanager
def usual_modes() -> Iterator[None]:
    """Compute gradients, in float32 on the CPU, whatever the caller has set for torch.

    All but the default dtype concern this thread alone; that is set only where it is another.
    """
    dtype, cpu = torch.get_default_dtype(), torch.device("cpu")
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        if torch.get_default_device() != cpu:  # where it is, this would make every call slower
            stack.enter_context(cpu)
        if dtype != torch.float32:
            stack.callback(torch.set_default_dtype, dtype)
            torch.set_default_dtype(torch.float32)
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
