"""The import rules that keep the runtime light and the layers apart."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "narrows"
HEAVY = ("torch", "matplotlib", "sklearn", "scipy", "pooch")
FLOORS = (
    {"errors", "_version"},
    {"files"},
    {"codec", "signals"},
    {"training"},
    {"models"},
    {"api"},
    {"", "evaluation", "integrations"},  # the package itself is ""
    {"cli", "sklearn"},
    {"__main__"},
)
ROOMS = sorted(set().union(*FLOORS))


def imported_names(path):
    """Yield all modules and names that a file imports, wherever it does, but for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
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
    assert found - {"__init__", "__pycache__", "py"} == set(ROOMS) - {""}


@pytest.mark.parametrize("room", ROOMS)
def test_nothing_imports_upwards_or_from_beside(room):
    floor = next(i for i, rooms in enumerate(FLOORS) if room in rooms)
    below = set().union(*FLOORS[:floor])
    for path in files_of(room):
        for name in imported_names(path):
            assert room_of(name) in {None, room, *below}, f"{path.name} imports {name}"


def test_the_package_imports_neither_tests_nor_benchmarks_nor_scripts():
    beside = {"tests", "benchmarks", "scripts", "readers"}
    for path in SOURCE.rglob("*.py"):
        for name in imported_names(path):
            assert name.split(".")[0] not in beside, f"{path.name} imports {name}"


def test_the_runtime_imports_no_framework():
    allowed = {"numpy", "constriction", "safetensors", "narrows", *sys.stdlib_module_names}
    for path in (SOURCE / "codec").rglob("*.py"):
        for name in imported_names(path):
            assert name.split(".")[0] in allowed, f"{path.name} imports {name}"


def test_in_training_only_freezing_knows_the_runtime():
    for path in (SOURCE / "training").rglob("*.py"):
        if path.parent.name != "freeze":
            assert not any(n.startswith("narrows.codec") for n in imported_names(path)), path.name


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


def test_a_whole_decompress_loads_nothing_heavy(tiny_codec, digits, tmp_path):
    tiny_codec.save(tmp_path / "m.narrows")
    (tmp_path / "x.nrw").write_bytes(tiny_codec.compress(digits[:9]))
    code = (
        f"import sys; sys.argv = ['narrows', 'decompress', r'{tmp_path / 'x.nrw'}', "
        f"'-m', r'{tmp_path / 'm.narrows'}']\n"
        "from narrows.cli import main\n"
        "try: main()\nexcept SystemExit as e: assert not e.code, e.code"
    )
    assert not loaded_modules(code) & set(HEAVY)
    assert (tmp_path / "x.npy").exists()
