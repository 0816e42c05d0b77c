"""A missing package skips a test on a person's machine, and fails it where all are installed."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.parametrize(("ci", "ending"), [("true", "1 error"), ("", "1 skipped")])
def test_a_missing_package_fails_under_continuous_integration_alone(tmp_path, ci, ending):
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "conftest.py").write_bytes((ROOT / "tests" / "conftest.py").read_bytes())
    (tests / "test_it.py").write_text(
        'import pytest\n\npytest.importorskip("no_such_package", reason="extra none")\n'
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)]
    done = subprocess.run(
        command, env={**os.environ, "CI": ci}, cwd=tmp_path, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ending in done.stdout.splitlines()[-1]
    assert ("No module named 'no_such_package'" in done.stdout) == bool(ci)
