"""784 -> 32 -> 784, the classic first autoencoder, and what comes after its pictures: bytes.

python examples/classic_dense_32.py              MNIST, 10 epochs: 20 seconds on one core
python examples/classic_dense_32.py digits 2     8 x 8 digits, 2 epochs: a few seconds

Writes classic-dense-32-training.png and classic-dense-32-gallery.png to the current folder.
"""

import sys

import numpy as np

import narrows
from narrows.evaluation.plots import gallery, training_curves, write_png
from narrows.signals import read_signals

name = sys.argv[1] if len(sys.argv) > 1 else "mnist"
epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 10

# (n, 28, 28) uint8; nothing is divided by 255 or flattened here, the codec does both.
if name == "digits":
    x_train, x_test = np.split(read_signals("digits"), [1400])
else:
    x_train, x_test = read_signals(f"{name}:train"), read_signals(f"{name}:test")

codec = narrows.train(
    x_train,
    preset="dense-32",
    epochs=epochs,
    validation=x_test,
    progress=lambda e: print(f"epoch {e.epoch}  loss {e.loss:.4f}  val_loss {e.val_loss:.4f}"),
)

# Most scripts end with 32 float32 numbers an image. These are the bytes of a file:
blob = codec.compress(x_test)
decoded = codec.decompress(blob)
packet = codec.compress_packet(x_test[0])  # one image alone, for a radio or a database cell

mse = np.mean((x_test.astype(float) - decoded) ** 2) / codec.model.peak**2
print(f"an image: {x_test[0].nbytes} bytes raw, {4 * 32} as 32 float32 latents")
print(f"in an archive {len(blob) / len(x_test):.2f} bytes, alone {len(packet)} bytes")
print(f"MSE {mse:.4f}, PSNR {-10 * np.log10(mse):.2f} dB")

with open("classic-dense-32-training.png", "wb") as stream:
    write_png(training_curves(codec.model.training["history"]), stream)
with open("classic-dense-32-gallery.png", "wb") as stream:
    write_png(gallery(x_test[:10], decoded[:10], codec.model.peak), stream)
