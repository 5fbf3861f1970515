"""Links: known functions on top of the outputs, which make probabilities, rates or bounded values of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.entry import Entry, table
from twolayer.errors import InputError

__all__ = ["LINKS", "Link", "given_link", "likely_links", "unlinked"]

Matrix = NDArray[np.float64]

_SATURATED = 1e-4  # from an end that a value reaches only to rounding: nearer, its digits say little of the output
_SUMS_TO_ONE = 1e-6  # what a sum of probabilities in single precision may be off


@dataclass(frozen=True)
class Link:
    """A known function g on top of the outputs: labels are :math:`g(F(x))`.

    Attributes
    ----------
    name : str
        A key of `LINKS`.
    forward : callable
        g, on arrays (n,) or (n, q).
    inverse : callable
        The outputs F that give labels. Of softmax, which a constant in all outputs does not change, those of sum 0.
    fault : callable
        For labels (n, q): the index of the first row that g cannot give, and what it would have to be; None if it can
        give all.
    saturated : callable
        For labels (n, q): the rows whose digits say too little of the outputs.
    """

    name: str
    forward: Callable[[Matrix], Matrix]
    inverse: Callable[[Matrix], Matrix]
    fault: Callable[[Matrix], tuple[int, str] | None]
    saturated: Callable[[Matrix], NDArray[np.bool_]]

    def __call__(self, values: Matrix) -> Matrix:
        """The g of outputs."""
        return self.forward(np.asarray(values, np.float64))


def _first(bad: NDArray[np.bool_], what: str) -> tuple[int, str] | None:
    rows = np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1))
    return (int(rows[0]), what) if len(rows) else None


def _any_output(marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(marked.reshape(len(marked), -1).any(axis=1))


def _none(values: Matrix) -> NDArray[np.bool_]:
    return np.zeros(len(values), bool)


def _logistic(values: Matrix) -> Matrix:
    return np.asarray(np.exp(-np.logaddexp(0.0, -values)))


def _softmax(values: Matrix) -> Matrix:
    shifted = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def _log_ratios(values: Matrix) -> Matrix:
    logs = np.log(values)
    return np.asarray(logs - logs.mean(axis=1, keepdims=True))


def _no_probabilities(values: Matrix) -> tuple[int, str] | None:
    if values.ndim == 1 or values.shape[1] < 2:
        return 0, "probabilities of two classes or more"
    outside = _first((values < 0) | (values > 1), "probabilities between 0 and 1")
    return outside or _first(np.abs(values.sum(axis=1) - 1) > _SUMS_TO_ONE, "probabilities that sum to one")


def identity() -> Link:
    """No link: labels are the outputs."""
    return Link("identity", lambda F: F, lambda Y: Y, lambda _: None, _none)


def logistic() -> Link:
    r"""Probabilities of each output alone, :math:`g(f) = 1/(1 + e^{-f})`."""
    return Link(
        "logistic",
        _logistic,
        lambda Y: np.log(Y) - np.log1p(-Y),
        lambda Y: _first((Y < 0) | (Y > 1), "between 0 and 1"),
        lambda Y: _any_output((Y <= 0) | (1 - Y < _SATURATED)),
    )


def softmax() -> Link:
    r"""Probabilities of classes, :math:`g(f)_c = e^{f_c} / \sum_j e^{f_j}`: they show differences of outputs only."""
    return Link("softmax", _softmax, _log_ratios, _no_probabilities, lambda Y: _any_output(Y <= 0))


def exponential() -> Link:
    r"""Rates and other positive values, :math:`g(f) = e^f`."""
    return Link(
        "exp",
        np.exp,
        np.log,
        lambda Y: _first(Y < 0, "at least 0"),
        lambda Y: _any_output(Y <= 0),
    )


def hyperbolic() -> Link:
    r"""Values between -1 and 1, :math:`g(f) = \tanh f`."""
    return Link(
        "tanh",
        np.tanh,
        np.arctanh,
        lambda Y: _first(np.abs(Y) > 1, "between -1 and 1"),
        lambda Y: _any_output(1 - np.abs(Y) < _SATURATED),
    )


LINKS: dict[str, Entry] = table(
    Entry("identity", identity, "labels are the outputs"),
    Entry("logistic", logistic, "probabilities of each output alone, 1 / (1 + exp(-f))"),
    Entry("softmax", softmax, "probabilities of classes, exp(f_c) / Σ exp(f_j)"),
    Entry("exp", exponential, "positive values, exp(f)"),
    Entry("tanh", hyperbolic, "values between -1 and 1, tanh(f)"),
)


def given_link(name: str) -> Link:
    """The link of a name.

    Raises
    ------
    InputError
        If there is none.
    """
    if not isinstance(name, str) or name not in LINKS:
        raise InputError(f"link must be one of {', '.join(LINKS)} or auto, found {name!r}")
    link: Link = LINKS[name]()
    return link


def likely_links(Y: Matrix) -> tuple[str, ...]:
    """The links that labels of this range may have, the likeliest first.

    Rows of several probabilities that sum to one are of a softmax. What lies within [0, 1], within [-1, 1] or above 0
    may be so by chance: without a link is tried first.
    """
    if Y.ndim == 2 and _no_probabilities(Y) is None:
        return ("softmax",)
    low, high = float(Y.min()), float(Y.max())
    others = (("logistic",) if low >= 0 and high <= 1 else ()) + (("tanh",) if low >= -1 and high <= 1 else ())
    return ("identity", *others, *(("exp",) if low >= 0 else ()))


def unlinked(link: Link, Y: Matrix) -> tuple[Matrix, NDArray[np.bool_]]:
    """The outputs behind labels, and the rows that show them.

    Parameters
    ----------
    link : Link
    Y : array, shape (n,) or (n, q)

    Returns
    -------
    F : array, shape (k,) or (k, q)
        Of the rows that show them.
    shown : array of bool, shape (n,)

    Raises
    ------
    InputError
        If the link cannot give these labels (the row is named), or they are classes and no probabilities, or no row is
        free of saturation.
    """
    Y = np.asarray(Y, np.float64)
    fault = link.fault(Y)
    if fault is not None:
        row, what = fault
        raise InputError(f"labels of the link {link.name} must be {what}, found {_shown(Y[row])} in row {row}")
    if link.name in ("logistic", "softmax") and np.isin(Y, (0.0, 1.0)).all():
        raise InputError(
            f"labels of the link {link.name} must be probabilities, found classes, 0 and 1 only: TwoLayerClassifier"
            " takes these"
        )
    shown = ~link.saturated(Y)
    if not shown.any():
        raise InputError(f"every row has a label so near the end of the link {link.name} that its output is unknown")
    return link.inverse(Y[shown]), shown


def _shown(row: Matrix) -> str:
    entries = np.atleast_1d(row)[:4]
    return ", ".join(f"{entry:g}" for entry in entries) + (", …" if np.size(row) > 4 else "")
