"""From a lifted fit to a network: which way round is each unit?"""

import numpy as np
from numpy.typing import NDArray

from twolayer.model import UnitsProblem
from twolayer.model.problem import Matrix, Vector
from twolayer.model.signed_sums import signs_of_sum
from twolayer.network import Polynomial, TwoLayerNetwork

__all__ = ["best_signs", "network_of", "orientations", "unlifted"]


def orientations(problem: UnitsProblem, z: Vector) -> Vector:
    r"""Decode the orientation of each unit, ±1, from what the lift has absorbed.

    A unit :math:`a_i\sigma(\varepsilon_i t_i)` is :math:`v_i\psi(t_i) - \tfrac s2 \varepsilon_i v_i\,p(t_i)`, so that a
    network leaves

    .. math:: P(x) = -\tfrac s2 \sum_i \varepsilon_i v_i\, p(\theta_i\cdot\tilde x) + c

    in the lift, which is linear in ε. Its quadratic form is diagonal in the units: the signs are read off. Its linear
    part gives d equations: with independent units they are solved and rounded, otherwise the combinations are searched
    (mixed-integer programming), or, where they are too many, found as a short vector of a lattice. If the network has a
    constant of its own, only it sees the constant of the lift, and the orientations of units with constant p are free:
    they stay.

    Returns
    -------
    array of ±1, shape (m,)
        The best guess; whether it is right is for the unlifted fit to show.
    """
    v, theta = problem.units(z)
    law = problem.activation.reflection
    p = np.zeros(3)
    p[: len(law.polynomial)] = law.polynomial
    if problem.has_quadratic:
        return _sign(-law.sign * p[2] * v * problem.quadratic_form(z).diagonal())
    if problem.has_linear_row:
        d = problem.X.shape[1]
        return best_signs((-law.sign / 2 * p[1] * v)[:, None] * theta[:, :d], problem.linear_part(z)[:d])
    if problem.is_lifted and not problem.has_bias:
        return best_signs((-law.sign / 2 * p[0] * v)[:, None], np.array([problem.constant(z)]))
    return np.ones(problem.width)


def _sign(values: NDArray) -> Vector:
    return np.where(values < 0, -1.0, 1.0)


def best_signs(vectors: Matrix, target: Vector) -> Vector:
    r"""Signs ε that bring :math:`\sum_i \varepsilon_i u_i` close to the target, for rows u_i of `vectors`."""
    solution, _, rank, _ = np.linalg.lstsq(vectors.T, target, rcond=1e-10)
    if rank == len(vectors) or not np.isfinite(vectors).all():
        return _sign(solution)
    if len(vectors) - rank > 12 and (found := signs_of_sum(vectors, target)) is not None:
        return found
    from scipy.optimize import Bounds, LinearConstraint, milp  # takes a tenth of a second, and few need it

    # minimise the l1 norm of the misfit: variables are the m flips in {0, 1} and the d slacks
    m, d = vectors.shape
    scale = max(float(np.abs(target).max()), float(np.abs(vectors).max()), 1e-300)
    U, t = 2 * vectors.T / scale, (target + vectors.sum(axis=0)) / scale
    identity = np.eye(d)
    answer = milp(
        c=np.r_[np.zeros(m), np.ones(d)],
        constraints=[
            LinearConstraint(np.hstack([U, -identity]), ub=t),
            LinearConstraint(np.hstack([U, identity]), lb=t),
        ],
        integrality=np.r_[np.ones(m), np.zeros(d)],
        bounds=Bounds(np.zeros(m + d), np.r_[np.ones(m), np.full(d, np.inf)]),
        options={"time_limit": 10.0},
    )
    return _sign(solution) if answer.x is None else np.where(answer.x[:m] > 0.5, 1.0, -1.0)


def unlifted(problem: UnitsProblem, z: Vector) -> tuple[UnitsProblem, Vector]:
    """Turn a fit of the lifted model into a start for the network itself, on the same rows."""
    epsilon = orientations(problem, z)
    v, theta = problem.units(z)
    law = problem.activation.reflection
    outer = v if law.sign > 0 else epsilon * v
    plain = problem.resized(None if problem.signs is None else outer, problem.width, is_lifted=False)
    turned = epsilon[:, None] * theta
    constant = 0.0
    if problem.has_bias and problem.is_lifted:
        constant = _left_constant(problem, z, epsilon)
    elif problem.has_bias:
        constant = problem.constant(z)
    return plain, plain.join(turned, outer, constant=constant)


def _left_constant(problem: UnitsProblem, z: Vector, epsilon: Vector) -> float:
    """The constant of the network: that of the lift, less what the reflections left there."""
    v, theta = problem.units(z)
    law = problem.activation.reflection
    p = np.zeros(3)
    p[: len(law.polynomial)] = law.polynomial
    weights = -law.sign / 2 * epsilon * v
    if problem.has_linear_row:
        return float(problem.linear_part(z)[-1] - weights @ (p[0] + p[1] * theta[:, -1]))
    return problem.constant(z) - float(p[0] * weights.sum())


def network_of(problem: UnitsProblem, z: Vector) -> TwoLayerNetwork:
    """The network of a fit; what a lift holds is its polynomial part, and the phases of sines are brought near 0."""
    v, theta = problem.units(z)
    d = problem.X.shape[1]
    b = theta[:, d] if problem.has_bias else None
    polynomial = _polynomial_of(problem, z) if problem.has_bias or problem.is_lifted else None
    network = TwoLayerNetwork(v, theta[:, :d], b, problem.activation, polynomial)
    return network.balanced() if problem.activation.antiperiod else network


def _polynomial_of(problem: UnitsProblem, z: Vector) -> Polynomial:
    r"""All but the units: the constant, the lift's P, and the halves :math:`\tfrac s2 p` that its units hold."""
    polynomial = Polynomial(problem.constant(z))
    if not problem.is_lifted:
        return polynomial
    v, theta = problem.units(z)
    d, law = problem.X.shape[1], problem.activation.reflection
    W, b = theta[:, :d], theta[:, d] if problem.has_bias else np.zeros(problem.width)
    polynomial += Polynomial.ridge_sum([law.sign / 2 * entry for entry in law.polynomial], v, W, b)
    if problem.has_linear_row:
        row = problem.linear_part(z)
        polynomial += Polynomial(row[d] if problem.has_bias else 0.0, row[:d])
    if problem.has_quadratic:
        Q = problem.quadratic_form(z)
        polynomial += Polynomial(b @ Q @ b / 2, W.T @ (Q @ b), W.T @ Q @ W / 2)
    return polynomial
