"""Pictures: drawn for every kind of signal, named in every axis, of the figures they are given."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="drawing needs matplotlib; extra report")

from matplotlib.text import Text

from narrows.errors import DataError, MissingExtraError
from narrows.evaluation import plots
from narrows.evaluation.plots.figure import INK
from narrows.evaluation.plots.frames import MAX_SIDE
from narrows.evaluation.plots.gallery import worst
from narrows.evaluation.plots.network import layer_shapes
from narrows.evaluation.plots.slices import slices_of

KINDS = {
    "grey pictures": ((8, 8), np.uint8),
    "colour pictures": ((6, 9, 3), np.uint8),
    "two leads": ((256, 2), np.int16),
    "channels first": ((2, 64), np.int16),
    "volumes": ((6, 7, 8), np.float32),
    "vectors": ((40,), np.float32),
    "single numbers": ((1,), np.float64),
}
SOME_KINDS = ("grey pictures", "two leads", "single numbers")
PICTURES = ("grey pictures", "colour pictures", "volumes")


def signals(kind, n=2):
    shape, dtype = KINDS[kind]
    values = np.random.default_rng(3).normal(100, 30, (n, *shape))
    return np.clip(values, 0, 255).astype(dtype), np.clip(values + 5, 0, 255).astype(dtype)


def texts(figure):
    found = (text.get_text() for text in figure.findobj(Text) if text.get_visible())
    return [text for text in found if text]


def drawn(figure):
    """Return the axes that can be seen; all must be drawn without a warning."""
    assert ET.fromstring(plots.write_svg(figure)).tag.endswith("svg")
    return [axis for axis in figure.axes if axis.get_visible()]


@pytest.mark.parametrize("kind", KINDS)
def test_a_gallery_shows_original_reconstruction_and_error(kind):
    original, decoded = signals(kind)
    figure = plots.gallery(original, decoded, 255.0, "a title", ["one", "two"])
    axes, shown = drawn(figure), texts(figure)
    assert "a title" in shown
    assert sum("two" in text for text in shown) == 1
    if kind in PICTURES:
        assert len(axes) == 3 * len(original) + 1  # and the scale of the errors
        assert {"original", "decoded", "error"} <= set(shown)
    else:
        assert len(axes) == 2 * len(original)
        assert {"signal", "error", "sample", "decoded"} <= set(shown)


@pytest.mark.parametrize("kind", PICTURES)
def test_paintings_are_drawn_on_signed_scales_of_their_own(kind):
    original, _ = signals(kind, 11)
    painted = original.astype(float) - 100.0
    painted[3] = 0.0
    axes = drawn(plots.paintings(painted))
    assert len(axes) == 11
    for axis in axes:
        low, high = axis.images[0].get_clim()
        assert low == -high < 0


def test_stacked_channels_have_ticks_of_their_own_values():
    t = np.linspace(0.0, 20.0, 5000)
    frame = np.stack([1000 + 200 * np.sin(t), 3 + 0 * t, -50 + 90 * np.cos(t)], axis=1)
    axis = drawn(plots.gallery(frame[None], frame[None] - 1, 400.0))[0]
    lines = [line.get_ydata() for line in axis.get_lines()[:3]]
    names = [name.get_text().replace(",", "") for name in axis.get_yticklabels()]
    values = dict(zip(map(float, names), axis.get_yticks(), strict=True))
    assert any(800 <= value <= 1200 for value in values)
    assert 3.0 in values
    for value, place in values.items():
        channel = 0 if value > 500 else 1 if value == 3 else 2
        assert place - lines[channel][0] == pytest.approx(value - frame[0, channel])
    assert axis.get_lines()[0].get_xdata()[-1] > 4990  # samples, not those that were kept


@pytest.mark.parametrize("kind", SOME_KINDS)
def test_latent_sizes_are_rows_under_the_same_signals(kind):
    original, decoded = signals(kind)
    figure = plots.by_latent_size(original, {16: original, 4: decoded, 1: decoded}, 255.0)
    axes, shown = drawn(figure), texts(figure)
    rows = [text for text in shown if "latent" in text]
    assert [row.split("\n")[0] for row in rows] == ["1 latent", "4 latents", "16 latents"]
    assert rows[2].endswith("exact")
    assert all(row.endswith("dB") for row in rows[:2])
    assert len(axes) == 2 * (4 if kind in PICTURES else 3)


@pytest.mark.parametrize("kind", SOME_KINDS)
def test_a_walk_shows_every_step(kind):
    original, _ = signals(kind, 5)
    figure = plots.walk(original, 255.0)
    assert len(drawn(figure)) == 5
    assert {"start", "25%", "50%", "75%", "end"} <= set(texts(figure))


def test_a_gallery_tells_the_psnr_of_each_signal():
    original = np.zeros((3, 4, 4), np.uint8)
    decoded = original.copy()
    decoded[1] += 10  # 20 log10(100 / 10) = 20 dB
    decoded[2] += 1
    shown = texts(plots.gallery(original, decoded, 100.0))
    assert [text for text in shown if text == "exact" or text.endswith(" dB")] == [
        "exact", "20.0 dB", "40.0 dB",
    ]  # fmt: skip


def test_not_a_number_is_drawn_as_lost():
    original = np.ones((2, 30), np.float32)
    original[1, 4:6] = np.nan, np.inf
    figure = plots.gallery(original, np.ones_like(original), 1.0)
    assert len(drawn(figure)) == 4
    assert any(text.endswith("lost") for text in texts(figure))


def test_the_worst_come_first():
    assert worst(np.array([20.0, np.inf, 7.5, 30.0, 7.0]), 3).tolist() == [4, 2, 0]


def test_large_pictures_are_averaged_down():
    board = (np.indices((1000, 1000)).sum(0) % 2 * 200).astype(np.uint8)[None]
    figure = plots.gallery(board, board, 255.0)
    (shown, *_) = (axis.images[0].get_array() for axis in figure.axes if axis.images)
    assert max(shown.shape) <= MAX_SIDE
    assert abs(float(shown.mean()) - 100.0) < 2.0


@pytest.mark.parametrize(
    ("shape", "lines"),
    [((256, 2), (256, 2)), ((2, 256), (256, 2)), ((100,), (100, 1)), ((1,), (1, 1)),
     ((300, 12), (300, 4)), ((100_000,), (2000, 1))],
)  # fmt: skip
def test_lines_run_along_the_longest_axis(shape, lines):
    assert plots.as_lines(np.zeros(shape)).shape == lines


@pytest.mark.parametrize(
    ("shape", "picture"),
    [((28, 28), (28, 28)), ((8, 16, 16), (16, 16)), ((32, 20, 3), (32, 20, 3)), ((256, 2), None),
     ((3, 200), None), ((100,), None)],
)  # fmt: skip
def test_frames_are_pictures_or_lines(shape, picture):
    found = plots.as_picture(np.zeros(shape))
    assert (None if found is None else found.shape) == picture


def records(val_losses, **others):
    return [
        {"epoch": n, "loss": 2.0 * v, "val_loss": v, "psnr": 20.0 + n, "lambda": 3.0,
         "bytes_per_signal": 4.0, **others}
        for n, v in enumerate(val_losses, 1)
    ]  # fmt: skip


def test_training_curves_mark_the_best_epoch():
    figure = plots.training_curves(records([9.0, 5.0, 6.0, 7.0]))
    above, below = drawn(figure)
    assert "best: epoch 2" in texts(figure)
    assert above.get_ylabel() == "loss (bits a signal)"
    assert (below.get_xlabel(), below.get_ylabel()) == ("epoch", "validation PSNR (dB)")
    lines = {line.get_label(): list(line.get_ydata()) for line in above.lines}
    assert lines["training loss"] == [18.0, 10.0, 12.0, 14.0]
    assert lines["validation loss"] == [9.0, 5.0, 6.0, 7.0]
    assert "best: epoch 4" in texts(plots.training_curves(records([3.0, 4.0, 5.0, 2.5]), 4))


def test_training_curves_cope_with_models_without_a_rate_and_with_objects():
    history = records([0.5, 0.2], lambda_=None, bytes_per_signal=None)
    figure = plots.training_curves([SimpleNamespace(**record) for record in history])
    assert drawn(figure)[0].get_ylabel() == "loss"


def test_training_curves_leave_out_the_psnr_of_exact_copies():
    history = records([3.0, 2.0])
    history[1]["psnr"] = None
    psnr = drawn(plots.training_curves(history))[1].lines[0].get_ydata()
    assert np.isnan(psnr).tolist() == [False, True]
    drawn(plots.training_curves([{**record, "psnr": None} for record in history]))


def test_a_closed_form_model_has_no_training_curves():
    with pytest.raises(DataError, match="closed form"):
        plots.training_curves([])


def point(latent_size, bytes_per_signal, psnr):
    return SimpleNamespace(latent_size=latent_size, bytes_per_signal=bytes_per_signal, psnr=psnr)


def test_quality_and_bytes_are_drawn_against_latent_size():
    networks = [point(8, 3.2, 20.0), point(2, 0.9, 15.0)]
    figure = plots.quality_against_latent_size(networks, [point(2, 0.8, 14.0)])
    above, below = drawn(figure)
    assert [list(line.get_xdata()) for line in above.lines] == [[2, 8], [2]]
    assert list(above.lines[0].get_ydata()) == [15.0, 20.0]
    assert list(below.lines[0].get_ydata()) == [0.9, 3.2]
    assert (above.get_ylabel(), below.get_ylabel()) == ("PSNR (dB)", "bytes a signal")
    assert [text.get_text() for text in below.get_xticklabels()] == ["2", "8"]
    with pytest.raises(DataError):
        plots.quality_against_latent_size([])


def test_rate_distortion_leaves_exact_copies_out():
    points = {"narrows": [(12.0, 23.0), (6.0, 20.0)], "zlib": [(160.0, np.inf)]}
    figure = plots.rate_distortion(points)
    (axis,) = drawn(figure)
    assert [line.get_label() for line in axis.lines] == ["narrows"]
    assert list(axis.lines[0].get_xdata()) == [6.0, 12.0]
    assert axis.get_xscale() == "log"
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("bytes a signal", "PSNR (dB)")
    with pytest.raises(DataError):
        plots.rate_distortion({"zlib": [(160.0, np.inf)]})


def test_rate_distortion_does_not_blow_small_differences_up():
    (axis,) = drawn(plots.rate_distortion({"a": [(12.0, 23.0)], "b": [(12.1, 23.1)]}))
    low, high = axis.get_ylim()
    assert high - low >= 4.0
    low, high = axis.get_xlim()
    assert high / low >= 2.0


def test_the_projection_finds_the_line_that_points_lie_on():
    along = np.arange(-5, 6)[:, None] * np.array([[3, -4, 0]]) + 7
    points, shares = plots.projection(along)
    assert shares == pytest.approx([1.0, 0.0], abs=1e-12)
    assert np.ptp(points[:, 0]) == pytest.approx(50.0)
    assert points[0, 0] > 0  # the largest coordinate of each axis is positive: here, 4 downwards
    assert plots.projection(np.arange(5)[:, None])[0].shape == (5, 2)


def test_the_map_names_the_ten_largest_classes():
    symbols = np.random.default_rng(0).integers(-9, 9, (600, 5))
    figure = plots.latent_map(symbols, np.arange(600) % 30 // 2 % 12)
    (axis,) = drawn(figure)
    legend = [text.get_text() for text in axis.get_legend().get_texts()]
    assert legend == [*map(str, range(10)), "2 others"]
    assert axis.get_xlabel().startswith("first component (")
    assert drawn(plots.latent_map(symbols))[0].get_legend() is None
    with pytest.raises(DataError, match="599 labels for 600"):
        plots.latent_map(symbols, np.zeros(599))


def test_names_of_classes_do_not_hide_each_other():
    symbols = np.random.default_rng(0).integers(-9, 9, (400, 2))
    (axis,) = drawn(plots.latent_map(symbols, np.arange(400) % 4))  # all in the same place
    places = np.array([text.get_position() for text in axis.texts])
    (left, right), (bottom, top) = axis.get_xlim(), axis.get_ylim()
    between = (places[:, None] - places[None]) / [right - left, top - bottom]
    distances = np.sqrt(np.square(between).sum(-1))[~np.eye(4, dtype=bool)]
    assert distances.min() > 0.05


def test_histograms_count_every_signal():
    psnr = np.array([20.0, 20.5, 24.0, np.inf])
    above, below = drawn(plots.histograms(psnr, [3, 3, 5]))
    assert sum(bar.get_height() for bar in above.patches) == 3
    assert {bar.get_height() for bar in below.patches} == {0, 1, 2}
    assert above.get_xlabel() == "PSNR of a signal (dB), 1 left out"
    assert below.get_xlabel() == "bytes of a signal as a packet"
    assert any("median 3 bytes" in text.get_text() for text in below.texts)


def test_the_steps_of_a_walk_start_and_end_at_the_signals():
    steps = plots.steps_between(np.array([0, -8, 3]), np.array([8, 0, 3]), 5)
    assert steps.tolist() == [[0, -8, 3], [2, -6, 3], [4, -4, 3], [6, -2, 3], [8, 0, 3]]
    assert steps.dtype == np.int32


def test_the_network_is_drawn_with_its_widths(tiny_codec):
    model = tiny_codec.model
    figure = plots.network(model, 3.21)
    drawn(figure)
    shown = texts(figure)
    assert [text for text in shown if text.startswith("latents")] == ["latents\n3.21 bytes"]
    widths = [layer.weight.shape[1] for layer in model.encoder.layers if layer.kind == "dense"]
    assert [shape[0] for shape in layer_shapes(model.encoder)[1:]] == widths
    assert widths[-1] == 6
    for width in widths:
        assert f"{width:,}" in shown
    assert shown.count("8×8") == 2
    assert "encoder" in shown


def test_half_a_model_is_drawn_from_its_latents_on(tiny_codec):
    figure = plots.network(tiny_codec.without_encoder().model)
    drawn(figure)
    assert "encoder" not in texts(figure)
    assert texts(figure).count("8×8") == 1


def test_an_svg_is_the_same_each_time_and_takes_its_ink_from_the_page():
    first, second = (plots.write_svg(plots.training_curves(records([3.0, 2.0]))) for _ in "12")
    assert first == second
    svg = first.decode()
    assert "prefers-color-scheme:dark" in svg
    assert svg.count(INK) == 1  # only where the style gives the colour
    assert svg.count("currentColor") > 10
    names = [element.get("id") for element in ET.fromstring(svg).iter() if element.get("id")]
    assert len(names) == len(set(names))


def test_drawing_needs_no_pyplot():
    code = (
        "import sys, io, numpy as np\n"
        "from narrows.evaluation import plots\n"
        "plots.write_png(plots.histograms([1.0, 2.0], [3]), io.BytesIO())\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'narrows\[report\]'"):
        plots.new_figure(1, 1)


def test_reconstructions_of_other_signals_are_refused():
    original, decoded = signals("grey pictures")
    with pytest.raises(DataError, match=r"\(1, 8, 8\) at 4 latents"):
        plots.by_latent_size(original, {4: decoded[:1]}, 255.0)
    with pytest.raises(DataError, match="no reconstructions"):
        plots.by_latent_size(original, {}, 255.0)


def test_an_array_is_shown_by_slices_with_that_of_its_largest_error():
    x = np.random.default_rng(0).normal(100, 30, (9, 20, 30))
    off = np.zeros_like(x)
    off[7, 3, 4] = 50.0
    middle, across, worst_one = slices_of([x], [x + off], ["a.npy"])
    assert np.array_equal(middle.original, x[4])
    assert np.array_equal(across.original, x[:, 10])
    assert np.array_equal(worst_one.original, x[7])
    assert worst_one.name == "slice [7], with the largest error"
    figure = plots.slices([middle, across, worst_one])
    assert {"absolute error, up to 50", "slice [4]\noriginal"} <= set(texts(figure))
    several = slices_of([x[0], x[1], x[2]], [x[0], x[1] + off[7], x[2]], ["a", "b", "c"])
    assert [each.name[:1] for each in several] == ["a", "b", "c", "b"]
    assert np.abs(several[-1].original - several[-1].decoded).max() == 50.0


def test_an_array_of_one_axis_is_shown_as_lines():
    x = np.cumsum(np.random.default_rng(0).normal(size=3000))
    off = np.where(np.arange(3000) == 2990, 3.0, 0.0)
    whole, near = slices_of([x], [x + off], ["a.npy"])
    assert len(near.original) == 256
    assert np.abs(near.original - near.decoded).max() == pytest.approx(3.0)
    assert "error" in texts(plots.slices([whole, near]))
