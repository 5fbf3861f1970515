r"""Barron norms: bounds from the spectrum and from the path norm, on [-1,1]^d."""

import numpy as np
from numpy.typing import ArrayLike

from twolayer.arrays import frozen_array
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.papers.e2021hardness.theory.gradients import network_gradients, parity_gradient_variance

__all__ = ["barron_bound", "quantities", "spectral_bound"]


def spectral_bound(amplitudes: ArrayLike, frequencies: ArrayLike, phases: ArrayLike) -> float:
    r"""Spectral bound on the Barron norm of :math:`f(x) = \sum_k A_k \sin(\omega_k \cdot x + \varphi_k)` on [-1,1]^d.

    .. math:: \|f\|_{\mathcal B} \le 2\int\|\xi\|_1^2\,|\hat f(\xi)|\,d\xi + 2|f(0)| + 2\|\nabla f(0)\|_1
        = 2\sum_k |A_k|\,\|\omega_k\|_1^2 + 2|f(0)| + 2\|\nabla f(0)\|_1.

    For cos(ω·x), A = 1 and φ = π/2, it is :math:`2\|\omega\|_1^2 + 2`; with the lecture's ω = √d w, ‖w‖ = √d, at most
    2d³ + 2. Several terms of the same frequency (up to sign) are added up without cancelling, which is still a bound.

    Parameters
    ----------
    amplitudes : array, shape (m,)
    frequencies : array, shape (m, d)
        One ω a row.
    phases : array, shape (m,)

    Raises
    ------
    InputError
        If the shapes do not agree.

    References
    ----------
    .. [1] e2021hardness, equations (7) and (8)
    """
    A, omega, phi = (
        frozen_array(values, name, ndim)
        for values, name, ndim in (
            (amplitudes, "amplitudes", 1),
            (frequencies, "frequencies", 2),
            (phases, "phases", 1),
        )
    )
    if not len(A) == len(omega) == len(phi):
        raise InputError(f"found {len(A)} amplitudes, {len(omega)} frequencies and {len(phi)} phases")
    at_zero, slope = A @ np.sin(phi), (A * np.cos(phi)) @ omega
    return float(2 * np.abs(A) @ np.abs(omega).sum(axis=1) ** 2 + 2 * np.abs(at_zero) + 2 * np.abs(slope).sum())


def barron_bound(network: TwoLayerNetwork) -> float | None:
    r"""Bound on the Barron norm of a network on [-1,1]^d, from its weights; None where the lecture has none.

    The path norm if σ is relu, `spectral_bound` if it is the sine. A polynomial part c + u·x of degree one at most is
    written as c relu(1) + relu(u·x) - relu(-u·x), and adds |c| + 2‖u‖_1; there is no bound with a quadratic part.
    """
    polynomial = network.polynomial
    extra = 0.0
    if polynomial is not None:
        if polynomial.quadratic is not None and polynomial.quadratic.any():
            return None
        slope = 0.0 if polynomial.linear is None else float(np.abs(polynomial.linear).sum())
        extra = abs(polynomial.constant) + 2 * slope
    if network.activation.name == "relu":
        return network.path_norm() + extra
    if network.activation.name == "sine":
        return spectral_bound(network.a, network.W, network.b) + extra
    return None


def quantities(network: TwoLayerNetwork) -> dict[str, float]:
    r"""The lecture's quantities for a network, as named numbers.

    - ``inputs``, ``units``: d and m;
    - ``path_norm`` and ``path_norm_over_d_squared``: the class of which the SQ dimension is exponential has the latter
      at most a constant (parities: below 7);
    - ``barron_bound``: only where the lecture has one (relu, sine), see `barron_bound`;
    - ``log2_parities``: d, the binary logarithm of the SQ dimension of the parities on {0,1}^d;
    - ``parity_gradient_bound``: Theorem 5 with this network as the model, 4 E‖∇h‖²/2^d, x uniform on {0,1}^d;
    - ``parity_gradient_variance``: what it bounds. Both exact, and only for d ≤ 10.

    Notes
    -----
    Units are done one at a time: d 2^d (d + 2) additions each.
    """
    d = network.dim
    found = {
        "inputs": float(d),
        "units": float(network.width),
        "path_norm": network.path_norm(),
        "path_norm_over_d_squared": network.path_norm() / d**2,
        "log2_parities": float(d),
    }
    bound = barron_bound(network)
    if bound is not None:
        found["barron_bound"] = bound
    # 2^d gradients, for each unit
    if d <= 10:
        parts = [
            parity_gradient_variance(
                network_gradients(TwoLayerNetwork(network.a[[i]], network.W[[i]], network.b[[i]], network.activation)),
                d,
            )
            for i in range(network.width)
        ]
        found["parity_gradient_bound"] = float(sum(part.bound for part in parts))
        found["parity_gradient_variance"] = float(sum(part.variance for part in parts))
    return found
