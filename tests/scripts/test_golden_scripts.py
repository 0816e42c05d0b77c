"""The command that makes golden files anew."""

import pytest

from scripts.golden import FOLDER
from scripts.golden.__main__ import make_good
from scripts.golden.bad import bad_files


def test_a_set_that_is_named_comes_out_as_it_is_and_no_other_file_is_touched(tmp_path):
    (tmp_path / "contexts-wide.nrw").write_bytes(b"another set")
    make_good(tmp_path, ["contexts"])
    made = {path.name for path in tmp_path.glob("contexts.*")}
    assert made == {path.name for path in (FOLDER / "v0").glob("contexts.*")}
    for name in ("contexts.nrw", "contexts.npy", "contexts.packet"):
        assert (tmp_path / name).read_bytes() == (FOLDER / "v0" / name).read_bytes()
    assert (tmp_path / "contexts-wide.nrw").read_bytes() == b"another set"


def test_a_name_that_no_file_has_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="no golden files are called contxts"):
        make_good(tmp_path, ["contxts"])


def test_the_bad_files_are_those_that_the_command_makes():
    assert set(bad_files()) == {path.name for path in (FOLDER / "bad-v0").iterdir()}
