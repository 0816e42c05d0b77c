"""The import rules that keep the runtime light and the layers apart."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "narrows"
HEAVY = ("torch", "safetensors", "matplotlib", "sklearn", "scipy", "pooch")
FLOORS = (
    {"errors", "_version"},
    {"element_types", "urls"},
    {"arrays", "clock", "gaps", "locks", "paths", "processes", "smooth_gaps", "words"},
    {"files"},
    {"folders"},
    {"codec"},
    {"signals"},
    {"training"},
    {"remembered"},
    {"chunks", "models", "packet_files"},
    {"api"},
    {"", "evaluation", "integrations"},  # the package itself is ""
    {"cli", "sklearn", "zarr"},
    {"__main__"},
)
ROOMS = sorted(set().union(*FLOORS))


def without_types(path):
    """Parse a file and leave out what it imports for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    return tree


def imported_names(path):
    """Yield all modules and names that a file imports, wherever the import stands."""
    for node in ast.walk(without_types(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(name):
    """Return the part of narrows that an imported name is of: a folder, a file, or the package."""
    first, second, *_ = [*name.split("."), ""]
    if first != "narrows":
        return None
    return second if second in ROOMS else ""


def files_of(room):
    if (SOURCE / room).is_dir() and room:
        return sorted((SOURCE / room).rglob("*.py"))
    return [SOURCE / f"{room or '__init__'}.py"]


def test_every_file_stands_on_a_floor():
    found = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert found - {"__init__", "__pycache__"} == set(ROOMS) - {""}


@pytest.mark.parametrize("room", ROOMS)
def test_nothing_imports_upwards_or_from_beside(room):
    floor = next(i for i, rooms in enumerate(FLOORS) if room in rooms)
    below = set().union(*FLOORS[:floor])
    for path in files_of(room):
        for name in imported_names(path):
            assert room_of(name) in {None, room, *below}, f"{path.name} imports {name}"


def test_the_package_imports_neither_tests_nor_benchmarks_nor_scripts_nor_readers():
    beside = {"tests", "benchmarks", "scripts", "readers"}
    for path in SOURCE.rglob("*.py"):
        for name in imported_names(path):
            assert name.split(".")[0] not in beside, f"{path.name} imports {name}"


@pytest.mark.parametrize(
    ("folder", "most"),
    [("src", 300), ("readers", 300), ("benchmarks", 300), ("scripts", 300), ("tests", 400)],
)
def test_files_are_short_enough_to_be_read_at_once(folder, most):
    for path in (ROOT / folder).rglob("*.py"):
        n_lines = path.read_text(encoding="utf-8").count("\n")
        assert n_lines <= most, (
            f"{path.relative_to(ROOT)} has {n_lines} lines, not {most}; split it"
        )


def test_files_of_compiled_code_are_as_short():
    files = [*(ROOT / "native").glob("*.c"), *(ROOT / "native").glob("*.h")]
    assert files
    assert all(path.read_text(encoding="utf-8").count("\n") <= 300 for path in files)


def test_the_runtime_imports_no_framework():
    allowed = {"numpy", "constriction", "narrows", *sys.stdlib_module_names}
    for path in (SOURCE / "codec").rglob("*.py"):
        for name in imported_names(path):
            assert name.split(".")[0] in allowed, f"{path.name} imports {name}"


def test_in_training_only_freezing_knows_the_runtime():
    for path in (SOURCE / "training").rglob("*.py"):
        if path.parent.name != "freeze":
            assert not any(n.startswith("narrows.codec") for n in imported_names(path)), path.name


def file_of(module):
    """Return the file of a module of ours, if it is one."""
    place = SOURCE.parent.joinpath(*module.split("."))
    found = [f for f in (place.with_suffix(".py"), place / "__init__.py") if f.exists()]
    return found[0] if found else None


def imported_files(path):
    """Return the files of the source that a file imports, but for types alone."""
    for node in ast.walk(without_types(path)):
        if isinstance(node, ast.Import):
            yield from (file_of(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield file_of(f"{node.module}.{alias.name}") or file_of(node.module)


def test_no_file_imports_in_a_circle():
    graph = {path: set(imported_files(path)) - {None} for path in SOURCE.rglob("*.py")}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = " -> ".join(str(path.relative_to(SOURCE)) for path in error.args[1])
        pytest.fail(f"a circle of imports: {circle}")


TRAINING = (
    {"train"},
    {"contest", "small_pictures"},
    {"solved"},
    {"finer"},
    {"finishing"},
    {"preparing", "summary", "reached"},
    {"start"},
    {"run", "freeze", "closed_form"},
    {"rate_distortion", "classic"},
    {"loop", "levels"},
    {"data"},
    {"architectures"},
    {"plan"},
    {"decoder_size", "context_size", "counts"},
    {"choices", "signatures"},
    {"settings"},
    {"adam", "installed", "presets", "ranks", "torch_modes", "aims", "water_filling"},
)
"""The floors of training, from above: a file imports what stands on lower ones."""


def test_in_training_each_floor_imports_lower_ones_alone():
    floor_of = {name: n for n, floor in enumerate(TRAINING) for name in floor}
    for path in (SOURCE / "training").rglob("*.py"):
        room = path.relative_to(SOURCE / "training").parts[0].removesuffix(".py")
        imported = [name.split(".")[2] for name in imported_names(path)
                    if name.startswith("narrows.training.")]  # fmt: skip
        for other in set(imported) - {room}:
            assert floor_of[other] > floor_of[room], f"{room} imports {other} in {path.name}"


def test_trainers_read_the_plan_alone():
    for folder in ("loop", "rate_distortion", "classic", "data"):
        for path in (SOURCE / "training" / folder).rglob("*.py"):
            nodes = ast.walk(ast.parse(path.read_text()))
            words = {getattr(node, "attr", getattr(node, "id", None)) for node in nodes}
            assert not words & {"TrainingSettings", "PRESETS", "preset"}, path.name


def loaded_modules(code):
    """Run code in a new process and return the modules that it has loaded."""
    script = f"{code}\nimport sys; print('LOADED', *sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split("LOADED")[1].split())


def test_importing_narrows_loads_nothing_heavy():
    loaded = loaded_modules("import narrows; narrows.Codec; narrows.load; narrows.train")
    assert "numpy" in loaded
    assert not loaded & set(HEAVY)


def test_the_help_loads_neither_numpy_nor_anything_heavy():
    code = (
        "import sys; sys.argv = ['narrows', '--help']\n"
        "from narrows.cli import main\n"
        "try: main()\nexcept SystemExit: pass"
    )
    assert not loaded_modules(code) & {"numpy", *HEAVY}


@pytest.fixture
def received(tiny_codec, digits, tmp_path):
    """A folder with the model file m.narrows, x.npy, the archive x.nrw, a packet in x.packet."""
    tiny_codec.save(tmp_path / "m.narrows")
    np.save(tmp_path / "x.npy", digits[:9])
    (tmp_path / "x.nrw").write_bytes(tiny_codec.compress(digits[:9]))
    (tmp_path / "x.packet").write_bytes(tiny_codec.compress_packet(digits[0]))
    return tmp_path


COMMAND = """
import sys; sys.argv = ["narrows", "decompress", "x.nrw", "-m", "m.narrows", "-o", "y.npy"]
from narrows.cli import main
try: main()
except SystemExit as e: assert not e.code, e.code
"""
BLOB = "from pathlib import Path; blob = Path('x.nrw').read_bytes(); import narrows"
OF_FEW_MODELS = (
    "narrows.codec.levels", "narrows.codec.interpolation", "narrows.codec.predicted_blocks",
    "narrows.codec.prediction.wavelets", "narrows.codec.prediction.prediction",
)  # fmt: skip
WAYS_TO_RECEIVE = {
    "narrows.decompress": f"{BLOB}; narrows.decompress(blob, 'm.narrows')",
    "Codec.decompress": f"{BLOB}; narrows.load('m.narrows').decompress(blob)",
    "Codec.decompress_packet": "from pathlib import Path; import narrows; "
    "narrows.load('m.narrows').decompress_packet(Path('x.packet').read_bytes())",
    "narrows.open": "import narrows; narrows.open('x.nrw', 'm.narrows')[3]",
    "the command decompress": COMMAND,
}


@pytest.mark.parametrize("way", WAYS_TO_RECEIVE)
def test_who_decompresses_loads_nothing_heavy_and_nothing_of_encoding(way, received, monkeypatch):
    monkeypatch.chdir(received)
    loaded = loaded_modules(WAYS_TO_RECEIVE[way])
    assert not loaded & set(HEAVY)
    assert "narrows.codec.decoder" in loaded
    assert not [name for name in loaded if name.startswith("narrows.codec.encoding")]
    assert not [name for name in loaded if name.startswith(OF_FEW_MODELS)]
    assert way != "the command decompress" or (received / "y.npy").exists()


def test_who_compresses_loads_nothing_of_training_and_nothing_of_few_models(received, monkeypatch):
    monkeypatch.chdir(received)
    loaded = loaded_modules(
        COMMAND.replace('"decompress", "x.nrw"', '"compress", "x.npy"').replace("y.npy", "y.nrw")
    )
    assert (received / "y.nrw").exists()
    assert not loaded & set(HEAVY)
    few = ("narrows.training", "narrows.codec.encoding.ordered_blocks", *OF_FEW_MODELS)
    assert not [name for name in loaded if name.startswith(few)]
