"""Golden files with one fault each, after which they are named.

They are made from good ones. All checksums and ids that are not the fault itself are right, so
that only the check in question can refuse a file.
"""

from scripts.golden.bad.archives import bad_archives
from scripts.golden.bad.models import bad_models
from scripts.golden.bad.qualities import bad_groups


def bad_files():
    """Return the content of each bad file by its name."""
    kinds = (
        ("archive-", bad_archives(), ".nrw"),
        ("archive-qualities-", bad_groups(), ".nrw"),
        ("model-", bad_models(), ".narrows"),
    )
    return {
        prefix + name + suffix: data
        for prefix, files, suffix in kinds
        for name, data in files.items()
    }
