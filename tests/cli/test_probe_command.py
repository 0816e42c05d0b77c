"""`narrows probe` on the command line."""

import json

import numpy as np
import pytest

from tests.helpers.command_line import fails_with_one_line

pytest.importorskip("sklearn", reason="probes are scikit-learn's classifiers; extra train")

from narrows.models import load_codec
from narrows.signals import read_labels


@pytest.fixture
def probed(folder, digits):
    """A folder with a model, 300 signals and their labels."""
    np.save("x.npy", digits[:300])
    np.save("y.npy", read_labels("digits")[:300])
    return folder


def test_a_table_shows_the_features_beside_each_other(run, probed):
    shown = run("probe", "x.npy", "-m", "m.narrows", "--labels", "y.npy")
    assert shown.code == 0, shown.err
    assert "60 signals of 10 classes, learnt from 240 others" in shown.out
    for name in ("latents of the model", "PCA of the same size", "raw signal", "most frequent"):
        assert name in shown.out
    assert "supervised" not in shown.out
    assert shown.err == ""


def test_json_holds_what_the_python_call_gives(run, probed, digits):
    from narrows.evaluation.probe.probe import probe

    shown = run("probe", "x.npy", "-m", "m.narrows", "--labels", "y.npy", "--seed", 3, "--json",
                "--supervised")  # fmt: skip
    codec, labels = load_codec(probed / "m.narrows"), read_labels("digits")[:300]
    expected = probe(codec, digits[:300], labels, seed=3, supervised=True).as_json()
    assert json.loads(shown.out) == expected
    assert expected["seed"] == 3
    assert len(expected["features"]) == 4


def test_an_encoder_that_is_trained_besides_is_announced(run, probed):
    shown = run("probe", "x.npy", "-m", "m.narrows", "--labels", "y.npy", "--supervised")
    assert shown.code == 0
    assert shown.err.startswith("probing 300 signals; an encoder is trained for the classes")


def test_a_known_set_has_labels_of_its_own_and_words_do_as_well(run, probed):
    # In the order of the digits: between classes with as many neighbours the first one wins.
    names = ["a zero", "b one", "c two", "d three", "e four", "f five", "g six", "h seven",
             "i eight", "j nine"]  # fmt: skip
    (probed / "y.csv").write_text(
        "digit\n" + "\n".join(names[y] for y in read_labels("digits")) + "\n"
    )
    known = run("probe", "digits", "-m", "m.narrows", "--labels", "digits", "--json")
    words = run("probe", "digits", "-m", "m.narrows", "--labels", "y.csv:digit", "--json")
    assert known.code == words.code == 0
    figures = json.loads(known.out), json.loads(words.out)
    assert [f["features"][0]["neighbour_accuracy"] for f in figures] == [
        figures[0]["features"][0]["neighbour_accuracy"]
    ] * 2
    assert figures[0]["signals"] == 1797


@pytest.mark.parametrize(
    ("data", "model", "labels", "words"),
    [
        ("x.npy", "m.narrows", "short.npy", ("299 labels", "300 signals")),
        ("x.npy", "m.narrows", "single.npy", ("single class",)),
        ("x.npy", "m.narrows", "fractions.txt", ("0.5", "regression")),
        ("x.npy", "m.narrows", "each.npy", ("300 classes", "regression")),
        ("x.npy", "m.narrows", "nowhere.csv", ("nowhere.csv", "file.csv:column")),
        ("x.npy", "m.narrows", "x.npy", ("one integer per signal",)),
        ("x.npy", "d.narrows", "y.npy", ("no encoder",)),
        ("x.npy", "nowhere.narrows", "y.npy", ("nowhere.narrows",)),
        ("other.npy", "m.narrows", "y.npy", ("(n, 8, 8)",)),
    ],
)
def test_a_mistake_gives_one_line(run, probed, data, model, labels, words):
    np.save("short.npy", np.arange(299) % 10)
    np.save("single.npy", np.zeros(300, int))
    np.save("each.npy", np.arange(300))
    np.save("other.npy", np.zeros((300, 5, 5), np.uint8))
    (probed / "fractions.txt").write_text("\n".join(f"{i / 2}" for i in range(300)))
    load_codec(probed / "m.narrows").without_encoder().save(probed / "d.narrows")
    assert fails_with_one_line(run("probe", data, "-m", model, "--labels", labels), *words)


def test_without_labels_the_usage_is_wrong(run, probed):
    assert run("probe", "x.npy", "-m", "m.narrows").code == 2
