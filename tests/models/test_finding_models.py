"""Models are found in the file given, in the archive itself, or in NARROWS_MODELS."""

import io
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import narrows
from narrows.codec.archive import ArchiveReader
from narrows.codec.codec import Codec
from narrows.codec.model.model_file import pack_model
from narrows.codec.networks.layers import Dense
from narrows.codec.networks.network import IntegerNetwork
from narrows.errors import FormatError, ModelError, ModelNotFoundError, WrongModelError
from narrows.models import MODELS_VARIABLE, decoder_for, find_model, load_codec
from tests.helpers.tiny_models import (
    assert_identical,
    refusal,
    refusing,
    tiny_codec,
    tiny_model,
    typical_frames,
)

CODEC = tiny_codec("uint8", (3, 5), 2, 3)
OTHER = tiny_codec("uint8", (3, 5), 2, 3, seed=1)
X = typical_frames(CODEC.model, 9)


def header_of(blob):
    return ArchiveReader(io.BytesIO(blob)).header


@pytest.fixture(autouse=True)
def no_folders(monkeypatch):
    monkeypatch.delenv(MODELS_VARIABLE, raising=False)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Two folders named in NARROWS_MODELS, and between them one that does not exist."""
    both = [tmp_path / "a", tmp_path / "b"]
    for folder in both:
        folder.mkdir()
    named = [both[0], tmp_path / "missing", both[1]]
    monkeypatch.setenv(MODELS_VARIABLE, os.pathsep.join(map(str, named)))
    return both


# ---------------------------------------------------------------- NARROWS_MODELS


@pytest.mark.parametrize("place", [0, 1])
def test_a_model_is_found_in_any_of_the_folders(folders, place):
    OTHER.save(folders[0] / "other.narrows")
    CODEC.save(folders[place] / "digits.narrows")
    assert find_model(CODEC.model.model_id)[0] == folders[place] / "digits.narrows"
    blob = CODEC.compress(X)
    assert decoder_for(header_of(blob)).model_id == CODEC.model_id
    assert_identical(narrows.decompress(blob), CODEC.decompress(blob))


@pytest.mark.skipif(os.name != "posix", reason="FIFOs and links are POSIX's")
def test_what_is_no_file_is_passed_over_and_not_waited_for(folders):
    os.mkfifo(folders[0] / "a.narrows")
    (folders[0] / "b.narrows").mkdir()
    (folders[0] / "c.narrows").symlink_to("nowhere")
    (folders[0] / "d.narrows").symlink_to("d.narrows")
    CODEC.save(folders[0] / "m.narrows")
    assert find_model(CODEC.model.model_id)[0] == folders[0] / "m.narrows"


def test_the_first_folder_goes_before_the_second(folders):
    for folder in folders:
        CODEC.save(folder / "m.narrows")
    assert find_model(CODEC.model.model_id)[0] == folders[0] / "m.narrows"


def test_empty_parts_of_the_variable_name_no_folder(folders, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    CODEC.save(tmp_path / "here.narrows")
    monkeypatch.setenv(MODELS_VARIABLE, os.pathsep * 2)
    refusal(find_model, CODEC.model.model_id, error=ModelNotFoundError)


def test_files_that_are_no_models_are_passed_over(folders):
    (folders[0] / "a.narrows").write_bytes(b"")
    (folders[0] / "b.narrows").write_bytes(b"\xff" * 100)
    (folders[0] / "c.narrows").write_bytes(CODEC.model_bytes[:50])
    (folders[0] / "d.narrows").mkdir()
    (folders[0] / "e.txt").write_bytes(CODEC.model_bytes)
    CODEC.save(folders[1] / "m.narrows")
    assert find_model(CODEC.model.model_id)[0] == folders[1] / "m.narrows"


def test_json_nested_without_end_is_passed_over(folders):
    header = b"[" * 100_000
    (folders[0] / "a.narrows").write_bytes(len(header).to_bytes(8, "little") + header)
    CODEC.save(folders[1] / "m.narrows")
    assert find_model(CODEC.model.model_id)[0] == folders[1] / "m.narrows"


def test_a_damaged_copy_does_not_hide_the_whole_one_and_alone_is_named(folders):
    damaged = folders[0] / "m.narrows"
    damaged.write_bytes(CODEC.model_bytes[:-1])
    with refusing(ModelNotFoundError, str(damaged)):
        narrows.decompress(CODEC.compress(X))
    CODEC.save(folders[1] / "m.narrows")
    assert np.array_equal(narrows.decompress(CODEC.compress(X)), CODEC.decode(CODEC.encode(X)))


def test_a_model_that_is_nowhere_is_named_with_where_was_looked(folders):
    OTHER.save(folders[0] / "other.narrows")
    for function, argument in (
        (find_model, CODEC.model.model_id),
        (decoder_for, header_of(CODEC.compress(X))),
        (narrows.decompress, CODEC.compress(X)),
    ):
        with refusing(ModelNotFoundError, CODEC.model_id, str(folders[1]), "-m"):
            function(argument)


def test_without_the_variable_its_name_is_said():
    with refusing(ModelNotFoundError, f"{MODELS_VARIABLE} is unset", CODEC.model_id):
        find_model(CODEC.model.model_id)


# ---------------------------------------------------------------- embedded and given


def test_an_embedded_model_is_enough():
    blob = CODEC.compress(X, embed_model=True)
    assert decoder_for(header_of(blob)).model_id == CODEC.model_id
    assert_identical(narrows.decompress(blob), CODEC.decompress(blob))


def test_an_embedded_model_goes_before_the_folders(folders):
    (folders[0] / "m.narrows").write_bytes(CODEC.model_bytes[:-1])
    blob = CODEC.compress(X, embed_model=True)
    assert_identical(narrows.decompress(blob), CODEC.decompress(blob))


def test_an_embedded_model_that_is_another_is_refused():
    header = replace(header_of(CODEC.compress(X)), embedded_model=OTHER.model_bytes)
    with refusing(WrongModelError, CODEC.model_id, OTHER.model_id):
        decoder_for(header)


@pytest.mark.parametrize("embed_model", [False, True])
def test_the_model_given_is_used(tmp_path, embed_model):
    path = tmp_path / "m.narrows"
    CODEC.save(path)
    blob = CODEC.compress(X, embed_model=embed_model)
    for given in (path, str(path)):
        assert_identical(narrows.decompress(blob, given), CODEC.decompress(blob))


def test_a_wrong_model_given_is_refused_though_the_right_one_is_there(folders, tmp_path):
    CODEC.save(folders[0] / "right.narrows")
    OTHER.save(tmp_path / "wrong.narrows")
    for embed_model in (False, True):
        blob = CODEC.compress(X, embed_model=embed_model)
        with refusing(WrongModelError, CODEC.model_id, OTHER.model_id):
            narrows.decompress(blob, tmp_path / "wrong.narrows")


# ---------------------------------------------------------------- loading


def test_a_codec_is_loaded_as_it_was_saved(tmp_path):
    path = tmp_path / "m.narrows"
    CODEC.save(str(path))
    for codec in (load_codec(path), narrows.load(path), narrows.load(str(path))):
        assert codec.model_id == CODEC.model_id
        assert codec.model_bytes == CODEC.model_bytes
        assert_identical(codec.encode(X), CODEC.encode(X))


def test_saving_replaces_the_old_file(tmp_path):
    path = tmp_path / "m.narrows"
    OTHER.save(path)
    CODEC.save(path)
    assert narrows.load(path).model_id == CODEC.model_id
    assert [file.name for file in tmp_path.iterdir()] == ["m.narrows"]


def test_a_file_that_is_not_there_is_named_with_what_to_do(tmp_path):
    path = tmp_path / "missing.narrows"
    with refusing(ModelNotFoundError, str(path), "narrows train"):
        narrows.load(path)


def test_a_folder_is_no_model(tmp_path):
    assert str(tmp_path) in refusal(narrows.load, tmp_path, error=ModelNotFoundError)


def inexact_model():
    model = tiny_model()
    return replace(model, known_answers=replace(model.known_answers, sha256="0" * 64))


def unproven_model_bytes(monkeypatch):
    """Write a model whose bias no float64 holds; only a patched proof lets it be made."""
    model = tiny_model(frame_shape=(2,), latent_size=2, known_answers=False)
    dense = Dense(np.eye(2, dtype=np.int16), np.full(2, 2**60, np.int64), 52, 5)
    with monkeypatch.context() as patch:
        patch.setattr("narrows.codec.networks.network.EXACT_FLOAT64", 2**63)
        decoder = IntegerNetwork([dense], (2,), model.quantiser.limit)
        return pack_model(replace(model, decoder=decoder))


@pytest.mark.parametrize("fault", ["truncated", "text", "known answers", "unproven"])
def test_every_error_of_loading_names_the_file(tmp_path, monkeypatch, fault):
    path = tmp_path / "m.narrows"
    content, error = {
        "truncated": (CODEC.model_bytes[:-1], FormatError),
        "text": (b"hello\n" * 9, FormatError),
        "known answers": (pack_model(inexact_model()), ModelError),
        "unproven": (unproven_model_bytes(monkeypatch), ModelError),
    }[fault]
    path.write_bytes(content)
    assert str(path) in refusal(load_codec, path, error=error)


def test_a_model_in_a_backend_given_gives_the_same_symbols(tmp_path):
    class Counting(type(CODEC.decoder.transform.backend)):
        """Numpy, but not the instance that is used by default."""

    path = tmp_path / "m.narrows"
    CODEC.save(path)
    backend = Counting()
    codec = load_codec(path, backend)
    assert isinstance(codec, Codec)
    assert codec.decoder.transform.backend is backend
    assert_identical(codec.encode(X), CODEC.encode(X))


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="this system has no /dev/zero")
def test_a_device_without_end_is_refused_by_its_first_bytes():
    code = (
        "import resource; from pathlib import Path\n"
        "from narrows.models import load_codec; from narrows.errors import FormatError\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 32, 1 << 32))\n"
        "try: load_codec(Path('/dev/zero'))\n"
        "except FormatError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "/dev/zero: not a narrows model: it begins with" in done.stdout
