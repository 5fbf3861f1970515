r"""Single-sample gradient descent with Polyak-Ruppert averaging, exact, in blocks of samples.

One step of the descent on :math:`\tfrac12(\hat y(x_t) - y_t)^2`, :math:`\hat y(x) = \sum_i \tanh(\beta\,w_i\cdot x)`,
is :math:`W_{t+1} = W_t - g_t x_t^\top`. So within a block that begins at :math:`W_0`

.. math:: W_t x_t = W_0 x_t - \sum_{s<t} g_s\,(x_s\cdot x_t):

all products with weights are two matrix products a block, and a step itself needs only the inner products of the
block's samples, r(t + 1) multiply-adds in place of 2 r d. The average of the weights is never formed within a block
either: its outputs on the block's samples follow in one more product. Nothing is approximated. Curves of different
step sizes and different labels, over the same inputs, go through it together.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Descent"]


@dataclass(eq=False)
class Descent:
    r"""Curves of averaged stochastic gradient descent, where they are now.

    Attributes
    ----------
    weights : array, shape (c, r, d)
        The :math:`W_t` of each of c curves.
    averages : array, shape (c, r, d)
        Mean of the weights before each of the steps made, and :math:`W_0` where none was.
    step_sizes : array, shape (c,)
        The s of :math:`w_i \leftarrow w_i - s\,(\hat y - y)\,\beta\,(1 - \tanh^2(\beta\,w_i\cdot x))\,x`.
    slope : float
        The β of tanh(βt); 5/2 in the paper.
    steps : int
        Steps made.
    dtype : type
        Of the work within a block. Weights and averages are held in float64, so that the small steps are not lost.

    References
    ----------
    .. [1] mondelli2019connection, section 6
    """

    weights: NDArray[np.float64]
    averages: NDArray[np.float64]
    step_sizes: NDArray[np.float64]
    slope: float = 2.5
    steps: int = 0
    dtype: Any = np.float32

    @classmethod
    def started(cls, weights: NDArray, step_sizes: NDArray, slope: float = 2.5, dtype: Any = np.float32) -> "Descent":
        """Begin every curve at the same weights (r, d)."""
        curves = np.repeat(np.asarray(weights, dtype=np.float64)[None], len(step_sizes), axis=0)
        return cls(curves, curves.copy(), np.asarray(step_sizes, dtype=np.float64), slope, 0, dtype)

    def run(self, X: NDArray, Y: NDArray) -> NDArray[np.float64]:
        r"""Go through the samples once, in their order, and return the errors of the averages.

        Parameters
        ----------
        X : array, shape (n, d)
        Y : array, shape (n, c)
            Labels of each curve.

        Returns
        -------
        array, shape (n, c)
            :math:`f_{\bar W_t}(x_t) - y_t`, the average taken before the sample is used: an error on what was not seen.

        Notes
        -----
        Time some 4 n c r d multiply-adds in matrix products and 2 n c r tanh; memory O(64 c r).
        """
        at_once = 2_000  # activations of a step, of all curves that go together: they stay in the cache
        errors = np.empty(Y.shape)
        curves, r, _ = self.weights.shape
        together = max(1, at_once // r)
        # blocks of 64 samples, or of 32 where a step is long: their products are to stay in the cache
        length = 64 if min(curves, together) * r <= at_once / 2 else 32
        X, Y = X.astype(self.dtype, copy=False), Y.astype(self.dtype, copy=False)
        for first in range(0, curves, together):
            group = slice(first, first + together)
            self._run_group(group, X, Y[:, group], errors[:, group], length)
        self.steps += len(X)
        return errors

    def _run_group(self, group: slice, X: NDArray, Y: NDArray, errors: NDArray, length: int) -> None:
        """All samples for some of the curves, few enough together to stay in the cache."""
        curves, r, d = self.weights[group].shape
        W, A = (part[group].reshape(-1, d).T.copy() for part in (self.weights, self.averages))
        sizes = (self.slope * self.step_sizes[group]).astype(self.dtype)
        for start in range(0, len(X), length):
            x, y = X[start : start + length], Y[start : start + length]
            done, count = self.steps + start, len(x)
            inner = self.slope * (x @ x.T)
            Z = self.slope * (x @ W.astype(self.dtype))
            G = _gradients(Z.copy(), inner, y, sizes)

            ages = np.arange(count, dtype=self.dtype)[:, None]
            own = (ages + 1) * Z - (inner * np.maximum(ages - ages.T, 0)) @ G  # β Σ W_u x_t over the block's u ≤ t
            of_average = self.slope * (x @ A.astype(self.dtype))
            outputs = np.tanh(of_average * (done / (done + ages + 1)) + own / (done + ages + 1))
            errors[start : start + count] = outputs.reshape(count, curves, r).sum(axis=2) - y

            A *= done / (done + count)
            A += (count * W - x.T @ (G * (count - 1 - ages))) / (done + count)
            W -= x.T @ G
        self.weights[group], self.averages[group] = (part.T.reshape(curves, r, d) for part in (W, A))


def _gradients(Z: NDArray, inner: NDArray, y: NDArray, sizes: NDArray) -> NDArray:
    """The g_t of every step of a block, each from those before it; Z, the block's first arguments, is overwritten."""
    nest = 8  # rows brought up to date together: one product instead of eight
    G, squares = np.empty_like(Z), np.empty_like(Z[0])
    by_curve = (len(sizes), -1)
    slopes = squares.reshape(by_curve)
    for t in range(len(Z)):
        z, recent = Z[t], t - t % nest
        if t == recent and t:
            Z[t : t + nest] -= inner[t : t + nest, :t] @ G[:t]
        if t > recent:
            z -= np.dot(inner[t, recent:t], G[recent:t], out=squares)
        np.tanh(z, out=z)
        residual = np.add.reduce(z.reshape(by_curve), axis=1)
        residual -= y[t]
        residual *= sizes
        np.multiply(z, z, out=squares)
        np.subtract(1, squares, out=squares)
        np.multiply(slopes, residual[:, None], out=G[t].reshape(by_curve))
    return G
