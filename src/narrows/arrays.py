"""What users pass as arrays to numpy arrays, in one place: what converting would lose is refused.

Every public function converts here before anything else. A masked array would lose its mask, and
a tensor, a table or a nested list can hold what no array of numbers holds: the error says so, and
what keeps the values.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from narrows.errors import DataError

PLAIN = (bool, int, float, np.generic)
COLUMNS_SHOWN = 5
ROWS = 4096  # compared at a time


def as_array(values: Any, name: str = "signals", *, objects: bool = False) -> npt.NDArray[Any]:
    """Return what a user passed as an array, of whatever numbers, with every value as it was.

    Parameters
    ----------
    values : array-like
        Arrays, nested lists, tables and tensors; tensors on another device are copied from it.
        A memory-mapped file stays one.
    name : str
        What error messages call them.
    objects : bool
        Return arrays of Python objects, too.

    Raises
    ------
    DataError
        For masked arrays with masked values, tensors that numpy has no form for, lists of
        several lengths, and anything that is no array of one type.
    """
    if isinstance(values, np.memmap):
        return values
    if isinstance(values, bytes | bytearray):
        raise DataError(
            f"{name} is {len(values):,} bytes, of numbers of a type that they do not say; give "
            "np.frombuffer(x, dtype).reshape(n, *frame_shape)"
        )
    if isinstance(values, str | os.PathLike):
        raise DataError(
            f"{name} is {values!r}, the name of something; read it with "
            "narrows.signals.read_signals, or give a numpy array (n, *frame_shape)"
        )
    try:
        _refuse_lossy(values, name)
        if _is_tensor(values):
            values = values.cpu()
        array = np.asarray(values)
    except DataError:
        raise
    except Exception as error:
        raise DataError(_inconvertible(values, name, error)) from error
    if array.dtype.kind == "O" and hasattr(values, "dtypes") and hasattr(values, "columns"):
        array = _numbers_of_table(values, array)
    if array.dtype.kind == "O" and not objects:
        _refuse_objects(values, array, name)
    return array


def first_step(values: Any) -> str:
    """Return what to do before advice that is written for an array, where there is none."""
    return "" if isinstance(values, np.ndarray) else ", after x = np.asarray(x)"


def _refuse_lossy(values: Any, name: str, place: str = "is") -> None:
    """Raise DataError for what numpy would turn into an array with a loss, or not at all."""
    if isinstance(values, list | tuple):
        for each in values:
            if not isinstance(each, PLAIN):
                _refuse_lossy(each, name, "holds")
        return
    if isinstance(values, np.ma.MaskedArray):
        if np.ma.getmaskarray(values).any():
            raise DataError(
                f"{name} {place} a masked array, and narrows would lose its mask; fill it with "
                "x.filled(value), and keep the mask, np.ma.getmaskarray(x), as signals of its own"
            )
        return
    if _is_tensor(values):
        reason, way_out = _of_tensor(values)
        if reason:
            raise DataError(f"{name} {place} a tensor {reason}; give {way_out}")
    if hasattr(values, "toarray") or (_library(values) == "sparse" and hasattr(values, "todense")):
        dense = "toarray" if hasattr(values, "toarray") else "todense"
        raise DataError(
            f"{name} {place} a sparse {type(values).__name__}, and signals are dense; give "
            f"x.{dense}()"
        )


def _library(values: Any) -> str:
    return type(values).__module__.partition(".")[0]


def _is_tensor(values: Any) -> bool:
    return any(c.__module__ == "torch" and c.__name__ == "Tensor" for c in type(values).__mro__)


def _of_tensor(x: Any) -> tuple[str, str]:
    """Say why numpy has no form for a torch tensor, and what to give; empty where it has."""
    kind = str(x.dtype).removeprefix("torch.")
    if x.is_nested:
        return "of frames of several shapes", "torch.nested.to_padded_tensor(x, 0.0)"
    if x.is_meta:
        return "on the meta device, which holds no numbers", "one with numbers"
    steps, why = "x", list[str]()
    if x.requires_grad:
        steps, why = f"{steps}.detach()", [*why, "that needs gradients"]
    if str(x.layout) != "torch.strided":
        steps, why = f"{steps}.to_dense()", [*why, "that is sparse"]
    if x.is_quantized:
        steps, why = f"{steps}.dequantize()", [*why, f"of {kind}, which numpy does not have"]
    elif kind == "bfloat16" or kind.startswith("float8"):
        steps, why = f"{steps}.float()", [*why, f"of {kind}, which numpy does not have"]
    if x.is_neg() or x.is_conj():
        steps = f"{steps}.resolve_conj().resolve_neg()"
        why = [*why, "that is the conjugate or the negative of another"]
    return " and ".join(why), f"{steps}, which keeps the values"


def _inconvertible(values: Any, name: str, error: Exception) -> str:
    if isinstance(values, list | tuple) and isinstance(error, ValueError):
        return (
            f"{name} is a {type(values).__name__} of parts of several shapes, which is no array; "
            "signals are frames of one shape: cut or pad them to one length, then np.stack(parts)"
        )
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return (
        f"{name} is a {type(values).__name__} that numpy cannot turn into one array of numbers "
        f"({reason}); give a numpy array (n, *frame_shape)"
    )


def _refuse_objects(values: Any, array: npt.NDArray[Any], name: str) -> NoReturn:
    """Refuse what became an array of Python objects, with what makes numbers of it."""
    kind = type(values).__name__
    if _library(values) == "pandas" and hasattr(values, "columns"):
        raise DataError(f"{name} is a {kind} {_of_table(values)}")
    if array.ndim == 0:
        raise DataError(
            f"{name} is of type {kind}, which is no array; give a numpy array (n, *frame_shape)"
        )
    raise DataError(f"{name} has dtype object, no numbers; {advice_on_objects(array)}")


def _numbers_of_table(table: Any, objects: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a pandas table of numbers, none missing, in their common type; else its objects."""
    try:
        common = np.result_type(*(getattr(kind, "numpy_dtype", kind) for kind in table.dtypes))
        if common.kind in "biuf" and not bool(table.isna().to_numpy().any()):
            return np.asarray(table.to_numpy(common))
    except (TypeError, ValueError):
        pass
    return objects


def _of_table(table: Any) -> str:
    """Say what of a pandas table is no number, and what makes an array of numbers of it."""
    words = [repr(column) for column in table.columns if not _is_numeric(table, column)]
    rest = "x"
    if words:
        named = ", ".join(words)
        if len(words) == len(table.columns):
            return "without a column of numbers; narrows codes numbers alone"
        rest = f"x.drop(columns=[{named}])"
        shown = ", ".join(words[:COLUMNS_SHOWN]) + (", ..." if len(words) > COLUMNS_SHOWN else "")
        return f'with columns that are no numbers ({shown}); give {rest}.to_numpy("float64")'
    return (
        "with missing values; fill them in, as x.fillna(0), and give "
        'x.fillna(0).to_numpy("float64")'
    )


def _is_numeric(table: Any, column: Any) -> bool:
    try:
        table[column].to_numpy("float64", na_value=np.nan)
    except (TypeError, ValueError):
        return False
    return True


def advice_on_objects(array: npt.NDArray[Any]) -> str:
    """Say what makes an array of numbers of one of Python objects, after trying it."""
    try:
        array.astype(np.float64)
    except (TypeError, ValueError):
        pass
    else:
        return 'give x.astype("float64")'
    try:
        shapes = {np.shape(each) for each in array.ravel()}
        stacked = np.stack([np.asarray(each) for each in array.ravel()])
    except (TypeError, ValueError):
        shapes, stacked = {()}, array
    if len(shapes) == 1 and stacked.dtype.kind in "iuf" and stacked.ndim > 1:
        return "give np.stack(list(x))" if array.ndim == 1 else "give np.stack(list(x.ravel()))"
    return (
        "signals are frames of one shape: cut or pad them to one length, leave out what is no "
        "number, and give np.stack(frames)"
    )


def advice_on_dtype(x: npt.NDArray[Any]) -> str:
    """Say how numbers of a type that narrows does not code become such as it codes.

    Looks at the values, so that no advice changes one unless it says so.
    """
    kind = x.dtype.kind
    if kind in _WAYS:
        return _WAYS[kind](x)
    if kind == "f":
        return 'give x.astype("float64"), which rounds to 53 bits'
    try:
        x.astype(np.float64)
    except (TypeError, ValueError):
        return "narrows codes numbers alone: leave out what is no number"
    return 'give x.astype("float64")'


def _of_fields(x: npt.NDArray[Any]) -> str:
    names = x.dtype.names or ()
    if not names:
        return "narrows codes numbers alone: give x.view(dtype) of the type that these bytes are"
    numeric = [name for name in names if x.dtype[name].kind in "biuf"]
    if len(numeric) == len(names):
        return "give numpy.lib.recfunctions.structured_to_unstructured(x), a channel a field"
    if numeric:
        return f"give a field of numbers, such as x[{numeric[0]!r}]"
    return "give the numbers of one of its fields"


def _of_complex(x: npt.NDArray[Any]) -> str:
    real = "float32" if x.dtype.itemsize <= 8 else "float64"
    parts = f'give np.stack([x.real, x.imag], axis=-1).astype("{real}")'
    if x.dtype.itemsize > 16:
        return f"{parts}, which rounds to 53 bits"
    return f'{parts}, two channels; y.view("{x.dtype.name}")[..., 0] undoes it'


_WAYS: dict[str, Callable[[npt.NDArray[Any]], str]] = {
    "c": _of_complex,
    "M": lambda x: 'give seconds, (x - x.min()) / np.timedelta64(1, "s")',
    "m": lambda x: 'give seconds, x / np.timedelta64(1, "s")',
    "O": advice_on_objects,
    "V": _of_fields,
}


def holds_exactly(x: npt.NDArray[Any], dtype: np.dtype[Any]) -> bool:
    """Return whether `x.astype(dtype)` keeps every value of `(n, ...)` numbers, NaN included."""
    for start in range(0, len(x), ROWS):
        part = x[start : start + ROWS]
        with np.errstate(all="ignore"):
            cast = part.astype(dtype)
            back = cast.astype(part.dtype)
        same = back == part
        if part.dtype.kind == "f" and dtype.kind == "f":
            same |= np.isnan(part) & np.isnan(back)
        if not same.all() or ((cast < 0) != (part < 0)).any():
            return False
    return True
