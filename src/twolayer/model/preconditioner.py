"""The dual kernel of the units as a preconditioner of JᵀJ."""

from collections.abc import Callable

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from twolayer.model.linearization import Linearization
from twolayer.model.problem import Matrix, UnitsProblem, Vector

__all__ = ["damped", "kernel_preconditioner"]


def kernel_preconditioner(problem: UnitsProblem, at: Linearization, damping: float) -> Callable[[Vector], Vector]:
    """Inverse of the damped Gram matrices of slopes (times the identity on the inputs) and of features."""
    rows_factor = cho_factor(damped(at.slope_gram, damping))
    features_factor = cho_factor(damped(at.feature_gram, damping)) if problem.n_features else None

    def apply(vector: Vector) -> Vector:
        out = np.empty_like(vector)
        (rows, features), (out_rows, out_features) = problem.split(vector), problem.split(out)
        out_rows[:] = cho_solve(rows_factor, rows, check_finite=False)
        if features_factor is not None:
            out_features[:] = cho_solve(features_factor, features, check_finite=False)
        return out

    return apply


def damped(gram: Matrix, damping: float) -> Matrix:
    """The Gram matrix with its diagonal raised by the damping and, so that it can be inverted, by a tiny amount."""
    diagonal = gram.diagonal()
    tiny = 1e-10 * max(diagonal.mean(), 1e-300)
    return gram + np.diag(damping * diagonal + tiny)
