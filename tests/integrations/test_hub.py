"""Pushing to the Hub: what is uploaded, and what is said where that fails. Nothing goes out."""

import inspect
from pathlib import Path

import pytest

import narrows
from narrows.errors import HubError, MissingExtraError, OutputExistsError, SettingError
from narrows.integrations.hub import push
from narrows.urls import HUB_MODEL
from tests.helpers.tiny_models import refusing, tiny_codec

CODEC = tiny_codec("uint8", (3, 5), 2, 3)
CARD = "---\nlibrary_name: narrows\nlicense: mit\n---\n\n# m\n"


class FakeApi:
    """Keeps files by repository, as `huggingface_hub.HfApi` would upload them; or fails."""

    def __init__(self, error=None):
        self.error, self.repositories, self.calls = error, {}, []

    def create_repo(self, repo_id, **how):
        self.calls.append(("create_repo", (repo_id,), how))
        if self.error is not None:
            raise self.error
        self.repositories.setdefault(repo_id, {})

    def file_exists(self, repo_id, filename):
        self.calls.append(("file_exists", (repo_id, filename), {}))
        return filename in self.repositories[repo_id]

    def upload_folder(self, **how):
        self.calls.append(("upload_folder", (), how))
        folder = Path(how["folder_path"])
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        self.repositories[how["repo_id"]] |= files


class AnswerError(Exception):
    """As of huggingface_hub: an error with the answer that it is about."""

    def __init__(self, status):
        super().__init__(f"Client error '{status}'\nFor more information check: ...")
        self.response = type("Response", (), {"status_code": status})()


class LocalTokenNotFoundError(OSError):
    pass


@pytest.fixture
def card(tmp_path):
    (tmp_path / "README.md").write_text(CARD)
    (tmp_path / "layers.png").write_bytes(b"\x89PNG")
    return tmp_path


def test_a_model_its_card_and_its_pictures_are_one_commit(card):
    api = FakeApi()
    assert push(CODEC, "user/m", card, private=True, api=api) == "hf://user/m"
    files = api.repositories["user/m"]
    assert sorted(files) == ["README.md", "layers.png", HUB_MODEL]
    assert narrows.Codec.from_bytes(files[HUB_MODEL]).model_id == CODEC.model_id
    assert files["README.md"].decode() == CARD
    assert [name for name, *_ in api.calls] == ["create_repo", "file_exists", "upload_folder"]
    assert api.calls[0][2] == {"private": True, "exist_ok": True}
    assert sorted(path.name for path in card.iterdir()) == ["README.md", "layers.png"]


def test_a_model_that_is_there_is_replaced_by_force_alone(card):
    api = FakeApi()
    push(CODEC, "user/m", card, api=api)
    with refusing(OutputExistsError, match="user/m holds a model already; give -f"):
        push(CODEC, "user/m", card, api=api)
    other = tiny_codec("uint8", (3, 5), 2, 3, seed=1)
    push(other, "user/m", card, force=True, api=api)
    assert api.repositories["user/m"][HUB_MODEL] == other.model_bytes


@pytest.mark.parametrize("name", ["m", "user/m/x", "user/", "user name/m", "hf://user/m"])
def test_what_is_no_name_of_a_repository_is_refused(card, name):
    with refusing(SettingError, match="accepted is user/name"):
        push(CODEC, name, card, api=FakeApi())


@pytest.mark.parametrize(
    "text", ["# m\n", "---\nlibrary_name: narrows\n---\nlicense: mit\n", "---\nlicense:\n---\n"]
)
def test_without_a_licence_nothing_is_pushed(card, text):
    (card / "README.md").write_text(text)
    api = FakeApi()
    with refusing(SettingError, match="names no licence, .* give --licence, such as apache-2.0"):
        push(CODEC, "user/m", card, api=api)
    assert not api.calls


def test_without_a_card_nothing_is_pushed(tmp_path):
    with refusing(SettingError, match=r"holds no README.md; narrows card MODEL -o"):
        push(CODEC, "user/m", tmp_path, api=FakeApi())


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (LocalTokenNotFoundError("Token is required"), "HF_TOKEN, or with hf auth login"),
        (AnswerError(401), "the Hub takes no such token, or has none: .* HF_TOKEN"),
        (AnswerError(403), "your token may not write there"),
        (AnswerError(404), "no such user or organisation"),
        (AnswerError(500), "refuses; try it again .Client error '500'.$"),
        (ConnectionError("offline mode is enabled"), "cannot be reached, .*offline mode is en"),
        (OSError(), r"cannot be reached, .*\(OSError\)"),
    ],
)
def test_what_goes_wrong_is_one_line(card, error, line):
    with refusing(HubError, match=f"^user/m was not pushed: .*{line}"):
        push(CODEC, "user/m", card, api=FakeApi(error))


def test_without_huggingface_hub_the_extra_is_named(card, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with refusing(MissingExtraError, match=r"needs huggingface_hub.*pip install 'narrows\[hub\]'"):
        push(CODEC, "user/m", card)


def test_the_real_interface_takes_these_calls(card):
    hub = pytest.importorskip("huggingface_hub", reason="pushing needs it; extra hub")
    api = FakeApi()
    push(CODEC, "user/m", card, api=api)
    for name, given, how in api.calls:
        inspect.signature(getattr(hub.HfApi, name)).bind(None, *given, **how)
