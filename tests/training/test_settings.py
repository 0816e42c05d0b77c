"""The settings of a training: one list, and everything that is made from it."""

import inspect

import numpy as np
import pytest
from typer.main import get_command

import narrows
from narrows.cli import app
from narrows.errors import SettingError
from narrows.training.settings import SETTINGS, completed, public_name

COMMANDS = get_command(app).commands


def options(command):
    return {name for p in COMMANDS[command].params for name in (*p.opts, *p.secondary_opts)}


OF_READING = {"--window", "--hop", "--tile", "--shape", "--dtype", "--skip-unreadable"}


def as_options(names):
    return {"--" + public_name(name).replace("_", "-") for name in names}


def test_train_has_an_option_for_every_setting_but_patience_and_some_of_its_own():
    own = {
        "--output",
        "-o",
        "--validation",
        "--from",
        "--resume",
        "--force",
        "-f",
        "--json",
        "--quiet",
    }
    of_settings = as_options(SETTINGS.keys() - {"patience"}) | {
        "--no-augment",
        "--no-levels",
        "--no-trellis",
    }
    assert options("train") - {"data"} == own | OF_READING | of_settings


def test_sweep_has_the_options_that_all_of_its_trainings_share():
    own = {"--output", "-o", "--test", "--signals", "--jobs", "--force", "-f", "--json", "--quiet"}
    not_shared = {"qualities", "minutes", "batch_size", "device", "levels", "max_error", "patience"}
    of_settings = as_options(SETTINGS.keys() - not_shared) | {"--no-augment", "--no-trellis"}
    assert options("sweep") - {"data"} == own | OF_READING | of_settings


def test_what_a_setting_says_of_itself_is_in_the_help_and_in_the_docstring():
    unwrapped = " ".join(narrows.train.__doc__.split())
    by_name = {p.name: p for p in COMMANDS["train"].params}
    for name, setting in SETTINGS.items():
        assert setting.help in unwrapped
        assert setting.unset in unwrapped
        if setting.in_commands:
            assert setting.help in by_name[name].help
    assert "{settings}" not in narrows.train.__doc__


def test_the_signature_of_train_spells_the_settings_out():
    parameters = inspect.signature(narrows.train).parameters
    assert parameters.keys() > SETTINGS.keys()
    for name, setting in SETTINGS.items():
        assert parameters[name].default == setting.default


def test_a_name_that_is_no_setting_is_refused():
    with pytest.raises(TypeError, match="'latentsize'"):
        completed({"latentsize": 3})


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"latent_size": 0}, "latent_size 0; it must be a whole number of at least 1"),
        ({"epochs": True}, "epochs True; it must be a whole number of at least 1"),
        ({"seed": -1}, "seed -1; it must be a whole number of at least 0"),
        ({"seed": 2**63}, "seed 9223372036854775808; at most 9223372036854775807 are possible"),
        ({"epochs": np.float64(2.0)}, "epochs 2.0; it must be a whole number of at least 1"),
        ({"epochs": np.bool_(True)}, "epochs .*; it must be a whole number of at least 1"),
        ({"qualities": 9}, "qualities 9; at most 8 are possible"),
        ({"qualities": 0}, "qualities 0; it must be a whole number of at least 1"),
        ({"qualities": 2.5}, "qualities 2.5; it must be a whole number"),
        ({"minutes": 0}, "minutes 0; it must be a finite number above 0"),
        ({"corrupt": "noise"}, "corrupt 'noise'; accepted are noise:A"),
        ({"corrupt": "noise:nan"}, "noise:A"),
        ({"corrupt": "mask:1.5"}, "mask:S"),
        ({"corrupt": "blur:2"}, "corrupt 'blur:2'"),
        ({"lambda_": 0.0}, "lambda 0.0; it must be a finite number above 0"),
        ({"learning_rate": float("inf")}, "learning_rate inf; it must be a finite number above 0"),
        ({"sparse": -1.0}, "sparse -1.0; it must be a finite number of at least 0"),
        ({"loss": "psnr"}, "unknown loss 'psnr'; accepted are mse, bce, l1"),
        ({"sparse": "much"}, "sparse 'much'; it must be a number"),
        ({"augment": "no"}, "augment 'no'; accepted are True and False"),
        ({"minutes": 1.0, "epochs": 2}, "minutes 1.0 and epochs 2; a run has one length"),
    ],
)
def test_a_value_that_is_not_accepted_is_told_with_what_is(asked, message):
    with pytest.raises(SettingError, match=message):
        completed(asked)


def test_none_is_the_same_as_left_out():
    assert completed({"architecture": None, "seed": None, "epochs": None}) == completed({})


def test_numbers_of_numpy_are_those_of_python():
    given = completed({"latent_size": np.int64(4), "minutes": np.float32(0.5), "seed": np.uint8(3)})
    kinds = [type(given[name]) for name in ("latent_size", "minutes", "seed")]
    assert kinds == [int, float, int]
    assert (given["latent_size"], given["minutes"], given["seed"]) == (4, 0.5, 3)
