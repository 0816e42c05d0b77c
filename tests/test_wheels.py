"""What is built of the project: with a compiler, without one, and where none is wanted."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path):
    """A copy of the sources alone."""
    ignored = shutil.ignore_patterns("__pycache__", "*.so", "*.egg-info")
    for folder in ("src", "native"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def build(project, kind, **environment):
    """Build a wheel or an sdist with what is installed; return its path."""
    pytest.importorskip("setuptools", "77", reason="what builds is tested where it is installed")
    call = f"from setuptools.build_meta import *; build_{kind}('dist')"
    subprocess.run(
        [sys.executable, "-c", call], cwd=project, env=os.environ | environment, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    (built,) = (project / "dist").iterdir()
    return built


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (tags,) = (name for name in names if name.endswith("/WHEEL"))
        return names, archive.read(tags).decode()


def compiled_files(names):
    return [name for name in names if "_native." in name and not name.endswith(".pyi")]


@pytest.mark.parametrize("environment", [{"CC": "false"}, {"NARROWS_PURE": "1"}])
def test_without_a_compiler_or_where_it_is_not_wanted_the_wheel_is_pure(project, environment):
    wheel = build(project, "wheel", **environment)
    names, tags = contents(wheel)
    assert wheel.name.endswith("-py3-none-any.whl")
    assert "Root-Is-Purelib: true" in tags
    assert not compiled_files(names)
    assert {"narrows/__init__.py", "narrows/py.typed", "narrows/codec/_native.pyi"} <= set(names)


@pytest.mark.skipif(shutil.which("cc") is None, reason="no compiler on this machine")
def test_with_a_compiler_one_wheel_serves_all_versions_of_python(project):
    wheel = build(project, "wheel")
    names, tags = contents(wheel)
    assert "-cp311-abi3-" in wheel.name
    assert "Root-Is-Purelib: false" in tags
    assert len(compiled_files(names)) == 1
    assert not [name for name in names if name.endswith((".c", ".h"))]
    installed = project / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    code = "from narrows.codec.networks.native.extension import levels; print(levels())"
    environment = os.environ | {"PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=installed, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    assert "'plain'" in done.stdout


def test_an_sdist_holds_what_compiled_code_is_built_of(project):
    with tarfile.open(build(project, "sdist")) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {
        f"native/{path.name}" for path in (ROOT / "native").iterdir() if path.suffix in ".c.h"
    }
    assert needed | {"setup.py", "pyproject.toml"} <= names
