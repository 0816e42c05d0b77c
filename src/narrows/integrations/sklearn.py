"""The autoencoder as a scikit-learn transformer: features to latents and back."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from narrows.api import train
from narrows.codec.codec import Codec
from narrows.errors import SettingError, needing
from narrows.integrations.conversions import cast_to, checked, in_float32
from narrows.signals import DTYPES
from narrows.training.plan import plan_of
from narrows.training.settings import SETTINGS
from narrows.training.signatures import document_settings, takes_settings

with needing("scikit-learn 1.6", "narrows.sklearn", "train"):
    from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
    from sklearn.utils import check_array, check_random_state
    from sklearn.utils.validation import check_is_fitted, validate_data

DEFAULT_LATENT_SIZE = 32
DEFAULT_UPDATES, LEAST_EPOCHS = 1000, 3
"""Of a fit without a length, which is silent and often one of many: a twelfth of what
`narrows.train` makes, 3 s on scikit-learn's digits."""
LINES = 20  # that a fit prints at most with verbose=1
OTHER_SETTINGS = tuple(name for name in SETTINGS if name not in ("seed", "decoder"))
"""But for the seed, which is random_state, and for what pictures alone have."""
MIN_TO_HOLD_OUT = 100  # samples: a tenth of fewer is too few to judge a model by
ACCEPTED = [np.float64, *(each for each in DTYPES if each.kind != "b" and each.itemsize < 8)]
"""Other types of numbers are taken as the first of these."""


class Autoencoder(
    ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]
    TransformerMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """Learn a codec for the rows of a matrix, and use its encoder and decoder as transforms.

        X (n, n_features)  ──transform──►         latents (n, latent_size), in rounding steps
        X' (n, n_features) ◄──inverse_transform── latents, rounded to the codec's integers

    `transform` gives the latents before rounding, in units of the rounding step, computed by the
    codec's exact integers: a row's latents do not depend, by a single bit, on the rows beside it
    or on the machine. `inverse_transform` rounds them, as the codec would to store them, and
    decodes. The codec itself, for real bytes, is `codec_`.

    All features share one scale, as the pixels of a picture do: those of small variance are
    hardly reconstructed beside those of large variance. For features in different units put a
    StandardScaler in front, in a Pipeline.

    Parameters
    ----------
    n_components, latent_size : int, optional
        Latents of a sample, by either name. By default half the features, at least 1, at most 32.
    epochs : int, optional
        Passes over the samples. By default as many as make 1,000 updates, at least 3, where
        `narrows.train` makes 12,000: seconds, not minutes. More are better. Of a preset 10.
    {settings}
    random_state : int, RandomState instance or None, default None
        An int gives the same model in every `fit` on the same machine, unless `minutes` decides.
    verbose : int, default 0
        1 prints up to 20 lines in the course of a fit, 2 a line an epoch.

    Attributes
    ----------
    codec_ : narrows.Codec
        The finished codec, for samples `(n, n_features_in_)` of the dtype given to `fit` alone;
        the methods here take any.
    history_ : list of dict
        One record an epoch: loss, val_loss, bytes_per_signal, psnr, seconds, ...; empty for
        "linear".
    mean_ : (n_features_in_,) float64
        Of the training samples; `score` refers to it.
    n_features_in_ : int
    feature_names_in_ : (n_features_in_,) of str
        If `fit` was given names.

    Notes
    -----
    With 100 samples or more, a tenth of them is held out to find the best epoch; fewer serve for
    both, since a handful held out would say nothing.

    With several qualities, all methods here work at the middle one.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from narrows.sklearn import Autoencoder
    >>> X = load_digits().data                                        # (1797, 64)
    >>> model = Autoencoder(n_components=8, epochs=5, random_state=0).fit(X)
    >>> model.transform(X).shape
    (1797, 8)
    >>> model.inverse_transform(model.transform(X)).shape
    (1797, 64)
    """

    codec_: Codec
    history_: list[dict[str, Any]]
    mean_: npt.NDArray[np.float64]
    n_features_in_: int

    @takes_settings(OTHER_SETTINGS)
    def __init__(
        self,
        n_components: int | None = None,
        *,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        **settings: Any,
    ) -> None:
        self.n_components = n_components
        self.random_state = random_state
        self.verbose = verbose
        for name in OTHER_SETTINGS:
            setattr(self, name, settings.pop(name, SETTINGS[name].default))
        if settings:
            hint = "; give random_state" if "seed" in settings else ""
            raise TypeError(f"unexpected keyword argument {min(settings)!r}{hint}")

    def fit(self, X: npt.ArrayLike, y: object = None) -> Autoencoder:  # noqa: N803
        """Train the codec.

        Parameters
        ----------
        X : (n, n_features)
            Finite numbers, n at least 2. Integers of up to 32 bits and float32 are kept, and
            make a codec for such; anything else is taken as float64.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For samples or parameters that cannot be trained on.
        MissingExtraError
            If torch is not installed.
        """
        x = validate_data(self, checked(X), dtype=ACCEPTED, ensure_min_samples=2)
        began, validation = time.perf_counter(), x if len(x) < MIN_TO_HOLD_OUT else None
        settings = self._settings_for(x, has_validation=validation is not None)
        self.codec_ = train(x, validation=validation, progress=self._progress(), **settings)
        if self.verbose:
            _say(f"fitted {len(x):,} samples in {time.perf_counter() - began:.1f} s")
        self.history_ = [dict(record) for record in self.codec_.model.training["history"]]
        self.mean_ = x.mean(axis=0, dtype=np.float64)
        return self

    def transform(self, X: npt.ArrayLike) -> npt.NDArray[Any]:  # noqa: N803
        """Map samples to their latents before rounding.

        Parameters
        ----------
        X : (n, n_features_in_)

        Returns
        -------
        (n, latent_size) float32 for float32 samples, else float64
            In units of the rounding step.
        """
        check_is_fitted(self)
        x = validate_data(self, checked(X), dtype=ACCEPTED, reset=False)
        latents = self.codec_.latents(cast_to(x, self.codec_.model.dtype))
        return in_float32(latents) if x.dtype == np.float32 else latents

    def inverse_transform(self, X: npt.ArrayLike) -> npt.NDArray[Any]:  # noqa: N803
        """Round latents to the codec's integers, and decode them.

        Parameters
        ----------
        X : (n, latent_size)
            From `transform`.

        Returns
        -------
        (n, n_features_in_) float32 for float32 latents, else float64
            Samples in the units of those given to `fit`.
        """
        check_is_fitted(self)
        latents = check_array(checked(X), dtype=[np.float64, np.float32])
        symbols = cast_to(latents, np.dtype(np.int32))
        return self.codec_.decode(symbols).astype(latents.dtype)

    def score(self, X: npt.ArrayLike, y: object = None) -> float:  # noqa: N803
        """Return the share of the samples' variance that their reconstructions explain.

        `1 - sum((X - X')**2) / sum((X - mean_)**2)`: 1 for exact reconstructions, 0 for what the
        mean of the training samples would reach, negative below that. It knows
        quality alone: more latents, or more bits, score higher and cost bytes, which
        `len(codec_.compress(X))` tells. Reconstructions are those of
        `inverse_transform(transform(X))`; compressing searches for better ones.

        Parameters
        ----------
        X : (n, n_features_in_)
        y : ignored
        """
        check_is_fitted(self)
        x = validate_data(self, checked(X), dtype=ACCEPTED, reset=False)
        signals = cast_to(x, self.codec_.model.dtype)
        decoded = self.codec_.decode(self.codec_.encode(signals, effort=0))
        # Scaled by the largest deviation, so that no square leaves the range of float64.
        x = x.astype(np.float64)
        scale = float(np.abs(x - self.mean_).max()) or 1.0
        error = float(np.square((x - decoded) / scale).sum())
        spread = float(np.square((x - self.mean_) / scale).sum())
        if spread == 0.0:
            return 1.0 if error == 0.0 else 0.0  # as scikit-learn's r2_score has it
        return 1.0 - error / spread

    @property
    def _n_features_out(self) -> int:
        """What ClassNamePrefixFeaturesOutMixin counts the names by."""
        return self.codec_.model.latent_size

    def _settings_for(self, x: npt.NDArray[Any], *, has_validation: bool) -> dict[str, Any]:
        """Return the settings of a training on `x`: those given, and the defaults of here."""
        settings = {name: _whole(getattr(self, name)) for name in OTHER_SETTINGS}
        settings["latent_size"] = self._chosen_latent_size()
        settings["seed"] = _seed(self.random_state)
        if all(settings[name] is None for name in ("epochs", "minutes", "preset")):
            plan = plan_of(settings, x.shape, x.dtype, has_validation=has_validation)  # type: ignore[arg-type]
            usual = max(LEAST_EPOCHS, round(DEFAULT_UPDATES / plan.updates_per_epoch))
            settings["epochs"] = min(usual, plan.epochs)
        return settings

    def _chosen_latent_size(self) -> int:
        given = [("n_components", self.n_components), ("latent_size", self.latent_size)]
        given = [(name, _whole(value)) for name, value in given if value is not None]
        if len(given) == 2:
            both = " and ".join(f"{name} {value}" for name, value in given)
            raise SettingError(f"{both}, two names for one number; give one")
        usual = max(1, min(DEFAULT_LATENT_SIZE, self.n_features_in_ // 2))
        name, chosen = given[0] if given else ("latent_size", usual)
        replace(SETTINGS["latent_size"], most=self.n_features_in_).check(name, chosen)
        return int(chosen)

    def _progress(self) -> Callable[[Any], None] | None:
        """Return what prints the EpochRecords of a fit; None where none are wanted."""
        if not self.verbose:
            return None

        def show(record: Any) -> None:
            every = 1 if self.verbose > 1 else max(1, record.epochs // LINES)
            if record.epoch % every == 0 or record.epoch in (1, record.epochs):
                losses = f"loss {record.loss:.6g}, val_loss {record.val_loss:.6g}"
                _say(f"epoch {record.epoch}/{record.epochs}, {losses}, {record.seconds:.1f} s")

        return show

    def __sklearn_is_fitted__(self) -> bool:
        """Tell scikit-learn, which would take `lambda_` for something learnt."""
        return hasattr(self, "codec_")

    def __getstate__(self) -> dict[str, Any]:
        """Return the parameters and what was learnt; the codec as the bytes of a model file."""
        state = dict(super().__getstate__())
        if "codec_" in state:
            state["codec_"] = state["codec_"].model_bytes
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Undo `__getstate__`."""
        if "codec_" in state:
            state = {**state, "codec_": Codec.from_bytes(state["codec_"])}
        super().__setstate__(state)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


document_settings(Autoencoder, [n for n in OTHER_SETTINGS if n not in ("latent_size", "epochs")])


def _say(text: str) -> None:
    print(f"[Autoencoder] {text}", flush=True)  # as scikit-learn prints, on stdout


def _whole(value: Any) -> Any:
    """Convert numpy's whole numbers, as in a grid of parameters, to int."""
    return operator.index(value) if isinstance(value, np.integer) else value


def _seed(random_state: Any) -> int:
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
