"""Signals and codecs that several tests share, made once."""

import importlib
import os
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent

if os.environ.get("CI") == "true":
    # Every extra is installed there: a test without its package fails, where others skip it.
    pytest.importorskip = lambda name, *_, **__: importlib.import_module(name)


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data sets, as NARROWS_DATA would name it."""
    folder = Path(os.environ.get("NARROWS_DATA") or ROOT / ".." / "shared" / "data")
    if not (folder / "mnist").is_dir():
        pytest.skip(f"the real data is not in {folder}; set NARROWS_DATA to where it is")
    return folder.resolve()


@pytest.fixture(scope="session")
def digits():
    """The embedded set of digits, (1797, 8, 8) uint8."""
    pytest.importorskip("sklearn", reason="scikit-learn holds the digits; extra train")
    from narrows.signals import read_signals

    x = np.array(read_signals("digits"))
    x.setflags(write=False)
    return x


@pytest.fixture(scope="session")
def tiny_codec(digits):
    """A dense codec for digits, trained for a moment: it works, but not well."""
    pytest.importorskip("torch", reason="training needs torch; extra train")
    import narrows

    return narrows.train(digits[:1400], latent_size=6, architecture="dense", epochs=3)
