r"""A sum of sines: its frequencies on one line, then the phases on others beside it.

On :math:`x(t) = p + t u` a unit :math:`a \sin(w\cdot x + b)` is one frequency :math:`\omega = w\cdot u`. Values at
equal steps make a Hankel matrix whose range has the exponentials :math:`e^{\pm i\omega\Delta}` for eigenvalues of its
shift, however close to each other the frequencies are, as long as the values are exact (ESPRIT). On a line moved by
:math:`\delta e_j` the phase of each is ahead by :math:`\delta w_j`.
"""

from dataclasses import dataclass, replace

import numpy as np

from twolayer.activation import activation
from twolayer.extract.lines import Function, Matrix, Vector
from twolayer.network import Polynomial, TwoLayerNetwork

__all__ = ["WaveRules", "waves"]

DOUBLE = float(np.finfo(np.float64).eps)
"""Relative rounding of float64."""


@dataclass(frozen=True)
class WaveRules:
    """How frequencies are found, and when they are all of them.

    Attributes
    ----------
    lengths : tuple of int
        Values on the line; the next where the frequencies of the last do not explain fresh values. Of a hundred units
        2000 or 4000 are needed; the cost grows with the cube.
    turns : float
        Root mean square frequencies that the step resolves: of normal numbers none is above five in a million.
    faint : float
        Singular values of the Hankel matrix that count, of the largest.
    on_circle : float
        How far off the unit circle an eigenvalue may be.
    explained : float
        The part of the values that may be left over on fresh places.
    roundings : float
        But neither below so many roundings of the values.
    per_unit : int
        Values on each of the lines beside it, for each unit.
    phase : float
        By how much no phase is ahead there, at a guess.
    weak : float
        Height below which a frequency is none, of the largest.
    """

    lengths: tuple[int, ...] = (250, 500, 1000, 2000, 4000)
    turns: float = 5.0
    faint: float = 1e-12
    on_circle: float = 1e-2
    explained: float = 1e-6
    roundings: float = 100.0
    per_unit: int = 6
    phase: float = 0.3
    weak: float = 1e-7


def waves(
    f: Function, dim: int, rng: np.random.Generator, eps: float = DOUBLE, rules: WaveRules = WaveRules()
) -> TwoLayerNetwork | None:
    """The sines that make up f; None where no number of them explains it.

    Parameters
    ----------
    f : callable
    dim : int
    rng : Generator
    eps : float
        Relative rounding of the values.
    rules : WaveRules, optional

    Notes
    -----
    2000 values for 40 units on the line, 6 m on each of d others; a singular value decomposition of 2000 × 2000 values
    for 100 units takes three seconds. It fails where two frequencies on the line are closer than some part in 1e5 of
    the typical one, or the function is no sum of sines and a constant.
    """
    p, u = rng.standard_normal((2, dim))
    u /= np.linalg.norm(u)
    rules = replace(
        rules, faint=max(rules.faint, rules.roundings * eps), explained=max(rules.explained, rules.roundings * eps)
    )
    typical = _typical_frequency(f, p, u, rng)
    step = np.pi / (rules.turns * typical)
    for count in rules.lengths:
        t = step * (np.arange(count) - count / 2)
        omega = _frequencies(f(p + t[:, None] * u), step, typical, rules)
        if omega is None or not len(omega):
            continue
        network = _units(f, p, u, omega, t[-1], rng, rules)
        if network is not None:
            return network
    return None


def _typical_frequency(f: Function, p: Vector, u: Vector, rng: np.random.Generator) -> float:
    """Root mean square, from how fast the values change on the line."""
    t = rng.uniform(-1e3, 1e3, 200)
    here = f(p + t[:, None] * u)
    spread = max(float(np.std(here)), np.finfo(np.float64).tiny)
    for h in 10.0 ** np.arange(2, -7, -0.5):
        change = float(np.sqrt(np.mean((f(p + (t + h)[:, None] * u) - here) ** 2))) / spread
        if change < 0.3:  # up to here the chord is as steep as the tangent, to a percent
            break
    return max(change, np.finfo(np.float64).eps) / float(h)


def _frequencies(values: Vector, step: float, typical: float, rules: WaveRules) -> Vector | None:
    """The positive ones; None where there are nearly as many as the matrix can have."""
    from scipy.linalg import hankel

    half = len(values) // 2
    H = hankel(values[: len(values) - half] - values.mean(), values[len(values) - half - 1 :] - values.mean())
    U, s, _ = np.linalg.svd(H, full_matrices=False)
    rank = int((s > rules.faint * s[0]).sum())
    if rank > 0.9 * half:
        return None
    shift = np.linalg.lstsq(U[:-1, :rank], U[1:, :rank], rcond=None)[0]
    z = np.linalg.eigvals(shift)
    omega = np.angle(z) / step
    is_one = (omega > rules.faint * typical) & (np.abs(np.abs(z) - 1) < rules.on_circle)
    return np.sort(omega[is_one])


def _units(
    f: Function, p: Vector, u: Vector, omega: Vector, length: float, rng: np.random.Generator, rules: WaveRules
) -> TwoLayerNetwork | None:
    d = len(p)
    t = rng.uniform(-length, length, rules.per_unit * len(omega) + 20)
    design = np.column_stack([np.cos(np.outer(t, omega)), np.sin(np.outer(t, omega)), np.ones(len(t))])
    delta = rules.phase / (float(omega.max()) * np.sqrt(d))
    here = p + t[:, None] * u
    values = f(here)
    if _left(design, values) > rules.explained:
        return None
    Y = np.column_stack([values, *(f(here + move) for move in delta * np.eye(d))])
    coefficients: Matrix = np.linalg.lstsq(design, Y, rcond=None)[0]
    cosine, sine = np.split(coefficients[:-1], 2)
    a, phase = np.hypot(cosine[:, 0], sine[:, 0]), np.arctan2(cosine, sine)
    ahead = (phase[:, 1:] - phase[:, :1] + np.pi) % (2 * np.pi) - np.pi
    W = ahead / delta
    b = (phase[:, 0] - W @ p + np.pi) % (2 * np.pi) - np.pi
    kept = a > rules.weak * a.max()
    constant = Polynomial(float(coefficients[-1, 0]))
    return TwoLayerNetwork(a[kept], W[kept], b[kept], activation("sine"), constant)


def _left(design: Matrix, values: Vector) -> float:
    """What half of the rows makes of the other half, relative to the values."""
    half = len(values) // 2 + len(values) // 4
    fitted = np.linalg.lstsq(design[:half], values[:half], rcond=None)[0]
    return float(np.abs(design[half:] @ fitted - values[half:]).max() / np.abs(values).max())
