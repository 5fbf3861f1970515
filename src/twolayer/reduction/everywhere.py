"""Units that a function can do without, whatever the inputs."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.network import Polynomial, TwoLayerNetwork
from twolayer.reduction.reduced import Removal
from twolayer.reduction.same_rows import Group, groups_of_rows

__all__ = ["Units", "minimality", "reduced_everywhere"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]


@dataclass
class Units:
    """Units on their way: what is left of them, and why others went.

    Attributes
    ----------
    A, W, b : arrays, shapes (m, q), (m, d), (m,)
        Of all units of the original; rows of those that went stay.
    activation : Activation
    polynomial : Polynomial
        Of q outputs.
    alive : array of bool, shape (m,)
    removals : list of Removal
    """

    A: Matrix
    W: Matrix
    b: Vector
    activation: Activation
    polynomial: Polynomial
    alive: NDArray[np.bool_]
    removals: list[Removal] = field(default_factory=list)

    @classmethod
    def of(cls, network: TwoLayerNetwork) -> "Units":
        """Those of a network, all alive."""
        polynomial = network.polynomial or Polynomial(np.zeros(network.n_outputs))
        alive = np.ones(network.width, bool)
        return cls(network.A.copy(), network.W.copy(), network.b.copy(), network.activation, polynomial, alive)

    def remove(self, rule: str, unit: int | np.integer, into: int | None = None) -> None:
        """Take a unit out."""
        self.alive[unit] = False
        self.removals.append(Removal(rule, int(unit), None if into is None else int(into)))

    def add_ridge(self, coefficients: tuple[float, ...], A: Matrix, W: Matrix, b: Vector) -> None:
        """Add the sum of a polynomial p(w·x + b), with outer weights A, to the polynomial part."""
        outer = A[:, 0] if A.shape[1] == 1 else A
        self.polynomial = self.polynomial + Polynomial.ridge_sum(coefficients, outer, W, b)

    def network(self, original: TwoLayerNetwork) -> TwoLayerNetwork:
        """What is left."""
        keep, polynomial = self.alive, self.polynomial
        is_none = original.polynomial is None and not np.any(polynomial.constant) and polynomial.degree == 0
        return TwoLayerNetwork(
            self.A[keep], self.W[keep], self.b[keep], self.activation, None if is_none else polynomial
        )


def reduced_everywhere(units: Units, rtol: float) -> None:
    r"""Take out, in place, what the function can do without: by the rules of `RULES` that hold everywhere.

    For tanh that is the algorithm of [1]_ for the rank: units with :math:`a_i = 0` or :math:`w_i = 0` go, and of those
    whose :math:`\pm(w_i, b_i)` are the same one stays, with the signed sum of their outer weights, or none if that is
    zero. The same is done for any σ with a reflection law, up to the scale of a row where σ is homogeneous.

    References
    ----------
    .. [1] Farrugia-Roberts (2023), Computational complexity of detecting proximity to losslessly compressible neural
        network parameters, arXiv 2306.02834, algorithm 2.
    """
    sigma = units.activation
    for unit in np.flatnonzero(~units.A.any(axis=1)):
        units.remove("dead", unit)
    for unit in np.flatnonzero(units.alive & ~units.W.any(axis=1)):
        units.add_ridge((float(sigma(units.b[unit])),), units.A[[unit]], 0 * units.W[[unit]], units.b[[unit]])
        units.remove("constant", unit)
    if sigma.powers and max(sigma.powers) <= 2:
        alive = np.flatnonzero(units.alive)
        if len(alive):
            coefficients = _coefficients(sigma)
            units.add_ridge(coefficients, units.A[alive], units.W[alive], units.b[alive])
        for unit in alive:
            units.remove("polynomial", unit)
        return
    alive = np.flatnonzero(units.alive)
    rows = np.column_stack([units.W, units.b])[alive]
    if sigma.antiperiod:
        for group in _numbered(groups_of_rows(units.W[alive], True, rtol), alive):
            _one_frequency(units, group, rtol)
        return
    if sigma.degree:
        rows = rows / np.linalg.norm(units.W[alive], axis=1)[:, None]
    law = sigma.reflection
    may_turn = bool(law.sign) and len(law.polynomial) <= 3
    for group in _numbered(groups_of_rows(rows, may_turn, rtol), alive):
        _merged(units, group, rtol)


def _numbered(groups: list[Group], alive: NDArray[np.intp]) -> list[Group]:
    return [Group([int(alive[unit]) for unit in group.units], group.signs) for group in groups]


def _coefficients(sigma: Activation) -> tuple[float, ...]:
    """Those of a polynomial of degree two at most, by its values at three points."""
    below, middle, above = (float(sigma(t)) for t in (-1.0, 0.0, 1.0))
    return middle, (above - below) / 2, (above + below) / 2 - middle


def _merged(units: Units, group: Group, rtol: float) -> None:
    """Add the outer weights of one row to those of its first unit, turned round where they stand the other way."""
    first, *rest = group.units
    if not rest:
        return
    sigma = units.activation
    law, degree = sigma.reflection, sigma.degree or 0.0
    length = np.linalg.norm(units.W[group.units], axis=1)
    total, size = units.A[first].copy(), np.abs(units.A[first])
    for unit, sign, own in zip(rest, group.signs[1:], length[1:], strict=True):
        outer = units.A[unit] * (own / length[0]) ** degree
        size = size + np.abs(outer)
        if sign > 0:
            total += outer
            units.remove("twin", unit, first)
            continue
        # a σ(t) with t the argument turned round is s a σ(-t) + a p(-t), and -t is that of the first unit
        total += law.sign * outer
        if law.polynomial:
            units.add_ridge(law.polynomial, units.A[[unit]], -units.W[[unit]], -units.b[[unit]])
        units.remove("antipode", unit, first)
    units.A[first] = np.where(np.abs(total) <= rtol * size, 0.0, total)
    if not units.A[first].any():
        units.remove("cancelled", first)


def _one_frequency(units: Units, group: Group, rtol: float) -> None:
    r"""Add sines of one frequency: :math:`\sum_i a_i \sin(t + b_i) = p \sin t + q \cos t`, p and q vectors of outputs.

    These two are of rank one, and then one unit with a phase; or of rank two, and then two units; or zero.
    """
    if len(group.units) == 1:
        return
    signs = np.array(group.signs, float)[:, None]
    A, phase = units.A[group.units], units.b[group.units][:, None]
    # a sin(-t + b) = -a sin(t - b)
    amplitude, shift = signs * A, signs * phase
    scale = _scale(units.activation)
    waves = np.vstack(
        [(amplitude * np.cos(scale * shift)).sum(axis=0), (amplitude * np.sin(scale * shift)).sum(axis=0)]
    )
    size = float(np.abs(A).sum())
    values = np.linalg.svd(waves, compute_uv=False)
    rank = int(np.sum(values > rtol * size))
    kept, gone = group.units[:rank], group.units[rank:]
    if rank == 1:
        angles, _, outputs = np.linalg.svd(waves, full_matrices=False)
        units.A[kept[0]] = values[0] * outputs[0]
        units.b[kept[0]] = float(np.arctan2(angles[1, 0], angles[0, 0])) / scale
    elif rank == 2:
        if len(group.units) == 2:
            return
        units.A[kept], units.b[kept] = waves, [0.0, np.pi / 2 / scale]
        units.W[kept[1]] = units.W[kept[0]]
    for unit in gone:
        units.remove("phase" if kept else "cancelled", unit, kept[0] if kept else None)


def _scale(sigma: Activation) -> float:
    """The k of sin(k t)."""
    assert sigma.antiperiod
    return float(np.pi / sigma.antiperiod)


# Why units of different rows are independent, also modulo polynomials of degree two, by the activation.
_INDEPENDENT = {
    "relu": "units bend at different hyperplanes, and nothing else bends there",
    "leaky_relu": "units bend at different hyperplanes, and nothing else bends there",
    "abs": "units bend at different hyperplanes, and nothing else bends there",
    "squared_relu": "second derivatives of units jump at different hyperplanes, and nothing else jumps there",
    "tanh": "tanh of different arguments, up to sign, are independent (Sussmann 1992; Farrugia-Roberts 2023)",
    "sigmoid": "it is tanh up to scale and a constant, of which different ones are independent (Sussmann 1992)",
    "softplus": "its slope is a sigmoid, and these are independent (Sussmann 1992)",
    "silu": "along a line the poles nearest to it are those of the units, all at different places",
    "erf": "slopes of units are different Gaussians along a line, which are independent",
    "gelu": "second derivatives are polynomials times different Gaussians along a line, which are independent",
    "elu": "units of one hyperplane have different exponents, and those of different ones are analytic elsewhere",
    "selu": "units of one hyperplane have different exponents, and those of different ones are analytic elsewhere",
    "softsign": "units of one hyperplane have different poles, and those of different ones are analytic elsewhere",
    "sine": "waves of different frequencies are independent",
    "linear": "there is no unit left",
    "quadratic": "there is no unit left",
}


def minimality(network: TwoLayerNetwork, *, on_box: bool = False) -> tuple[bool, str]:
    """Whether a network that has been reduced has as few units as any of its activation, and why.

    Linear independence of its units, modulo polynomials of degree two, makes it so: a network of fewer units that is
    the same function would be a relation between units of different rows.
    """
    sigma = network.activation
    while sigma.keyword == "scaled":
        sigma = sigma.base  # type: ignore[attr-defined]
    if network.width == 0:
        return True, "there is no unit left"
    reason = _INDEPENDENT.get(sigma.keyword)
    if reason is None:
        return False, f"no theorem is known here for {sigma.name}"
    if on_box and sigma.keyword in _HALF_KNOWN:
        return False, f"units of {sigma.name} that stay on one side may depend on each other, which is not looked at"
    if on_box and sigma.keyword in _KINKED:
        reason += ", and each of these meets the inside of the box"
    elif on_box:
        reason += ", and what is so everywhere is so on a box, for the functions are analytic"
    return True, reason


_KINKED = ("relu", "leaky_relu", "abs", "squared_relu")
_HALF_KNOWN = ("elu", "selu", "softsign")  # exp(w·x + b) and exp(w·x + b') are one function up to a factor
