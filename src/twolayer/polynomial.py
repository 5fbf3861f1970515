"""Polynomials of degree at most two: what a reflected unit leaves behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import frozen_array, real_array
from twolayer.errors import InputError
from twolayer.one_line import in_one_line

__all__ = ["Polynomial"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


@in_one_line
@dataclass(frozen=True, init=False, eq=False)
class Polynomial:
    r"""A polynomial of degree at most two, :math:`P(x) = c + u\cdot x + x^\top Q x`, or one for each of q outputs.

    Parameters
    ----------
    constant : float, or array, shape (q,)
        The c; a number beside other parts of several outputs is the constant of each.
    linear : array, shape (d,) or (d, q), optional
        The u; None where there is no linear part.
    quadratic : array, shape (d, d) or (d, d, q), optional
        The Q, symmetric; None where there is no quadratic part.

    Raises
    ------
    InputError
        If a part is not finite or has another shape, the parts differ in outputs, or Q is not symmetric to rounding.

    Notes
    -----
    A last axis of one output is dropped: one output has one form.
    """

    constant: Any
    linear: NDArray[np.float64] | None
    quadratic: NDArray[np.float64] | None

    def __init__(
        self, constant: ArrayLike = 0.0, linear: ArrayLike | None = None, quadratic: ArrayLike | None = None
    ) -> None:
        c = _part(constant, "constant", 0)
        u = None if linear is None else _part(linear, "linear part", 1)
        Q = None if quadratic is None else _symmetric(_part(quadratic, "quadratic part", 2))
        if u is not None and Q is not None and len(u) != len(Q):
            raise InputError(
                f"the parts of a polynomial must have the same inputs, found {len(u)} in the linear and {len(Q)} in the"
                " quadratic part"
            )
        object.__setattr__(self, "constant", _for_all_outputs(c, u, Q))
        object.__setattr__(self, "linear", u)
        object.__setattr__(self, "quadratic", Q)

    @classmethod
    def ridge_sum(cls, coefficients: Sequence[float], a: ArrayLike, W: ArrayLike, b: ArrayLike) -> Self:
        r"""Sum of one polynomial along many directions, :math:`\sum_i a_i\, p(w_i\cdot x + b_i)`.

        Parameters
        ----------
        coefficients : sequence of float
            Of ascending powers of t in p(t), at most three that are not zero at the end.
        a, W, b : arrays, shapes (m,) or (m, q), (m, d), (m,)

        Returns
        -------
        Polynomial
            Of the degree of p: a part that p does not reach is None.

        Raises
        ------
        InputError
            If p is of degree above two.
        """
        p = np.trim_zeros(np.asarray(coefficients, dtype=np.float64), "b")
        if len(p) > 3:
            raise InputError(f"a polynomial part has degree at most two, found {len(p) - 1}")
        p0, p1, p2 = np.pad(p, (0, 3 - len(p)))
        a, W, b = np.asarray(a, np.float64), np.asarray(W, np.float64), np.asarray(b, np.float64)
        if a.ndim == 2:
            return cls(
                constant=(p0 + b * (p1 + p2 * b)) @ a,
                linear=W.T @ (a * (p1 + 2 * p2 * b)[:, None]) if len(p) > 1 else None,
                quadratic=np.einsum("mi,mj,mq->ijq", W, W, a * p2) if len(p) > 2 else None,
            )
        return cls(
            constant=float(a @ (p0 + b * (p1 + p2 * b))),
            linear=(a * (p1 + 2 * p2 * b)) @ W if len(p) > 1 else None,
            quadratic=(W.T * (a * p2)) @ W if len(p) > 2 else None,
        )

    @property
    def n_outputs(self) -> int:
        """The number q of outputs."""
        return int(np.size(self.constant))

    def output(self, j: int) -> "Polynomial":
        """The polynomial of one output."""
        if self.n_outputs == 1 and j == 0:
            return self
        parts = (None if part is None else part[..., j] for part in (self.linear, self.quadratic))
        return Polynomial(self.constant[j], *parts)

    @property
    def degree(self) -> int:
        """The degree that its parts allow: 2 with a quadratic part, else 1 with a linear part, else 0."""
        return 2 if self.quadratic is not None else 1 if self.linear is not None else 0

    @property
    def dim(self) -> int | None:
        """The d it is for; None if it is a constant, which is for every d."""
        part = self.linear if self.linear is not None else self.quadratic
        return None if part is None else len(part)

    def __call__(self, X: ArrayLike) -> Vector:
        """Value at each row of `X`, shape (n,), or (n, q) of several outputs; memory O(n d q)."""
        X = np.asarray(real_array(X, "X", 2), dtype=np.float64)
        if self.dim not in (None, X.shape[1]):
            raise InputError(f"X must have {self.dim} columns, found {X.shape[1]}")
        y = np.full((len(X), *np.shape(self.constant)), self.constant)
        if self.linear is not None:
            y += X @ self.linear
        if self.quadratic is not None and self.n_outputs == 1:
            y += np.einsum("ni,ni->n", X @ self.quadratic, X)
        elif self.quadratic is not None:
            y += np.einsum("nj,njq->nq", X, np.tensordot(X, self.quadratic, 1))
        return y

    def __add__(self, other: "Polynomial") -> "Polynomial":
        return Polynomial(
            self.constant + other.constant,
            _sum_of_parts(self.linear, other.linear),
            _sum_of_parts(self.quadratic, other.quadratic),
        )

    __array_ufunc__ = None  # an array of factors, one an output, is multiplied by `__rmul__`, not entry by entry

    def __rmul__(self, factor: Any) -> "Polynomial":
        return Polynomial(
            factor * self.constant,
            None if self.linear is None else factor * self.linear,
            None if self.quadratic is None else factor * self.quadratic,
        )

    def __neg__(self) -> "Polynomial":
        return -1.0 * self

    def __sub__(self, other: "Polynomial") -> "Polynomial":
        return self + (-other)

    def after(self, scale: ArrayLike, shift: ArrayLike) -> "Polynomial":
        r"""The polynomial :math:`x \mapsto P((x - \mu)/s)`, for μ (d,) and s (d,), which may have infinite entries."""
        shrink, shift = 1 / np.asarray(scale, np.float64), np.asarray(shift, np.float64)
        constant, linear, quadratic = self.constant, self.linear, self.quadratic
        if quadratic is not None:
            quadratic = np.einsum("i,ij...,j->ij...", shrink, quadratic, shrink)
            constant = constant + np.einsum("i,ij...,j->...", shift, quadratic, shift)
        if linear is not None:
            linear = np.einsum("i,i...->i...", shrink, linear)
            constant = constant - shift @ linear
        if quadratic is not None:
            linear = (0.0 if linear is None else linear) - 2 * np.einsum("ij...,j->i...", quadratic, shift)
        return Polynomial(constant, linear, quadratic)

    def gaussian_norm(self) -> float:
        r"""Root mean square over standard Gaussian inputs, the squares of several outputs added.

        .. math:: \mathbb E_{x\sim N(0,I)}\, P(x)^2 = (c + \operatorname{tr} Q)^2 + \|u\|^2 + 2\|Q\|_F^2.
        """
        trace = 0.0 if self.quadratic is None else np.trace(self.quadratic)
        parts = [float(np.linalg.norm(self.constant + trace))]
        if self.linear is not None:
            parts.append(float(np.linalg.norm(self.linear)))
        if self.quadratic is not None:
            parts.append(float(np.sqrt(2.0) * np.linalg.norm(self.quadratic)))
        return float(np.linalg.norm(parts))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Polynomial):
            return NotImplemented
        return (
            np.array_equal(self.constant, other.constant)
            and _same_part(self.linear, other.linear)
            and _same_part(self.quadratic, other.quadratic)
        )

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return Polynomial, (self.constant, self.linear, self.quadratic)


def _part(values: ArrayLike, name: str, ndim: int) -> NDArray[np.float64]:
    """One part, without the axis of outputs where there is one."""
    has_outputs = np.ndim(values) == ndim + 1
    part = frozen_array(values, name, ndim + has_outputs)
    if has_outputs and part.shape[-1] == 0:
        raise InputError(f"{name} must have an output, found shape {part.shape}")
    return part[..., 0] if has_outputs and part.shape[-1] == 1 else part


def _for_all_outputs(c: NDArray[np.float64], u: NDArray[np.float64] | None, Q: NDArray[np.float64] | None) -> Any:
    """The constant as a float, or as an array where there are several outputs, of which all parts have as many."""
    found = {(part.shape[ndim] if part.ndim > ndim else 1) for part, ndim in ((u, 1), (Q, 2)) if part is not None}
    if c.ndim:
        found.add(len(c))
    if len(found) > 1:
        raise InputError(f"the parts of a polynomial must have the same outputs, found {min(found)} and {max(found)}")
    outputs = next(iter(found), 1)
    if outputs == 1:
        return float(c)
    constant = np.array(np.broadcast_to(c, outputs))
    constant.setflags(write=False)
    return constant


def _symmetric(Q: NDArray[np.float64]) -> NDArray[np.float64]:
    if Q.shape[0] != Q.shape[1]:
        raise InputError(f"quadratic part must be square, found shape {Q.shape}")
    transposed = Q.swapaxes(0, 1)
    if Q.size and np.abs(Q - transposed).max() > 1e-12 * np.abs(Q).max():
        raise InputError("quadratic part must be symmetric")
    Q = Q / 2 + transposed / 2
    Q.setflags(write=False)
    return Q


def _sum_of_parts(first: NDArray[Any] | None, second: NDArray[Any] | None) -> NDArray[Any] | None:
    if first is None or second is None:
        return second if first is None else first
    if first.shape != second.shape:
        raise InputError(f"polynomials to add must have the same inputs, found {first.shape} and {second.shape}")
    return first + second


def _same_part(first: NDArray[Any] | None, second: NDArray[Any] | None) -> bool:
    if first is None or second is None:
        return first is second
    return np.array_equal(first, second)
