"""Whether `auto` chooses the best architecture, on sources that were not trained on.

    python -m benchmarks.choices [digits fields ecg ecg-windows embeddings mnist fashion-mnist]
        [--minutes 0.2 2] [--only auto] [--again auto] [--output benchmarks/results]

For each set and budget, `auto` is trained as it is, and each architecture by its name, with the
same aim and the same `minutes`. Sizes are the lengths of archives of held-out sources at the
default effort, and PSNR is of what is decoded from them. Models that meet one aim end some tenths
of a decibel apart, so that sizes are compared at the PSNR that `auto` has: those of `linear` and
`predictive`, which are solved in closed form and know no budget, on a curve of their own through
three aims, 3 dB apart; those of networks moved along the curve of `linear`.

`minutes` are seconds of the wall in `narrows.train`. Here they are seconds of the processor, with
one thread (OMP_NUM_THREADS=1), and how long an update takes is timed once for each network: on a
busy machine `auto` and networks by their name would have other budgets. `seconds` are all of a
training, which end after the budget where what has to be done once takes longer. Writes choices.md
and choices.json after every training; what is there is not trained again, but for architectures
that `--again` names. `--only` trains some of them.
"""

import argparse
import contextlib
import gc
import json
import math
import sys
from itertools import pairwise
from pathlib import Path

import narrows
from benchmarks.comparison import held_out, results, tables
from benchmarks.comparison.asked import add_names
from benchmarks.comparison.steady import Steady
from narrows.errors import NarrowsError
from narrows.training.aims import DEFAULT_AIM, parse_aim

MINUTES = (0.2, 2.0)
SOLVED = ("linear", "predictive")
AUTO = "auto"
ALL = (*SOLVED, *held_out.NETWORKS, AUTO)
APART = 3.0  # dB between the aims of a curve
MOST_BEHIND = 3.0  # percent


class Choices:
    """The rows that were measured, in a file, and those that are to come."""

    def __init__(self, path):
        kept = json.loads(path.read_text()) if path.exists() else {"rows": [], "paces": {}}
        self.rows, self.steady = kept["rows"], Steady(kept["paces"])

    def measure(self, name, minutes, again, save, only=ALL):
        """Train and measure what is missing of a set, or named in `again`, in a budget each."""
        with held_out.load(name) as data:
            aim = parse_aim(data.settings.get("aim", DEFAULT_AIM))
            around = [aim.raised(APART * step) for step in (-1, 0, 1)]
            asked = [(each, None, str(a)) for each in SOLVED for a in around]
            asked += [(each, m, str(aim)) for m in minutes for each in (AUTO, *data.networks)]
            for each, budget, aimed in asked:
                if each not in only or self._refuses(name, each):
                    continue
                key = {"set": name, "asked": each, "minutes": budget, "aim": aimed}
                before = [row for row in self.rows if key.items() <= row.items()]
                if not before or each in again:
                    row = {**key, "about": data.about, **self._row(name, data, key)}
                    print(row, flush=True)
                    self.rows = [old for old in self.rows if old not in before] + [row]
                    save()
                    gc.collect()

    def _refuses(self, name, architecture):
        """Return whether an architecture takes no such signals."""
        of = {"set": name, "asked": architecture}
        return any("fault" in row for row in self.rows if of.items() <= row.items())

    def _row(self, name, data, key):
        settings = {**data.settings, "architecture": key["asked"], "aim": key["aim"]}
        if key["aim"] == DEFAULT_AIM:
            del settings["aim"]
        if key["minutes"] is not None:
            settings["minutes"] = key["minutes"]
        try:
            codec, seconds = self.steady.train(name, lambda: narrows.train(data.train, **settings))
        except NarrowsError as error:
            return {"fault": str(error)}
        size, psnr = data.measured(codec)
        training = codec.model.training
        history = training["history"]
        return {
            "architecture": codec.model.architecture, "bytes": size, "psnr": psnr,
            "model_bytes": len(codec.without_encoder().model_bytes), "seconds": seconds,
            "updates": len(history) * training["plan"]["updates_per_epoch"],
            "candidates": training.get("candidates"), "held_out": training["reached"],
        }  # fmt: skip


# ---------------------------------------------------------------- equal PSNR


def log_bytes_at(curve, psnr):
    """Return the logarithm of the bytes of a curve at a PSNR, beyond its ends as near them."""
    points = sorted((p, math.log(size)) for size, p in curve)
    if len(points) < 2:
        return points[0][1]
    (low, at_low), (high, at_high) = next(
        (pair for pair in pairwise(points) if psnr <= pair[1][0]), points[-2:]
    )
    return at_low + (at_high - at_low) * (psnr - low) / (high - low)


def compared(rows):
    """Return the bytes that each architecture takes at the PSNR of `auto`, for each budget.

    Parameters
    ----------
    rows : list of dict
        Of one set.

    Returns
    -------
    list of (row of auto, dict of str to float)
    """
    rows = [row for row in rows if "fault" not in row]
    curves = {
        each: [(row["bytes"], row["psnr"]) for row in rows if row["asked"] == each]
        for each in SOLVED
    }
    found = []
    for own in [row for row in rows if row["asked"] == AUTO]:
        at = {
            each: math.exp(log_bytes_at(curve, own["psnr"]))
            for each, curve in curves.items()
            if curve
        }
        for row in rows:
            if row["asked"] in held_out.NETWORKS and row["minutes"] == own["minutes"]:
                moved = [log_bytes_at(curves["linear"], p) for p in (own["psnr"], row["psnr"])]
                at[row["asked"]] = row["bytes"] * math.exp(moved[0] - moved[1])
        found.append((own, at))
    return found


# ---------------------------------------------------------------- page


def choice_cells(own, at):
    """Return a row of the table of choices."""
    best = min(at, key=at.get)
    behind = 100 * (own["bytes"] / at[best] - 1)
    told = [
        f"{at[each]:.2f}" if each in at else tables.NOTHING
        for each in (*SOLVED, *held_out.NETWORKS)
    ]
    return [
        own["set"], f"{own['minutes']:g}", own["architecture"], f"{own['bytes']:.2f}",
        f"{own['psnr']:.2f} dB", *told, f"{behind:+.1f} %" + " !" * (behind > MOST_BEHIND),
        f"{own['model_bytes']:,}", f"{own['seconds']:.0f}",
    ]  # fmt: skip


def training_cells(row):
    """Return a row of the table of trainings."""
    minutes = tables.NOTHING if row["minutes"] is None else f"{row['minutes']:g}"
    first = [row["set"], minutes, row["asked"], row["aim"]]
    if "fault" in row:
        return [*first, row["fault"], *[""] * 4]
    figures = [f"{row['bytes']:.2f}", f"{row['psnr']:.2f} dB", f"{row['model_bytes']:,}"]
    return [*first, *figures, f"{row['updates']:,}", f"{row['seconds']:.0f}"]


def page(rows, context):
    """Return the tables in markdown."""
    heads = ["set", "minutes", "auto takes", "bytes", "PSNR", *SOLVED, *held_out.NETWORKS,
             "behind the best", "model bytes", "seconds"]  # fmt: skip
    lines, abouts = [heads], []
    for name in held_out.SETS:
        own = [row for row in rows if row["set"] == name]
        lines += [choice_cells(*each) for each in compared(own)]
        abouts += [f"- {name}: {own[0]['about']}"] if own and "about" in own[0] else []
    all_heads = ["set", "minutes", "asked for", "aim", "bytes", "PSNR", "model bytes", "updates",
                 "seconds"]  # fmt: skip
    return (
        "# Choices of `auto`\n\nBytes a signal of held-out sources; those of architectures by "
        "their name at the PSNR of `auto`, trained with the same aim in as many minutes. Model "
        "bytes are those of the decoder, minutes and seconds those of a processor. `linear` and "
        "`predictive` know no budget. What is empty takes no such signals, or was not measured.\n\n"
        f"{results.made_by(context)}\n\n{chr(10).join(abouts)}\n\n{tables.table(lines)}\n\n"
        f"## All trainings\n\n{tables.table([all_heads, *map(training_cells, rows)])}\n"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_names(parser, "sets", held_out.SETS)
    parser.add_argument("--minutes", nargs="+", type=float, default=MINUTES)
    parser.add_argument("--only", nargs="+", default=ALL, choices=ALL)
    parser.add_argument("--again", nargs="+", default=(), choices=ALL)
    parser.add_argument("--output", type=Path, default=results.RESULTS)
    options = parser.parse_args()
    choices = Choices(options.output / "choices.json")
    context = results.context("choices", sys.argv[1:])

    def save():
        figures = {**context, "rows": choices.rows, "paces": choices.steady.paces}
        with contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
            results.write(options.output, "choices", page(choices.rows, context), figures)

    for name in options.sets:
        choices.measure(name, options.minutes, options.again, save, options.only)
    print(page(choices.rows, context))


if __name__ == "__main__":
    main()
