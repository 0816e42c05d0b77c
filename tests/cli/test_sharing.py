"""`narrows card` and `narrows push`."""

import json
from pathlib import Path

import pytest

from tests.helpers.command_line import fails_with_one_line
from tests.integrations.test_hub import AnswerError, FakeApi

pytest.importorskip("matplotlib", reason="cards have pictures; extra report")


@pytest.fixture
def api(folder, monkeypatch):
    api = FakeApi()
    monkeypatch.setattr("narrows.integrations.hub._api", lambda: api)
    return api


def test_a_card_is_printed_or_a_folder(run, folder):
    printed = run("card", "m.narrows", "--license", "mit", "--about", "digits")
    assert printed.code == 0
    assert printed.out.startswith("---\nlibrary_name: narrows\nlicense: mit\n")
    done = run("card", "m.narrows", "--licence", "mit", "--about", "digits", "-o", "card", "--json")
    assert json.loads(done.out)["files"] == ["README.md", "layers.png", "training.png"]
    assert Path("card/README.md").read_text().startswith(printed.out[:300])
    assert fails_with_one_line(run("card", "m.narrows", "-o", "card"), "card exists", "give -f")
    assert run("card", "m.narrows", "-o", "card", "-f").code == 0
    assert run("card", "m.narrows", "--json").code == 2
    assert fails_with_one_line(run("card", "m.narrows", "--licence", "A B"), "licence 'A B'")


def test_a_model_is_pushed_with_its_card(run, api):
    done = run("push", "m.narrows", "user/m", "--licence", "mit", "--about", "digits", "--json")
    assert json.loads(done.out)["url"] == "hf://user/m"
    files = api.repositories["user/m"]
    assert sorted(files) == ["README.md", "layers.png", "model.narrows", "training.png"]
    assert files["model.narrows"] == Path("m.narrows").read_bytes()
    assert b'narrows.load("hf://user/m")' in files["README.md"]
    again = run("push", "m.narrows", "user/m", "--licence", "mit")
    assert again.code == 1
    assert "holds a model already; give -f" in again.err.splitlines()[-1]
    assert run("push", "m.narrows", "user/m", "--licence", "mit", "-f", "--quiet").err == ""


def test_a_card_that_was_edited_is_pushed_as_it_is(run, api):
    assert run("card", "m.narrows", "--licence", "mit", "-o", "card").code == 0
    with open("card/README.md", "a") as stream:
        stream.write("by hand\n")
    assert run("push", "m.narrows", "user/m", "--card", "card").code == 0
    assert api.repositories["user/m"]["README.md"].endswith(b"by hand\n")
    assert run("push", "m.narrows", "user/m", "--card", "card", "--licence", "mit").code == 2


def test_a_dry_run_uploads_nothing(run, api):
    done = run("push", "m.narrows", "user/m", "--licence", "mit", "--dry-run", "--json")
    assert json.loads(done.out)["pushed"] is False
    assert not api.calls


def test_what_cannot_be_pushed_is_said_in_one_line(run, api):
    assert fails_with_one_line(run("push", "m.narrows", "user/m"), "names no licence", "--licence")
    assert fails_with_one_line(run("push", "m.narrows", "m"), "accepted is user/name")
    assert not api.calls
    api.error = AnswerError(401)
    done = run("push", "m.narrows", "user/m", "--licence", "mit")
    assert done.code == 1
    assert "user/m was not pushed: the Hub takes no such token" in done.err.splitlines()[-1]
