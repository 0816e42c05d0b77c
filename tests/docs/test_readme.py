"""The README's examples run; every command and option is documented."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from narrows.cli import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = get_command(app).commands


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
