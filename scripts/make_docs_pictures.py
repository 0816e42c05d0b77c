"""Make the pictures of docs/concepts.md and docs/tutorial.md, from models trained on MNIST.

`python -m scripts.make_docs_pictures [--model mnist.narrows]`: eleven small trainings take three
minutes of one core. The default model is trained too, in another five to eight, unless --model
names what `narrows train mnist:train -o mnist.narrows` has made. The pictures go to docs/images.
"""

import argparse
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from PIL import Image

import narrows
from narrows import Codec
from narrows.codec.encoding.requests import Request
from narrows.evaluation import plots
from narrows.evaluation.metrics import evaluate
from narrows.evaluation.sweep import sweep
from narrows.signals import read_signals

FOLDER = Path(__file__).parent.parent / "docs" / "images"
COLOURS = 256  # of a PNG's palette: enough for grey levels and errors
CODECS: dict[str, dict[str, object]] = {
    "PCA": {"architecture": "linear", "latent_size": 25},
    "dense-25": {"preset": "dense-25"},
    "dense-25-best": {"preset": "dense-25-best"},
    "dense-32": {"preset": "dense-32"},
    "dense-32, mse": {"preset": "dense-32", "loss": "mse"},
}
DIGITS = 1, 9  # of the test set


def keep(name: str, figure: Figure) -> None:
    """Write a picture as a PNG with a palette."""
    stream = io.BytesIO()
    plots.write_png(figure, stream, dpi=100)
    picture = Image.open(stream).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(FOLDER / name, optimize=True)
    print(f"{name}: {(FOLDER / name).stat().st_size:,} bytes")


def roundtrip(
    codec: Codec, x: npt.NDArray[np.uint8], effort: int | None = None
) -> npt.NDArray[np.uint8]:
    """Compress and decompress."""
    return codec.decompress(codec.compress(x, effort=effort))


def draw_five_codecs(codecs: dict[str, Codec], x: npt.NDArray[np.uint8]) -> None:
    """Draw two digits through every codec, side by side."""
    original = np.repeat(x, len(codecs), axis=0)
    decoded = np.concatenate(
        [roundtrip(codec, digit[None], 0) for digit in x for codec in codecs.values()]
    )
    keep("five-codecs.png", plots.gallery(original, decoded, 255.0, names=list(codecs) * len(x)))


def draw_sweep(
    x_train: npt.NDArray[np.uint8], x_test: npt.NDArray[np.uint8], default: Codec
) -> None:
    """Draw quality and bytes against latent size, and quality against bytes."""
    settings = [{"preset": "dense-32", "latent_size": k} for k in (2, 4, 8, 16, 32, 64)]
    trained = sweep(x_train, x_test, settings)
    points = [each.point for each in trained]
    keep("sweep.png", plots.quality_against_latent_size(points, [p.pca for p in points]))
    codecs = {each.point.latent_size: Codec.from_bytes(each.model) for each in trained}
    shown = x_test[:8]
    decoded = {size: roundtrip(codec, shown) for size, codec in codecs.items()}
    keep("latent-sizes.png", plots.by_latent_size(shown, decoded, 255.0))
    measured = evaluate(default, x_test)
    curves = {
        "default, 32 latents": [(measured.bytes_per_signal, measured.psnr)],
        "dense-32, 2 to 64 latents": [(p.bytes_per_signal, p.psnr) for p in points],
        "PCA, 2 to 64 latents": [(p.pca.bytes_per_signal, p.pca.psnr) for p in points],
    }
    keep("bytes-and-quality.png", plots.rate_distortion(curves))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="the default model, if it is already trained")
    model = parser.parse_args().model
    FOLDER.mkdir(exist_ok=True)
    x_train, x_test = read_signals("mnist:train"), read_signals("mnist:test")
    codecs = {name: narrows.train(x_train, **settings) for name, settings in CODECS.items()}
    draw_five_codecs(codecs, x_test[list(DIGITS)])
    dense_32 = codecs["dense-32"]
    bytes_per_signal = evaluate(dense_32, x_test, Request(effort=0)).bytes_per_signal
    keep("network.png", plots.network(dense_32.model, bytes_per_signal))
    default = narrows.load(model) if model else narrows.train(x_train)
    shown = x_test[:10]
    keep("default.png", plots.gallery(shown, roundtrip(default, shown), 255.0))
    draw_sweep(x_train, x_test, default)


if __name__ == "__main__":
    main()
