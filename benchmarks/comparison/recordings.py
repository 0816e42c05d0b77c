"""Recordings that repeat themselves: patients' ECG, speech and a machine that are made here."""

import shutil
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np

from benchmarks.comparison.datasets import ECG_TEST, ECG_TRAIN, data_folder, windows_of

VOICES = ("en+m1", "en+f2", "en+m3", "en+f4", "en+m7", "en+f5")
HELD_OUT = 2  # of the voices, and of the machines
SENTENCES = (
    "The north wind and the sun were disputing which was the stronger, when a traveller came along "
    "wrapped in a warm cloak. They agreed that the one who first succeeded in making the traveller "
    "take his cloak off should be considered stronger than the other.",
    "Please call Stella. Ask her to bring these things with her from the store: six spoons of "
    "fresh snow peas, five thick slabs of blue cheese, and maybe a snack for her brother Bob.",
)
SPEECH_WINDOW, SPEECH_RATE = 256, 8000
MACHINES, MACHINE_WINDOW, MACHINE_SAMPLES = 6, 256, 200_000


def ecg():
    """Return the records to train on and those of other patients, by name, `(n, 256, 2)` each."""
    folder = data_folder() / "ecg"
    return tuple(
        {name: windows_of(folder / f"{name}.dat") for name in names}
        for names in (ECG_TRAIN, ECG_TEST)
    )


def patients():
    """Return all records of both folders by name."""
    paths = sorted(p for part in ("ecg", "ecg-more") for p in (data_folder() / part).glob("*.dat"))
    return {path.stem: windows_of(path) for path in sorted(paths, key=lambda path: path.stem)}


def speech():
    """Return voices to train on and others, as windows `(n, 256)`; None without espeak-ng."""
    program = shutil.which("espeak-ng")
    if program is None:
        return None
    return _split({voice: _spoken(program, voice) for voice in VOICES})


def _spoken(program, voice):
    """Let a voice speak, at 8,000 samples a second."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        words = [program, "-v", voice, "-w", str(path), " ".join(SENTENCES)]
        subprocess.run(words, check=True, capture_output=True)
        with wave.open(str(path)) as file:
            rate, data = file.getframerate(), file.readframes(file.getnframes())
    x = np.frombuffer(data, "<i2").astype(np.float64)
    taps = 64
    low = np.sinc(np.arange(-taps, taps + 1) * SPEECH_RATE / rate * 0.9) * np.hamming(2 * taps + 1)
    smooth = np.convolve(x, low / low.sum(), "same")
    at = np.arange(int(len(x) * SPEECH_RATE / rate)) * rate / SPEECH_RATE
    sampled = np.interp(at, np.arange(len(x)), smooth)
    return cut(np.rint(sampled).astype(np.int16), SPEECH_WINDOW)


def machines():
    """Return vibrations of machines to train on and of others, as windows `(n, 256, 2)`.

    Two sensors, 12,000 samples a second: a shaft of its own speed that wanders, its harmonics, the
    mesh of a gear with the sidebands of the shaft, a bearing whose faults ring, and noise.
    """
    return _split({f"machine {seed}": _vibration(seed) for seed in range(MACHINES)})


def _vibration(seed):
    rng, n, rate = np.random.default_rng(seed), MACHINE_SAMPLES, 12_000.0
    speed = rng.uniform(18, 32) * (1 + 0.004 * _slow(rng, n))
    turn = np.cumsum(speed / rate)
    teeth, faults = int(rng.integers(19, 31)), rng.uniform(3.2, 5.4)
    mesh = np.sin(2 * np.pi * teeth * turn) * (1 + 0.4 * np.sin(2 * np.pi * turn))
    hits = np.flatnonzero(np.diff(np.floor(turn * faults)) > 0)
    impulses = np.zeros(n)
    impulses[hits] = rng.normal(1, 0.15, len(hits))
    time = np.arange(400) / rate
    ring = np.exp(-time * 900) * np.sin(2 * np.pi * rng.uniform(2200, 3400) * time)
    bearing = np.convolve(impulses, ring)[:n]
    parts = [np.sin(2 * np.pi * k * turn + rng.uniform(0, 6.3)) / k for k in (1, 2, 3)]
    sources = np.stack([*parts, mesh, bearing])
    mixing = rng.uniform(0.4, 1.2, (2, len(sources))) * np.array([900, 700, 500, 600, 1200])
    x = (mixing @ sources).T + rng.normal(0, 40, (n, 2))
    return cut(np.rint(x).astype(np.int16), MACHINE_WINDOW)


def _slow(rng, n):
    """Return a curve that wanders within about -1 and 1."""
    points = rng.normal(0, 0.5, n // 6000 + 2)
    return np.interp(np.arange(n) / 6000.0, np.arange(len(points)), points)


def cut(x, length):
    """Cut samples into windows, `(n, length, ...)`, and leave out the last ones."""
    n = len(x) // length
    return x[: n * length].reshape(n, length, *x.shape[1:])


def _split(recordings):
    """Return all but the last few recordings, and these."""
    names = list(recordings)
    return tuple(
        {name: recordings[name] for name in part} for part in (names[:-HELD_OUT], names[-HELD_OUT:])
    )
