"""Speed of training the 784-25-784 autoencoder, as ratios to other programs in the same sitting.

    python benchmarks/training_speed.py [--data mnist:train] [--epochs 6] [--json FILE]

Beside narrows (`--preset dense-25`): a plain PyTorch loop, without and with denormals flushed,
and Keras where it is installed. The same network, loss, Adam and batches of 32; each program in a
process of its own, one after the other. The figure is the median of the epochs after the first.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time

import numpy as np

from narrows.signals import read_signals

BATCH, LATENTS, RATE, EPSILON = 32, 25, 1e-3, 1e-7


def train_narrows(x, epochs):
    import narrows

    seconds = [0.0]
    losses = []

    def progress(record):
        seconds.append(record.seconds)
        losses.append(record.loss)

    # Validation on a few signals only: the other programs are timed without any.
    narrows.train(x, preset="dense-25", epochs=epochs, validation=x[:32], progress=progress)
    return np.diff(seconds).tolist(), losses


def train_torch(x, epochs, flush=False):
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
    seconds, losses = [], []
    for _ in range(epochs):
        began, total = time.perf_counter(), 0.0
        order = torch.randperm(len(frames))
        for rows in order[: len(frames) // BATCH * BATCH].split(BATCH):
            batch = frames[rows]
            loss = mse(network(batch), batch)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item()
        seconds.append(time.perf_counter() - began)
        losses.append(total / (len(frames) // BATCH))
    return seconds, losses


def train_keras(x, epochs):
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
    seconds, losses = [], []
    for _ in range(epochs):
        began = time.perf_counter()
        history = network.fit(frames, frames, batch_size=BATCH, epochs=1, shuffle=True, verbose=0)
        seconds.append(time.perf_counter() - began)
        losses.append(history.history["loss"][0])
    return seconds, losses


PROGRAMS = {
    "narrows": train_narrows,
    "torch": train_torch,
    "torch, denormals flushed": lambda x, epochs: train_torch(x, epochs, flush=True),
    "keras": train_keras,
}


def run(name, options):
    """Train in a process of its own; None where the program is not installed."""
    command = [sys.executable, __file__, "--data", options.data, "--epochs", str(options.epochs)]
    done = subprocess.run([*command, "--only", name], capture_output=True, text=True, check=False)
    if "ModuleNotFoundError" in done.stderr:
        return None
    if done.returncode:
        raise SystemExit(done.stderr)
    seconds, losses = json.loads(done.stdout.splitlines()[-1])
    return {
        "name": name,
        "seconds_an_epoch": statistics.median(seconds[1:]),
        "last_loss": losses[-1],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="mnist:train")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--only", choices=PROGRAMS, help=argparse.SUPPRESS)
    parser.add_argument("--json")
    options = parser.parse_args()
    if options.only:
        x = np.array(read_signals(options.data))
        print(json.dumps(PROGRAMS[options.only](x, options.epochs)))
        return
    rows = [row for name in PROGRAMS if (row := run(name, options)) is not None]
    ours = rows[0]["seconds_an_epoch"]
    for row in rows:
        row["times_narrows"] = row["seconds_an_epoch"] / ours
        print(
            f"{row['name']:26} {row['seconds_an_epoch']:.3f} s an epoch  "
            f"{row['times_narrows']:.2f} times narrows  last loss {row['last_loss']:.5f}"
        )
    if options.json:
        context = {"processor": platform.processor() or platform.machine(), "numpy": np.__version__}
        with open(options.json, "w") as file:
            json.dump({"rows": rows, **context}, file, indent=2)


if __name__ == "__main__":
    main()
