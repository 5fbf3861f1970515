"""The model of a refinement by its definition, one row and one unit at a time, and problems to test it with."""

import numpy as np

from twolayer.activation import activation
from twolayer.model import UnitsProblem

# What a reflection leaves behind: something affine, something quadratic, a constant; and nothing, even or odd.
LIFTS = ["relu", "leaky_relu(0.1)", "softplus", "gelu", "squared_relu", "polynomial(0,-1,0.7,0.5)", "sigmoid"]
PARITIES = ["abs", "quadratic", "tanh", "erf", "sine", "linear"]


def left_behind(sigma):
    """Degree of σ(-t) - s σ(t), from values of σ alone; -1 where it is zero."""
    t = np.linspace(-3, 3, 41)
    p = sigma(-t) - sigma.reflection.sign * sigma(t)
    if np.abs(p).max() < 1e-12:
        return -1
    misfits = [np.abs(np.polynomial.Polynomial.fit(t, p, degree)(t) - p).max() for degree in range(3)]
    return int(np.argmax(np.array(misfits) < 1e-12))


def slow_psi(sigma, t, is_lifted):
    """σ, or the part of σ that has the parity of its reflection sign."""
    return (sigma(t) + sigma.reflection.sign * sigma(-t)) / 2 if is_lifted else sigma(t)


class SlowModel:
    """Σ v_i ψ(θ_i·x̃) + u·x̃ + ½ tᵀQt + c, with the parameters in the documented order.

    Rows of the units, row of the affine lift; outer weights unless fixed, upper triangle of Q by rows, constant.
    """

    def __init__(self, problem):
        self.problem = problem
        self.sigma, self.m, self.signs = problem.activation, problem.width, problem.signs
        self.has_bias, self.D = problem.has_bias, problem.X.shape[1] + problem.has_bias
        degree = left_behind(self.sigma) if problem.is_lifted else -1
        self.has_linear, self.has_quadratic = degree == 1, degree == 2
        self.has_constant = (self.has_bias or degree == 0) and not (self.has_linear and self.has_bias)

    def unpack(self, z):
        z = list(z)
        theta = [[z.pop(0) for _ in range(self.D)] for _ in range(self.m)]
        linear = [z.pop(0) for _ in range(self.D)] if self.has_linear else [0.0] * self.D
        v = [z.pop(0) for _ in range(self.m)] if self.signs is None else list(self.signs)
        Q = np.zeros((self.m, self.m))
        if self.has_quadratic:
            for i in range(self.m):
                for j in range(i, self.m):
                    entry = z.pop(0)
                    Q[i, j] += entry
                    Q[j, i] += entry
        constant = z.pop(0) if self.has_constant else 0.0
        assert not z
        return theta, linear, v, Q, constant

    def value(self, x, z):
        theta, linear, v, Q, constant = self.unpack(z)
        x = [float(entry) for entry in x] + [1.0] * self.has_bias
        t = [sum(w * e for w, e in zip(row, x, strict=True)) for row in theta]
        total = constant + sum(u * e for u, e in zip(linear, x, strict=True))
        for i in range(self.m):
            total += v[i] * float(slow_psi(self.sigma, np.array(t[i]), self.problem.is_lifted))
            for j in range(self.m):
                total += 0.5 * Q[i, j] * t[i] * t[j]
        return total

    def residual(self, z):
        return np.array([self.value(x, z) - y for x, y in zip(self.problem.X, self.problem.y, strict=True)])

    def jacobian(self, z, step=1e-3):
        """Fourth-order central differences of the residual."""
        columns = []
        for j in range(len(z)):
            e = np.zeros(len(z))
            e[j] = step
            near = self.residual(z + e) - self.residual(z - e)
            far = self.residual(z + 2 * e) - self.residual(z - 2 * e)
            columns.append((8 * near - far) / (12 * step))
        return np.column_stack(columns)

    def penalized_mask(self, size):
        """1 for the entries that the ridge counts."""
        mask = np.zeros(size)
        d = self.D - self.has_bias
        for i in range(self.m):
            mask[i * self.D : i * self.D + d] = 1
        if self.signs is None:
            start = (self.m + self.has_linear) * self.D
            mask[start : start + self.m] = 1
        return mask


def random_problem(spec, *, has_bias, is_lifted, is_fixed, rng, n=7, d=3, m=2, ridge=0.0, dtype=np.float64):
    """A problem and a point whose preactivations keep away from 0, where σ may have a kink."""
    sigma = activation(spec)
    signs = np.where(np.arange(m) % 2, -1.0, 1.0) if is_fixed else None
    theta = rng.standard_normal((m, d + has_bias))
    X = rng.standard_normal((20 * n, d)).astype(dtype)
    t = np.abs((np.hstack([X, np.ones((len(X), 1))]) if has_bias else X) @ theta.T)
    X = np.ascontiguousarray(X[t.min(axis=1) > 0.03][:n])
    assert len(X) == n
    problem = UnitsProblem(
        X,
        rng.standard_normal(n).astype(dtype),
        sigma,
        m,
        signs=signs,
        has_bias=has_bias,
        is_lifted=is_lifted,
        ridge=ridge,
    )
    z = rng.standard_normal(problem.n_parameters)
    z[: theta.size] = theta.ravel()
    return problem, z
