"""Exact population risk of one network against another, by powers of the Gram matrix of their directions."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy  # its parts are imported on first use
from numpy.typing import NDArray

from twolayer.activation.polynomial import Polynomial as PolynomialActivation
from twolayer.arrays import real_number
from twolayer.errors import InputError
from twolayer.network import Polynomial, TwoLayerNetwork
from twolayer.risk.pair_means import pair_means
from twolayer.risk.units import Units, difference

__all__ = ["PopulationRisk", "low_orders", "population_risk"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_PAIRS_AT_ONCE = 4096  # of those completed by quadrature: with 500 nodes each, 16 MB
_ORDERS = (16, 32, 64, 128, 256)  # where a series may end; beyond, the unnormalised coefficients overflow


@dataclass(frozen=True)
class PopulationRisk:
    """The risk, and how it was found.

    Attributes
    ----------
    value : float
        :math:`E(f(x) - g(x))^2`.
    tail_bound : float
        No more than this is missing from `value` through the orders left out, rounding aside.
    order : int
        Where the Hermite series was cut.
    exact_pairs : int
        Pairs of different units, too close to collinear for the series, whose mean was computed by quadrature instead.
    """

    value: float
    tail_bound: float
    order: int
    exact_pairs: int


def population_risk(f: TwoLayerNetwork, g: TwoLayerNetwork, rtol: float = 1e-12) -> PopulationRisk:
    r"""Population risk :math:`\mathbb E_{x\sim N(0,I)}\,(f(x) - g(x))^2`, any activations, biases, norms and widths.

    Write the units of f and, with the other sign, of g as :math:`\alpha_i\,\sigma(s_i\bar w_i\cdot x + b_i)` with
    :math:`\|\bar w_i\| = 1`, and let :math:`\hat c_k(i) = \mathbb E[\sigma(s_i g + b_i) He_k(g)]/\sqrt{k!}`. Hermite
    polynomials of different orders, or along orthogonal directions, are orthogonal [1]_, so that

    .. math:: \mathbb E(f-g)^2 = \sum_k \Bigl\|\sum_i \alpha_i\,\hat c_k(i)\,\bar w_i^{\otimes k}\Bigr\|_F^2
        = \sum_k \sum_{ij} \alpha_i\alpha_j\,\hat c_k(i)\,\hat c_k(j)\,(\bar w_i\cdot\bar w_j)^k.

    Orders 0 to 2, which the polynomial parts add to, are summed as tensors, the others as Gram powers up to an order L.
    What is left of a unit, :math:`\tau_i = \mathbb E\,\sigma(s_ig+b_i)^2 - \sum_{k\le L}\hat c_k(i)^2` (Parseval), is
    added for i = j; the other pairs miss no more than :math:`|\rho_{ij}|^{L+1}\sqrt{\tau_i\tau_j}` each. Pairs with ρ
    beyond a threshold are completed by quadrature; the threshold makes the bound on what is left meet `rtol`, and L
    is where the work is least.

    Of several outputs the risks are added.

    Parameters
    ----------
    f, g : TwoLayerNetwork
        On the same inputs, with as many outputs.
    rtol : float
        Largest `tail_bound`, relative to the sum of the energies :math:`\alpha_i^2\,\mathbb E\sigma(s_ig + b_i)^2` of
        the units.

    Returns
    -------
    PopulationRisk

    Raises
    ------
    InputError
        If f and g have not the same inputs and outputs, rtol is not above 0, units are too steep, see `pair_means`, or
        the risk or a part of it is beyond floating point.

    Notes
    -----
    Time O(L N²) for N units in all and O(500) evaluations of σ for each pair that is completed; memory O(N (d + 256)),
    as the Gram matrix is worked on in blocks, and pairs are completed as they come. Rounding leaves errors of about
    1e-14 of the largest sums that cancel: of the mean squares of f and of g where they are alike, so that a risk below
    that of equal networks is not resolved. Slow where thousands of units crowd about one direction: then all pairs are
    near pairs.

    References
    ----------
    .. [1] mondelli2019connection, the expansion behind Theorem 2, there for units of norm one without biases
    """
    if f.dim != g.dim:
        raise InputError(f"networks to compare must have the same inputs, found {f.dim} and {g.dim}")
    if f.n_outputs != g.n_outputs:
        raise InputError(f"networks to compare must have the same outputs, found {f.n_outputs} and {g.n_outputs}")
    if real_number(rtol, "rtol", least=0) == 0:
        raise InputError("rtol must be above 0")
    if f.n_outputs > 1:
        return _summed([population_risk(f.output(j), g.output(j), rtol) for j in range(f.n_outputs)])
    with np.errstate(over="ignore", invalid="ignore"):  # what comes of an overflow is not finite, and refused
        units, polynomial = difference(f, g)
        coefficients, tau, nearest = _truncated(units, rtol)
        low = float(sum(np.sum(part**2) for part in _low_orders(units, coefficients, polynomial)))
        high, tail, pairs = _high_orders(units, coefficients, tau, nearest)
    value = _finite(low + high)
    return PopulationRisk(max(value, 0.0), _finite(tail), len(coefficients) - 1, pairs)


def _summed(risks: list[PopulationRisk]) -> PopulationRisk:
    """The risk of all outputs from that of each."""
    value, tail = sum(risk.value for risk in risks), sum(risk.tail_bound for risk in risks)
    return PopulationRisk(value, tail, max(risk.order for risk in risks), sum(risk.exact_pairs for risk in risks))


def _finite(number: float) -> float:
    if not np.isfinite(number):
        raise InputError(f"weights are too large: the mean square of the outputs is beyond floating point, {number}")
    return number


def _high_orders(units: Units, coefficients: Matrix, tau: Vector, nearest: float) -> tuple[float, float, int]:
    """Sum of the orders from 3 on, a bound on what far pairs miss of it, and the number of near pairs."""
    order = len(coefficients) - 1
    amplitudes, rest = units.weights * coefficients, np.abs(units.weights) * np.sqrt(tau)
    total, tail = float(units.weights**2 @ tau), 0.0
    pairs, waiting = 0, np.empty((2, 0), dtype=np.intp)
    for rows, columns, gram in _blocks(units.directions):
        twice = 1.0 if rows == columns else 2.0
        power = gram**3
        for k in range(3, order + 1):
            total += twice * float(amplitudes[k, rows] @ power @ amplitudes[k, columns])
            power *= gram
        is_near = np.abs(gram) > nearest
        power[is_near] = 0.0
        if rows == columns:
            np.fill_diagonal(power, 0.0)
        tail += twice * float(rest[rows] @ np.abs(power) @ rest[columns])
        near = np.argwhere(is_near).T + np.array([[rows.start], [columns.start]])
        waiting = np.concatenate([waiting, near[:, near[0] < near[1]]], axis=1)
        if waiting.shape[1] >= _PAIRS_AT_ONCE:
            total += 2 * _completions(units, coefficients, waiting)
            pairs, waiting = pairs + waiting.shape[1], waiting[:, :0]
    total += 2 * _completions(units, coefficients, waiting)
    return total, tail, pairs + waiting.shape[1]


def low_orders(network: TwoLayerNetwork) -> tuple[float, Vector, Matrix]:
    r"""Means :math:`\mathbb E f`, :math:`\mathbb E[f(x)\,x]` and :math:`\mathbb E[f(x)(xx^\top - I)]/2`.

    They are the best constant, the coefficients of the best linear predictor, and the matrix A of the best predictor
    :math:`a + \langle x, Ax\rangle`.

    Raises
    ------
    InputError
        If one is beyond floating point, or the network has several outputs.
    """
    if network.n_outputs > 1:
        raise InputError(f"the network must have one output, found {network.n_outputs}: take network.output(j)")
    with np.errstate(over="ignore", invalid="ignore"):
        units, polynomial = difference(network, TwoLayerNetwork([], np.zeros((0, network.dim))))
        mean, linear, quadratic = _low_orders(units, _normalised(units, 2), polynomial)
        _finite(float(mean**2 + np.sum(linear**2) + np.sum(quadratic**2)))
    return float(mean), linear, quadratic / np.sqrt(2)


def _low_orders(units: Units, coefficients: Matrix, polynomial: Polynomial) -> tuple[np.float64, Vector, Matrix]:
    """Tensors of order 0, 1 and 2 of the expansion in normalised Hermite polynomials."""
    first, second, third = units.weights * coefficients[:3]
    W = units.directions
    mean, linear, quadratic = first.sum() + polynomial.constant, second @ W, (W.T * third) @ W
    if polynomial.linear is not None:
        linear = linear + polynomial.linear
    if polynomial.quadratic is not None:
        mean = mean + np.trace(polynomial.quadratic)
        quadratic = quadratic + np.sqrt(2) * polynomial.quadratic
    return mean, linear, quadratic


def _truncated(units: Units, rtol: float) -> tuple[Matrix, Vector, float]:
    """Coefficients up to the order of least work, what is left of each unit, and the largest |ρ| left to the series."""
    for orders in (_ORDERS[:3], _ORDERS):
        coefficients, energies = _expansions(units, orders[-1])
        overflown = np.flatnonzero(~np.isfinite(coefficients).all(axis=1))
        usable = tuple(order for order in orders if not len(overflown) or order < overflown[0])
        remainders = energies - np.cumsum(coefficients**2, axis=0)[list(usable)]
        # of a unit's energy: a remainder below this is one of rounding
        remainders[remainders < 1e-14 * energies] = 0.0
        order, nearest = _cheapest(units, usable, remainders, rtol * float(units.weights**2 @ energies))
        if order < orders[-1]:
            break
    return coefficients[: order + 1], remainders[usable.index(order)], nearest


def _normalised(units: Units, order: int) -> Matrix:
    """Coefficients ĉ_k of each unit, shape (order + 1, N)."""
    coefficients = np.empty((order + 1, len(units)))
    for kind, sigma in enumerate(units.activations):
        own = units.kinds == kind
        with np.errstate(over="ignore", invalid="ignore"):  # steep sines overflow at high orders
            coefficients[:, own] = sigma.hermite_coefficients(order, units.scales[own], units.shifts[own])
    return coefficients * np.exp(-scipy.special.gammaln(np.arange(order + 1.0) + 1) / 2)[:, None]


def _expansions(units: Units, order: int) -> tuple[Matrix, Vector]:
    """Coefficients up to an order, and mean squares, computed once for equal (σ, s, b)."""
    rows = np.column_stack([units.kinds, units.scales, units.shifts])
    _, first, group = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    columns = {name: getattr(units, name)[first] for name in ("weights", "scales", "shifts", "directions", "kinds")}
    single = Units(activations=units.activations, **columns)
    coefficients = _normalised(single, order)
    with np.errstate(over="ignore", invalid="ignore"):
        energies = np.sum(coefficients**2, axis=0)
    for kind, sigma in enumerate(units.activations):
        own = single.kinds == kind
        if isinstance(sigma, PolynomialActivation) and not coefficients[-1, own].any():
            continue  # the sum is complete
        scales, shifts, one = single.scales[own], single.shifts[own], np.ones(own.sum())
        energies[own] = pair_means((sigma, sigma), (scales, scales), (shifts, shifts), one, 0 * one)
    return coefficients[:, group.ravel()], energies[group.ravel()]


def _blocks(W: Matrix, size: int = 256) -> Iterator[tuple[slice, slice, Matrix]]:
    """Square blocks of the Gram matrix on and above the diagonal, cosines kept within [-1, 1]; they fit the cache."""
    starts = range(0, len(W), size)
    for i in starts:
        for j in range(i, len(W), size):
            rows, columns = slice(i, min(i + size, len(W))), slice(j, min(j + size, len(W)))
            gram = np.clip(W[rows] @ W[columns].T, -1.0, 1.0)
            if i == j:
                np.fill_diagonal(gram, 1.0)
            yield rows, columns, gram


def _cheapest(units: Units, orders: tuple[int, ...], remainders: Matrix, allowed: float) -> tuple[int, float]:
    """Order where the series takes the least work, and the largest |ρ| that needs no quadrature there."""
    masses = (np.sqrt(remainders) @ np.abs(units.weights)) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        nearest = np.where(masses > 0, allowed / masses, np.inf) ** (1 / (np.array(orders) + 1))
    counts = np.zeros(len(orders))
    for rows, columns, gram in _blocks(units.directions):
        cosines = np.abs(gram)
        if rows == columns:
            np.fill_diagonal(cosines, 0.0)
        counts += [np.count_nonzero(cosines > most) / (2 if rows == columns else 1) for most in nearest]
    # a mean by quadrature costs 1e5 operations on one entry of a block
    work = np.array(orders) * len(units) ** 2 / 2 + 1e5 * counts
    best = int(np.argmin(work))
    return orders[best], float(nearest[best])


def _completions(units: Units, coefficients: Matrix, pairs: NDArray[np.intp]) -> float:
    """Sum over pairs of what the series left out: the mean of the product less the orders summed."""
    total = 0.0
    for first in range(len(units.activations)):
        for second in range(len(units.activations)):
            chosen = (units.kinds[pairs[0]] == first) & (units.kinds[pairs[1]] == second)
            for start in range(0, np.count_nonzero(chosen), _PAIRS_AT_ONCE):
                i, j = pairs[:, np.flatnonzero(chosen)[start : start + _PAIRS_AT_ONCE]]
                cosines = np.clip(np.einsum("pd,pd->p", units.directions[i], units.directions[j]), -1.0, 1.0)
                exact = pair_means(
                    (units.activations[first], units.activations[second]),
                    (units.scales[i], units.scales[j]),
                    (units.shifts[i], units.shifts[j]),
                    cosines,
                    np.sqrt(1 - cosines**2),
                )
                summed = np.zeros(len(i))
                for row in coefficients[::-1]:
                    summed = summed * cosines + row[i] * row[j]
                total += float((units.weights[i] * units.weights[j]) @ (exact - summed))
    return total
