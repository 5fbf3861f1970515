"""What anyone would try first: minimise the squared residual from random starts, by three methods."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares, minimize

from twolayer.activation import Activation
from twolayer.network import TwoLayerNetwork
from twolayer.solvers import Adam

__all__ = ["RIVALS", "Residual", "restarted"]

Vector = NDArray[np.float64]


class Residual:
    r"""The residual :math:`r(z) = (\sum_i a_i\,\sigma(X w_i) - y)/\|y\|`, with z = (a, W) in one vector.

    Parameters
    ----------
    X : array, shape (n, d)
    y : array, shape (n,)
    width : int
    activation : Activation
    """

    def __init__(self, X: NDArray, y: NDArray, width: int, activation: Activation) -> None:
        self.X, self.y, self.width, self.activation = X, y, width, activation
        self.size = float(np.linalg.norm(y))

    def network(self, z: Vector) -> TwoLayerNetwork:
        """The network of the parameters z."""
        return TwoLayerNetwork(z[: self.width], z[self.width :].reshape(self.width, -1), activation=self.activation)

    def start(self, rng: np.random.Generator) -> Vector:
        """Gaussian rows of length about one, signs at random, and a model as large as the labels."""
        a = rng.choice([-1.0, 1.0], self.width)
        W = rng.standard_normal((self.width, self.X.shape[1])) / np.sqrt(self.X.shape[1])
        ratio = float(np.std(self.y) / np.std(self.activation(self.X @ W.T) @ a))
        return np.concatenate([a * ratio, W.ravel()])

    def value(self, z: Vector) -> Vector:
        """Return r(z), shape (n,)."""
        a, W = z[: self.width], z[self.width :].reshape(self.width, -1)
        return (self.activation(self.X @ W.T) @ a - self.y) / self.size

    def jacobian(self, z: Vector) -> NDArray:
        """Return the derivative of r, shape (n, m + m d)."""
        a, W = z[: self.width], z[self.width :].reshape(self.width, -1)
        t = self.X @ W.T
        by_W = (self.activation.derivative(t) * a)[:, :, None] * self.X[:, None, :]
        return np.hstack([self.activation(t), by_W.reshape(len(t), -1)]) / self.size

    def loss_and_gradient(self, z: Vector) -> tuple[float, Vector]:
        r"""Return ‖r‖² and its gradient."""
        a, W = z[: self.width], z[self.width :].reshape(self.width, -1)
        t = self.X @ W.T
        values = self.activation(t)
        r = (values @ a - self.y) / self.size
        by_W = (self.activation.derivative(t) * a * r[:, None]).T @ self.X
        return float(r @ r), 2 * np.concatenate([values.T @ r, by_W.ravel()]) / self.size


def restarted(
    name: str, X: NDArray, y: NDArray, width: int, activation: Activation, starts: int, rng: np.random.Generator
) -> TwoLayerNetwork:
    """Return the best of several fits from random starts, by a method of `RIVALS`; an exact one ends the search."""
    problem = Residual(X, y, width, activation)
    best, least = problem.start(rng), np.inf
    for _ in range(starts):
        z = RIVALS[name](problem, problem.start(rng))
        loss = problem.loss_and_gradient(z)[0]
        if loss < least:
            best, least = z, loss
        # a relative loss of 1e-18 is a residual of 1e-9: no start will be nearer
        if least <= 1e-18:
            break
    return problem.network(best)


def lbfgs(problem: Residual, z: Vector) -> Vector:
    """Minimise by L-BFGS with a memory of 20, at most 2000 steps."""
    # the limits keep a start within seconds: one that is short of the minimum then counts as it is
    options = {"maxcor": 20, "maxiter": 2000, "maxfun": 2 * 2000, "ftol": 0.0, "gtol": 1e-14}
    return minimize(problem.loss_and_gradient, z, jac=True, method="L-BFGS-B", options=options).x


def levenberg_marquardt(problem: Residual, z: Vector) -> Vector:
    """Minimise by Levenberg and Marquardt's method as MINPACK has it, at most 200 steps."""
    # as above: a limit of its time
    return least_squares(problem.value, z, problem.jacobian, method="lm", max_nfev=200).x


def adam(problem: Residual, z: Vector, steps: int = 3000, rate: float = 0.05) -> Vector:
    """Minimise by Adam on all rows, the rate falling to 0 along a quarter of a cosine wave."""
    # gradients of all rows are no noise, so that a shorter memory of their squares than usual, and hardly an ε, will do
    rule, z = Adam(z.shape, square_decay=0.99, tiny=1e-12), z.copy()
    for step in range(1, steps + 1):
        z -= rate * np.cos(np.pi / 2 * step / steps) * rule.direction(problem.loss_and_gradient(z)[1])
    return z


RIVALS: dict[str, Callable[[Residual, Vector], Vector]] = {
    "lbfgs": lbfgs,
    "levenberg_marquardt": levenberg_marquardt,
    "adam": adam,
}
