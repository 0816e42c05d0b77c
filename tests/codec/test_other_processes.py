"""Codecs, decoders, archives and errors are the same in other processes and threads."""

import copy
import gc
import inspect
import io
import multiprocessing
import pickle
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import narrows
from narrows import errors
from narrows.codec.codec import Codec
from narrows.codec.decoder import Decoder
from narrows.codec.sequence import Archive
from narrows.errors import FormatError, MissingExtraError, NarrowsError
from tests.helpers.tiny_models import tiny_codec, typical_frames

CODEC = tiny_codec(frame_shape=(64, 512), latent_size=3)  # 63 signals a block
X = typical_frames(CODEC.model, 150)
BLOB = CODEC.compress(X)
DECODED = CODEC.decompress(BLOB)
DECODER = Decoder.from_bytes(CODEC.model_bytes)


def loaded(pickled):
    return pickle.loads(pickled)  # noqa: S301


@pytest.fixture
def path(tmp_path):
    (tmp_path / "x.nrw").write_bytes(BLOB)
    (tmp_path / "x.narrows").write_bytes(CODEC.model_bytes)
    return tmp_path / "x.nrw"


def opened(path):
    return narrows.open(path, model=path.with_suffix(".narrows"))


def test_a_pickled_codec_is_no_larger_than_its_model_and_compresses_to_the_same_bytes():
    CODEC.encode(X[:2])  # all that is made at first use is there
    pickled = pickle.dumps(CODEC)
    assert len(pickled) < len(CODEC.model_bytes) + 200
    assert loaded(pickled).compress(X) == BLOB
    decoder = loaded(pickle.dumps(DECODER))
    assert isinstance(decoder, Decoder)
    assert np.array_equal(decoder.decompress(BLOB), DECODED)


def test_cloudpickle_and_joblib_carry_a_codec_and_functions_that_hold_one(tmp_path):
    cloudpickle, joblib = pytest.importorskip("cloudpickle"), pytest.importorskip("joblib")
    held = cloudpickle.dumps(lambda x: (CODEC.compress(x), len(x)))
    assert len(cloudpickle.dumps(CODEC)) < len(CODEC.model_bytes) + 200
    assert loaded(held)(X) == (BLOB, 150)
    joblib.dump({"codec": CODEC}, tmp_path / "codec.joblib")
    assert joblib.load(tmp_path / "codec.joblib")["codec"].compress(X) == BLOB


def test_copies_of_what_never_changes_are_itself():
    assert copy.copy(CODEC) is copy.deepcopy(CODEC) is CODEC
    assert copy.copy(DECODER) is copy.deepcopy([DECODER])[0] is DECODER


def test_threads_that_load_one_pickle_at_once_load_its_model_once(monkeypatch):
    loads, slow = [], Codec.from_bytes.__func__
    barrier = threading.Barrier(5)

    def counted(cls, *args):
        loads.append(threading.get_ident())
        threading.Event().wait(0.05)
        return slow(cls, *args)

    monkeypatch.setattr(Codec, "from_bytes", classmethod(counted))
    pickled = pickle.dumps(tiny_codec(seed=77))

    def load(_):
        barrier.wait()
        return loaded(pickled)

    with ThreadPoolExecutor(5) as threads:
        codecs = list(threads.map(load, range(5)))
    assert len(loads) == 1
    assert all(codec is codecs[0] for codec in codecs)


def test_pickles_of_one_id_that_differ_elsewhere_are_not_taken_for_each_other():
    exported = CODEC.without_encoder()
    both = loaded(pickle.dumps(CODEC)), loaded(pickle.dumps(exported))
    assert both[0].model_id == both[1].model_id
    assert both[0].model.encoder is not None
    assert both[1].model.encoder is None
    batches = loaded(pickle.dumps(Codec(CODEC.model, batch_size=7)))
    assert (batches.transform.batch_size, both[0].transform.batch_size) == (7, 256)


def test_a_process_keeps_few_of_the_models_it_loaded():
    from narrows.codec import shared

    for seed in range(shared.MAX_LOADED + 3):
        loaded(pickle.dumps(tiny_codec(seed=seed)))
    gc.collect()
    assert len(shared._loaded) == shared.MAX_LOADED


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_other_processes_compress_and_read_archives_as_this_one(path, method):
    context = multiprocessing.get_context(method)
    with (
        opened(path) as archive,
        ProcessPoolExecutor(2, mp_context=context) as pool,
    ):
        compressed = [pool.submit(CODEC.compress, X) for _ in range(2)]
        read = pool.map(archive.__getitem__, range(0, 150, 30))
        assert all(
            np.array_equal(got, DECODED[i]) for got, i in zip(read, range(0, 150, 30), strict=True)
        )
        assert [each.result() for each in compressed] == [BLOB, BLOB]


def _read_often(archive, numbers, answers):
    answers.put(all(np.array_equal(archive[i], DECODED[i]) for i in numbers))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_processes_that_share_an_open_archive_read_at_places_of_their_own(path):
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    rows = [[0, 70, 140] * 15, [140, 70, 0] * 15, [70, 0, 140] * 15]
    with opened(path) as archive:
        processes = [context.Process(target=_read_often, args=(archive, r, answers)) for r in rows]
        for process in processes:
            process.start()
        assert [answers.get(timeout=60) for _ in processes] == [True] * 3
        for process in processes:
            process.join()


def test_threads_that_share_an_archive_read_what_each_asked_for(path):
    numbers = [0, 70, 140, 1, 71, 141] * 30
    with opened(path) as archive, ThreadPoolExecutor(6) as threads:
        for number, signal in zip(numbers, threads.map(archive.__getitem__, numbers), strict=True):
            assert np.array_equal(signal, DECODED[number])


def test_a_pickled_archive_is_refused_where_its_file_is_another_by_then(path):
    with opened(path) as archive:
        pickled = pickle.dumps(archive)
    path.write_bytes(CODEC.compress(X[:100]))
    with pytest.raises(FormatError, match="another archive than it was"):
        loaded(pickled)


def test_an_archive_without_a_file_says_why_it_cannot_be_pickled():
    with pytest.raises(TypeError, match="accepted is one open on a file"):
        pickle.dumps(Archive(io.BytesIO(BLOB), DECODER))


def test_every_error_can_be_pickled_and_says_the_same():
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    for kind in (kind for kind in kinds if issubclass(kind, NarrowsError)):
        error = kind(*("a", "b", "c") if kind is MissingExtraError else ("words",))
        again = loaded(pickle.dumps(error))
        assert (type(again), str(again)) == (kind, str(error))


def test_codec_decoder_and_archive_say_what_they_are(path):
    known = ["(64, 512) uint8", "3 latents", f"{len(CODEC.model_bytes):,} bytes", CODEC.model_id]
    assert all(word in repr(CODEC) for word in known)
    assert repr(CODEC).startswith("<Codec")
    assert "<Decoder of (64, 512)" in repr(DECODER)
    assert DECODER.model_id in repr(DECODER)
    with opened(path) as archive:
        assert archive.model_id == CODEC.model_id
        for word in ("(150, 64, 512) uint8", f"{len(BLOB):,} bytes", CODEC.model_id, str(path)):
            assert word in repr(archive)
    assert repr(archive).endswith("closed>")


def test_only_public_names_are_public(path):
    data = "model model_bytes model_id from_bytes transform"
    coding = "decode decompress decompress_packet decompress_packets"
    parts = "decoder encoder save without_encoder encode latents"
    own = f"{data} {coding} {parts} compress compress_packet compress_packets similarity"
    assert _names(CODEC) == sorted(own.split())
    archive = Archive(io.BytesIO(BLOB), DECODER)
    assert _names(archive) == ["close", "dtype", "metadata", "model_id", "shape"]
    decoder = (
        f"{data} {coding} blocks check_model_of decompress_from frames_of packets similarity unwrap"
    )
    assert _names(DECODER) == sorted(decoder.split())


def _names(thing):
    return sorted(name for name in dir(thing) if not name.startswith("_"))


def test_a_model_that_cannot_be_loaded_is_named_beside_the_one_that_is_needed(path):
    for wrong in ("missing.narrows", "x.nrw"):
        with pytest.raises(NarrowsError, match=f"the archive needs model {CODEC.model_id}"):
            narrows.decompress(BLOB, path.parent / wrong)
    with pytest.raises(NarrowsError, match=CODEC.model_id):
        narrows.open(path, path.parent / "missing.narrows")
