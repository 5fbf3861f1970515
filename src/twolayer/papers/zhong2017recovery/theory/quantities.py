r"""Every quantity of the paper for one network, by name."""

from typing import Any

from twolayer.arrays import squarable
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.papers.zhong2017recovery.theory.activations import properties
from twolayer.papers.zhong2017recovery.theory.curvature import conditioning, hessian_bounds
from twolayer.papers.zhong2017recovery.theory.moments import assumption, moment_orders

__all__ = ["quantities"]


def quantities(network: TwoLayerNetwork) -> dict[str, Any]:
    r"""Properties 3.1-3.3, Definition 4.1, Theorem 4.2 and Assumption 5.3 for a network, by name [1]_.

    The network is first written with :math:`|v_i| = 1`, the paper's convention, where σ is homogeneous.

    Returns
    -------
    dict of str to number, tuple or str
        The extreme eigenvalues of the Hessian are there where m d ≤ 2000, and the moment orders where the paper defines
        them.

    Raises
    ------
    InputError
        If the network is not one of the paper's: m > d, a bias, a polynomial part, a unit that is zero; or if
        its weights are above 1e150 in magnitude.

    References
    ----------
    .. [1] zhong2017recovery
    """
    network = network.balanced()
    squarable(network.W, "W")
    known, held = conditioning(network), properties(network.activation)
    found: dict[str, Any] = {
        "k": network.width,
        "d": network.dim,
        "activation": network.activation.name,
        "Property 3.1": _said(held.growth),
        "Property 3.2": _said(held.nonlinearity),
        "Property 3.3": _said(held.smoothness),
        "singular_values": known.singular_values,
        "condition": known.condition,
        "volume": known.volume,
        "v_max": known.v_max,
        "v_min": known.v_min,
        "ratio": known.ratio,
        "rho": known.rho,
        "p": known.p,
        "tau": known.tau,
        "curvature_floor": known.curvature_floor,
        "curvature_ceiling": known.curvature_ceiling,
    }
    # 2000 parameters: its eigenvalues take seconds
    if network.width * network.dim <= 2000:
        bounds = hessian_bounds(network)
        found |= {"smallest_eigenvalue": bounds.smallest, "largest_eigenvalue": bounds.largest}
    conditions = assumption(network)
    for number, name in enumerate(("shared", "order", "even", "odd"), start=1):
        found[f"Assumption 5.3 ({number})"] = _said(getattr(conditions, name))
    try:
        found["moment_orders"] = moment_orders(network)
    except InputError as undefined:
        found["moment_orders"] = str(undefined)
    return found


def _said(judged: Any) -> str:
    return f"{'holds' if judged.holds else 'fails'}: {judged.evidence}"
