"""From a lifted fit of several outputs to a network: which way round is each unit?"""

import numpy as np

from twolayer.model.reflections import best_signs
from twolayer.model.shared_units import Matrix, SharedFit, SharedUnits, Vector
from twolayer.network import Polynomial, TwoLayerNetwork

__all__ = ["shared_network", "shared_orientations", "unlifted_units"]


def shared_orientations(fit: SharedFit) -> Vector:
    r"""Decode the orientation of each unit, ±1, from what the lift has absorbed.

    As for one output, a network leaves :math:`-\tfrac s2\sum_i \varepsilon_i A_i\,p(\theta_i\cdot\tilde x)` in the lift
    of each output, linear in ε: with q outputs q times as many equations, so that more units than inputs are decoded by
    least squares. Where only a constant is left and the network has one of its own, they are free: they stay.

    Returns
    -------
    array of ±1, shape (m,)
        The best guess; whether it is right is for the fit of the network to show.
    """
    problem = fit.problem
    degree, d, m = problem.lift_degree, problem.dim, problem.width
    leading = -problem.half[degree] if degree >= 0 else 0.0
    W, A, beside = fit.theta[:, :d], fit.A, fit.beside
    if degree == 2:
        i, j = np.triu_indices(d)
        shapes = W[:, i] * W[:, j] * np.where(i == j, 1.0, 2.0)
        target = beside[len(beside) - len(i) :]
    elif degree == 1:
        shapes, target = W, beside[len(beside) - d :]
    elif degree == 0 and not problem.has_bias:
        shapes, target = np.ones((m, 1)), beside
    else:
        return np.ones(m)
    vectors = leading * np.einsum("mi,mq->miq", shapes, A).reshape(m, -1)
    return best_signs(vectors, target.ravel())


def unlifted_units(fit: SharedFit) -> tuple[SharedUnits, Matrix]:
    """Turn a fit of the lifted model into a start for the network itself, on the same rows."""
    return fit.problem.resized(fit.problem.width, is_lifted=False), shared_orientations(fit)[:, None] * fit.theta


def shared_network(fit: SharedFit) -> TwoLayerNetwork:
    """The network of a fit; what a lift holds is its polynomial part, and the phases of sines are brought near 0."""
    problem, d = fit.problem, fit.problem.dim
    W, b = fit.theta[:, :d], fit.theta[:, d] if problem.has_bias else np.zeros(problem.width)
    polynomial = None
    if problem.n_beside:
        polynomial = _beside_as_polynomial(fit)
        if len(problem.half):
            polynomial = polynomial + Polynomial.ridge_sum(problem.half.tolist(), fit.A, W, b)
    return TwoLayerNetwork(fit.A, W, b, problem.activation, polynomial).balanced()


def _beside_as_polynomial(fit: SharedFit) -> Polynomial:
    problem, d = fit.problem, fit.problem.dim
    degree, q = problem.lift_degree, problem.n_outputs
    has_constant = problem.has_bias or degree in (0, 2)
    rest = fit.beside[has_constant:]
    constant = fit.beside[0] if has_constant else np.zeros(q)
    linear = rest[:d] if degree >= 1 else None
    if degree < 2:
        return Polynomial(constant, linear)
    i, j = np.triu_indices(d)
    Q = np.zeros((d, d, q))
    Q[i, j] = rest[d:] / 2
    return Polynomial(constant, linear, Q + Q.swapaxes(0, 1))
