"""The report: one page that is whole in itself, says what was measured, and judges fairly."""

import math
import re
import xml.etree.ElementTree as ET
from base64 import b64decode
from dataclasses import fields, replace
from importlib import import_module

import numpy as np
import pytest

from tests.helpers.html_pages import Page

pytest.importorskip("matplotlib", reason="drawing needs matplotlib; extra report")

from narrows.codec.codec import Codec
from narrows.errors import DataError, ModelError
from narrows.evaluation.peers.registry import HALF_LEARNT, Bench
from narrows.evaluation.rate_point import RatePoint
from narrows.evaluation.report import measure, page, pictures, recordings, verdict
from narrows.evaluation.report.comparison import Comparison
from narrows.evaluation.report.facts import in_bytes, train_command
from tests.helpers.predicting import repeating, tiny_predicting

DATA = 'dig<its> & "co".npy'


@pytest.fixture(scope="module")
def contents(tiny_codec, digits):
    labels = np.arange(90) % 7
    return measure(
        tiny_codec, digits[1400:1490], labels, data=DATA, model_file="m.narrows",
        labels_file="labels.npy",
    )  # fmt: skip


@pytest.fixture(scope="module")
def written(contents):
    return page(contents)


@pytest.fixture
def no_peers(monkeypatch):
    """Leave those codecs out that take long to measure."""
    monkeypatch.setattr(Bench, "at_psnr", lambda bench, psnr, near: [])
    monkeypatch.setattr(Bench, "pca_at_size", lambda bench, size: None)


def test_the_page_is_whole_in_itself(written):
    read = Page(written)
    assert all(reference.startswith("data:") for reference in read.references)
    assert "@import" not in written
    assert "url(" not in read.style
    assert not read.of("script")
    assert not read.of("link")
    assert len(written) < 2_000_000


def test_the_page_can_be_read_by_phones_and_screen_readers(written):
    read = Page(written)
    assert written.startswith("<!DOCTYPE html>")
    assert read.of("html") == [{"lang": "en"}]
    assert len(read.of("title")) == len(read.of("main")) == len(read.of("h1")) == 1
    (viewport,) = [meta for meta in read.of("meta") if meta.get("name") == "viewport"]
    assert "width=device-width" in viewport["content"]
    assert "prefers-color-scheme: dark" in read.style
    assert "max-width: 480px" in read.style


def test_every_picture_is_drawn_and_told_in_words(written):
    pictures = Page(written).of("img")
    assert (
        len(pictures) == 9
    )  # rates, two galleries, network, paintings, walk, map, spread, training
    for picture in pictures:
        assert len(picture["alt"]) > 40
        assert re.search(r"\d", picture["alt"]), picture["alt"]
        kind, coded = picture["src"].split(";base64,")
        assert kind == "data:image/svg+xml"
        inside = b64decode(coded).decode()
        assert ET.fromstring(inside).tag.endswith("svg")
        outside = re.findall(r'href="(?!#|data:)', inside)
        assert not outside


def test_names_of_files_are_escaped(written):
    read = Page(written)
    assert DATA in read.text
    assert not read.of("its")


def test_the_page_tells_the_figures(contents, written):
    text, measured = Page(written).text, contents.measured
    for figure in (
        f"{measured.bytes_per_signal:.2f}",
        f"{measured.psnr:.2f} dB",
        f"{measured.ratio:.1f} : 1",
        f"{measured.max_abs_error:.3g}",
        f"{measured.model_bytes:,} bytes",
        contents.codec.model.training["data_sha256"],
        contents.codec.model_id,
        "zlib -9",
        "lzma -9e",
        "PCA codec",
        "1,260 signals, 140 to validate",
        "3 of 3 planned, the best of them 3",
        "narrows train DATA -o m.narrows",
        "--latent-size 6",
        "-m m.narrows --labels labels.npy",
    ):
        assert figure in text, figure
    for sentence in verdict(contents):
        assert sentence.text in text


def test_the_figures_are_those_of_what_was_written(contents, digits, tiny_codec):
    blob = tiny_codec.compress(digits[1400:1490])
    assert contents.measured.compressed_bytes == len(blob)
    assert np.array_equal(contents.decoded, tiny_codec.decompress(blob))
    error = (contents.decoded[7].astype(float) - digits[1407]) / tiny_codec.model.peak
    assert contents.psnr[7] == pytest.approx(-10 * math.log10(np.square(error).mean()))
    assert len(contents.packet_bytes) == 90
    assert contents.packet_bytes[7] == len(tiny_codec.compress_packet(digits[1407]))
    small = contents.comparison.pca_at_size
    assert small.bytes_per_signal == contents.measured.bytes_per_signal
    assert all("narrows[bench]" in told for told in contents.comparison.not_measured)


def test_bytes_against_quality_are_curves(contents):
    (picture,) = pictures.bytes_and_quality(contents)
    told = dict(part.split(": ") for part in picture.alt.removesuffix(".").split("; ")[1:])
    assert told["PCA codec"].count("bytes at") >= 2
    assert picture.alt.split("narrows: ")[1].split(";")[0].count("bytes at") == 3
    assert [point.name for point in contents.comparison.points] == [
        "narrows, effort 0", "narrows, effort 5"
    ]  # fmt: skip
    sizes = [point.psnr for point in contents.comparison.points]
    assert sizes[0] < contents.measured.psnr < sizes[1]


def test_each_latent_paints_what_it_adds_to_the_middle_signal(contents, monkeypatch):
    drawn = []
    monkeypatch.setattr(pictures.plots, "paintings", drawn.append)
    (picture,) = pictures.painted(contents)
    symbols, codec = contents.symbols, contents.codec
    middle = np.rint(np.median(symbols, axis=0)).astype(np.int32)
    steps = np.maximum(1, np.rint(symbols.std(axis=0))).astype(np.int32)
    assert drawn[0].shape == (6, 8, 8)
    energies = np.square(drawn[0]).sum(axis=(1, 2))
    assert np.all(np.diff(energies) <= 0)
    move = np.eye(6, dtype=np.int32)[2] * steps
    more, fewer = codec.decode(np.stack([middle + move, middle - move])).astype(float)
    assert any(np.array_equal(each, more - fewer) for each in drawn[0])
    assert picture.alt.startswith("6 small pictures")


def test_lines_have_no_paintings(contents):
    leads = replace(contents, x=np.zeros((3, 40, 2), np.int16))
    assert pictures.painted(leads) == []


def test_signals_that_were_trained_on_are_noticed(tiny_codec, digits, no_peers):
    trained_on = measure(tiny_codec, digits[:1400])
    assert trained_on.seen
    assert any("trained on these very signals" in s.text for s in verdict(trained_on))
    assert not measure(tiny_codec, digits[1:1400:20]).seen


def test_a_model_in_closed_form_has_no_training_curves(digits, no_peers):
    import narrows

    codec = narrows.train(digits[:200], latent_size=4, architecture="linear")
    found = measure(codec, digits[200:240])
    assert pictures.training(found) == []
    assert any("This model is PCA itself" in s.text for s in verdict(found))


def test_a_model_that_does_not_say_how_it_came_to_be_has_a_page(tiny_codec, digits, no_peers):
    bare = Codec(replace(tiny_codec.model, training={}))
    alone = measure(bare, digits[:1])
    assert len(Page(page(alone)).of("img")) == 6  # one signal: no walk; no rates, no history


# --------------------------------------------------------------------------- verdict


def sentences(contents, architecture="dense", seen=False, **changes):
    """Return the verdict on contents whose figures are changed; `peers` and `lossless` as well."""
    of_others = {field.name for field in fields(Comparison)}
    rows = {name: changes.pop(name) for name in of_others & changes.keys()}
    contents = replace(
        contents,
        all_signals=changes.get("signals", contents.all_signals),
        measured=replace(contents.measured, **changes),
        comparison=replace(contents.comparison, **rows),
        codec=Codec(replace(contents.codec.model, architecture=architecture, training={})),
        symbols=np.arange(12).reshape(2, 6),
        seen=seen,
    )
    return {sentence.text: sentence.mood for sentence in verdict(contents)}


SIZE = {"bytes_per_signal": 10.0, "psnr": 23.0, "model_bytes": 5000, "signals": 600}
BETTER = [RatePoint("quality 1", 10.0, 23.0), RatePoint("quality 2", 40.0, 27.0)]
LOSSLESS = RatePoint("zlib -9", 160.0, math.inf)


@pytest.mark.parametrize(
    ("changes", "said", "mood"),
    [
        ({"break_even_signals": 400}, "paid for itself after 400 signals; here are 600", "good"),
        ({"break_even_signals": 900}, "after 900 signals, but here are only 600", "bad"),
        ({"break_even_signals": None}, "not smaller than the signals themselves", "bad"),
        ({"peers": [RatePoint("PCA codec", 10.4, 23.0, 700)]},
         "PCA does as well on this data: 10.40 bytes a signal against 10.00 at 23.00 dB, "
         "with a model of 700 bytes", "bad"),
        ({"peers": [RatePoint("PCA codec", 4.0, 24.5, 700)]},
         "PCA does better on this data: 4.00 bytes a signal against 10.00, at 24.50 dB against "
         "23.00 dB, with a model of 700 bytes", "bad"),
        ({"peers": [RatePoint("PCA codec", 30.0, 23.0, 700)]},
         "PCA takes 3.0 times the bytes at the same quality: 30.00 bytes a signal against 10.00 at "
         "23.00 dB; with the model counted, narrows is the smaller from 215 signals on", "good"),
        ({"peers": [RatePoint(HALF_LEARNT, 24.0, 23.0, 700)]},
         "PCA that learnt from every second one of these signals takes 2.4 times", "plain"),
        ({"peers": [RatePoint(HALF_LEARNT, 4.0, 23.0, 700)]},
         "PCA (of every second signal) does better on this data", "bad"),
        ({"peers": [], "pca_at_size": RatePoint("PCA codec", 10.0, 15.0)},
         "PCA was not found to reach this quality", "plain"),
        ({"peers": [], "pca_at_size": RatePoint("PCA codec", 10.0, 15.0),
          "pca_is_half_learnt": False}, "PCA was not found to reach this quality", "good"),
        ({"architecture": "linear"}, "This model is PCA itself", "plain"),
        ({"lossless": [RatePoint("zlib -9", 12.0, math.inf)]},
         "zlib -9 is lossless at nearly this size: 12.00 bytes a signal against 10.00", "bad"),
        ({"lossless": [RatePoint("lzma -9e", 9.0, math.inf), RatePoint("zlib -9", 12.0, math.inf)]},
         "lzma -9e is lossless at a smaller size", "bad"),
        ({"lossless": [LOSSLESS]}, "the best is zlib -9: 160.00 bytes a signal against 10.00, "
         "16.0 times as many; with the model counted, narrows is the smaller from 34", "plain"),
        ({"peers": [RatePoint("WebP mosaic", 50.0, 25.0), RatePoint("JPEG XL mosaic", 60.0, 23.0)]},
         "WebP mosaic cannot be compared at this quality: at its lowest it takes 50.00 bytes a "
         "signal for 25.00 dB, where narrows takes 10.00 for 23.00 dB", "plain"),
        ({"peers": [RatePoint("WebP mosaic", 50.0, 25.0), RatePoint("JPEG XL mosaic", 60.0, 23.0)]},
         "JPEG XL mosaic takes 6.0 times the bytes at the same quality", "good"),
        ({"peers": [RatePoint("WebP mosaic", 50.0, 25.0)], "points": BETTER},
         "WebP mosaic takes 2.5 times the bytes at the same quality: 50.00 bytes a signal against "
         "20.00 at 25.00 dB", "good"),
        ({"peers": [RatePoint("WebP mosaic", 10.0, 25.0)], "points": BETTER},
         "WebP mosaic does better: 10.00 bytes a signal against 20.00 at 25.00 dB", "bad"),
        ({"peers": [RatePoint("WebP mosaic", 9.0, 25.0)]},
         "WebP mosaic does better: 9.00 bytes a signal against 10.00, at 25.00 dB against 23.00 dB",
         "bad"),
        ({"peers": [RatePoint("WebP mosaic", 9.8, 23.0)]}, "WebP mosaic does as well", "bad"),
        ({"peers": [RatePoint("WebP mosaic", 20.0, math.inf)]},
         "at its lowest it takes 20.00 bytes a signal for no loss at all", "plain"),
        ({"seen": True}, "trained on these very signals", "bad"),
    ],
)  # fmt: skip
def test_the_verdict_says_what_the_figures_mean(contents, changes, said, mood):
    found = sentences(contents, **{**SIZE, "lossless": [LOSSLESS], "points": [], **changes})
    (text,) = [text for text in found if said in text]
    assert found[text] == mood


def test_the_verdict_tells_signals_of_another_kind_and_idle_latents(contents):
    codec = contents.codec
    training = {
        **codec.model.training,
        "interrupted": True,
        "history": [{"epoch": 3, "psnr": contents.measured.psnr + 2.5}],
        "best_epoch": 3,
    }
    symbols = contents.symbols.copy()
    symbols[:, [0, 4]] = 9
    changed = Codec(replace(codec.model, training=training))
    said = " ".join(s.text for s in verdict(replace(contents, codec=changed, symbols=symbols)))
    assert "2.5 dB worse than those that training was validated on" in said
    assert "2 of 6 latents are the same" in said
    assert "a --latent-size of 4 would do" in said
    assert "stopped before its plan was done" in said


def test_a_fair_model_hears_nothing_of_these(contents):
    found = " ".join(sentences(contents, **SIZE))
    for word in ("worse", "idle", "stopped", "very signals", "latents"):
        assert word not in found


# --------------------------------------------------------------------------- the rest


def test_the_training_command_is_told_as_far_as_it_is_known():
    settings = {"latent_size": 8, "lambda": 0.5, "epochs": None, "device": "auto", "patience": 3,
                "bits_per_latent": 3.2, "loss": "mse", "plain": True, "rate_free": False,
                "noise": 0.0, "seed": 0}  # fmt: skip
    assert train_command(settings, "dense", "a model.narrows") == (
        "narrows train DATA -o 'a model.narrows' "
        "--latent-size 8 --lambda 0.5 --loss mse --plain --seed 0"
    )


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (971_867, "972 kB"), (999_999, "1000 kB"),
     (12_345_678, "12.3 MB")],
)  # fmt: skip
def test_sizes_have_three_digits(size, words):
    assert in_bytes(size) == words


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((3, 5, 5), np.uint8), ("(3, 5, 5)", "(n, 8, 8) of uint8")),
        (np.zeros((3, 8, 8), np.float32), ("float32", "uint8")),
        (np.zeros((0, 8, 8), np.uint8), ("no signals",)),
    ],
)
def test_signals_that_the_model_cannot_take_are_refused(tiny_codec, x, words):
    with pytest.raises(DataError) as refused:
        measure(tiny_codec, x)
    for word in words:
        assert word in str(refused.value)


def test_labels_of_another_length_are_refused(tiny_codec, digits):
    with pytest.raises(DataError, match="4 labels for 5 signals"):
        measure(tiny_codec, digits[:5], np.zeros(4, np.int64))


def test_a_model_that_only_decompresses_is_refused(tiny_codec, digits):
    with pytest.raises(ModelError, match="no encoder"):
        measure(tiny_codec.without_encoder(), digits[:5])


def test_options_in_a_sentence_stay_whole_with_their_value():
    words = import_module("narrows.evaluation.report.page")._words
    assert words("try --architecture=linear on <x>") == (
        "try <code>--architecture=linear</code> on &lt;x&gt;"
    )
    assert words("a --latent-size of 47") == "a <code>--latent-size</code> of 47"


def test_recordings_are_drawn_with_their_past_and_looked_at_in_a_row(no_peers):
    model = tiny_predicting("int16", (24, 2), memory=240)
    x = repeating(model, 60)
    contents = measure(Codec(model), x, most=40, model_file="m.narrows")
    assert np.array_equal(contents.x, x[:40])
    assert len(Codec(model).compress(x[:40])) == contents.measured.compressed_bytes
    (picture,) = recordings.past(contents)
    assert "Windows 37 to 39. Of the first 40, " in picture.caption
    lags = [int(lag) for lag in re.findall(r"\d+(?=,|\.$)", picture.alt)]
    assert all(24 <= lag <= 240 for lag in lags)
    assert picture.title in page(contents)


def test_other_models_have_no_picture_of_a_past(contents):
    assert recordings.past(contents) == []
