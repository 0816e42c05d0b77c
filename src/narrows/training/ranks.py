"""Processes that share a training, as torchrun starts them: each does its share of every batch.

    batch ─┬─rows of rank 0─► gradients ─┐
           └─rows of rank 1─► gradients ─┴─ sum ─► the same update of the same weights everywhere

All draw the same batches, so that what is learnt is what one process would learn, but for the
order in which floats are added. torch.distributed carries the sums: gloo between CPUs, nccl
between GPUs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from narrows.errors import SettingError, TrainingError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

BACKENDS = {False: "gloo", True: "cpu:gloo,cuda:nccl"}
"""By whether there are GPUs."""
PATIENCE = timedelta(days=7)
"""Others wait while the first one freezes; one that has ended is noticed by its connection."""
TOLD = "narrows/told"


class Ranks:
    """One process among those that share a training; alone, it sends nothing.

    Parameters
    ----------
    rank, size : int
        Its number, from 0, and how many there are.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @property
    def is_first(self) -> bool:
        """Whether this one writes files and tells what is done."""
        return self.rank == 0

    def rows(self, n: int) -> slice:
        """Return the rows of a batch of n that are this process's share."""
        return slice(n * self.rank // self.size, n * (self.rank + 1) // self.size)

    def device(self, chosen: torch.device) -> torch.device:
        """Return the device of this process: of several GPUs, its own."""
        if self.size == 1 or chosen.type != "cuda" or chosen.index is not None:
            return chosen
        import torch

        own = int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count()
        return torch.device("cuda", own)

    def sum(self, tensors: Iterable[Tensor]) -> None:
        """Put the sum over all processes into tensors, in place."""
        if self.size > 1:
            import torch.distributed as dist

            self._carry(tensors, dist.all_reduce)

    def make_alike(self, tensors: Iterable[Tensor]) -> None:
        """Put the first process's values into tensors, in place."""
        if self.size > 1:
            import torch.distributed as dist

            self._carry(tensors, lambda flat: dist.broadcast(flat, 0))

    def total(self, value: float) -> float:
        """Return the sum of the numbers of all processes."""
        return self._of_number(value, self.sum)

    def first(self, value: float) -> float:
        """Return the number of the first process."""
        return self._of_number(value, self.make_alike)

    def shared(self, data: bytes) -> bytes:
        """Return the bytes of the first process."""
        if self.size == 1:
            return data
        import torch

        flat = torch.zeros(int(self.first(len(data))), dtype=torch.uint8)
        if self.is_first:
            flat = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        self.make_alike([flat])
        return flat.numpy().tobytes()

    def is_first_to_tell(self) -> bool:
        """Return whether no other process has told yet why all of them end."""
        if self.size == 1:
            return True
        from torch.distributed import distributed_c10d

        try:
            return int(distributed_c10d._get_default_store().add(TOLD, 1)) == 1
        except (RuntimeError, ValueError):  # the store ended with the first process
            return True

    def _of_number(self, value: float, carry: Any) -> float:
        if self.size == 1:
            return value
        import torch

        number = torch.tensor([value], dtype=torch.float64)
        carry([number])
        return float(number)

    def _carry(self, tensors: Iterable[Tensor], collective: Any) -> None:
        """Send tensors of one kind together."""
        import torch

        kinds: dict[Any, list[Tensor]] = {}
        for tensor in tensors:
            kinds.setdefault((tensor.dtype, tensor.device), []).append(tensor)
        for alike in kinds.values():
            flat = torch.cat([tensor.detach().reshape(-1) for tensor in alike])
            try:
                collective(flat)
            except RuntimeError:  # its text is of sockets and source files
                raise TrainingError(
                    "another process of this training has ended, or cannot be reached: start all "
                    "of them again, with --resume to go on after the last epoch"
                ) from None
            parts = torch.split(flat, [tensor.numel() for tensor in alike])
            for tensor, part in zip(alike, parts, strict=True):
                tensor.detach().copy_(part.view(tensor.shape))


ALONE = Ranks()


def started_together() -> bool:
    """Return whether the environment says that this process is one of several, as torchrun's."""
    return "RANK" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1"


@contextmanager
def joined(together: bool = True) -> Iterator[Ranks]:
    """Yield this process among the others of torch.distributed's group, which is made if need be.

    Raises
    ------
    SettingError
        If the environment does not say which one this is, or the others do not come.
    """
    if not together:
        yield ALONE
        return
    import torch
    import torch.distributed as dist

    is_ours = not dist.is_initialized()
    if is_ours:
        try:
            has_gpus = torch.cuda.is_available() and dist.is_nccl_available()
            dist.init_process_group(BACKENDS[has_gpus], timeout=PATIENCE)
        except (RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise SettingError(
                f"processes that train together are started by torchrun, or by RANK, WORLD_SIZE, "
                f"MASTER_ADDR and MASTER_PORT in the environment ({reason[:120]})"
            ) from None
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
    finally:
        if is_ours:
            dist.destroy_process_group()
