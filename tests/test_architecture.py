"""The import rules that keep the runtime light and the layers apart."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "narrows"
HEAVY = ("torch", "matplotlib", "sklearn", "scipy", "pooch")
ABOVE = {
    "codec": {"training", "evaluation", "integrations", "cli", "signals", "api", "models"},
    "signals": {"codec", "training", "evaluation", "integrations", "cli", "api", "models"},
    "training": {"evaluation", "integrations", "cli", "api", "models"},
    "evaluation": {"cli"},
    "integrations": {"cli"},
}


def imported_names(path):
    """Give all modules that a file imports, wherever the import stands, but for types alone."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("folder", ABOVE)
def test_no_folder_imports_upwards(folder):
    for path in (SOURCE / folder).rglob("*.py"):
        for name in imported_names(path):
            parts = name.split(".")
            if parts[0] == "narrows" and len(parts) > 1:
                assert parts[1] not in ABOVE[folder], f"{path.name} imports {name}"


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
    """Run code in a new process and give the modules it has loaded."""
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
