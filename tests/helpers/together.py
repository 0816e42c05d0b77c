"""One of two processes that train together: run by the tests, as torchrun would start it."""

import io
import json
import os
import socket
import subprocess
import sys
from contextlib import redirect_stderr
from pathlib import Path

import numpy as np

import narrows
from narrows.cli import main
from narrows.training.ranks import joined

HOW = {"architecture": "dense", "latent_size": 3, "epochs": 3, "batch_size": 33, "aim": "snr:12"}
"""33 signals are not halved: shares differ by one."""


def signals(seed=0, n=600):
    """Signals of three numbers each, `(n, 4, 4)` uint8."""
    mixing = np.random.default_rng(9).normal(size=(3, 16))
    x = np.random.default_rng(seed).normal(size=(n, 3)) @ mixing * 20 + 128
    return x.clip(0, 255).astype(np.uint8).reshape(n, 4, 4)


def environment(rank, port):
    """Return what torchrun puts in the environment of a process."""
    return {
        **os.environ, "RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }  # fmt: skip


def pair(*command, cwd):
    """Run a command as two processes that know of each other; return them when they have ended."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    both = [
        subprocess.Popen(
            [sys.executable, *map(str, command)], cwd=cwd, env=environment(rank, port), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for rank in range(2)
    ]  # fmt: skip
    told = [process.communicate(timeout=120) for process in both]
    return [(process.returncode, *each) for process, each in zip(both, told, strict=True)]


def attempt(**how):
    """Train together; return the error, in one line, or the model's id."""
    try:
        x = how.pop("x", signals())
        return narrows.train(x, together=True, **{**HOW, **how}).model_id
    except narrows.NarrowsError as error:
        return f"{type(error).__name__}: {error}"


def command(*arguments):
    """Run the command line here; return its exit code, and what it said."""
    sys.argv, code = ["narrows", *arguments], 0
    with redirect_stderr(io.TextIOWrapper(io.BytesIO(), write_through=True)) as told:
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
    return code, told.buffer.getvalue().decode()


def questions(rank):
    """Do all that the tests ask about, in the process of a rank."""
    found = {"together": attempt(), "qualities": attempt(qualities=4, epochs=1)}
    kept, seen = {"checkpoint": "kept", "resume": True}, []
    # Each process is asked alone, and the answer of one is enough.
    first = attempt(**kept, progress=seen.append, stop=lambda: rank == 1 and len(seen) == 2)
    found |= {"interrupted": first, "epochs": len(seen), "resumed": attempt(**kept)}
    found["checkpoint"] = Path("kept").exists()
    found["linear"] = attempt(architecture="linear", epochs=None)
    found["others"] = attempt(x=signals(seed=rank))
    found["few"] = attempt(batch_size=1)
    large, preset = signals().repeat(2, 1).repeat(2, 2), dict.fromkeys(HOW) | {"preset": "dense-32"}
    found["preset"] = attempt(x=large, **preset)
    both = [narrows.train(signals(), together=shared, **HOW) for shared in (False, True)]
    held = signals(seed=2, n=300)
    errors = [np.mean((c.decompress(c.compress(held)) - held * 1.0) ** 2) for c in both]
    found["psnr"] = [10 * np.log10(255**2 / error) for error in errors]
    options = ("--latent-size", "3", "--minutes", "0.01", "--architecture", "dense")
    found["written"] = command("train", "x.npy", "-o", "m.narrows", *options)
    found["refused"] = command("train", "gone.npy", "-o", "other.narrows", *options)
    return found


def run():
    """Print what was found as JSON; then the second process ends at once, and the first goes on."""
    with joined() as ranks:
        if ranks.is_first:
            np.save("x.npy", signals())
        ranks.first(0.0)
        print(json.dumps(questions(ranks.rank)), flush=True)
        if not ranks.is_first:
            os._exit(7)
        print(attempt(), flush=True)


if __name__ == "__main__":
    run()
