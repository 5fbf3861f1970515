r"""Is each unit of a network really in the box? Measured at its own hyperplane, where it alone changes course."""

import numpy as np
from numpy.typing import NDArray

from twolayer.extract.lines import Function, Vector
from twolayer.network import TwoLayerNetwork

__all__ = ["unit_evidence"]


def unit_evidence(f: Function, network: TwoLayerNetwork, reach: float, rng: np.random.Generator) -> Vector:
    r"""How much of each unit the box shows, (m,): 1 where all of it, 0 where there is no such unit.

    At random points x of the hyperplane of unit i, within `reach` of its foot or a tenth of the foot's own distance, a
    step of h along the normal n and one back: what the box makes of them beyond all other units of the network, over
    what unit i should make of them,

    .. math:: \frac{\Delta (f - \hat f) + \Delta \hat f_i}{\Delta\hat f_i},

    where Δ is the second difference for a ramp and the first for a step; the median over 15 points, so that a unit not
    yet found does not spoil it.

    Parameters
    ----------
    f : callable
        The box.
    network : TwoLayerNetwork
        Units with w ≠ 0.
    reach : float
    rng : Generator
    """
    m, d = network.W.shape
    points = 15  # their median is right as long as no more than seven have another hyperplane beside them
    if not m:
        return np.zeros(0)
    length = np.linalg.norm(network.W, axis=1)
    normal = network.W / length[:, None]
    foot = -(network.b / length)[:, None] * normal
    # far out nothing happens on the scale of the others, and a tenth of the distance still is beside the foot
    near = np.maximum(reach, 0.1 * np.abs(network.b) / length)

    def place(some: slice) -> NDArray[np.float64]:
        """Points of some of the hyperplanes, (k, points, d)."""
        away = rng.standard_normal((len(near[some]), points, d)) * near[some, None, None]
        away -= np.einsum("mkd,md->mk", away, normal[some])[:, :, None] * normal[some, None]
        return foot[some, None] + away

    # a ramp shows more the longer the step, but other hyperplanes may come in its way; a step is over at 2
    h = 0.3 * near if network.activation.kinks else 2.0 / length
    weights = np.array([1.0, -1.0, 0.0] if network.activation.reflection.sign < 0 else [1.0, 1.0, -2.0])
    A = network.A / np.max(np.abs(network.A), axis=1, initial=np.finfo(np.float64).tiny)[:, None]
    left = np.empty((m, points, 3))
    block = max(1, (1 << 23) // (3 * points * d))  # units whose rows take 64 MB
    for start in range(0, m, block):
        some = slice(start, start + block)
        step = (h[some, None] * normal[some])[:, None]
        point = place(some)
        around = np.stack([point + step, point - step, point], axis=2).reshape(-1, d)
        more = (f(around) - network(around)).reshape(-1, 3 * points, network.n_outputs)
        left[some] = np.einsum("mkq,mq->mk", more, A[some]).reshape(-1, points, 3)
    t = length * h
    own = np.sum(network.A * A, axis=1) * (network.activation(np.stack([t, -t, 0 * t], axis=1)) @ weights)
    return 1 + np.median(left @ weights / own[:, None], axis=1)
