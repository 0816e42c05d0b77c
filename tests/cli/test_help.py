"""Help pages, and tables that say what they were given."""

import json
import re
import shlex
import subprocess
import sys

import pytest
from typer.main import get_command

from narrows.cli import app
from narrows.cli.help import HelpPage
from narrows.cli.printing import print_table

COMMANDS = get_command(app).commands


@pytest.fixture
def page(run, monkeypatch):
    """Return the lines of a help page at 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")

    def lines(*command):
        shown = run(*command, "--help")
        assert (shown.code, shown.err) == (0, "")
        return shown.out.splitlines()

    return lines


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_nothing_is_cut_at_80_columns(page, command):
    lines = page(*command)
    text = "\n".join(lines)
    assert max(map(len, lines)) <= 80
    for mark in ("…", "((", "<bool>", "<str>", "(none)", "[default: None]"):
        assert mark not in text
    known = get_command(app) if not command else COMMANDS[command[0]]
    for parameter in known.params:
        for option in (*parameter.opts, *parameter.secondary_opts):
            assert option in text or parameter.param_type_name == "argument"
        words = [word for word in (parameter.help or "").split() if "{" not in word]
        assert re.search(r"\s+".join(map(re.escape, words)), text), parameter.name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_page_has_an_example_whose_options_exist(page, name):
    examples = [line.strip() for line in page(name) if line.startswith("  narrows ")]
    assert examples
    for example in examples:
        _, command, *words = shlex.split(example)
        assert command == name
        with COMMANDS[name].make_context(name, words) as context:
            assert context.params


def test_common_options_come_first_and_shared_ones_last(page):
    text = "\n".join(page("compress"))
    places = [text.index(f"\n{group}:") for group in
              ("Arguments", "Options", "In place of a quality", "The archive",
               "Files and messages")]  # fmt: skip
    assert places == sorted(places)
    assert text.index("--model MODEL") < text.index("--effort E") < text.index("--target-bytes")
    assert text.index("Files and messages") < text.index("--quiet")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_be_quiet_and_speak_json(name):
    assert isinstance(COMMANDS[name], HelpPage)
    assert {"--quiet", "--json"} <= {option for p in COMMANDS[name].params for option in p.opts}


@pytest.mark.parametrize(
    ("shell", "variables"),
    [
        ("bash", {"COMP_WORDS": "narrows compress --target-", "COMP_CWORD": "2"}),
        ("zsh", {"_TYPER_COMPLETE_ARGS": "narrows compress --target-"}),
        (
            "fish",
            {
                "_TYPER_COMPLETE_ARGS": "narrows compress --target-",
                "_TYPER_COMPLETE_FISH_ACTION": "get-args",
            },
        ),
    ],
)
def test_shells_complete_options(run, monkeypatch, shell, variables):
    for name, value in {"_NARROWS_COMPLETE": f"complete_{shell}", **variables}.items():
        monkeypatch.setenv(name, value)
    completed = run()
    assert completed.code == 0
    assert "--target-bytes" in completed.out
    assert "--target-psnr" in completed.out
    assert "--effort" not in completed.out


def test_values_with_a_list_are_completed(run, monkeypatch):
    monkeypatch.setenv("_NARROWS_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "narrows train --architecture ")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert run().out.split() == ["auto", "linear", "predictive", "dense", "conv"]


def test_quiet_prints_nothing_and_json_one_object(run, folder):
    run("compress", "x.npy", "-m", "m.narrows", "-o", "x.nrw")
    run("encode", "x.npy", "-m", "m.narrows", "-o", "y.npy")
    model = ("-m", "m.narrows")
    for arguments in (
        ("train", "x.npy", "-o", "n.narrows", "--latent-size", 2, "--epochs", 1),
        ("compress", "x.npy", *model, "-o", "z.nrw"),
        ("decompress", "x.nrw", *model, "-o", "z.npy"),
        ("encode", "x.npy", *model, "-o", "y2.npy"),
        ("decode", "y.npy", *model, "-o", "z2.npy"),
        ("export-decoder", "m.narrows", "-o", "d.narrows"),
        ("info", "m.narrows"),
        ("info", "x.nrw"),
        ("verify", "x.nrw", *model, "--against", "x.npy"),
        ("evaluate", "x.npy", *model),
    ):
        done = run(*arguments, "--quiet")
        assert (done.code, done.out, done.err) == (0, "", ""), arguments
        over = ("-f",) if "-o" in arguments else ()
        assert isinstance(json.loads(run(*arguments, *over, "--json", "--quiet").out), dict)
        if "-o" in arguments:
            piped = (*arguments[: arguments.index("-o")], "-o", "-", "--json")
            assert run(*piped).code == 2, piped


def test_what_looks_like_markup_is_printed_as_it_is(capsys):
    print_table("mnist:train: [bold]", ["file[0]", ":train:"], [[":smile:", "[red]1"]])
    printed = capsys.readouterr().out
    for text in ("mnist:train:", "[bold]", "file[0]", ":train:", ":smile:", "[red]1"):
        assert text in printed


def test_a_command_is_imported_where_it_is_asked_for():
    code = (
        "import sys; from narrows.cli import app; from typer.main import get_command;"
        "commands = get_command(app).commands; assert 'narrows.cli.train' not in sys.modules;"
        "assert commands['train'].name == 'train' and 'narrows.cli.train' in sys.modules;"
        "assert commands.get('trian') is None and len(commands) == 18;"
        "assert 'narrows.cli.report' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
