"""Is a unit needed, does an input matter? Wald and likelihood-ratio tests, and the criterion BIC over widths."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.activation import Activation
from twolayer.arrays import whole_number
from twolayer.errors import InputError
from twolayer.inference.estimates import Estimates
from twolayer.inference.parameters import Matrix, Vector
from twolayer.model.problem import UnitsProblem
from twolayer.model.units import without_unit
from twolayer.network import TwoLayerNetwork
from twolayer.recover import recover
from twolayer.refine.explore import polish

__all__ = ["Test", "WidthScore", "input_ratio_test", "unit_ratio_test", "wald_test", "width_scores"]


@dataclass(frozen=True)
class Test:
    """A test that something could be left out.

    Attributes
    ----------
    subject : str
        ``"unit 3"`` or the name of an input.
    kind : str
        ``"Wald"`` or ``"likelihood ratio"``.
    statistic : float
        F of the Wald test; n log(‖r₀‖²/‖r‖²) of the likelihood ratio.
    freedom : int
        Parameters that leaving it out takes away.
    p_value : float
        Chance that noise gives as much where it is not there; see the notes of the test.
    """

    __test__ = False  # the name is that of the thing, and pytest is not to collect it

    subject: str
    kind: str
    statistic: float
    freedom: int
    p_value: float


def wald_test(found: Estimates, *, unit: int | None = None, input: str | int | None = None) -> Test:  # noqa: A002
    r"""Wald test that a unit, or an input, could be left out, :math:`F = \theta_S^\top C_S^{-1}\theta_S / |S|`.

    S are the weights that would be zero: of an input those from it to every unit, and its linear part; of a unit its
    outer weights, or, where these are fixed (homogeneous σ), its row (w, b).

    Raises
    ------
    InputError
        If not exactly one of the two is given, there is no such unit or input, or no data can tell one of its weights.

    Notes
    -----
    F has |S| and n - p degrees of freedom for an input, as in any regression. For a unit the law is none: with its
    outer weight at zero, nothing is known of its row (Davies 1977), so that a p-value near 0.05 says less than it seems
    to. What leaving the unit out costs after a refit is `unit_ratio_test`, and `recover` certifies only networks that
    need all units by far.
    """
    from scipy.special import fdtrc

    places, subject = _weights_of(found, unit, input)
    if found.is_unknown[places].any():
        raise InputError(f"no data can tell all weights of {subject}, and so there is nothing to test")
    theta, C = found.layout.values[places], found.covariance[np.ix_(places, places)]
    scale = np.sqrt(np.maximum(C.diagonal(), 1e-300))
    statistic = float(theta / scale @ np.linalg.pinv(C / np.outer(scale, scale), hermitian=True) @ (theta / scale))
    count = len(places)
    return Test(subject, "Wald", statistic / count, count, float(fdtrc(count, found.freedom, statistic / count)))


def input_ratio_test(network: TwoLayerNetwork, X: ArrayLike, y: ArrayLike, place: int, name: str = "") -> Test:
    r"""Likelihood-ratio test that an input does not matter: refitted without it, :math:`n\log(\|r_0\|^2/\|r\|^2)`.

    Notes
    -----
    χ² with as many degrees of freedom as weights are taken away, for independent Gaussian noise. The refit begins at
    the network itself; were it to end in a minimum that is not the least, the statistic would be too large.
    """
    X, y = np.asarray(X, np.float64), np.asarray(y, np.float64)
    fewer = replace(network, W=np.delete(network.W, place, axis=1), polynomial=_without_input(network, place))
    if fewer.dim == 0:
        raise InputError("a network of one input cannot do without it")
    problem, point = _problem(fewer, np.delete(X, place, axis=1), y)
    linear = network.polynomial is not None and network.polynomial.linear is not None
    return _ratio(network, X, y, problem, point, name or f"x{place + 1}", network.width + linear)


def unit_ratio_test(network: TwoLayerNetwork, X: ArrayLike, y: ArrayLike, unit: int) -> Test:
    r"""Likelihood-ratio test that a unit could be left out: refitted without it, :math:`n\log(\|r_0\|^2/\|r\|^2)`.

    Notes
    -----
    The p-value is that of χ² with the unit's parameters as degrees of freedom, and too small: the best of all units
    that could be fitted to noise gains more than one whose row is given. A generous bound for that gain is
    2p + 40 (the one that certificates use), p all parameters of the network.
    """
    X, y = np.asarray(X, np.float64), np.asarray(y, np.float64)
    problem, point = _problem(network, X, y)
    if not 0 <= whole_number(unit, "unit", 0) < network.width:
        raise InputError(f"there are {network.width} units, counted from 0, found {unit}")
    freedom = network.dim + problem.has_bias + (not network.activation.degree)
    if network.width == 1:
        left = y - y.mean() if problem.has_bias else y
        return _test(network, X, y, float(left @ left), f"unit {unit}", freedom)
    return _ratio(network, X, y, *without_unit(problem, point, unit), f"unit {unit}", freedom)


@dataclass(frozen=True)
class WidthScore:
    """What a width costs and explains.

    Attributes
    ----------
    width, n_parameters : int
    residual : float
        Root mean square, in the unit of y.
    bic, aic : float
        n log(‖r‖²/n) + p log n, and + 2p: less is better.
    status : str
        How the recovery ended.
    """

    width: int
    n_parameters: int
    residual: float
    bic: float
    aic: float
    status: str


def width_scores(
    X: ArrayLike,
    y: ArrayLike,
    widths: Iterable[int],
    activation: str | Activation = "relu",
    *,
    bias: bool = True,
    rng: Any = None,
) -> tuple[WidthScore, ...]:
    """Recover networks of several widths and score each by the Bayesian and Akaike's criterion.

    Raises
    ------
    InputError
        As `recover`.

    Notes
    -----
    Costs a recovery a width. The criteria take each fit for the least there is, and each model for a regular one, which
    one with a unit too many is not: they are a guide, and the verdict of a recovery is the judge.
    """
    generator, scores = np.random.default_rng(rng), []
    for width in widths:
        result = recover(X, y, width, activation, bias=bias, rng=generator)
        p, n = result.certificate.n_parameters, len(np.asarray(y))
        r = result.network(X) - np.asarray(y, np.float64)
        mean = max(float(np.mean(r**2)), np.finfo(float).tiny)
        fit = n * np.log(mean)
        scores.append(
            WidthScore(width, p, float(np.sqrt(mean)), fit + p * float(np.log(n)), fit + 2.0 * p, result.status.name)
        )
    return tuple(scores)


def _weights_of(found: Estimates, unit: int | None, input: str | int | None) -> tuple[NDArray[np.intp], str]:  # noqa: A002
    """Places of the weights that would be zero without a unit or an input, and what it is called."""
    layout = found.layout
    if (unit is None) == (input is None):
        raise InputError("give one of unit and input")
    free = layout.is_free
    if unit is not None:
        if not 0 <= whole_number(unit, "unit", 0) < layout.network.width:
            raise InputError(f"there are {layout.network.width} units, counted from 0, found {unit}")
        roles: tuple[Literal["W", "b", "a"], ...] = ("W", "b") if layout.network.activation.degree else ("a",)
        chosen = [one.unit == unit and one.role in roles for one in layout.parameters]
        return np.flatnonzero(np.asarray(chosen) & free), f"unit {unit}"
    place = input_place(layout.inputs, input)
    name = layout.inputs[place]
    chosen = [one.role in ("W", "linear") and _of_input(layout, i, place) for i, one in enumerate(layout.parameters)]
    return np.flatnonzero(np.asarray(chosen) & free), name


def input_place(names: tuple[str, ...], given: Any) -> int:
    """Which input a name, or a place counted from 0, is of."""
    from twolayer.names import nearest

    if isinstance(given, str):
        if given not in names:
            raise InputError(f"there is no input {given!r}{nearest(given, names)}")
        return names.index(given)
    if not 0 <= whole_number(given, "input", 0) < len(names):
        raise InputError(f"there are {len(names)} inputs, counted from 0, found {given}")
    return int(given)


def _of_input(layout: Any, index: int, place: int) -> bool:
    """Whether the number at an index is a weight of that input."""
    d, q = layout.network.dim, layout.network.n_outputs
    start = sum(layout.sizes[:4])
    return index % d == place if index < layout.sizes[0] else (index - start) // q == place


def _without_input(network: TwoLayerNetwork, place: int) -> Any:
    P = network.polynomial
    if P is None or P.linear is None:
        return P
    return type(P)(P.constant, np.delete(P.linear, place, axis=0))


def _problem(network: TwoLayerNetwork, X: Matrix, y: Vector) -> tuple[UnitsProblem, Vector]:
    """The least-squares problem of a network of one output without a linear part, and its point."""
    P = network.polynomial
    if network.n_outputs > 1 or (P is not None and P.degree > 0):
        raise InputError("this test is of networks of one output without a linear or quadratic part")
    has_bias = P is not None or network.has_bias
    plain = network.balanced()
    signs = plain.a if plain.activation.degree else None
    rows = np.column_stack([plain.W, plain.b]) if has_bias else plain.W
    problem = UnitsProblem(X, y, plain.activation, plain.width, signs=signs, has_bias=has_bias)
    return problem, problem.join(rows, plain.a, constant=0.0 if P is None else float(P.constant))


def _ratio(
    network: TwoLayerNetwork, X: Matrix, y: Vector, problem: UnitsProblem, point: Vector, subject: str, freedom: int
) -> Test:
    with np.errstate(over="ignore", invalid="ignore"):
        fit = polish(problem, point, lambda *_: None)
    return _test(network, X, y, fit.squares, subject, freedom)


def _test(network: TwoLayerNetwork, X: Matrix, y: Vector, without: float, subject: str, freedom: int) -> Test:
    from scipy.special import chdtrc

    r = network(X) - y
    floor = max(float(r @ r), np.finfo(float).tiny)
    statistic = max(len(y) * float(np.log(max(without, floor) / floor)), 0.0)
    return Test(subject, "likelihood ratio", statistic, freedom, float(chdtrc(freedom, statistic)))
