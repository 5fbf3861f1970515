"""The peers where several outputs share the units: outer weights are projected out, for them too.

With Φ = [σ(X Wᵀ), 1] and C its least-squares coefficients, a peer minimises ‖Y - Φ C‖² over W alone (variable
projection, Golub and Pereyra 1973); Adam, which needs no solver, and scikit-learn move all weights.
"""

import warnings
from collections.abc import Callable

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.linalg.blas import dsyrk
from scipy.optimize import OptimizeResult, minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from contest.least_squares import TARGET, Clock, Matrix, Vector
from twolayer.activation import Activation
from twolayer.network import Polynomial, TwoLayerNetwork

_BLOCK_ROWS = 2048
_SKLEARN = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic"}


class SharedLeastSquares:
    """The projected problem: the loss of rows W (m, d), biases last, relative to the labels less their means."""

    def __init__(self, X: Matrix, Y: Matrix, width: int, activation: Activation, clock: Clock) -> None:
        self.X, self.Y = np.column_stack([X, np.ones(len(X))]), Y
        self.width, self.activation, self.clock = width, activation, clock
        self.energy = float(np.sum((Y - Y.mean(axis=0)) ** 2))

    def start(self, rng: np.random.Generator) -> Matrix:
        self.clock.starts += 1
        return rng.standard_normal((self.width, self.X.shape[1])) / np.sqrt(self.X.shape[1])

    def blocks(self):
        for first in range(0, len(self.Y), _BLOCK_ROWS):
            self.clock.check()
            yield slice(first, first + _BLOCK_ROWS)

    def features(self, rows: slice, W: Matrix) -> tuple[Matrix, Matrix]:
        t = self.X[rows] @ W.T
        return t, np.column_stack([self.activation(t), np.ones(len(t))])

    def solve(self, W: Matrix) -> tuple[Matrix, float]:
        """The coefficients, refined once, and the relative loss."""
        size = self.width + 1
        G, M = np.zeros((size, size)), np.zeros((size, self.Y.shape[1]))
        for rows in self.blocks():
            phi = self.features(rows, W)[1]
            G += phi.T @ phi
            M += phi.T @ self.Y[rows]
        factor = cho_factor(G + 1e-14 * np.trace(G) / size * np.eye(size))
        C = cho_solve(factor, M)
        for _ in range(2):
            left, squares = np.zeros_like(M), 0.0
            for rows in self.blocks():
                phi = self.features(rows, W)[1]
                R = self.Y[rows] - phi @ C
                left += phi.T @ R
                squares += float(np.vdot(R, R))
            C = C + cho_solve(factor, left)
        return C, squares / self.energy

    def loss_and_gradient(self, z: Vector) -> tuple[float, Vector]:
        W = z.reshape(self.width, -1)
        C, loss = self.solve(W)
        gradient = np.zeros_like(W)
        for rows in self.blocks():
            t, phi = self.features(rows, W)
            R = self.Y[rows] - phi @ C
            gradient -= (self.activation.derivative(t) * (R @ C[:-1].T)).T @ self.X[rows]
        return loss, 2 * gradient.ravel() / self.energy

    def normal_equations(self, W: Matrix) -> tuple[float, Vector, Matrix]:
        """Loss, gradient and matrix of Kaufman's Gauss-Newton step: one Gram matrix serves all outputs."""
        C, loss = self.solve(W)
        m, D = W.shape
        edge, size = m * D, m * D + m + 1
        whole, g = np.zeros((size, size), order="F"), np.zeros((m, D))
        for rows in self.blocks():
            x = self.X[rows]
            t, phi = self.features(rows, W)
            S = self.activation.derivative(t)
            J = np.empty((len(x), size))
            np.multiply(S[:, :, None], x[:, None, :], out=J[:, :edge].reshape(len(x), m, D))
            J[:, edge:] = phi
            whole = dsyrk(1.0, J.T, beta=1.0, c=whole, lower=1, overwrite_c=1)
            g -= (S * ((self.Y[rows] - phi @ C) @ C[:-1].T)).T @ x
        whole = np.tril(whole) + np.tril(whole, -1).T
        G, cross = whole[edge:, edge:], whole[:edge, edge:]
        H = whole[:edge, :edge] - cross @ cho_solve(cho_factor(G + 1e-14 * np.trace(G) * np.eye(len(G))), cross.T)
        H.reshape(m, D, m, D)[:] *= (C[:-1] @ C[:-1].T)[:, None, :, None]
        return loss, g.ravel() / self.energy, H / self.energy

    def network(self, W: Matrix) -> TwoLayerNetwork:
        C = self.solve(W)[0]
        return TwoLayerNetwork(C[:-1], W[:, :-1], W[:, -1], self.activation, Polynomial(C[-1]))


def lbfgs(problem: SharedLeastSquares, rng: np.random.Generator) -> TwoLayerNetwork:
    """SciPy's L-BFGS-B from one start after another; given up when 20 iterations have brought less than 10 %."""
    while True:
        W, loss = _followed(problem, problem.start(rng))
        if loss <= TARGET:
            return problem.network(W)


def _followed(problem: SharedLeastSquares, W: Matrix) -> tuple[Matrix, float]:
    losses: list[float] = []

    def watch(intermediate_result: OptimizeResult) -> None:
        losses.append(float(intermediate_result.fun))
        problem.clock.record(losses[-1])
        if (len(losses) > 20 and losses[-1] > 0.9 * losses[-21]) or losses[-1] <= TARGET:
            raise StopIteration

    options = {"maxcor": 20, "maxiter": 100_000, "maxfun": 1_000_000, "ftol": 0.0, "gtol": 0.0}
    found = minimize(problem.loss_and_gradient, W.ravel(), jac=True, method="L-BFGS-B", callback=watch, options=options)
    return found.x.reshape(W.shape), float(found.fun)


def levenberg_marquardt(problem: SharedLeastSquares, rng: np.random.Generator) -> TwoLayerNetwork:
    """Marquardt's scaling, Nielsen's damping; a start is given up when 6 steps have brought less than 20 %."""
    while True:
        W = _descended(problem, problem.start(rng))
        if problem.solve(W)[1] <= TARGET:
            return problem.network(W)


def _descended(problem: SharedLeastSquares, W: Matrix) -> Matrix:
    loss, g, H = problem.normal_equations(W)
    losses, damping, growth = [loss], 1e-2, 2.0
    while loss > TARGET and not (len(losses) > 6 and loss > 0.8 * losses[-7]):
        scale = np.maximum(H.diagonal(), 1e-12 * H.diagonal().max())
        for _ in range(12):
            try:
                step = -cho_solve(cho_factor(H + np.diag(damping * scale), lower=True), g)
                trial = problem.solve(W + step.reshape(W.shape))[1]
            except LinAlgError:
                trial = np.inf
            if trial < loss:
                break
            damping, growth = damping * growth, growth * 2
        else:
            return W
        gain = (loss - trial) / max(float(step @ (damping * scale * step - g)), 1e-300)
        damping, growth = max(damping * max(0.1, 1 - (2 * min(gain, 1.0) - 1) ** 3), 1e-15), 2.0
        W = W + step.reshape(W.shape)
        loss, g, H = problem.normal_equations(W)
        losses.append(loss)
        problem.clock.record(loss)
    return W


def adam(problem: SharedLeastSquares, rng: np.random.Generator) -> TwoLayerNetwork:
    """Torch's Adam over all weights in float64, batches of 1000 rows, the rate halved where 20 epochs bring little."""
    import torch

    X, Y = torch.from_numpy(problem.X), torch.from_numpy(problem.Y)
    sigma = {"relu": torch.relu, "tanh": torch.tanh, "softplus": torch.nn.functional.softplus}[problem.activation.name]
    shuffle = torch.Generator().manual_seed(int(rng.integers(2**31)))
    while True:
        W0 = problem.start(rng)
        parameters = [torch.tensor(part, requires_grad=True) for part in (W0, problem.solve(W0)[0])]
        optimizer, rate, best, since = torch.optim.Adam(parameters, lr=0.02), 0.02, np.inf, 0
        while rate > 1e-6:
            squares = 0.0
            for rows in torch.randperm(len(Y), generator=shuffle).split(1000):
                W, C = parameters
                left = sigma(X[rows] @ W.T) @ C[:-1] + C[-1] - Y[rows]
                energy = (left * left).sum()
                optimizer.zero_grad(set_to_none=True)
                (energy / len(rows)).backward()
                optimizer.step()
                squares += float(energy.detach())
                problem.clock.check()
            loss = squares / problem.energy
            problem.clock.record(loss)
            if loss <= TARGET:
                return problem.network(parameters[0].detach().numpy())
            since = 0 if loss < 0.7 * best else since + 1
            best = min(best, loss)
            if since >= 20:
                rate, since = rate / 2, 0
                for group in optimizer.param_groups:
                    group["lr"] = rate
            if rate < 1e-3 and loss > 1e-3:
                break


def mlp(problem: SharedLeastSquares, rng: np.random.Generator) -> TwoLayerNetwork:
    """scikit-learn's MLPRegressor by L-BFGS, 200 iterations at a time while they bring 10 %."""
    X = problem.X[:, :-1]
    while True:
        problem.clock.starts += 1
        model = MLPRegressor(
            hidden_layer_sizes=(problem.width,),
            activation=_SKLEARN[problem.activation.name],
            solver="lbfgs",
            alpha=0.0,
            tol=0.0,
            max_iter=200,
            max_fun=10**9,
            warm_start=True,
            random_state=int(rng.integers(2**31)),
        )
        loss, last = 1.0, np.inf
        while TARGET < loss < 0.9 * last:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(X, problem.Y)
            last, loss = (
                loss if np.isfinite(last) else np.inf,
                float(np.sum((model.predict(X) - problem.Y) ** 2)) / problem.energy,
            )
            problem.clock.record(loss)
        if loss <= TARGET:
            (W, a), (b, c) = model.coefs_, model.intercepts_
            return TwoLayerNetwork(a, W.T, b, problem.activation, Polynomial(c))


SHARED: dict[str, Callable[[SharedLeastSquares, np.random.Generator], TwoLayerNetwork]] = {
    "lbfgs": lbfgs,
    "levenberg_marquardt": levenberg_marquardt,
    "adam": adam,
    "mlp": mlp,
}
