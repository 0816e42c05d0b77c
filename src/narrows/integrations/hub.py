"""Models on the Hub of Hugging Face: `push` uploads one with its card; `hf://user/name` loads it.

huggingface_hub does the work (extra `hub`), with the token that it finds: that of the environment
variable HF_TOKEN, or of `hf auth login`.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from narrows.codec.codec import Codec
from narrows.errors import HubError, NarrowsError, OutputExistsError, SettingError, needing
from narrows.urls import HUB_MODEL, line_of

README = "README.md"
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
TOKEN = "give one that may write in HF_TOKEN, or with hf auth login"
REFUSALS = {
    401: f"the Hub takes no such token, or has none: {TOKEN}",
    403: f"your token may not write there: {TOKEN}",
    404: "the Hub has no such user or organisation, or your token may not see it",
}
"""What a status of an answer means, and what to do."""
NO_TOKEN = "LocalTokenNotFoundError"


def push(
    codec: Codec,
    repository: str,
    card: Path,
    *,
    private: bool = False,
    force: bool = False,
    api: Any = None,
) -> str:
    """Upload a model and the files of its card in one commit; return the URL that loads it.

    Parameters
    ----------
    codec : Codec
    repository : str
        "user/name"; it is made where it is not there.
    card : Path
        A folder with README.md, whose YAML header names a licence, and its pictures.
    private : bool, default False
        A new repository can be seen by its owner alone.
    force : bool, default False
        Put the model in the place of another that is there; the Hub keeps the old one's commit.
    api : huggingface_hub.HfApi, optional
        By default a new one.

    Raises
    ------
    SettingError
        If the name is none, or the card has no licence.
    OutputExistsError
        If the repository holds a model, and `force` is not given.
    HubError
        If the Hub cannot be reached, or refuses.
    MissingExtraError
        If huggingface_hub is not installed.

    Examples
    --------
    >>> write_card(codec, Path("card"), licence="apache-2.0")   # doctest: +SKIP
    >>> push(codec, "user/digits", Path("card"))                # doctest: +SKIP
    'hf://user/digits'
    """
    check_repository(repository)
    check_licence(card)
    api = api or _api()
    with _telling(repository), tempfile.TemporaryDirectory(prefix="narrows-") as folder:
        shutil.copytree(card, folder, dirs_exist_ok=True)
        (Path(folder) / HUB_MODEL).write_bytes(codec.model_bytes)
        api.create_repo(repository, private=private, exist_ok=True)
        if not force and api.file_exists(repository, HUB_MODEL):
            raise OutputExistsError(
                f"{repository} holds a model already; give -f to put this in its place"
            )
        api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            commit_message=f"Model {codec.model_id}, with its card",
        )
    return f"hf://{repository}"


def check_repository(repository: str) -> None:
    """Raise SettingError for what is no name of a repository."""
    if not REPOSITORY.fullmatch(repository):
        raise SettingError(f"repository {repository!r}; accepted is user/name")


def check_licence(card: Path) -> None:
    """Raise SettingError unless the card in a folder names a licence."""
    file = card / README
    if not file.is_file():
        raise SettingError(f"{card} holds no {README}; narrows card MODEL -o {card} writes one")
    header = re.match(r"---\n(.*?)\n---\s*\n", file.read_text(encoding="utf-8"), flags=re.S)
    if not (header and re.search(r"^license:[ \t]*\S", header[1], flags=re.M)):
        raise SettingError(
            f"{file} names no licence, and who finds the model must know what they may do with it: "
            "give --licence, such as apache-2.0, mit or cc-by-4.0"
        )


def _api() -> Any:
    with needing("huggingface_hub", "pushing to the Hub", "hub"):
        from huggingface_hub import HfApi
    return HfApi()


@contextmanager
def _telling(repository: str) -> Iterator[None]:
    """Raise what goes wrong between here and the Hub as an error of one line."""
    try:
        yield
    except NarrowsError:
        raise
    # The errors of huggingface_hub, and of what it connects with, have no root of their own.
    except Exception as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        status = 401 if type(error).__name__ == NO_TOKEN else status
        told = REFUSALS.get(status or 0, "the Hub cannot be reached, or refuses; try it again")
        raise HubError(f"{repository} was not pushed: {told} ({line_of(error)})") from error
