"""The parameters of a network by name, and how its values depend on each of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.rows import blocks

__all__ = ["Layout", "Parameter", "names_of"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_BLOCK_ENTRIES = 1_500_000  # 12 MB of derivatives at once


@dataclass(frozen=True)
class Parameter:
    """One number of a network.

    Attributes
    ----------
    unit : int or None
        None of the polynomial part.
    name : str
        The input that an input weight is of; ``"bias"``, ``"a"`` (of several outputs with the output's name),
        ``"constant"``, or the input or product of inputs of the polynomial part.
    role : str
        ``"W"``, ``"b"``, ``"a"``, ``"constant"``, ``"linear"`` or ``"quadratic"``.
    output : int or None
        Of which output; None where it is of all.
    """

    unit: int | None
    name: str
    role: str
    output: int | None = None


def names_of(given: Sequence[str] | None, count: int, kind: str = "x") -> tuple[str, ...]:
    """Names of inputs or outputs; ``x1``, ``x2``, … where there are none.

    Raises
    ------
    InputError
        If there are names, and not as many as things to be named.
    """
    if given is None:
        return (kind,) if kind == "y" and count == 1 else tuple(f"{kind}{i}" for i in range(1, count + 1))
    names = tuple(str(name) for name in given)
    if len(names) != count:
        raise InputError(f"there must be {count} names, found {len(names)}")
    return names


@dataclass(frozen=True, eq=False)
class Layout:
    r"""All numbers of a network in a row, and which of them are free.

    In the order W (by unit), b, A (by unit), constants (by output), linear part (by input), quadratic part. What a
    convention fixes is not free: the size of the outer weights of homogeneous units, biases where there are none. The
    free ones z move all of them by θ → θ + T z.

    Attributes
    ----------
    network : TwoLayerNetwork
    has_bias : bool
        Whether biases are parameters, and zero only by chance.
    inputs, outputs : tuple of str
    """

    network: TwoLayerNetwork
    has_bias: bool
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @cached_property
    def sizes(self) -> tuple[int, int, int, int, int, int]:
        """How many numbers there are of each kind."""
        m, d, q = self.network.width, self.network.dim, self.network.n_outputs
        P = self.network.polynomial
        pairs = 0 if P is None or P.quadratic is None else d * (d + 1) // 2
        linear = 0 if P is None or P.linear is None else d
        return m * d, m, m * q, q * (P is not None), linear * q, pairs * q

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return sum(self.sizes)

    @cached_property
    def values(self) -> Vector:
        """All of them."""
        network, P = self.network, self.network.polynomial
        parts: list[Any] = [network.W.ravel(), network.b, network.A.ravel()]
        if P is not None:
            parts.append(np.atleast_1d(P.constant))
            parts.append(np.zeros(0) if P.linear is None else np.ravel(P.linear))
            if P.quadratic is not None:
                k, j = np.triu_indices(network.dim)
                parts.append(
                    np.ravel(P.quadratic[k, j].T * np.where(k == j, 1.0, 2.0)).reshape(network.n_outputs, -1).T
                )
        return np.concatenate([np.ravel(part) for part in parts]).astype(np.float64)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """What each of them is."""
        m, q = self.network.width, self.network.n_outputs
        one = q == 1
        found = [Parameter(i, name, "W") for i in range(m) for name in self.inputs]
        found += [Parameter(i, "bias", "b") for i in range(m)]
        found += [Parameter(i, "a" if one else f"a {self.outputs[j]}", "a", j) for i in range(m) for j in range(q)]
        sizes = self.sizes
        tails = [""] if one else [f" {name}" for name in self.outputs]
        if sizes[3]:
            found += [Parameter(None, "constant" + tails[j], "constant", j) for j in range(q)]
        if sizes[4]:
            found += [Parameter(None, name + tails[j], "linear", j) for name in self.inputs for j in range(q)]
        if sizes[5]:
            pairs = zip(*np.triu_indices(self.network.dim), strict=True)
            names = [f"{self.inputs[k]}*{self.inputs[j]}" for k, j in pairs]
            found += [Parameter(None, name + tails[j], "quadratic", j) for name in names for j in range(q)]
        return tuple(found)

    @cached_property
    def basis(self) -> Matrix:
        """The T, one column for each free parameter."""
        sizes, network = self.sizes, self.network
        free = np.ones(self.count, bool)
        start_b, start_a = sizes[0], sizes[0] + sizes[1]
        if not self.has_bias:
            free[start_b:start_a] = False
        if network.activation.degree:
            free[start_a : start_a + sizes[2]] = False
        columns = np.eye(self.count)[:, free]
        if not network.activation.degree or network.n_outputs == 1:
            return columns
        # outer weights of several outputs keep their size and may turn
        q, turns = network.n_outputs, []
        for unit, a in enumerate(network.A):
            across = np.linalg.svd(a[None])[2][1:]
            block = np.zeros((self.count, q - 1))
            block[start_a + unit * q : start_a + (unit + 1) * q] = across.T
            turns.append(block)
        return np.hstack([columns, *turns])

    @property
    def is_free(self) -> NDArray[np.bool_]:
        """Which of them anything can move."""
        return np.asarray(self.basis.any(axis=1))

    def derivatives(self, X: NDArray[Any]) -> Iterator[tuple[slice, int, Matrix]]:
        """Rows, output and derivatives (b, p) of the values by the free parameters, block by block."""
        size = max(64, _BLOCK_ENTRIES // max(1, self.count))
        # where free parameters are numbers of the network themselves, they are picked out: a product costs as much
        # as all that is made of the derivatives
        free = self.basis.argmax(axis=0) if np.all((self.basis == 0) | (self.basis == 1)) else None
        for rows in blocks(len(X), size):
            for j in range(self.network.n_outputs):
                all_of_them = self._by_all(np.asarray(X[rows], np.float64), j)
                yield rows, j, all_of_them @ self.basis if free is None else all_of_them[:, free]

    def _by_all(self, x: Matrix, output: int) -> Matrix:
        """Derivatives of one output by all numbers, at some rows."""
        network, sigma, q = self.network, self.network.activation, self.network.n_outputs
        n, m, d = len(x), network.width, network.dim
        t = x @ network.W.T + network.b
        slope = sigma.derivative(t) * network.A[:, output]
        own = np.eye(q)[output]
        parts = [(slope[:, :, None] * x[:, None, :]).reshape(n, m * d), slope]
        parts.append((sigma(t)[:, :, None] * own).reshape(n, m * q))
        sizes = self.sizes
        if sizes[3]:
            parts.append(np.broadcast_to(own, (n, q)))
        if sizes[4]:
            parts.append((x[:, :, None] * own).reshape(n, d * q))
        if sizes[5]:
            k, j = np.triu_indices(d)
            parts.append(((x[:, k] * x[:, j])[:, :, None] * own).reshape(n, -1))
        return np.hstack(parts)
