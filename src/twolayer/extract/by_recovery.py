"""Several outputs, or outputs behind a link: answers at Gaussian inputs are enough to recover all at once."""

from dataclasses import dataclass

import numpy as np

from twolayer.activation import Activation
from twolayer.errors import InputError
from twolayer.extract.lines import Matrix
from twolayer.extract.outcome import Check, Extraction, Status
from twolayer.extract.querying import Report
from twolayer.extract.view import View
from twolayer.links import given_link
from twolayer.network import TwoLayerNetwork
from twolayer.recover import Result, recover

__all__ = ["RecoveryRules", "extract_by_recovery"]


@dataclass(frozen=True)
class RecoveryRules:
    """How many rows are asked for, how far out, and what is compared in the end.

    Attributes
    ----------
    scales : tuple of float
        Of the inputs, tried in turn: units must be seen to bend there, and a link not to saturate everywhere.
    rows_per_hidden : float
        Rows for each hidden parameter at first, where the width is known; twice as many in the second round. One and a
        half are enough for a certificate where there are many outputs, and links lose some rows.
    first_width : int
        A width to begin with where none is known.
    least_rows : int
        At first.
    rounds : int
        How often the rows are doubled.
    check_scales : tuple of float
        In units of the scale at which the network was found.
    check_rows : int
        Compared at each.
    equal : float
        Largest difference of the answers, relative to their spread, up to which network and box are equal; where the
        answers are coarser than 1e-11, a hundred of their roundings.
    nearly : float
        Up to which they are nearly so.
    """

    scales: tuple[float, ...] = (1.0, 0.3, 3.0, 0.1, 10.0)
    rows_per_hidden: float = 1.8
    first_width: int = 8
    least_rows: int = 200
    rounds: int = 3
    check_scales: tuple[float, ...] = (0.3, 1.0, 2.0)
    check_rows: int = 1024
    equal: float = 1e-9
    nearly: float = 1e-3


def extract_by_recovery(
    view: View,
    sigma: Activation | None,
    width: int | None,
    link: str,
    rng: np.random.Generator,
    report: Report,
    rules: RecoveryRules = RecoveryRules(),
) -> Extraction:
    """Find the network of all outputs of a box, behind their link, from answers at Gaussian inputs.

    `recover` is given inputs of several scales and sizes of sample in turn until it certifies a network; that is then
    compared with the box on fresh inputs.

    Parameters
    ----------
    view : View
        Of the box; its units of inputs are used, its units of values are not.
    sigma : Activation or None
    width : int or None
    link : str
        A key of `LINKS`, or ``"auto"``.
    rng : Generator
    report : callable
    rules : RecoveryRules, optional

    Raises
    ------
    InputError
        If the labels cannot be of the link, or the budget of rows does not do.
    """
    best: Result | None = None
    scale_of_best, complaint = 1.0, ""
    declared = view.oracle.box.declared
    count = _first_rows(view, width or declared.width, rules)
    for _ in range(rules.rounds):
        for scale in rules.scales:
            X = view.placed(scale * rng.standard_normal((count, view.dim)))
            labels = _answers(view, X)
            if labels is None:
                continue
            try:
                result = recover(
                    X, labels, width or "auto", sigma or "auto", bias=True, link=link, rng=rng, progress=report
                )
            except InputError as error:  # of rows that are too few, or all saturated
                complaint = str(error)
                continue
            if best is None or (result.is_certified, -result.certificate.residual) > (
                best.is_certified,
                -best.certificate.residual,
            ):
                best, scale_of_best = result, scale
            if result.is_certified:
                found = _judged(view, result, scale, rng, rules)
                if found.is_certified:
                    return found
                break  # more rows at this scale know the weights better
        count *= 2
    if best is None:
        raise InputError(f"{view.oracle.box.name} shows no network at inputs of any scale: {complaint}")
    return _judged(view, best, scale_of_best, rng, rules)


def _first_rows(view: View, width: int | None, rules: RecoveryRules) -> int:
    hidden = (width or rules.first_width) * (view.dim + 1)
    return max(rules.least_rows, int(rules.rows_per_hidden * hidden))


def _answers(view: View, X: Matrix) -> Matrix | None:
    """What the box gives, in its own units; None where it refuses."""
    try:
        return np.asarray(view.values_as_given(X), np.float64)
    except InputError as error:
        if "budget" in str(error):
            raise
        return None


def _judged(view: View, result: Result, scale: float, rng: np.random.Generator, rules: RecoveryRules) -> Extraction:
    """The network in the user's units, and how it compares with the box."""
    own, lengths = result.network, view.units.lengths
    checks = tuple(_check(view, result, factor * scale, rng, rules) for factor in rules.check_scales)
    is_equal = all(check.largest <= check.tolerance for check in checks)
    if is_equal and result.is_certified:
        status = Status.EQUAL
    elif is_equal:
        status = Status.NOT_SHOWN
    else:
        status = Status.INEXACT if max(check.largest for check in checks) <= rules.nearly else Status.DIFFERENT
    P = own.polynomial
    moved = None if P is None else P.after(lengths, np.zeros_like(lengths))
    network = TwoLayerNetwork(own.a, own.W / lengths, own.b, own.activation, moved)
    notes = () if result.link == "identity" else (f"The network is that behind the link {result.link}.",)
    oracle = view.oracle
    return Extraction(
        network,
        status,
        checks,
        np.zeros(0),  # not looked at: the curvature of the recovery's certificate speaks for each unit
        oracle.box.declared.width,
        oracle.asked,
        oracle.answered_from_file,
        view.eps,
        (*notes, *result.certificate.notes),
        result.link,
    )


def _check(view: View, result: Result, scale: float, rng: np.random.Generator, rules: RecoveryRules) -> Check:
    X = view.placed(scale * rng.standard_normal((rules.check_rows, view.dim)))
    given = np.asarray(view.values_as_given(X), np.float64).reshape(len(X), -1)
    found = given_link(result.link)(result.network(X)).reshape(len(X), -1)
    difference = np.abs(found - given) / np.maximum(given.std(axis=0), np.finfo(np.float64).tiny)
    tolerance = max(rules.equal, 100 * view.eps)
    return Check(scale, len(X), float(difference.max()), float(np.sqrt(np.mean(difference**2))), tolerance)
