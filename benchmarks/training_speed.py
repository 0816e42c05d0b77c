"""Speed of training the 784-25-784 autoencoder, as ratios to other programs in the same sitting.

    python -m benchmarks.training_speed [--data mnist:train] [--epochs 6] [--json FILE]

Beside narrows (`--preset dense-25`): a plain PyTorch loop, without and with denormals flushed,
and Keras where it is installed. The same network, loss, Adam and batches of 32; each program in a
process of its own. They train an epoch each in turns, and seconds are those of the processor, of
all threads, so that other work on the machine slows all of them or none. The figure is the median
of the epochs after the first.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import numpy as np

from narrows.signals import read_signals

BATCH, LATENTS, RATE, EPSILON = 32, 25, 1e-3, 1e-7


class Turns:
    """The epochs of one program among others."""

    def begin(self):
        """Wait for the line that begins an epoch."""
        if not sys.stdin.readline():
            raise SystemExit
        self.began = time.process_time()

    def end(self, loss):
        """Print the processor's seconds of the epoch, and its loss."""
        print(json.dumps([time.process_time() - self.began, loss]), flush=True)


def train_narrows(x, epochs, turns):
    import narrows

    def progress(record):
        turns.end(record.loss)
        turns.begin()

    turns.begin()
    # Validation on a few signals only: the other programs are timed without any.
    narrows.train(x, preset="dense-25", epochs=epochs, validation=x[:32], progress=progress)


def train_torch(x, epochs, turns, flush=False):
    import torch
    from torch import nn

    torch.manual_seed(0)
    torch.set_flush_denormal(flush)
    frames = torch.from_numpy(x.reshape(len(x), -1)).float() / 255
    size = frames.shape[1]
    encode, decode = nn.Linear(size, LATENTS), nn.Linear(LATENTS, size)
    for layer in (encode, decode):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    network = nn.Sequential(encode, nn.ELU(), decode, nn.ELU())
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE, eps=EPSILON)
    mse = nn.MSELoss()
    for _ in range(epochs):
        turns.begin()
        total = 0.0
        order = torch.randperm(len(frames))
        for rows in order[: len(frames) // BATCH * BATCH].split(BATCH):
            batch = frames[rows]
            loss = mse(network(batch), batch)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item()
        turns.end(total / (len(frames) // BATCH))


def train_keras(x, epochs, turns):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras

    frames = x.reshape(len(x), -1).astype("float32") / 255
    size = frames.shape[1]
    network = keras.Sequential(
        [
            keras.layers.Input((size,)),
            keras.layers.Dense(LATENTS, activation="elu"),
            keras.layers.Dense(size, activation="elu"),
        ]
    )
    network.compile(optimizer=keras.optimizers.Adam(RATE), loss="mse")
    for _ in range(epochs):
        turns.begin()
        history = network.fit(frames, frames, batch_size=BATCH, epochs=1, shuffle=True, verbose=0)
        turns.end(history.history["loss"][0])


PROGRAMS = {
    "narrows": train_narrows,
    "torch": train_torch,
    "torch, denormals flushed": partial(train_torch, flush=True),
    "keras": train_keras,
}


def start(name, options):
    """Start a program in a process of its own."""
    command = [sys.executable, __file__, "--data", options.data, "--epochs", str(options.epochs)]
    # A pipe that nobody reads would stop the program when full; closed with the process.
    errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors}
    process = subprocess.Popen([*command, "--only", name], text=True, **pipes)
    process.stderr = errors
    return process


def take_turns(programs, epochs):
    """Let each of the processes train an epoch in turn; return `[(seconds, loss), ...]` by name."""
    epochs_of = {name: [] for name in programs}
    with ExitStack() as stack:
        for process in programs.values():
            stack.enter_context(process)
            stack.callback(process.kill)
        for _ in range(epochs):
            for name in list(epochs_of):
                process = programs[name]
                with suppress(BrokenPipeError):
                    process.stdin.write("begin\n")
                    process.stdin.flush()
                if line := process.stdout.readline():
                    epochs_of[name].append(json.loads(line))
                    continue
                process.wait()
                process.stderr.seek(0)
                error = process.stderr.read()
                if "ModuleNotFoundError" not in error:
                    raise SystemExit(error)
                del epochs_of[name]
    return epochs_of


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="mnist:train")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--only", choices=PROGRAMS, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.only:
        x = np.array(read_signals(options.data))
        PROGRAMS[options.only](x, options.epochs, Turns())
        return
    epochs_of = take_turns({name: start(name, options) for name in PROGRAMS}, options.epochs)
    rows = [
        {
            "name": name,
            "seconds_an_epoch": statistics.median(seconds for seconds, _ in epochs[1:]),
            "last_loss": epochs[-1][1],
        }
        for name, epochs in epochs_of.items()
    ]
    ours = rows[0]["seconds_an_epoch"]
    for row in rows:
        row["times_narrows"] = row["seconds_an_epoch"] / ours
        print(
            f"{row['name']:26} {row['seconds_an_epoch']:.3f} s an epoch  "
            f"{row['times_narrows']:.2f} times narrows  last loss {row['last_loss']:.5f}"
        )
    if options.json:
        from benchmarks.comparison import results

        options.json.write_text(json.dumps({"rows": rows, **results.machine()}, indent=2))


if __name__ == "__main__":
    main()
