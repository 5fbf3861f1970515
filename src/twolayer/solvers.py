r"""What the solvers of several rooms share: Gram matrices, conjugate gradients, Nielsen's damping, Adam's direction."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy  # its parts are imported on first use
from numpy.typing import NDArray

__all__ = ["Adam", "GramSolver", "NielsenDamping", "conjugate_gradients"]

Array = NDArray[np.float64]


def conjugate_gradients(
    product: Callable[[Array], Array],
    target: Array,
    precondition: Callable[[Array], Array],
    tolerance: float,
    max_steps: int,
) -> Array:
    r"""Solve :math:`A x = t` for a positive semidefinite A that is known by its products.

    With M the preconditioner and r the residual, ends when :math:`r^\top M r` has fallen to `tolerance` times what it
    was for x = 0. The norm of M is the one that costs nothing, and does not depend on the units of the unknowns where M
    does not.

    Parameters
    ----------
    product : callable
        x ↦ A x, on arrays of the shape of `target`.
    target : array
        Of any shape; inner products are over all entries.
    precondition : callable
        r ↦ M r, near the inverse of A.
    tolerance : float
        The square of a relative size.
    max_steps : int
        Most products.

    Returns
    -------
    array
        The x, of the shape of `target`; the last one before a direction along which A is not positive.

    References
    ----------
    M. R. Hestenes, E. Stiefel, Methods of conjugate gradients for solving linear systems, 1952.
    """
    x, residual = np.zeros_like(target), target.copy()
    image = precondition(residual)
    direction, first = image.copy(), float(np.vdot(residual, image))
    norm = first
    for _ in range(max_steps):
        pushed = product(direction)
        curvature = float(np.vdot(direction, pushed))
        if not curvature > 0:  # also where it is not a number
            break
        length = norm / curvature
        x += length * direction
        residual -= length * pushed
        image = precondition(residual)
        norm, last = float(np.vdot(residual, image)), norm
        if norm <= tolerance * first:
            break
        direction = image + (norm / last) * direction
    return x


@dataclass(frozen=True, eq=False)
class GramSolver:
    """Solves :math:`G C = M` for a Gram matrix that may be singular to rounding.

    Its diagonal is raised by 1e-13 of itself, or by ten, a hundred, … times as much where it is indefinite; a few steps
    of refinement, ``C += solve(M - G @ C)``, take that out again where G is not singular.
    """

    factor: tuple[Array, bool]
    scale: Array

    @classmethod
    def of(cls, G: Array) -> "GramSolver":
        """Factor G, shape (f, f), symmetric."""
        diagonal = G.diagonal()
        scale = 1 / np.sqrt(np.maximum(diagonal, max(1e-14 * float(diagonal.max(initial=0.0)), 1e-300)))
        scaled = G * np.outer(scale, scale)
        ridge = 1e-13  # a thousand roundings: what keeps the factor of equal columns from failing
        while True:
            try:
                return cls(scipy.linalg.cho_factor(scaled + ridge * np.eye(len(G)), check_finite=False), scale)
            except np.linalg.LinAlgError:
                ridge *= 10

    def __call__(self, M: Array) -> Array:
        """The C, of the shape of M."""
        return np.asarray(
            self.scale[:, None] * scipy.linalg.cho_solve(self.factor, self.scale[:, None] * M, check_finite=False)
        )


@dataclass
class NielsenDamping:
    r"""The damping μ of Levenberg and Marquardt's method, by Nielsen's rule [1]_.

    After a step whose actual decrease is `gain` times the predicted one, μ is multiplied by
    :math:`\max(1/10,\, 1 - (2\,\text{gain} - 1)^3)`: a tenth where the model was right, 2 where nothing was gained.
    Nielsen has 1/3 for the least factor; a tenth saves steps where the fit is exact. While steps fail, μ is multiplied
    by 2, 4, 8, ...

    Attributes
    ----------
    value : float
        The μ.
    growth : float
        What the next failure multiplies it with.
    least : float
        Where it ends: beside numbers of order one, a smaller μ is rounding.

    Examples
    --------
    >>> damping = NielsenDamping(1.0)
    >>> damping.fail(); damping.fail(); damping.value
    8.0
    >>> damping.succeed(1.0); damping.value
    0.8

    References
    ----------
    .. [1] H. B. Nielsen, Damping parameter in Marquardt's method, IMM-REP-1999-05, 1999.
    """

    value: float
    growth: float = 2.0
    least: float = 1e-15

    def fail(self) -> None:
        """Damp more, after a step that lowered nothing."""
        self.value, self.growth = self.value * self.growth, self.growth * 2

    def succeed(self, gain: float) -> None:
        """Adapt to a step that was taken."""
        # more than predicted is no reason for less than a tenth, and its cube might overflow
        factor = max(0.1, 1 - (2 * min(gain, 1.0) - 1) ** 3)
        self.value, self.growth = max(self.value * factor, self.least), 2.0


class Adam:
    r"""The direction of Adam [1]_: the running mean of the gradients, over the root of that of their squares.

    With g_k the k-th gradient, entry by entry,

    .. math:: m_k = \beta_1 m_{k-1} + (1 - \beta_1)\,g_k, \quad s_k = \beta_2 s_{k-1} + (1 - \beta_2)\,g_k^2, \quad
       \frac{m_k / (1 - \beta_1^k)}{\sqrt{s_k / (1 - \beta_2^k)} + \epsilon}.

    Parameters
    ----------
    shape : int or tuple of int
        Of the gradients.
    mean_decay, square_decay : float
        β_1 and β_2, the authors' values by default.
    tiny : float
        The ε, in the units of the gradient; the authors' value by default.

    References
    ----------
    .. [1] D. P. Kingma, J. Ba, Adam: a method for stochastic optimization, 2015.
    """

    def __init__(
        self, shape: int | tuple[int, ...], mean_decay: float = 0.9, square_decay: float = 0.999, tiny: float = 1e-8
    ) -> None:
        self.mean, self.square = np.zeros(shape), np.zeros(shape)
        self.mean_decay, self.square_decay, self.tiny = mean_decay, square_decay, tiny
        self.steps = 0

    def direction(self, gradient: NDArray[Any]) -> Array:
        """Take a gradient into account, and return where to go against: about one in each entry."""
        self.steps += 1
        self.mean += (1 - self.mean_decay) * (gradient - self.mean)
        self.square += (1 - self.square_decay) * (gradient * gradient - self.square)
        mean = self.mean / (1 - self.mean_decay**self.steps)
        return np.asarray(mean / (np.sqrt(self.square / (1 - self.square_decay**self.steps)) + self.tiny))
