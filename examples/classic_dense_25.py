"""784 -> 25 -> 784 twice, with ELU and mean squared error, and as it should be, beside PCA.

python examples/classic_dense_25.py              MNIST, 10 epochs: a minute on one core
python examples/classic_dense_25.py digits 2     8 x 8 digits, 2 epochs: a few seconds

Writes two training curves and classic-dense-25-gallery.png, one image through all three, to the
current folder.
"""

import sys

import numpy as np

import narrows
from narrows.evaluation.plots import gallery, training_curves, write_png
from narrows.signals import read_signals

name = sys.argv[1] if len(sys.argv) > 1 else "mnist"
epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 10

if name == "digits":
    x_train, x_test = np.split(read_signals("digits"), [1400])
else:
    x_train, x_test = read_signals(f"{name}:train"), read_signals(f"{name}:test")

codecs = {"PCA": narrows.train(x_train, architecture="linear", latent_size=25)}
for preset in ("dense-25", "dense-25-best"):
    print(preset)
    codecs[preset] = narrows.train(
        x_train,
        preset=preset,
        epochs=epochs,
        validation=x_test,
        progress=lambda e: print(f"epoch {e.epoch}  loss {e.loss:.4f}  val_loss {e.val_loss:.4f}"),
    )
    with open(f"classic-{preset}-training.png", "wb") as stream:
        write_png(training_curves(codecs[preset].model.training["history"]), stream)

decoded = {}
for title, codec in codecs.items():
    blob = codec.compress(x_test)
    decoded[title] = codec.decompress(blob)
    mse = np.mean((x_test.astype(float) - decoded[title]) ** 2) / codec.model.peak**2
    psnr = -10 * np.log10(mse)
    print(f"{title}: {len(blob) / len(x_test):.2f} bytes an image, MSE {mse:.4f}, {psnr:.2f} dB")

reconstructions = np.stack([images[0] for images in decoded.values()])
originals = np.repeat(x_test[:1], len(codecs), axis=0)
with open("classic-dense-25-gallery.png", "wb") as stream:
    write_png(gallery(originals, reconstructions, codec.model.peak, names=list(codecs)), stream)
