"""Ways to end a training run before its end, and the run that the tests end."""

SETTINGS = {"latent_size": 4, "epochs": 6, "batch_size": 32}
OPTIONS = ["--latent-size", "4", "--epochs", "6", "--batch-size", "32"]
UPDATES = 14  # of an epoch of 450 signals


class Killed(Exception):
    """Stands for a death that training could not see coming."""


def kill_at(n):
    """Make a `stop` that ends a run from within at its n-th question."""
    asked = iter(range(1, n))

    def stop():
        if next(asked, None) is None:
            raise Killed
        return False

    return stop


def stop_at(n):
    """Make a `stop` that says yes to its n-th question."""
    asked = iter(range(1, n))
    return lambda: next(asked, None) is None
