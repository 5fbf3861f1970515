r"""Online gradient descent of a two-layer ReLU network on the hinge loss, all layers trained.

With :math:`u = (x, 1)`, :math:`v_j = (w_j, b_j)` and :math:`f(x) = \sum_j a_j\,\sigma(v_j\cdot u)`, the loss of a batch
is :math:`\sum_i p_i \max(0, 1 - y_i f(x_i))`, with :math:`p_i` the share of the batch that :math:`x_i` is: on a small
cube, a batch has few different points, many times each. Let :math:`c_i = -y_ip_i` where :math:`y_if(x_i) < 1`, else 0;

.. math:: q_j = \sum_i c_i\,1[v_j\cdot u_i > 0]\,u_i, \qquad \text{then}\quad
    \nabla_{v_j} = a_j\,q_j, \qquad \nabla_{a_j} = v_j\cdot q_j,

the latter because ReLU is homogeneous: one matrix product forward, and one back that serves both layers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["HingeDescent", "parity_batch"]

_ROWS = 256  # at once: their activations stay in the cache


@dataclass(eq=False)
class HingeDescent:
    """A two-layer ReLU network in training.

    Attributes
    ----------
    a : array, shape (m,)
    V : array, shape (m, d + 1)
        Rows (w_j, b_j).
    rate : float
        The step size.

    References
    ----------
    .. [1] e2021hardness, "Numerical evidence"
    """

    a: NDArray[np.float32]
    V: NDArray[np.float32]
    rate: float

    def outputs(self, U: NDArray) -> NDArray:
        """Evaluate the network at rows u = (x, 1)."""
        blocks = (U[start : start + _ROWS] for start in range(0, len(U), _ROWS))
        return np.concatenate([np.maximum(u @ self.V.T, 0) @ self.a for u in blocks])

    def gradients(self, U: NDArray, y: NDArray, shares: NDArray) -> tuple[NDArray, NDArray, float, float]:
        """Return the gradients in a and in V, the loss, and the share of wrong signs, of a batch.

        Parameters
        ----------
        U : array, shape (n, d + 1)
            Rows (x, 1), different ones.
        y : array, shape (n,)
            Labels ±1.
        shares : array, shape (n,)
            Part of the batch that each row is, 1 in sum.

        Notes
        -----
        Some 4 n m (d + 1) flops, and memory for 256 m numbers.
        """
        Q = np.zeros_like(self.V)
        loss, wrong = 0.0, 0.0
        for start in range(0, len(U), _ROWS):
            rows = slice(start, start + _ROWS)
            u, label, share = U[rows], y[rows], shares[rows]
            H = u @ self.V.T
            is_active = (H > 0).astype(H.dtype)
            margins = label * (np.maximum(H, 0, out=H) @ self.a)
            loss += float(np.maximum(0, 1 - margins) @ share)
            wrong += float((margins <= 0) @ share)
            c = np.where(margins < 1, -label * share, 0)
            Q += is_active.T @ (c[:, None] * u)
        return np.einsum("jk,jk->j", self.V, Q), self.a[:, None] * Q, loss, wrong

    def step(self, U: NDArray, y: NDArray, shares: NDArray) -> tuple[float, float]:
        """Make one step on a batch, and return the loss and the share of wrong signs before it."""
        of_a, of_V, loss, wrong = self.gradients(U, y, shares)
        self.a -= self.a.dtype.type(self.rate) * of_a
        self.V -= self.V.dtype.type(self.rate) * of_V
        return loss, wrong


def parity_batch(d: int, size: int, rng: np.random.Generator) -> tuple[NDArray, NDArray, NDArray]:
    """Draw a batch of the parity of all inputs, x uniform on {0,1}^d: rows (x, 1), labels (-1)^Σx, and shares."""
    points = rng.integers(0, 2**d, size)
    points, counts = np.unique(points, return_counts=True)
    X = points[:, None] >> np.arange(d) & 1
    U = np.column_stack([X, np.ones(len(X))]).astype(np.float32)
    return U, (1 - 2 * (X.sum(axis=1) % 2)).astype(np.float32), (counts / size).astype(np.float32)
