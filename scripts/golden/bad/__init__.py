"""Golden files with one fault each, after which they are named.

They are made from good ones. All checksums and ids that are not the fault itself are right, so
that only the check in question can refuse a file. reasons.txt lists what the reader says of each.
"""

from scripts.golden.bad.archives import bad_archives, bad_truths
from scripts.golden.bad.exact_values import bad_exact_values
from scripts.golden.bad.geometry import bad_geometries
from scripts.golden.bad.level_networks import (
    bad_by_networks,
    bad_level_networks,
    bad_on_lattices,
)
from scripts.golden.bad.levels import bad_levels
from scripts.golden.bad.models import bad_models
from scripts.golden.bad.packets import bad_packets
from scripts.golden.bad.predicted import bad_predicted, bad_predictions, bad_unpredicted
from scripts.golden.bad.qualities import bad_groups
from scripts.golden.bad.reasons import list_reasons
from scripts.golden.bad.tiles import bad_tiles, bad_tilings
from scripts.golden.bad.trellis import bad_trellises
from scripts.golden.bad.wrapped import bad_wrapped


def bad_files():
    """Return the content of each bad file by its name, and of the list of reasons."""
    kinds = (
        ("archive-", bad_archives(), ".nrw"),
        ("archive-exact-", bad_exact_values(), ".nrw"),
        ("archive-geometry-", bad_geometries(), ".nrw"),
        ("archive-levels-", bad_levels(), ".nrw"),
        ("archive-networks-", bad_by_networks(), ".nrw"),
        ("archive-lattice-", bad_on_lattices(), ".nrw"),
        ("archive-predicted-", bad_predicted(), ".nrw"),
        ("archive-qualities-", bad_groups(), ".nrw"),
        ("archive-tiles-", bad_tiles(), ".nrw"),
        ("archive-truths-", bad_truths(), ".nrw"),
        ("archive-windows-", bad_unpredicted(), ".nrw"),
        ("model-", bad_models(), ".narrows"),
        ("model-levels-", bad_level_networks(), ".narrows"),
        ("model-prediction-", bad_predictions(), ".narrows"),
        ("model-tiles-", bad_tilings(), ".narrows"),
        ("model-trellis-", bad_trellises(), ".narrows"),
        ("packet-", bad_packets(), ".packet"),
        ("wrapped-", bad_wrapped(), ".wrapped"),
    )
    bad = {
        prefix + name + suffix: data
        for prefix, files, suffix in kinds
        for name, data in files.items()
    }
    return bad | {"reasons.txt": list_reasons(bad)}
