"""Make the pictures of README.md and docs/ again.

    python -m scripts.make_docs_pictures [NAME ...] [--models FOLDER]

Without names, all of them. Models are looked for in the folder by the names that docs/concepts.md
and docs/tutorial.md give them, and written there after training. All trainings together take about
fifteen minutes of one core, ten of which are `mnist`'s. Needs the extras train, report
and bench, and for `recording` the ECG of NARROWS_DATA.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from scripts.make_docs_pictures import card, charts, connections, first_page, models, recordings

PICTURES: dict[str, Callable[[], Figure]] = {
    "first-page": first_page.draw,
    "layers": connections.draw_layers,
    "columns": connections.draw_columns,
    "sum": connections.draw_sum,
    "training": partial(charts.draw_training, "dense-32"),
    "training-default": partial(charts.draw_training, "mnist"),
    "classics": charts.draw_classics,
    "sweep": charts.draw_sweep,
    "latent-sizes": charts.draw_latent_sizes,
    "bytes-and-quality": charts.draw_bytes_and_quality,
    "default": charts.draw_default,
    "effort": charts.draw_effort,
    "knobs": charts.draw_knobs,
    "recording": recordings.draw,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PICTURES))
    parser.add_argument("--models", type=Path, default=models.folder,
                        help="folder of NAME.narrows files, by default models")  # fmt: skip
    options = parser.parse_args()
    unknown = set(options.names) - set(PICTURES)
    if unknown:
        parser.error(f"no picture is called {', '.join(unknown)}; there are {', '.join(PICTURES)}")
    models.folder = options.models
    card.FOLDER.mkdir(exist_ok=True)
    for name in options.names or PICTURES:
        card.write(name, PICTURES[name]())


if __name__ == "__main__":
    main()
