"""The table of starts for several outputs that share their units, in the order in which they are tried."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from twolayer.activation import Activation
from twolayer.decompose.joint_diagonalisation import joint_diagonalise
from twolayer.entry import Entry, table
from twolayer.model.shared_units import Matrix
from twolayer.moments import third_slices
from twolayer.samples import Samples
from twolayer.search.plan import PLAN
from twolayer.search.session import second_and_third

__all__ = ["SHARED_STARTS", "SharedSession"]


@dataclass(eq=False)
class SharedSession:
    """What a start may use.

    Attributes
    ----------
    samples : Samples
        Rows on white inputs, all that there are: moments are cheap.
    width : int
    activation : Activation
    rng : Generator
    """

    samples: Samples
    width: int
    activation: Activation
    rng: np.random.Generator

    def units(self, directions: Matrix) -> Matrix:
        """Rows (m, D) of units in these directions, with small biases where there are any."""
        if not self.samples.has_bias:
            return directions
        return np.hstack([directions, 0.1 * self.rng.standard_normal((len(directions), 1))])

    def random_directions(self, count: int) -> Matrix:
        """Random unit rows."""
        rows = self.rng.standard_normal((count, self.samples.dim))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


Start = Callable[[SharedSession], Matrix | None]


def joint(session: SharedSession) -> Matrix | None:
    r"""Directions that diagonalise the second moments of all outputs, or the third where those show nothing.

    In the span V of the leading left singular vectors, :math:`V^\top M_c V = \sum_i A_{ic}\,c_2\,u_i u_i^\top`: as many
    matrices as outputs with the same factors, one column of A_c to each. Two outputs are enough in principle; noise of
    n rows asks for more. Slices of the third moments have the same factors and far more noise: beside two outputs they
    lead away from the units (measured: 25 degrees off in place of 10 with three outputs and 30 rows a parameter).
    """
    samples, width = session.samples, session.width
    if not 2 <= width <= samples.dim:
        return None
    c2, c3 = second_and_third(session.activation)
    has_second = abs(c2) > PLAN.signal or samples.has_bias
    has_third = abs(c3) > PLAN.signal or samples.has_bias
    moment = samples.shared_moment
    stack = [moment.matrices] if has_second else []
    if has_third and (not has_second or samples.n_outputs == 1):
        along = moment.span(min(width, 8)).T if has_second else _linear_directions(moment.affine[:-1])
        stack.append(third_slices(samples.X, moment.rest, along))
    if not stack:
        return None
    sizes = [float(np.linalg.norm(part)) / np.sqrt(len(part)) or 1.0 for part in stack]
    # the noise of an entry of the third moment is about √3 times that of the second
    slices = np.concatenate([part / size for part, size in zip(stack, sizes, strict=True)])
    wide = np.hstack(list(slices))
    V = np.linalg.eigh(wide @ wide.T)[1][:, ::-1][:, :width]
    found = joint_diagonalise(V.T @ slices @ V, max_starts=1, rng=session.rng)
    directions = (V @ found.A).T
    return session.units(directions / np.linalg.norm(directions, axis=1, keepdims=True))


def _linear_directions(slopes: Matrix) -> Matrix:
    """Orthonormal rows that span the linear parts of the outputs, where the units are."""
    vectors, values, _ = np.linalg.svd(slopes, full_matrices=False)
    kept = vectors[:, values > 0.1 * values[0]] if values[0] > 0 else vectors[:, :1]
    return kept.T[:8]


def scattered(session: SharedSession) -> Matrix:
    """Random directions: where the outputs are many, units find their places from anywhere, more than inputs too."""
    return session.units(session.random_directions(session.width))


def wide(session: SharedSession) -> Matrix:
    """Half as many random units again, to be thinned out."""
    return session.units(session.random_directions(session.width + (session.width + 1) // 2))


SHARED_STARTS: dict[str, Entry] = table(
    Entry("joint", joint, "directions that diagonalise the moments of all outputs"),
    Entry("scattered", scattered, "random directions"),
    Entry("wide", wide, "half as many random units again, to be thinned out"),
    Entry("scattered again", scattered, "other random directions"),
    Entry("wide again", wide, "other random directions, to be thinned out"),
)
