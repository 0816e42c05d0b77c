"""Kill training runs at random moments, go on with them, and compare the model ids.

`python -m scripts.kill_and_resume [--kills 20] [--epochs 6] [--seed S]`: a small model on digits.
Each time a run is killed (SIGKILL) somewhere in an epoch, is gone on with to its end, and must give
the model id of a run that nothing disturbed, with no other file left. The exit code is 0 if it
always did.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from narrows import load
from narrows.training.loop.checkpoint import read_checkpoint


def start(output: Path, epochs: int) -> subprocess.Popen[str]:
    """Start training a small model; each epoch is a line on stderr."""
    options = ["--latent-size", "8", "--batch-size", "4", "--epochs", str(epochs), "--resume"]
    command = [sys.executable, "-m", "narrows", "train", "digits", "-o", str(output), *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def kill_in_epoch(epoch: int, after: float, output: Path, epochs: int) -> int:
    """Start a run, kill it some seconds after an epoch began, and count the epochs it kept."""
    process = start(output, epochs)
    assert process.stderr is not None
    begins = f"epoch {epoch - 1}/" if epoch > 1 else "no checkpoint"
    for line in process.stderr:
        if line.startswith(begins):
            break
    time.sleep(after)
    process.kill()
    process.communicate()
    checkpoint = Path(f"{output}.checkpoint")
    return len(read_checkpoint(checkpoint).state.history) if checkpoint.exists() else 0


def train(output: Path, epochs: int) -> str:
    """Begin a run, or go on with it, to its end, and give the model id."""
    process = start(output, epochs)
    told = process.communicate()[1]
    if process.returncode:
        sys.exit(f"training failed: {told}")
    return load(output).model_id


def main() -> None:
    """Compare, and print a line for each kill."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    given = parser.parse_args()
    moments = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.narrows"
        expected = train(whole, given.epochs)
        seconds = load(whole).model.training["history"][-1]["seconds"] / given.epochs
        print(f"undisturbed: {expected}, {seconds:.2f} s an epoch; seed {given.seed}", flush=True)
        killed = same = 0
        while killed < given.kills:
            output = Path(tempfile.mkdtemp(dir=folder)) / "m.narrows"
            epoch, after = moments.randint(1, given.epochs), moments.uniform(0.0, seconds)
            kept = kill_in_epoch(epoch, after, output, given.epochs)
            if output.exists():
                continue  # too late: that run had ended
            killed += 1
            model_id = train(output, given.epochs)
            alone = [path.name for path in output.parent.iterdir()] == [output.name]
            same += model_id == expected and alone
            print(f"killed {after:.2f} s into epoch {epoch}, {kept} kept: {model_id}", flush=True)
    print(f"{same} of {given.kills} gave the model of the undisturbed run, and left no other file")
    sys.exit(same != given.kills)


if __name__ == "__main__":
    main()
