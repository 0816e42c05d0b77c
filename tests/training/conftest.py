"""A small run, undisturbed and killed, for the tests of what outlives it."""

import pytest

from tests.helpers.interrupted import SETTINGS, Killed, kill_at


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, where the test runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def sample(digits):
    """500 digits; 450 of them are trained on."""
    return digits[:500]


@pytest.fixture(scope="session")
def whole(sample):
    """The codec of a run that nothing disturbed."""
    import narrows

    return narrows.train(sample, **SETTINGS)


@pytest.fixture(scope="session")
def kept(sample, tmp_path_factory):
    """The bytes of a checkpoint after two of six epochs."""
    import narrows

    path = tmp_path_factory.mktemp("kept") / "checkpoint"
    with pytest.raises(Killed):
        narrows.train(sample, **SETTINGS, checkpoint=path, stop=kill_at(35))
    return path.read_bytes()


@pytest.fixture
def checkpoint(kept, folder):
    """A checkpoint after two of six epochs, beside a model that is not there."""
    path = folder / "m.narrows.checkpoint"
    path.write_bytes(kept)
    return path
