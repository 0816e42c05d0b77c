"""Which engine computes: the fastest that is here, the one that is asked for, or numpy."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from narrows.codec.codec import Codec
from narrows.codec.entropy.native.tables import CompiledTables
from narrows.codec.networks import engines
from narrows.codec.networks.backend import NUMPY
from narrows.codec.networks.engines import (
    ENGINE_VARIABLE,
    REFERENCE,
    LibraryEngine,
    NativeEngine,
    engine_for,
    standings,
)
from narrows.codec.networks.native.extension import extension, levels
from narrows.errors import ModelError, SettingError
from tests.helpers.tiny_models import tiny_model

native, WHY = extension()
compiled = pytest.mark.skipif(native is None, reason=f"the compiled part is {WHY}")


def asked(monkeypatch, name):
    monkeypatch.setenv(ENGINE_VARIABLE, name)
    return engine_for()


def test_numpy_computes_where_it_is_asked_for(monkeypatch):
    assert asked(monkeypatch, "numpy") is REFERENCE
    monkeypatch.delenv(ENGINE_VARIABLE)
    assert engine_for(NUMPY) == REFERENCE


def test_a_backend_that_is_given_computes_whatever_is_asked_for(monkeypatch, torch_backend):
    monkeypatch.setenv(ENGINE_VARIABLE, "native-plain")
    assert engine_for(torch_backend) == LibraryEngine(torch_backend)
    assert engine_for(torch_backend).name == "torch"


@compiled
def test_the_fastest_level_computes_where_nothing_is_asked_for(monkeypatch):
    monkeypatch.delenv(ENGINE_VARIABLE, raising=False)
    fast = [level for level in levels() if level not in engines.SLOW_LEVELS]
    assert engine_for() == (NativeEngine(fast[0]) if fast else REFERENCE)
    assert asked(monkeypatch, "native") == NativeEngine(levels()[0])
    assert [asked(monkeypatch, f"native-{level}") for level in levels()] == [
        NativeEngine(level) for level in levels()
    ]
    monkeypatch.setattr(engines, "levels", lambda: ["plain"])
    monkeypatch.delenv(ENGINE_VARIABLE)
    assert engine_for() is REFERENCE


@pytest.mark.parametrize("name", ["gpu", "native-avx9", "NUMPY", "torch"])
def test_an_engine_that_is_not_there_is_refused_with_those_that_are(monkeypatch, name):
    with pytest.raises(SettingError, match=rf"NARROWS_ENGINE={name}; this machine has numpy"):
        asked(monkeypatch, name)


def unpickled(codec):
    make, arguments = codec.__reduce__()
    return make(*arguments)


def test_a_pickle_computes_with_what_is_on_the_machine_that_opens_it(tiny_codec, monkeypatch):
    codec, own = (Codec(tiny_codec.model, backend, 77) for backend in (None, NUMPY))
    monkeypatch.setenv(ENGINE_VARIABLE, "numpy")
    assert unpickled(codec).transform.engine is REFERENCE
    monkeypatch.delenv(ENGINE_VARIABLE)
    assert unpickled(own).transform.engine == REFERENCE
    assert codec.without_encoder().transform.given_backend is None


@compiled
def test_numpy_computes_where_compiled_code_gives_other_answers(tiny_codec, digits, monkeypatch):
    monkeypatch.setenv(ENGINE_VARIABLE, "native")
    right = engines.compile_native

    def wrong(*arguments):
        *steps, last = right(*arguments)
        return [*steps, lambda x: last(x) * 0.0]

    blob = tiny_codec.compress(digits)
    monkeypatch.setattr(engines, "compile_native", wrong)
    with pytest.warns(RuntimeWarning, match="does not compute the known answers of model"):
        codec = Codec.from_bytes(tiny_codec.model_bytes)
    assert codec.transform.engine is REFERENCE
    assert codec.compress(digits) == blob


@compiled
@pytest.mark.parametrize("method", ["frequencies", "unpack", "pop"])
def test_numpy_computes_where_compiled_tables_give_others(method, monkeypatch):
    monkeypatch.setenv(ENGINE_VARIABLE, "native")
    data = Codec(tiny_model("int16", (3, 2), latent_size=4, contexts=(1,))).model_bytes
    assert Codec.from_bytes(data).transform.engine.name.startswith("native")
    right = getattr(CompiledTables, method)

    def wrong(*arguments):
        given = right(*arguments)
        if isinstance(given, np.ndarray):
            return given + 1
        first, *rest = given
        return [first + 1, *rest]

    monkeypatch.setattr(CompiledTables, method, wrong)
    with pytest.warns(RuntimeWarning, match="does not compute the known answers of model"):
        transform = Codec.from_bytes(data).transform
    assert transform.engine is REFERENCE
    assert transform.coders.compiled(transform.model.quality()) is None


@compiled
def test_a_machine_on_which_numpy_errs_too_keeps_its_engine_and_refuses(tiny_codec, monkeypatch):
    monkeypatch.setenv(ENGINE_VARIABLE, "native")
    transform = Codec(tiny_codec.model).transform
    monkeypatch.setattr(transform, "_gives", lambda known: False)
    with pytest.raises(ModelError, match="its arithmetic is not exact"):
        transform.check_known_answers()
    assert isinstance(transform.engine, NativeEngine)


SCRIPT = """
import json, sys
if sys.argv[1] == "missing": sys.modules["narrows.codec._native"] = None
if sys.argv[1] == "old":
    import types
    sys.modules["narrows.codec._native"] = types.SimpleNamespace(VERSION=0)
    import narrows.codec
    narrows.codec._native = sys.modules["narrows.codec._native"]
import numpy as np, narrows
from narrows.codec.networks.engines import engine_for, standings
codec = narrows.load(sys.argv[2])
why = [each.reason for each in standings() if each.name == "native"]
back = codec.decompress(codec.compress(np.load(sys.argv[3])))
print(json.dumps([engine_for().name, back.tolist(), why]))
"""


@pytest.mark.parametrize(("kind", "why"), [("missing", "not built"), ("old", "another version")])
def test_without_a_compiled_part_numpy_computes_the_same(kind, why, tiny_codec, digits, tmp_path):
    tiny_codec.save(tmp_path / "m.narrows")
    np.save(tmp_path / "x.npy", digits[:20])
    environment = {k: v for k, v in os.environ.items() if k != ENGINE_VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, kind, tmp_path / "m.narrows", tmp_path / "x.npy"],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    engine, back, reasons = json.loads(done.stdout)
    assert engine == "numpy"
    assert back == tiny_codec.decompress(tiny_codec.compress(digits[:20])).tolist()
    assert len(reasons) == 1
    assert why in reasons[0]
    assert "pip install . in a checkout" in reasons[0]


def test_standings_tell_which_engines_run_and_which_one_does(monkeypatch):
    monkeypatch.setenv(ENGINE_VARIABLE, "numpy")
    found = {each.name: each for each in standings()}
    assert found["numpy"].is_default
    assert {f"native-{level}" for level in levels()} <= set(found)
    assert [each.name for each in found.values() if each.is_default] == ["numpy"]
    assert all(each.reason for each in found.values())


def test_importing_narrows_loads_no_compiled_code():
    code = "import sys, narrows; print('narrows.codec._native' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
