"""Two-layer networks."""

from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.activation import Activation
from twolayer.activation import activation as parse_activation
from twolayer.arrays import frozen_array, real_array, row_norms, whole_number
from twolayer.errors import InputError
from twolayer.files import FilePath, read_npz, scalar_entry, write_npz
from twolayer.polynomial import Polynomial

__all__ = ["Polynomial", "TwoLayerNetwork"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

BLOCK_ROWS = 4096  # of the inputs at once: their preactivations stay in the cache for a hundred units
_FORMAT = "twolayer.network"
_VERSIONS = (1, 2)  # of one output, and of several: what has one output is read by releases that know no more
_PARTS = ("constant", "linear", "quadratic")
_ENTRIES = {"format", "version", "activation", "a", "W", "b", *(f"polynomial_{part}" for part in _PARTS)}
_MAX_FILE_BYTES = 1 << 32  # 4 GiB: five hundred million weights


@dataclass(frozen=True, init=False, eq=False, repr=False)
class TwoLayerNetwork:
    r"""A two-layer network with an optional polynomial part, immutable and picklable.

    .. math:: f(x) = \sum_{i=1}^m a_i\, \sigma(w_i\cdot x + b_i) + P(x).

    With q outputs, the a_i are vectors of q entries, rows of a matrix A: all outputs share the units.

    Parameters
    ----------
    a : array, shape (m,) or (m, q)
        Output weights. Those of one output are kept as (m,), however they are given.
    W : array, shape (m, d)
        Input weights, one row per unit.
    b : array, shape (m,), optional
        Biases; zeros by default.
    activation : str or Activation
        The σ.
    polynomial : Polynomial, optional
        The P, of as many outputs; none by default.

    Attributes
    ----------
    width, dim, n_outputs : int
        The m, which may be 0, the d, and the q.
    A : array, shape (m, q)
        The output weights as a matrix, of one output too.
    has_bias : bool
        Whether any bias differs from zero.

    Raises
    ------
    InputError
        If an array is not finite, or the shapes do not agree, or the activation is unknown.

    Notes
    -----
    The arrays are float64 copies that cannot be written to. Networks are equal (``==``) if all their arrays are, entry
    by entry, and their activations; for equality as functions, up to rounding, see `align`.
    """

    a: NDArray[np.float64]
    W: Matrix
    b: Vector
    activation: Activation
    polynomial: Polynomial | None

    def __init__(
        self,
        a: ArrayLike,
        W: ArrayLike,
        b: ArrayLike | None = None,
        activation: str | Activation = "relu",
        polynomial: Polynomial | None = None,
    ) -> None:
        W = frozen_array(W, "W", 2)
        a = frozen_array(a, "a", 2 if np.ndim(a) == 2 else 1)
        a = a[:, 0] if a.ndim == 2 and a.shape[1] == 1 else a
        b = frozen_array(np.zeros(len(W)) if b is None else b, "b", 1)
        if a.ndim == 2 and a.shape[1] == 0:
            raise InputError(f"a must have a column for each output, found shape {a.shape}")
        if W.shape[1] == 0:
            raise InputError(f"W must have a column for each input, found shape {W.shape}")
        if not len(a) == len(b) == len(W):
            raise InputError(f"a, b and W must agree on the units, found {len(a)} and {len(b)} entries, {len(W)} rows")
        if not (polynomial is None or isinstance(polynomial, Polynomial)):
            raise InputError(f"polynomial must be a Polynomial or None, found {type(polynomial).__name__}")
        if polynomial is not None and polynomial.dim not in (None, W.shape[1]):
            raise InputError(f"polynomial must have dimension {W.shape[1]} like W, found {polynomial.dim}")
        outputs = a.shape[1] if a.ndim == 2 else 1
        if polynomial is not None and polynomial.n_outputs != outputs:
            raise InputError(f"polynomial must have {outputs} outputs like a, found {polynomial.n_outputs}")
        object.__setattr__(self, "a", a)
        object.__setattr__(self, "W", W)
        object.__setattr__(self, "b", b)
        object.__setattr__(self, "activation", parse_activation(activation))
        object.__setattr__(self, "polynomial", polynomial)

    @property
    def width(self) -> int:
        """The number m of units."""
        return len(self.a)

    @property
    def dim(self) -> int:
        """The number d of inputs."""
        return self.W.shape[1]

    @property
    def n_outputs(self) -> int:
        """The number q of outputs."""
        return self.a.shape[1] if self.a.ndim == 2 else 1

    @property
    def A(self) -> Matrix:  # noqa: N802
        """The output weights, (m, q), of one output too; not to be written to."""
        return self.a.reshape(self.width, self.n_outputs)

    @property
    def has_bias(self) -> bool:
        """Whether any bias differs from zero."""
        return bool(np.any(self.b))

    def output(self, j: int) -> "TwoLayerNetwork":
        """The network of one output, with all the units.

        Raises
        ------
        InputError
            If there is no output j.
        """
        if not 0 <= whole_number(j, "the output", 0) < self.n_outputs:
            raise InputError(f"the output must be below {self.n_outputs}, found {j}")
        polynomial = None if self.polynomial is None else self.polynomial.output(j)
        return replace(self, a=self.A[:, j], polynomial=polynomial)

    def __call__(self, X: ArrayLike, block_rows: int = BLOCK_ROWS) -> NDArray[np.float64]:
        """Value at each row of `X`.

        Parameters
        ----------
        X : array, shape (n, d)
            Of float32 or float64 (others are converted), in memory or mapped.
        block_rows : int
            How many rows are worked on at a time.

        Returns
        -------
        array, shape (n,) or (n, q)
            In float64 whatever the type of `X`; of one output, without an axis for it.

        Raises
        ------
        InputError
            If `X` is not a two-dimensional array of numbers with d columns.

        Notes
        -----
        Time O(n m (d + q)), memory O(block_rows (m + d)) beyond the result.
        """
        X = real_array(X, "X", 2)
        if X.shape[1] != self.dim:
            raise InputError(f"X must have {self.dim} columns, found {X.shape[1]}")
        y = np.empty((len(X), *self.a.shape[1:]))
        for start in range(0, len(X), whole_number(block_rows, "block_rows")):
            rows = slice(start, start + block_rows)
            y[rows] = self.activation(X[rows] @ self.W.T + self.b) @ self.a
            if self.polynomial is not None:
                y[rows] += self.polynomial(X[rows])
        return y

    def plot(self, X: ArrayLike, y: ArrayLike, **options: Any) -> Any:
        """Weights, units over their projections, and what is left: `twolayer.inference.plots.plot_of_network`."""
        return import_module("twolayer.inference.plots").plot_of_network(self, X, y, **options)

    def export(self, path: FilePath, to: str | None = None, **options: Any) -> None:
        """Write it for another program, as ONNX, C, Excel and others: `twolayer.formats.export_model`."""
        import_module("twolayer.formats").export_model(self, path, to, **options)

    def balanced(self) -> "TwoLayerNetwork":
        r"""Write the same function with :math:`|a_i| = 1`, the convention of [1]_: all magnitude is in (w, b).

        For σ homogeneous of degree q > 0, :math:`a\,\sigma(t) = \operatorname{sign}(a)\,\sigma(|a|^{1/q} t)`. A unit
        with a = 0 becomes one with a = 1, w = 0, b = 0. Units keep their number and order. Where σ is not homogeneous
        no scale is free. Where σ(t + P) = -σ(t), as of the sine, biases are brought into [-P/2, P/2).

        References
        ----------
        .. [1] zhong2017recovery, section 5
        """
        if self.activation.antiperiod:
            turns = np.floor(self.b / self.activation.antiperiod + 0.5)
            a = _by_unit(np.where(turns % 2, -1.0, 1.0), self.a)
            return replace(self, a=a, b=self.b - self.activation.antiperiod * turns)
        if not self.activation.degree:
            return self
        sizes = np.abs(self.a) if self.a.ndim == 1 else row_norms(self.a)
        scale = sizes ** (1.0 / self.activation.degree)
        a = np.where(self.a < 0, -1.0, 1.0)
        if self.a.ndim == 2:
            first = np.eye(self.n_outputs)[0]
            a = np.where(sizes[:, None] > 0, self.a / np.where(sizes > 0, sizes, 1.0)[:, None], first)
        return replace(self, a=a, W=scale[:, None] * self.W, b=scale * self.b)

    def canonical(self) -> "TwoLayerNetwork":
        r"""Write the same function in a form that depends on the function more than on how it was written.

        - Units with a = 0 are dropped; those with w = 0 are constants and go to the polynomial part.
        - If σ is homogeneous of degree q, rows have norm one: :math:`(w, b) \to (w, b)/\|w\|`, :math:`a \to a\|w\|^q`.
        - If σ is odd, a > 0, of several outputs its entry of largest magnitude; if σ is even, the entry of largest
          magnitude in each row is positive.
        - Units are in ascending lexicographic order of (w, b, a).

        The polynomial part stays. A reflection that it could absorb is not decided here, see `reflected`, and equal
        units are not merged.
        """
        live = self._without_constant_units()
        a, W, b = live.a.copy(), live.W.copy(), live.b.copy()
        if self.activation.degree is not None:
            norms = row_norms(W)
            a, W, b = _by_unit(norms**self.activation.degree, a), W / norms[:, None], b / norms
        if self.activation.parity:
            deciding = W if self.activation.parity > 0 else a.reshape(len(W), self.n_outputs)
            largest = np.take_along_axis(deciding, np.abs(deciding).argmax(axis=1, keepdims=True), axis=1)[:, 0]
            flip = np.where(largest < 0, -1.0, 1.0)
            a, W, b = (_by_unit(flip, a) if self.activation.parity < 0 else a), flip[:, None] * W, flip * b
        order = np.lexsort((*a.reshape(len(W), self.n_outputs).T[::-1], b, *W.T[::-1]))
        return replace(live, a=a[order], W=W[order], b=b[order])

    def reflected(self, units: ArrayLike) -> "TwoLayerNetwork":
        r"""Write the same function with some units turned round: (w, b) → (-w, -b), the polynomial part made to match.

        With the reflection law :math:`\sigma(-t) = s\,\sigma(t) + p(t)`,
        :math:`a\,\sigma(t) = s\,a\,\sigma(-t) + a\,p(-t)`.

        Parameters
        ----------
        units : array of bool or of int
            Which units: a mask of shape (m,), or indices.

        Raises
        ------
        InputError
            If there are no such units, σ has no such law, or p is of degree above two, so that a polynomial part cannot
            hold it.
        """
        turned = _mask(units, self.width)
        law = self.activation.reflection
        if turned.any() and not law.sign:
            raise InputError(
                f"a unit of {self.activation.name} cannot be turned round: σ(-t) does not follow from σ(t)"
            )
        sign = np.where(turned, -1.0, 1.0)
        a = _by_unit(np.where(turned, float(law.sign), 1.0), self.a)
        network = replace(self, a=a, W=sign[:, None] * self.W, b=sign * self.b)
        if not turned.any() or not any(law.polynomial):
            return network
        left = Polynomial.ridge_sum(law.polynomial, self.a[turned], network.W[turned], network.b[turned])
        return replace(network, polynomial=left if self.polynomial is None else self.polynomial + left)

    def path_norm(self) -> float:
        r"""Path norm :math:`\sum_i |a_i|\,(\|w_i\|_1 + |b_i|)`.

        The ℓ1 form in which e2021hardness bounds its constructions (Theorem 2, intersections of half-spaces). The
        polynomial part is not counted. Of several outputs, the sum of their norms.
        """
        with np.errstate(over="ignore"):  # the norm of weights that large is infinite
            return float(np.sum(np.abs(self.a.T) @ (np.abs(self.W).sum(axis=1) + np.abs(self.b))))

    def save(self, path: FilePath) -> None:
        """Write the network to `path` as a versioned ``.npz`` without pickle, whole or not at all.

        Raises
        ------
        InputError
            If `path` cannot be written, or the activation has no spelling that reads back.
        """
        write_npz(path, self.to_arrays())

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What `save` writes, by the names of its entries."""
        if parse_activation(self.activation.name) != self.activation:
            raise InputError(f"activation {self.activation.name!r} cannot be saved: its name does not read back")
        version = 1 if self.n_outputs == 1 else 2
        arrays: dict[str, Any] = {"format": _FORMAT, "version": version, "activation": self.activation.name}
        arrays |= {"a": self.a, "W": self.W, "b": self.b}
        if self.polynomial is not None:
            parts = {part: getattr(self.polynomial, part) for part in _PARTS}
            arrays |= {f"polynomial_{part}": value for part, value in parts.items() if value is not None}
        return {name: np.asarray(value) for name, value in arrays.items()}

    @classmethod
    def from_arrays(cls, entries: dict[str, NDArray[Any]]) -> "TwoLayerNetwork":
        """The network of the entries that `to_arrays` gives; an InputError says what is wrong with them."""
        if scalar_entry(entries, "format", "U") != _FORMAT:
            raise InputError(f"its format must be {_FORMAT!r}")
        version = scalar_entry(entries, "version", "iu")
        if version not in _VERSIONS:
            raise InputError(f"its version is {version}, and this release reads versions 1 and 2")
        spec = scalar_entry(entries, "activation", "U")
        # no spelling of an activation is nearly as long; a file that has one is not one of ours
        if len(spec) > 1000:
            raise InputError(f"its activation is spelled with {len(spec)} characters")
        for name in ("a", "W", "b"):
            if name not in entries:
                raise InputError(f"it has no entry {name!r}")
        unknown = sorted(entries.keys() - _ENTRIES)
        if unknown:
            raise InputError(f"it has an unknown entry {unknown[0]!r}")
        parts = {name.removeprefix("polynomial_"): entries[name] for name in entries if name.startswith("polynomial_")}
        if parts and "constant" not in parts:
            raise InputError("it has no entry 'polynomial_constant'")
        polynomial = Polynomial(**parts) if parts else None
        outputs = entries["a"].shape[1] if entries["a"].ndim == 2 else 1
        if (version == 2) != (outputs > 1):
            raise InputError(f"its version is {version}, and its a has shape {entries['a'].shape}")
        return cls(entries["a"], entries["W"], entries["b"], spec, polynomial)

    @classmethod
    def load(cls, path: FilePath) -> "TwoLayerNetwork":
        """Read a network that `save` wrote.

        Raises
        ------
        InputError
            If there is no such file, or it is not a network: another format or version, an entry missing, unknown, of
            another shape or not finite, an unknown activation, an archive that is damaged, compressed, pickled or of
            absurd size.
        """
        entries = read_npz(path, max_bytes=_MAX_FILE_BYTES, may_expand=False)
        try:
            return cls.from_arrays(entries)
        except InputError as error:
            raise InputError(f"{path} is not a network: {error}") from None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TwoLayerNetwork):
            return NotImplemented
        return (
            self.activation == other.activation
            and all(np.array_equal(getattr(self, name), getattr(other, name)) for name in ("a", "W", "b"))
            and self.polynomial == other.polynomial
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        bias = ", biases" if self.has_bias else ""
        outputs = "" if self.n_outputs == 1 else f", {self.n_outputs} outputs"
        polynomial = "" if self.polynomial is None else f", polynomial of degree {self.polynomial.degree}"
        units = f"{self.width} {self.activation.name} units on {self.dim} inputs"
        return f"<TwoLayerNetwork: {units}{outputs}{bias}{polynomial}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return TwoLayerNetwork, (self.a, self.W, self.b, self.activation, self.polynomial)

    def _without_constant_units(self) -> "TwoLayerNetwork":
        """Move the units that do not depend on the input into the polynomial part."""
        moves = self.W.any(axis=1)
        live = moves & self.A.any(axis=1)
        constant = self.activation(self.b[~moves]) @ self.a[~moves]
        polynomial = self.polynomial
        if np.any(constant):
            polynomial = Polynomial(constant) if polynomial is None else polynomial + Polynomial(constant)
        return replace(self, a=self.a[live], W=self.W[live], b=self.b[live], polynomial=polynomial)


def _mask(units: ArrayLike, width: int) -> NDArray[np.bool_]:
    """Mark the units given by a mask or by their indices."""
    given = np.asarray(units)
    mask = np.zeros(width, dtype=bool)
    is_mask = given.dtype == bool and given.shape == (width,)
    if not (is_mask or given.size == 0 or (given.dtype.kind in "iu" and (given >= 0).all() and (given < width).all())):
        raise InputError(f"units must be a mask of shape ({width},) or indices below {width}, found {units!r}")
    mask[given if given.size else []] = True
    return mask


def _by_unit(factors: Vector, a: NDArray[np.float64]) -> NDArray[np.float64]:
    """Output weights, (m,) or (m, q), times a factor for each unit."""
    return factors * a if a.ndim == 1 else factors[:, None] * a
