"""The documents: their commands exist, their links lead somewhere, their Python can be run."""

import ast
import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from narrows.cli import app

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS.parent / "README.md", *sorted(DOCS.rglob("*.md"))]
TAUGHT = ("concepts.md", "tutorial.md")
COMMANDS = get_command(app).commands
OPTIONAL = {"torch": "train", "matplotlib": "report"}


def shell_lines(text):
    """Commands in indented blocks, and in code within sentences."""
    return re.findall(r"^    narrows (.+)$", text, re.M) + re.findall(r"`narrows ([^`]+)`", text)


def python_blocks(text):
    return re.findall(r"```python\n(.*?)```", text, flags=re.S)


def prose(text):
    """The text without code, in which brackets may mean anything."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S)


def anchors(text):
    """The names that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", TAUGHT)
def test_every_command_line_names_a_command_and_options_that_exist(name):
    lines = shell_lines((DOCS / name).read_text())
    assert len(lines) >= 10
    for line in lines:
        command, *words = shlex.split(line)
        assert command in COMMANDS, line
        options = {o for p in COMMANDS[command].params for o in (*p.opts, *p.secondary_opts)}
        assert {word for word in words if word.startswith("-")} <= options, line


@pytest.mark.parametrize("name", TAUGHT)
def test_every_preset_that_is_named_exists(name):
    pytest.importorskip("torch", reason="presets are trained with torch; extra train")
    from narrows.training.presets import PRESETS

    named = re.findall(r"--preset\s+(\S+?)[`\s]", (DOCS / name).read_text())
    assert named
    assert set(named) <= set(PRESETS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text())):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text()), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_every_picture_is_small_described_and_sharp_at_twice_its_size(page):
    text = page.read_text()
    pictures = re.findall(r'<img src="([^"]+)" width="(\d+)" alt="([^"]+)">', text)
    assert len(pictures) == text.count("<img")
    assert "![" not in text
    for target, width, described in pictures:
        png = (page.parent / target).read_bytes()
        assert len(described) > 60, target
        assert len(png) < 200_000, target
        assert abs(int.from_bytes(png[16:20], "big") - 2 * int(width)) <= 1, target


def test_every_picture_is_shown_and_made_by_the_script():
    shown = "".join(page.read_text() for page in PAGES)
    pictures = {picture.stem for picture in (DOCS / "images").iterdir()}
    for name in pictures:
        assert f"images/{name}.png" in shown, name
    pytest.importorskip("matplotlib", reason="drawing needs matplotlib; extra report")
    pytest.importorskip("PIL", reason="the script writes with Pillow, which matplotlib brings")
    from scripts.make_docs_pictures.__main__ import PICTURES

    assert set(PICTURES) == pictures


def test_all_pages_state_the_same_figures_of_the_11_byte_model():
    for name in ("../README.md", "concepts.md", "tutorial.md", "results.md"):
        text = (DOCS / name).read_text()
        assert "10.70" in text, name
        assert "400,149" not in text, name
        assert "25.37 dB" in text, name


def test_the_overview_lists_every_page_and_every_command():
    overview = (DOCS / "README.md").read_text()
    for page in PAGES[1:]:
        path = page.relative_to(DOCS)
        assert page.name == "README.md" or f"]({path})" in overview, path
    table = overview.split("## The commands")[1]
    named = set(re.findall(r"`([a-z-]+)`", table))
    assert set(COMMANDS) <= named


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("python.md", ""),
        ("signals.md", "[0.97"),
        ("sources.md", "(32, 16)"),
        ("urls.md", "(8, 8) (10, 8, 8)"),
    ],
)
def test_the_examples_of_a_page_run(name, printed, tmp_path, monkeypatch, capsys, digits):
    for needed in ("torch", "sklearn"):
        pytest.importorskip(needed, reason="the examples train; extra train")
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in python_blocks((DOCS / name).read_text()):
        exec(compile(block, f"docs/{name}", "exec"), names)
    assert printed in capsys.readouterr().out
    assert names.get("accuracy", 1.0) > 0.8


@pytest.mark.parametrize("name", TAUGHT)
def test_every_python_block_compiles_and_imports_what_exists(name):
    blocks = python_blocks((DOCS / name).read_text())
    assert blocks
    for block in blocks:
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    imported(alias.name)
            if isinstance(node, ast.ImportFrom):
                module = imported(node.module)
                assert all(hasattr(module, alias.name) for alias in node.names), node.module


def imported(name):
    if name in OPTIONAL:
        return pytest.importorskip(name, reason=f"extra {OPTIONAL[name]}")
    return importlib.import_module(name)


def test_files_and_scripts_that_are_named_exist():
    for page in PAGES:
        for path in re.findall(r"\b((?:scripts|examples|docs)/[\w./-]+\.\w+)", page.read_text()):
            assert (DOCS.parent / path).exists(), f"{page.name}: {path}"


ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.S)


def run_example(example, folder):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_python_example_runs(tmp_path, digits):
    (example,) = blocks("python")
    pytest.importorskip("torch", reason="training needs torch; extra train")
    run_example(example, tmp_path)
    assert (tmp_path / "digits.narrows").exists()


def test_the_shell_examples_name_commands_that_exist():
    lines = re.findall(r"^    narrows (\S+)(.*)$", README, flags=re.M)
    assert len(lines) == 9
    for name, rest in lines:
        options = {o for p in COMMANDS[name].params for o in (*p.opts, *p.secondary_opts)}
        assert set(re.findall(r"(?<= )--?[a-z][-a-z]*", rest)) <= options, name


def test_every_command_is_described():
    for name, command in COMMANDS.items():
        assert command.help, name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does(name):
    for parameter in COMMANDS[name].params:
        assert getattr(parameter, "help", None), f"narrows {name} {parameter.name}"


def test_options_of_the_command_line_are_keywords_of_the_python_call():
    import inspect

    from narrows.api import train

    of_files = {"shape", "dtype", "skip_unreadable"}  # arrays have the first two
    shell_only = {"data", "output", "force", "json", "quiet"} | of_files
    options = {p.name.rstrip("_") for p in COMMANDS["train"].params} - shell_only
    keywords = {name.rstrip("_") for name in inspect.signature(train).parameters}
    assert options <= keywords
