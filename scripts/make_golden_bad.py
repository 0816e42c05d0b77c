"""Make the golden bad files, each named after its one fault: `python -m scripts.make_golden_bad`.

They come from one small golden model and its archive, which is given a search too, from a model of
convolutions, from models with contexts, and from an archive of several qualities. All checksums and
ids that are not the fault itself are right, so that only the check in question can refuse a file.
"""

from scripts.bad_files.archives import bad_archives
from scripts.bad_files.good_files import TESTS
from scripts.bad_files.mixed import bad_mixed
from scripts.bad_files.models import bad_models

FOLDER = TESTS / "golden" / "bad-v0"


def main():
    """Write all files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.iterdir():
        path.unlink()
    for name, data in bad_archives().items():
        (FOLDER / f"archive-{name}.nrw").write_bytes(data)
    for name, data in bad_mixed().items():
        (FOLDER / f"archive-mixed-{name}.nrw").write_bytes(data)
    for name, data in bad_models().items():
        (FOLDER / f"model-{name}.narrows").write_bytes(data)


if __name__ == "__main__":
    main()
