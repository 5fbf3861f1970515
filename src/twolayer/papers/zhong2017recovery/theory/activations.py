r"""Properties 3.1 to 3.3: which activations the recovery guarantees hold for."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.activation import Activation, activation
from twolayer.arrays import whole_number
from twolayer.errors import InputError
from twolayer.papers.zhong2017recovery.theory.quadrature import line_rule

__all__ = ["Properties", "Property", "alpha", "beta", "derivative_jumps", "properties", "rho", "rho_terms"]

_ROUNDING = 1e-12  # of the largest of its kind: what is below is zero
_SCALES = np.geomspace(1e-2, 1e2, 33)  # where ρ(s) is looked at: four powers of ten about 1
_TERMS = ("β_0 − α_0² − α_1²", "β_2 − α_1² − α_2²", "α_0 α_2 − α_1²")


@dataclass(frozen=True)
class Property:
    """Whether one of the paper's properties holds, and why.

    Attributes
    ----------
    holds : bool
        The answer.
    evidence : str
        One sentence with the numbers behind it.
    """

    holds: bool
    evidence: str


@dataclass(frozen=True)
class Properties:
    r"""Properties 3.1, 3.2 and 3.3 of an activation, with their constants.

    Attributes
    ----------
    activation : str
        Its name.
    growth : Property
        Property 3.1, :math:`0 \le \sigma'(t) \le L_1 |t|^p`.
    nonlinearity : Property
        Property 3.2, :math:`\rho(s) > 0` for every s > 0.
    smoothness : Property
        Property 3.3: (a) :math:`|\sigma''| \le L_2`, or (b) σ'' = 0 off finitely many points.
    L1, p : float
        The least p ≥ 0, and its L_1, with :math:`|\sigma'(t)| \le L_1|t|^p`; NaN where no such bound holds.
    L2 : float
        The bound of (a); infinite where (a) fails.
    is_smooth, is_piecewise_linear : bool
        Whether (a), and whether (b), holds.
    """

    activation: str
    growth: Property
    nonlinearity: Property
    smoothness: Property
    L1: float
    p: float
    L2: float
    is_smooth: bool
    is_piecewise_linear: bool

    @property
    def hold(self) -> bool:
        """Whether all three properties hold, as Theorem 4.2 asks."""
        return self.growth.holds and self.nonlinearity.holds and self.smoothness.holds


def alpha(sigma: str | Activation, q: int, scale: ArrayLike) -> NDArray:
    r"""Moments :math:`\alpha_q(s) = \mathbb E_{z \sim N(0,1)}[\sigma'(sz)\,z^q]`.

    Parameters
    ----------
    sigma : str or Activation
        The activation.
    q : int
        The power, at least 0; the paper uses 0, 1, 2.
    scale : float or array
        The s > 0: a norm of weights.

    Returns
    -------
    array of the shape of `scale`

    Raises
    ------
    InputError
        If q is not an integer of at least 0, or a scale is not positive and finite.

    Notes
    -----
    Quadrature, split at the kinks, of some 70 max(1, s) to 1000 evaluations of σ' an entry; right to 1e-13 of β_0.

    References
    ----------
    .. [1] zhong2017recovery, Property 3.2
    """
    q, sigma = whole_number(q, "q", least=0), activation(sigma)
    return _each_scale(scale, lambda s: _moment(sigma, q, s, 1))


def beta(sigma: str | Activation, q: int, scale: ArrayLike) -> NDArray:
    r"""Moments :math:`\beta_q(s) = \mathbb E_{z \sim N(0,1)}[\sigma'(sz)^2\,z^q]`; the paper uses q = 0, 2.

    Parameters, result, errors and cost are those of `alpha` (zhong2017recovery, Property 3.2).
    """
    q, sigma = whole_number(q, "q", least=0), activation(sigma)
    return _each_scale(scale, lambda s: _moment(sigma, q, s, 2))


def rho_terms(sigma: str | Activation, scale: ArrayLike) -> NDArray:
    r"""The three numbers whose least is ρ(s).

    .. math:: \beta_0 - \alpha_0^2 - \alpha_1^2, \qquad \beta_2 - \alpha_1^2 - \alpha_2^2, \qquad
        \alpha_0 \alpha_2 - \alpha_1^2, \qquad \text{all at } s.

    Returns
    -------
    array, shape (3,) + the shape of `scale`

    Notes
    -----
    As 1 and z are orthonormal, the first two are the squared distances of σ'(sz) and of zσ'(sz) from the affine
    functions of z, and are computed as such: they do not cancel, and of a linear σ are below 1e-28 instead of rounding.
    Other parameters, errors and cost are those of `alpha`.
    """
    sigma = activation(sigma)
    return np.stack([_each_scale(scale, lambda s, i=i: _rho_terms(sigma, s)[i]) for i in range(3)])


def rho(sigma: str | Activation, scale: ArrayLike) -> NDArray:
    r"""The curvature :math:`\rho(s)` of Property 3.2, the least of `rho_terms`.

    .. math:: \rho = \min\{\beta_0 - \alpha_0^2 - \alpha_1^2,\; \beta_2 - \alpha_1^2 - \alpha_2^2,\;
        \alpha_0\alpha_2 - \alpha_1^2\}.

    It bounds the Hessian at the truth from below (Theorem 4.2). For σ homogeneous of degree q it is
    :math:`s^{2(q-1)}\rho(1)`; for ReLU 1/4 − 1/2π. Parameters, errors and cost are those of `alpha`.
    """
    return rho_terms(sigma, scale).min(axis=0)


@lru_cache(maxsize=256)
def properties(sigma: str | Activation) -> Properties:
    r"""Decide Properties 3.1, 3.2 and 3.3 for an activation, with evidence: the table of Theorem 3.5 [1]_.

    Parameters
    ----------
    sigma : str or Activation
        The activation.

    Returns
    -------
    Properties

    Raises
    ------
    InputError
        If the activation is unknown.

    Notes
    -----
    Computed from σ, σ' and σ'' at the points ±[1e-8, 1e8], not looked up, and therefore evidence, not proof: a σ that
    misbehaves between the points or beyond them is not seen.

    *Property 3.1* asks for p > 0 in the paper's text, which neither ReLU nor a sigmoid would satisfy at 0; p ≥ 0 is
    meant. It asks for one power: t + t³, whose derivative needs p = 0 at the origin and p = 2 far away, fails.

    *Property 3.2* is decided on s in [1e-2, 1e2], a term counting as positive if it is above 1e-12 of the products it
    is made of (above the square of that for the first two terms, which are computed as squares, `rho_terms`). Between
    and beyond those s one can argue: the first two terms vanish only if σ' is affine almost everywhere (the second:
    constant), and the third, where σ' ≥ 0, only if σ' is zero (Cauchy-Schwarz). So a non-decreasing σ satisfies
    Property 3.2 if and only if it is not affine; the grid finds the failures of the others. Of the quadratic ρ(s) =
    −4s², not 0 as the paper's Remark 4.3 says; its Hessian is singular all the same.

    References
    ----------
    .. [1] zhong2017recovery, Properties 3.1-3.3 and Theorem 3.5
    """
    sigma = activation(sigma)
    L1, p, growth = _growth(sigma)
    L2, is_smooth, is_piecewise_linear, smoothness = _smoothness(sigma)
    return Properties(sigma.name, growth, _nonlinearity(sigma), smoothness, L1, p, L2, is_smooth, is_piecewise_linear)


def derivative_jumps(sigma: str | Activation) -> tuple[tuple[float, float], ...]:
    """Points where σ' jumps, and by how much: σ'' has that multiple of a Dirac there (zhong2017recovery, section 4)."""
    sigma = activation(sigma)
    points = np.array(sigma.kinks)
    jumps = sigma.derivative(np.nextafter(points, np.inf)) - sigma.derivative(points)
    nearby = np.abs(sigma.derivative(points - 1)) + np.abs(sigma.derivative(points + 1))
    return tuple(
        (float(t), float(jump)) for t, jump, size in zip(points, jumps, nearby, strict=True) if abs(jump) > 1e-9 * size
    )


def _growth(sigma: Activation) -> tuple[float, float, Property]:
    """L_1, p and Property 3.1."""
    t = _wide_grid()
    slope = sigma.derivative(t)
    size = np.maximum.accumulate(np.maximum(np.abs(slope), np.abs(sigma.derivative(-t))))
    p = max(0.0, round(_exponent(size, t), 3))
    ratio = size / t**p
    L1 = float(ratio.max())
    if 1e6 * ratio[t >= 1].max() < L1:
        return np.nan, np.nan, Property(False, f"σ' grows as |t|^{p:g} but does not vanish at 0, so no |σ'| ≤ L_1|t|^p")
    both = np.concatenate([sigma.derivative(-t[::-1]), slope])
    bound = _ROUNDING * np.concatenate([size[::-1], size])
    place = int(np.argmin(both + bound))
    if both[place] < -bound[place]:
        where = np.concatenate([-t[::-1], t])[place]
        return L1, p, Property(False, f"σ' is negative: σ'({where:.3g}) = {both[place]:.3g}")
    return L1, p, Property(True, f"0 ≤ σ'(t) ≤ {L1:.6g}" + (f"·|t|^{p:g}" if p else ""))


def _nonlinearity(sigma: Activation) -> Property:
    """Property 3.2 on the grid of scales."""
    terms = rho_terms(sigma, _SCALES)
    alphas = np.stack([alpha(sigma, q, _SCALES) for q in range(3)])
    betas = np.stack([beta(sigma, q, _SCALES) for q in (0, 2)])
    floor = np.stack(
        [_ROUNDING**2 * betas[0], _ROUNDING**2 * betas[1], _ROUNDING * (np.abs(alphas[0] * alphas[2]) + alphas[1] ** 2)]
    )
    relative = terms / np.maximum(betas[0] + betas[1], np.finfo(float).tiny)
    term, place = np.unravel_index(np.argmin(np.where(terms > floor, np.inf, relative)), terms.shape)
    if np.all(terms > floor):
        least = terms.min(axis=0) / (betas[0] + betas[1])
        weakest = int(least.argmin())
        return Property(
            True,
            f"ρ(s) > 0 for s in [{_SCALES[0]:g}, {_SCALES[-1]:g}]: at least {least[weakest]:.3g}·(β_0 + β_2), at "
            f"s = {_SCALES[weakest]:.3g}",
        )
    value = terms[term, place]
    found = f"is {value:.3g}" if value < -floor[term, place] else "is 0 to rounding"
    return Property(False, f"{_TERMS[term]} {found} at s = {_SCALES[place]:.3g}")


def _smoothness(sigma: Activation) -> tuple[float, bool, bool, Property]:
    """L_2, whether (a), whether (b), and Property 3.3."""
    t = _wide_grid()
    curvature = np.maximum(np.abs(sigma.second_derivative(t)), np.abs(sigma.second_derivative(-t)))
    slope = np.maximum(np.abs(sigma.derivative(t)), np.abs(sigma.derivative(-t)))
    size = np.maximum.accumulate(curvature)
    jumps = derivative_jumps(sigma)
    is_piecewise_linear = bool(np.all(curvature <= _ROUNDING * slope.max()))
    is_bounded = _exponent(size, t) < 1e-3
    is_smooth = is_bounded and not jumps
    L2 = float(size.max()) if is_smooth else np.inf
    if is_smooth:
        return L2, True, is_piecewise_linear, Property(True, f"(a) |σ''| ≤ {L2:.6g}")
    if is_piecewise_linear:
        return L2, False, True, Property(True, f"(b) σ'' = 0 off {len(sigma.kinks)} point(s)")
    why = f"σ' jumps by {jumps[0][1]:.3g} at {jumps[0][0]:.3g}" if jumps else "σ'' is unbounded"
    return L2, False, False, Property(False, f"{why} and σ'' is not 0 elsewhere")


def _wide_grid() -> NDArray:
    """Positive points over sixteen decades, dense where activations bend, ascending."""
    return np.unique(np.concatenate([np.geomspace(1e-8, 1e8, 1601), np.linspace(0.01, 30, 3000)]))


def _exponent(size: NDArray, t: NDArray) -> float:
    """Exponent of growth between 1e4 and 1e8 of a running maximum; 0 if it is zero throughout."""
    near, far = size[np.searchsorted(t, 1e4)], size[-1]
    return float(np.log(far / near) / np.log(1e4)) if near > 0 else 0.0


def _each_scale(scale: ArrayLike, f) -> NDArray:  # type: ignore[no-untyped-def]
    """Value of f at each scale, in its shape."""
    scale = np.asarray(scale, dtype=float)
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise InputError("a scale must be positive and finite: it is the norm of a unit's weights")
    return np.array([f(float(s)) for s in scale.ravel()]).reshape(scale.shape)


def _moment(sigma: Activation, q: int, scale: float, power: int) -> float:
    nodes, weights = line_rule(sigma, scale)
    return float(weights @ (sigma.derivative(scale * nodes) ** power * nodes**q))


def _rho_terms(sigma: Activation, scale: float) -> tuple[float, float, float]:
    nodes, weights = line_rule(sigma, scale)
    slope = sigma.derivative(scale * nodes)
    alpha0, alpha1, alpha2 = (float(weights @ (slope * nodes**q)) for q in range(3))
    first = weights @ (slope - alpha0 - alpha1 * nodes) ** 2
    second = weights @ (nodes * slope - alpha1 - alpha2 * nodes) ** 2
    return float(first), float(second), alpha0 * alpha2 - alpha1**2
