"""The tests of Zarr arrays with another Python, and the newest zarr and numcodecs that it has.

    python -m scripts.newest_zarr --python python3.13

zarr 3.4 needs Python 3.12 or newer, and the project is developed with 3.11. This makes an
environment in a temporary folder, with narrows, zarr, xarray and pytest from the package index, and
runs the tests there. Some draw arrays, chunks, shards and selections with what zarr tests itself
with.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = tuple(
    f"tests/integrations/test_zarr{end}.py" for end in ("", "_generations", "_strategies")
)
PACKAGES = ("zarr>=3.4", "numcodecs", "xarray", "h5netcdf", "pytest", "hypothesis")
TOLD = "import zarr, numcodecs; print('zarr', zarr.__version__, 'numcodecs', numcodecs.__version__)"


def main():
    """Read the command line and run the tests."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--python", default="python3.13", help="3.12 or newer")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([arguments.python, "-m", "venv", folder], check=True)
        python = str(Path(folder, "bin", "python"))
        subprocess.run([python, "-m", "pip", "install", "-q", str(ROOT), *PACKAGES], check=True)
        subprocess.run([python, "-c", TOLD], check=True)
        environment = os.environ | {"PYTHONPATH": str(ROOT), "CI": ""}
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
        sys.exit(subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
