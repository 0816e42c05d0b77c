"""The parts of a model file, to be changed and put together again."""

import zlib

import numpy as np

from readers.python.narrows_reader.container import read_container
from readers.python.narrows_reader.conventions import Cursor
from readers.python.narrows_reader.model_id import digest, model_id
from readers.python.narrows_reader.settings import canonical
from readers.python.narrows_reader.tensors import NUMBER_TYPES, Tensors, read_head
from scripts.golden.bad.good_files import MODEL, varint
from tests.helpers.model_files import sealed_text

ONE = "0x1.0000000000000p+0"
CONTEXT_TENSORS = {"order": "i4", "hidden_weight": "i2", "hidden_bias": "i4", "output_weight": "i2",
                   "output_bias": "i4", "basis": "i2", "base": "i4"}  # fmt: skip


def pack(values):
    """Pack a tensor in planes, without a shift."""
    raw = values.astype(values.dtype.newbyteorder("<")).tobytes()
    planes = np.frombuffer(raw, np.uint8).reshape(-1, values.itemsize).T.tobytes()
    code = NUMBER_TYPES.index(values.dtype.name)
    head = bytes([code, values.ndim]) + b"".join(map(varint, values.shape))
    return head + bytes([0, 0, 0, values.itemsize]) + zlib.compress(planes)


class Model:
    """The parts of the good model, to be changed and put together again."""

    def __init__(self, data=MODEL):
        self.settings, self.packed = read_container(data)
        self.decoding = self.settings["decoding"]
        self.decoder, self.contexts = self.decoding["decoder"], self.decoding["contexts"]
        self.encoder = self.settings["encoder"]

    def replace(self, name, values):
        """Put another tensor into the place of one."""
        self.packed[name] = pack(values)

    def layer(self, number):
        """Return the settings of a layer of the decoder."""
        return self.decoder["layers"][number]

    def inner(self):
        """Return the settings of the convolution within the residual layer."""
        return self.layer(2)["layers"][0]

    def tensor(self, name):
        """Unpack a tensor."""
        head = read_head(Cursor(self.packed[name]))
        tensors = Tensors(dict(self.packed))
        tensors.unpack(name, head.dtype.name, *head.shape)
        return tensors.done[name]

    def tensors(self, *parts):
        """Unpack the tensors whose names begin so."""
        return {name: self.tensor(name) for name in self.packed if name.startswith(parts)}

    def leave_out(self, *parts):
        """Leave the tensors out whose names begin so."""
        self.packed = {n: p for n, p in self.packed.items() if not n.startswith(parts)}

    def replace_part(self, name, values, number=1):
        """Put other numbers into a tensor of a context model."""
        name = f"contexts.{number}.{name}"
        kind = CONTEXT_TENSORS[name.rpartition(".")[2]]
        self.replace(name, np.array(values, kind))

    def cut(self, name):
        """Take the last number of a tensor of the context model away."""
        self.replace_part(name, self.tensor("contexts.1." + name)[:-1])

    def resize(self, n_units, n_outputs, number=1, weight=0):
        """Change how many units and outputs a context model has; all its numbers become equal."""
        entries = self.tensor("tables.size")[number].sum()
        k = self.tensor("tables.size").shape[1]
        pairs = n_units * k * (k - 1) // 2
        sizes = {"order": 0, "hidden_weight": pairs, "hidden_bias": n_units * (k - 1),
                 "output_weight": n_outputs * pairs, "output_bias": n_outputs * k,
                 "basis": n_outputs * entries, "base": entries}  # fmt: skip
        for name, size in sizes.items():
            self.replace_part(name, np.full(size, weight * (name == "output_weight")), number)
        self.replace_part("order", range(k), number)

    def channels(self, n):
        """Give each number of the normaliser to n channels."""
        own = self.decoding["normaliser"]
        own.update({k: [v] * n for k, v in own.items() if k not in ("dtype", "limit")})

    def change(self, name, at, value):
        """Put another number into a tensor."""
        values = self.tensor(name)
        values.flat[at] = value
        self.replace(name, values)

    def seal(self, decoder="decoder.0."):
        """Make the digest and the id right, of the decoder's tensors whose names begin so."""
        if self.settings["encoder"]:
            own = self.tensors("encoder.")
            self.settings["encoder_sha256"] = digest(self.settings["encoder"], own).hex()
        parts = [decoder, "levels.", "prediction.", "quantiser.", "tables.", "trellis."]
        parts += ["wavelets."]
        parts += [
            f"contexts.{i}."
            for i, each in enumerate(self.contexts)
            if each and "same_as" not in each
        ]
        self.settings["model_id"] = model_id(self.settings, self.tensors(*parts)).hex()

    def file(self, text=None, **sizes):
        """Write the file with a right checksum.

        `text` changes the JSON, `sizes` are other numbers of bytes of tensors.
        """
        packed = dict(sorted(self.packed.items()))
        sizes = {name: len(tensor) for name, tensor in packed.items()} | sizes
        json = (text or str)(canonical({**self.settings, "tensors": sizes}))
        return sealed_text(json.encode(), b"".join(packed.values()))


def without_answers(data=MODEL):
    """Return a good model without known answers and training, which only take space."""
    model = Model(data)
    model.settings["known_sha256"] = None
    model.leave_out("known.")
    model.replace("training", np.frombuffer(b"{}", np.uint8))
    return model


def faulty(changes, make, prefix="", decoder="decoder."):
    """Return files by name: good models that `make` returns, each with one fault and a right id."""
    files = {}
    for name, change in changes.items():
        model = make()
        change(model)
        model.seal(decoder)
        files[prefix + name] = model.file()
    return files


def shrunken(data=MODEL):
    """Return a good model without its encoder, too."""
    model = without_answers(data)
    model.settings["encoder"] = None
    model.leave_out("encoder.")
    return model


def plainer(data, part):
    """Return such a model with plain numbers in the tensors of a part, which take less space."""
    model = shrunken(data)
    for name, values in model.tensors(part, "decoder.", "tables.").items():
        plain = np.zeros_like(values)
        if name.endswith(".loud"):
            plain[:] = 2**24 // 256
        if name.endswith(("tables.weights", "trellis.weights")):
            own = name.replace("trellis", "tables").replace("weights", "size")
            sizes = model.tensor(own).reshape(-1)
            starts = np.cumsum(sizes) - sizes
            plain[:] = 1
            plain[starts] = 2**24 + 1 - sizes
        if not name.endswith((".low", ".size", ".step")):
            model.replace(name, plain)
    return model
