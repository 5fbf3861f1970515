"""What an activation is: a formula, and what the theory needs to know about it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.errors import InputError
from twolayer.hermite import checked_order, hermite_projection

__all__ = ["Activation", "Reflection"]


@dataclass(frozen=True)
class Reflection:
    r"""The law :math:`\sigma(-t) = \mathrm{sign}\cdot\sigma(t) + \sum_j \mathrm{polynomial}_j\,t^j`.

    Because of it, turning a unit (w, b) into (-w, -b) changes a network by a polynomial of the input only.

    Attributes
    ----------
    sign : int
        +1 or -1; 0 where there is no such law (elu), and a unit is one way round.
    polynomial : tuple of float
        Coefficients of ascending powers of t; empty where the polynomial is zero.
    """

    sign: int
    polynomial: tuple[float, ...] = ()


class Activation(ABC):
    """A function σ of the line, applied to each entry of an array; immutable, hashable and picklable.

    A new one is a frozen dataclass that states its `keyword`, its `reflection`, the formulas `_value`, `_derivative`,
    `_second_derivative` and, where they hold, `degree`, `parity`, `kinks` and the closed forms `_hermite_coefficients`
    and `_dual_kernel`; without closed forms it inherits quadrature. A line in ``ACTIVATIONS`` makes it known.

    Attributes
    ----------
    name : str
        The canonical spelling, which `activation` reads back: ``"relu"``, ``"leaky_relu(0.01)"``.
    degree : float or None
        The q of positive homogeneity, σ(ct) = c^q σ(t) for every c > 0; None where there is none.
    parity : int
        +1 if σ is even, -1 if it is odd, 0 if neither.
    reflection : Reflection
        How σ(-t) follows from σ(t).
    antiperiod : float or None
        The P of σ(t + P) = -σ(t), None where there is none.
    kinks : tuple of float
        The points, ascending, where σ is not infinitely differentiable.
    is_smooth : bool
        Whether there is no such point.
    """

    keyword: ClassVar[str]

    @property
    def name(self) -> str:
        """The canonical spelling, which `activation` reads back."""
        arguments = ",".join(_spelled(argument) for argument in self._arguments())
        return f"{self.keyword}({arguments})" if arguments else self.keyword

    @property
    @abstractmethod
    def reflection(self) -> Reflection:
        """How σ(-t) follows from σ(t)."""

    @property
    def degree(self) -> float | None:
        """The q of σ(ct) = c^q σ(t), c > 0; None where there is none."""
        return None

    @property
    def parity(self) -> int:
        """+1 if σ is even, -1 if it is odd, 0 if neither."""
        return 0

    @property
    def antiperiod(self) -> float | None:
        """The P of σ(t + P) = -σ(t); None where there is none."""
        return None

    @property
    def powers(self) -> tuple[int, ...]:
        """The powers of t, ascending and without the constant, of which σ is a sum; none where it is no polynomial."""
        return ()

    @property
    def kinks(self) -> tuple[float, ...]:
        """The points, ascending, where σ is not infinitely differentiable."""
        return ()

    @property
    def is_smooth(self) -> bool:
        """Whether σ is infinitely differentiable everywhere."""
        return not self.kinks

    def __str__(self) -> str:
        return self.name

    def __call__(self, t: ArrayLike) -> NDArray:
        """Value σ(t) of each entry; float32 stays float32, integers become float64."""
        return self._value(_floating(t))

    def derivative(self, t: ArrayLike) -> NDArray:
        """First derivative σ'(t) of each entry, from the left at a kink, so that relu'(0) = 0."""
        return self._derivative(_floating(t))

    def second_derivative(self, t: ArrayLike) -> NDArray:
        """Second derivative σ''(t) of each entry, where it exists; at a kink, its limit from the left."""
        return self._second_derivative(_floating(t))

    def hermite_coefficients(self, order: int, scale: ArrayLike = 1.0, shift: ArrayLike = 0.0) -> NDArray:
        r"""Hermite coefficients of :math:`g \mapsto \sigma(sg + \mu)`.

        .. math:: c_j = \mathbb E_{g \sim N(0,1)}[\sigma(sg + \mu)\,He_j(g)], \qquad j = 0, \dots, \mathrm{order},

        with the unnormalised probabilists' polynomials, so that :math:`\sigma(sg + \mu) = \sum_j c_j He_j(g)/j!` and,
        for a unit vector w, :math:`\mathbb E[\sigma(s\,w\cdot x + \mu)\,He_j(x)] = c_j w^{\otimes j}`.

        Parameters
        ----------
        order : int
            The last j, at least 0.
        scale : float or array
            The s ≥ 0: the norm of a unit's weights.
        shift : float or array
            The μ: its bias. Broadcasts against `scale`.

        Returns
        -------
        array, shape (order + 1,) + common shape of scale and shift

        Raises
        ------
        InputError
            If `order` is not an integer of at least 0, a scale is negative, or one of them is not finite.

        Notes
        -----
        The error is below ``1e-12 * sqrt(j!)`` times the root mean square of σ(sg + μ). Most activations have a closed
        form, at O(order) an entry. Others (silu, mish, elu, hardtanh and more) and new ones inherit quadrature
        split at the kinks: some thousand evaluations of σ an entry, right as long as σ is analytic between its kinks
        and 0 and varies on the scale of one or, far from them, of the distance.
        """
        order = checked_order(order)
        scale, shift = np.broadcast_arrays(np.asarray(scale, dtype=float), np.asarray(shift, dtype=float))
        if not (np.isfinite(scale).all() and np.isfinite(shift).all() and (scale >= 0).all()):
            raise InputError("Hermite coefficients need finite scales of at least 0 and finite shifts")
        return self._hermite_coefficients(order, scale, shift)

    def dual_kernel(self, uu: ArrayLike, uw: ArrayLike, ww: ArrayLike) -> NDArray:
        r"""Dual kernel :math:`\mathbb E_{x \sim N(0,I)}[\sigma'(u\cdot x)\,\sigma'(w\cdot x)]`.

        Parameters
        ----------
        uu, uw, ww : arrays that broadcast
            ‖u‖², u·w and ‖w‖². Units that are collinear up to rounding of these are taken as collinear.

        Returns
        -------
        array of the common shape

        Notes
        -----
        Most activations have a closed form, or a fixed sum of 28² closed forms (sigmoid, tanh, softplus), with an error
        of about 1e-14 of its largest value at any norms and angle. Close to collinear, though, the inner products
        themselves know the angle, and so the kernel of a kinked σ, to 1e-7 only. What others inherit is a trapezoid
        rule over the plane of u and w where σ is smooth: 8100 max(1, ‖u‖², ‖w‖²) evaluations of σ' a pair, right to
        1e-12 as long as σ' is analytic within π/2 of the line. With kinks it is Gauss-Legendre panels along u, of the
        mean of σ'(w·x) there, itself by quadrature: some 10⁶ evaluations a pair, right to 1e-11.
        """
        return self._dual_kernel(*np.broadcast_arrays(*(np.asarray(product, dtype=float) for product in (uu, uw, ww))))

    def _arguments(self) -> tuple[Any, ...]:
        """What the spelling has in parentheses: the fields of the dataclass."""
        return tuple(getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]

    @abstractmethod
    def _value(self, t: NDArray) -> NDArray: ...

    @abstractmethod
    def _derivative(self, t: NDArray) -> NDArray: ...

    @abstractmethod
    def _second_derivative(self, t: NDArray) -> NDArray: ...

    def _hermite_coefficients(self, order: int, scale: NDArray, shift: NDArray) -> NDArray:
        coefficients = np.zeros((order + 1, *scale.shape))
        for entry in np.ndindex(scale.shape):
            s, mu = float(scale[entry]), float(shift[entry])
            if s == 0:
                coefficients[0, *entry] = self(mu)
                continue
            centres = [(point - mu) / s for point in {0.0, *self.kinks}]
            stretched = partial(self._stretched, s, mu)
            coefficients[:, *entry] = hermite_projection(stretched, order, centres, width=min(1.0, 1 / s))
        return coefficients

    def _dual_kernel(self, uu: NDArray, uw: NDArray, ww: NDArray) -> NDArray:
        kernel = np.empty(uu.shape)
        for entry in np.ndindex(uu.shape):
            u, w = float(np.sqrt(uu[entry])), float(np.sqrt(ww[entry]))
            along = float(uw[entry]) / u if u > 0 else 0.0
            across = np.sqrt(max(0.0, w * w - along * along))
            if self.kinks:
                is_collinear = w * w - along * along <= 4e-15 * w * w  # rounding of the products
                kernel[entry] = self._kinked_kernel(u, along, 0.0 if is_collinear else across)
                continue
            step = 0.2 / max(1.0, u, w)
            x = step * np.arange(-np.ceil(9 / step), np.ceil(9 / step) + 1)
            weights = step * np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
            first, second = self.derivative(u * x), self.derivative(along * x[:, None] + across * x)
            kernel[entry] = (weights * first) @ second @ weights
        return kernel

    def _kinked_kernel(self, u: float, along: float, across: float) -> float:
        r"""The mean of :math:`\sigma'(ug)\,M(g)`, with M(g) that of σ'(along g + across h) over h."""
        cuts = [-9.0, 9.0, *(kink / u for kink in self.kinks if u > 0)]
        steps = across / abs(along) * 2.0 ** np.arange(-2, 40) if along else np.zeros(0)
        for kink in self.kinks if along else ():  # M varies there on the scale of across/along, and slower farther out
            cuts += [kink / along, *(kink / along + steps), *(kink / along - steps)]
        edges = np.unique(np.clip([*cuts, *np.arange(-9.0, 9.0, min(0.5, 1 / max(u, 1e-3, abs(along))))], -9.0, 9.0))
        nodes, weights = np.polynomial.legendre.leggauss(16)
        g = (edges[:-1, None] + np.diff(edges)[:, None] * (1 + nodes) / 2).ravel()
        density = (np.diff(edges)[:, None] * weights / 2).ravel() * np.exp(-g * g / 2) / np.sqrt(2 * np.pi)
        mean = self.derivative(along * g) if across == 0 else self._mean_derivative(across, along * g)
        return float(density * self.derivative(u * g) @ mean)

    def _mean_derivative(self, scale: float, shift: NDArray) -> NDArray:
        r"""The mean of :math:`\sigma'(sg + \mu)` for each μ of an array, split at the kinks."""
        nodes, weights = np.polynomial.legendre.leggauss(16)
        width = min(0.5, 1 / scale)
        grid = np.arange(-9.0, 9.0 + width, width)
        kinks = (np.asarray(self.kinks) - shift[:, None]) / scale
        edges = np.sort(np.clip(np.hstack([np.broadcast_to(grid, (len(shift), len(grid))), kinks]), -9.0, 9.0), axis=1)
        lengths = np.diff(edges, axis=1)[:, :, None]
        h = edges[:, :-1, None] + lengths * (1 + nodes) / 2
        values = self.derivative(scale * h + shift[:, None, None])
        return np.asarray((values * np.exp(-h * h / 2) * lengths / 2 @ weights).sum(axis=1) / np.sqrt(2 * np.pi))

    def _stretched(self, scale: float, shift: float, g: NDArray) -> NDArray:
        return self(scale * g + shift)


def finite(value: object, meaning: str) -> float:
    """Return `value` as a finite float, or raise InputError with `meaning` as its name."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InputError(f"{meaning} must be a number, got {str(value)!r}")
    if not np.isfinite(value):
        raise InputError(f"{meaning} must be finite, got {value}")
    return float(value)


def _spelled(argument: object) -> str:
    """Write a number as briefly as it reads back exactly; an activation by its name."""
    return repr(float(argument)).removesuffix(".0") if isinstance(argument, int | float) else str(argument)


def _floating(t: ArrayLike) -> NDArray:
    t = np.asarray(t)
    return t if t.dtype.kind == "f" else t.astype(np.float64)
