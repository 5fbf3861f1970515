r"""Theorem 6: how far gradient descent moves before it has seen the target.

The risk is :math:`R^f(\theta) = \mathbb E_x[1 - h(x;\theta) f(x)]`, the hinge loss as long as |h| ≤ 1 = |f|. The
lecture bounds the distance moved, as a root mean square over the class, by a multiple of :math:`e^{ct/2^{d/2}} - 1`.
Its proof uses :math:`\mathbb E_f\|\nabla R^f(\theta)\|^2 \le G(\theta)/|F|` at the θ that training on f has reached,
but it holds only for a θ that does not know f, and the statement is not true in general: for
:math:`h = \frac12\sum_v \theta_v^2 f_v` over all parities, starting from θ_v = 2^{-d/2}, training on f_u moves θ_u by
:math:`2^{-d/2}(e^t - 1)` and nothing else. What does follow, with

.. math:: \mathbb E_x\|\nabla h(x;\theta) - \nabla h(x;\theta_0)\|^2 \le L\|\theta - \theta_0\|^2, \qquad
    G_0 = \mathbb E_x\|\nabla h(x;\theta_0)\|^2,

is that :math:`\|\nabla R^f(\theta)\| \le \|\langle f, \nabla h(\theta_0) \rangle\| + \sqrt L\|\theta - \theta_0\|`, so
that for steps of size η (and, at η → 0, for the gradient flow)

.. math:: \Bigl(\mathbb E_f\|\theta_k^f - \theta_0\|^2\Bigr)^{1/2} \le \sqrt{\frac{\lambda G_0}{L |F|}}
    \bigl((1 + \eta\sqrt L)^k - 1\bigr) \le \sqrt{\frac{\lambda G_0}{L |F|}}\bigl(e^{\sqrt L\,\eta k} - 1\bigr),

λ = 1 for an orthonormal class: exponentially small up to times of order d/√L, not poly(d). The example attains it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy  # its parts are imported on first use
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import frozen_array, real_array, real_number, whole_number
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.one_line import in_one_line
from twolayer.papers.e2021hardness.theory.gradients import network_gradients, per_sample

__all__ = ["Model", "Movement", "gradient_descent_distance", "network_model", "network_parameters"]


@dataclass(frozen=True)
class Model:
    r"""A parametric model h(x; θ).

    Parameters
    ----------
    value : callable
        ``value(theta, X)``: h at each row of X, shape (n,).
    gradients : callable
        ``gradients(theta, X)``: ∇h in θ at each row of X, shape (n, p).
    """

    value: Callable[[NDArray[np.float64], NDArray[np.float64]], ArrayLike]
    gradients: Callable[[NDArray[np.float64], NDArray[np.float64]], ArrayLike]


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class Movement:
    r"""How far gradient descent has moved after each step, beside the bounds; arrays of shape (steps + 1,).

    Attributes
    ----------
    time : array
        Step size times number of steps, the t of the theorem.
    distance : array
        :math:`(\mathbb E_f\|\theta_t^f - \theta_0\|^2)^{1/2}`.
    bound : array
        What follows from the hypotheses, see above.
    lecture_bound : array
        :math:`\sqrt{G_0/2L}\,(e^{4\sqrt{L/|F|}\,t} - 1)`, the last line of the lecture's proof; it may be exceeded.
    lipschitz : float
        The least L that holds between θ_0 and every point reached, which is all that the bound needs.
    energy : float
        The G_0.
    """

    time: NDArray[np.float64]
    distance: NDArray[np.float64]
    bound: NDArray[np.float64]
    lecture_bound: NDArray[np.float64]
    lipschitz: float
    energy: float


def network_parameters(network: TwoLayerNetwork) -> NDArray[np.float64]:
    """Parameters of a network as one vector, θ = (a, W row by row, b), shape (m(d + 2),)."""
    return np.concatenate([network.a, network.W.ravel(), network.b])


def network_model(network: TwoLayerNetwork) -> Model:
    """Networks of the same shape, activation and polynomial part, as a model in θ = (a, W row by row, b)."""
    m, d = network.W.shape

    def at(theta: NDArray[np.float64]) -> TwoLayerNetwork:
        return replace(network, a=theta[:m], W=theta[m : m * (d + 1)].reshape(m, d), b=theta[m * (d + 1) :])

    return Model(lambda theta, X: at(theta)(X), lambda theta, X: network_gradients(at(theta))(X))


def gradient_descent_distance(
    model: Model, theta: ArrayLike, X: ArrayLike, F: ArrayLike, step_size: float, steps: int
) -> Movement:
    r"""Train a model on every function of a class, one at a time, and measure how far it moves.

    .. math:: \theta_{k+1}^f = \theta_k^f + \eta\,\mathbb E_x[f(x)\,\nabla h(x;\theta_k^f)].

    Parameters
    ----------
    model : Model
    theta : array, shape (p,)
        Where training starts, θ_0.
    X : array, shape (n, d)
        Points on which x is uniform: a whole cube, or a sample.
    F : array, shape (n, r)
        Values of the r functions of the class there, at most 1 in magnitude.
    step_size : float
        The η > 0.
    steps : int
        How many.

    Returns
    -------
    Movement

    Raises
    ------
    InputError
        If shapes do not agree, a value of F is above 1 in magnitude, or the model leaves |h| ≤ 1, where the loss is no
        longer linear in h and the theorem does not speak.

    Notes
    -----
    Costs r · steps gradients at n points.
    """
    theta, X, F = frozen_array(theta, "theta", 1), frozen_array(X, "X", 2), frozen_array(F, "F", 2)
    step_size, steps = real_number(step_size, "step_size", least=0), whole_number(steps, "steps")
    if not (len(X) == len(F) > 0 and F.shape[1]) or np.abs(F).max() > 1 + 1e-12:
        raise InputError("F must have the rows of X, a column or more, and values of at most 1 in magnitude")
    start = _gradients(model, theta, X)
    size = F.shape[1]
    squares, lipschitz = np.zeros(steps + 1), 0.0
    for f in F.T:
        moved = theta.copy()
        for step in range(1, steps + 1):
            J = _gradients(model, moved, X)
            lipschitz = max(lipschitz, _squared_slope(J - start, moved - theta))
            moved = moved + step_size * (f @ J) / len(X)
            squares[step] += np.sum((moved - theta) ** 2) / size
    energy = float(np.vdot(start, start) / len(X))
    push = np.sqrt(np.linalg.norm(F, 2) ** 2 / len(X) * energy / size)
    bound = np.zeros(steps + 1)
    for step in range(steps):
        bound[step + 1] = bound[step] + step_size * (push + np.sqrt(lipschitz) * bound[step])
    time = step_size * np.arange(steps + 1, dtype=np.float64)
    rate = 4 / np.sqrt(size) * time
    return Movement(
        time=time,
        distance=np.sqrt(squares),
        bound=bound,
        lecture_bound=np.sqrt(energy / 2) * rate * scipy.special.exprel(np.sqrt(lipschitz) * rate),
        lipschitz=lipschitz,
        energy=energy,
    )


def _gradients(model: Model, theta: NDArray[np.float64], X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Per-sample gradients at θ, where |h| ≤ 1."""
    largest = float(np.abs(real_array(model.value(theta, X), "the values of the model", 1)).max())
    if not largest <= 1 + 1e-12:
        raise InputError(f"Theorem 6 asks for |h| <= 1 wherever training goes, found {largest:.6g}")
    J = per_sample(lambda points: model.gradients(theta, points), X)
    if J.shape[1] != len(theta):
        raise InputError(f"the per-sample gradients must have {len(theta)} columns like theta, found {J.shape[1]}")
    return J


def _squared_slope(difference: NDArray[np.float64], moved: NDArray[np.float64]) -> float:
    """E‖∇h − ∇h_0‖² over ‖θ − θ_0‖²; 0 where θ has not moved."""
    distance = float(moved @ moved)
    return float(np.vdot(difference, difference) / len(difference)) / distance if distance else 0.0
