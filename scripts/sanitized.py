"""Run the tests of compiled code under AddressSanitizer and UndefinedBehaviorSanitizer.

    python -m scripts.sanitized [--networks 300]

Builds the extension into a folder of its own, with GCC, and runs the tests of compiled code and
`scripts.native_fuzz` with it. Ends with the first report of a sanitizer.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLAGS = "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g -O1"
TESTS = (
    "tests/codec/networks/test_native_engine.py",
    "tests/codec/networks/test_native_frames.py",
    "tests/codec/encoding/test_engines_of_search.py",
    "tests/codec/entropy/test_compiled_tables.py",
    "tests/codec/entropy/test_compiled_blocks.py",
    "tests/codec/entropy/test_stacks.py",
    "tests/codec/entropy/test_trellis.py",
    "tests/codec/entropy/test_context_trellis.py",
    "tests/codec/encoding/test_trellis_search.py",
    "tests/codec/interpolation/test_compiled_levels.py",
    "tests/codec/levels/test_compiled_levels.py",
    "tests/codec/levels/test_compiled_fit.py",
    "tests/codec/prediction/test_compiled_windows.py",
)


def copy_of_the_project(folder):
    """Copy what is built and tested: the checkout's own extension stays as it is."""
    for name in ("src", "native", "tests", "scripts"):
        ignored = shutil.ignore_patterns("__pycache__", "*.so")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)


def runtime_of(library):
    """Return the path of one of GCC's libraries, which must be loaded before Python."""
    command = ["gcc", f"-print-file-name={library}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_of_the_project(folder)
        run = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
        flags = {"CC": "gcc", "CFLAGS": FLAGS, "LDFLAGS": "-fsanitize=address,undefined"}
        subprocess.run(run, cwd=folder, env={**os.environ, **flags}, check=True)
        environment = {
            **os.environ,
            "PYTHONPATH": f"{folder / 'src'}{os.pathsep}{folder}",
            "LD_PRELOAD": f"{runtime_of('libasan.so')} {runtime_of('libubsan.so')}",
            "ASAN_OPTIONS": "detect_leaks=0",  # Python keeps much until it ends
            "CI": "true",  # what is missing fails
        }
        commands = (
            ["pytest", "-q", "-p", "no:cacheprovider", "-n", "0", *TESTS],
            ["scripts.native_fuzz", "--networks", str(options.networks), "--tables", "60",
             "--blocks", "100", "--levels", "60", "--windows", "60", "--frames", "300"],
        )  # fmt: skip
        for command in commands:
            run = [sys.executable, "-m", *command]
            subprocess.run(run, cwd=folder, env=environment, check=True)


if __name__ == "__main__":
    main()
