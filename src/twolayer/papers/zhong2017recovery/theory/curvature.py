r"""Definition 4.1 and the two ends of Theorem 4.2: how curved the risk is around the truth."""

from dataclasses import dataclass

import numpy as np

from twolayer.activation import Activation
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.papers.zhong2017recovery.theory.activations import properties, rho
from twolayer.papers.zhong2017recovery.theory.population import population_hessian

__all__ = ["Conditioning", "HessianBounds", "conditioning", "hessian_bounds"]


@dataclass(frozen=True)
class Conditioning:
    r"""The quantities of Definition 4.1 [1]_.

    Attributes
    ----------
    singular_values : tuple of float
        :math:`\sigma_1 \ge \dots \ge \sigma_k` of W.
    condition : float
        :math:`\kappa = \sigma_1/\sigma_k`.
    volume : float
        :math:`\lambda = \prod_i \sigma_i/\sigma_k^k`.
    v_max, v_min : float
        The largest and the least |v_i|.
    ratio : float
        :math:`\nu = v_{\max}/v_{\min}`.
    rho : float
        :math:`\rho(\sigma_k)`.
    p : float
        The power of Property 3.1.
    tau : float
        :math:`\tau = (3\sigma_1/2)^{4p}/\min_{s \in [\sigma_k/2,\,3\sigma_1/2]} \rho^2(s)`.

    References
    ----------
    .. [1] zhong2017recovery
    """

    singular_values: tuple[float, ...]
    condition: float
    volume: float
    v_max: float
    v_min: float
    ratio: float
    rho: float
    p: float
    tau: float

    @property
    def curvature_floor(self) -> float:
        r"""Lower end of Theorem 4.2, constant 1: :math:`v_{\min}^2 \rho(\sigma_k)/(\kappa^2\lambda)`."""
        return self.v_min**2 * self.rho / (self.condition**2 * self.volume)

    @property
    def curvature_ceiling(self) -> float:
        r"""Upper end of Theorem 4.2, constant 1: :math:`k\,v_{\max}^2 \sigma_1^{2p}`."""
        return len(self.singular_values) * self.v_max**2 * self.singular_values[0] ** (2 * self.p)


@dataclass(frozen=True)
class HessianBounds:
    r"""Theorem 4.2 at the truth: the theorem's two ends beside the eigenvalues that they bound.

    Attributes
    ----------
    lower, upper : float
        :math:`v_{\min}^2 \rho(\sigma_k)/(\kappa^2\lambda)` and :math:`k v_{\max}^2 \sigma_1^{2p}`, both with constant
        1. The theorem has unnamed constants there (Ω and O), the upper one growing with L_1², so that an eigenvalue
        outside [lower, upper] contradicts nothing.
    smallest, largest : float
        The extreme eigenvalues of :math:`\nabla^2 f_{\mathcal D}(W^*)`.
    """

    lower: float
    upper: float
    smallest: float
    largest: float


def conditioning(network: TwoLayerNetwork) -> Conditioning:
    """Conditioning of a network, Definition 4.1.

    Parameters
    ----------
    network : TwoLayerNetwork
        With 1 ≤ m ≤ d, a_i ≠ 0, no bias and no polynomial part.

    Returns
    -------
    Conditioning
        Where the rows of W are linearly dependent, κ and λ are infinite; p and τ are NaN where no p satisfies
        Property 3.1, and τ is infinite where Property 3.2 fails on the interval.

    Raises
    ------
    InputError
        If the network is not one of the paper's.

    Notes
    -----
    Magnitude can be moved between v and W for homogeneous σ, and changes all of these but κ and λ; the paper has
    v_i = ±1, see ``TwoLayerNetwork.balanced``. The least ρ is sought on 129 scales of the interval.
    """
    if not 1 <= network.width <= network.dim:
        raise InputError(f"the paper needs 1 ≤ m ≤ d, found m = {network.width} units of d = {network.dim} inputs")
    if network.has_bias or network.polynomial is not None:
        raise InputError("the paper's networks have neither biases nor a polynomial part, but this one has")
    singular_values = np.linalg.svd(network.W, compute_uv=False)
    first, last = float(singular_values[0]), float(singular_values[-1])
    is_singular = last <= np.finfo(float).eps * max(network.W.shape) * first
    sizes = np.abs(network.a)
    if first == 0 or sizes.min() == 0:
        raise InputError("the paper's units have weights other than zero, but one of these does not")
    with np.errstate(over="ignore"):
        volume = np.inf if is_singular else float(np.exp(np.sum(np.log(singular_values / last))))
    p = properties(network.activation).p
    return Conditioning(
        singular_values=tuple(singular_values.tolist()),
        condition=np.inf if is_singular else first / last,
        volume=volume,
        v_max=float(sizes.max()),
        v_min=float(sizes.min()),
        ratio=float(sizes.max() / sizes.min()),
        rho=0.0 if is_singular else float(rho(network.activation, last)),
        p=p,
        tau=np.inf if is_singular else _tau(network.activation, first, last, p),
    )


def hessian_bounds(network: TwoLayerNetwork) -> HessianBounds:
    """Bounds of Theorem 4.2 for the risk of a network against itself, and what they bound.

    Parameters
    ----------
    network : TwoLayerNetwork
        The truth; as `conditioning` needs it.

    Returns
    -------
    HessianBounds

    Raises
    ------
    InputError
        As `conditioning` and `population_hessian`.

    Notes
    -----
    Eigenvalues of a matrix of order m d: time O((m d)³). Directions outside the span of W need no more than order m,
    but the matrix is formed whole, to be looked at.
    """
    known = conditioning(network)
    eigenvalues = np.linalg.eigvalsh(population_hessian(network, network))
    return HessianBounds(known.curvature_floor, known.curvature_ceiling, float(eigenvalues[0]), float(eigenvalues[-1]))


def _tau(sigma: Activation, first: float, last: float, p: float) -> float:
    least = float(rho(sigma, np.geomspace(last / 2, 1.5 * first, 129)).min())
    return (1.5 * first) ** (4 * p) / least**2 if least > 0 else np.inf
