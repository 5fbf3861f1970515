"""Planted networks: the laws from which the papers draw their ground truth, and samples labelled by one."""

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.arrays import real_number, whole_number
from twolayer.entry import Entry, table
from twolayer.errors import InputError
from twolayer.files import check_sample_size
from twolayer.network import TwoLayerNetwork

__all__ = [
    "LAWS",
    "Seed",
    "centred_identity",
    "centred_units",
    "conditioned",
    "gaussian_samples",
    "haar_blocks",
    "identity",
    "orthogonal",
    "random_units",
    "simplex_blocks",
]

Seed = np.random.Generator | int | None


def conditioned(
    d: int, k: int, kappa: float = 2.0, activation: str | Activation = "squared_relu", rng: Seed = None
) -> TwoLayerNetwork:
    r"""Draw a network of condition number κ, as in the experiments of [1]_.

    .. math:: W^\top = U \Sigma V^\top, \qquad
       \Sigma = \operatorname{diag}\Bigl(1, 1 + \tfrac{\kappa-1}{k-1}, \dots, \kappa\Bigr),

    with U of shape (d, k) and V of shape (k, k) from the QR decomposition of Gaussian matrices, and output weights ±1
    with equal chance.

    Parameters
    ----------
    d, k : int
        Inputs and units, k ≤ d.
    kappa : float
        Largest singular value, at least 1; the smallest is 1. Without meaning for k = 1.
    activation : str or Activation
    rng : numpy.random.Generator or int or None

    Returns
    -------
    TwoLayerNetwork
        Without biases.

    Raises
    ------
    InputError
        If k > d, or kappa is below 1 or not finite.

    References
    ----------
    .. [1] zhong2017recovery, section 7
    """
    d, k = _shape(d, k, most_units=d)
    kappa = real_number(kappa, "kappa", least=1)
    rng = np.random.default_rng(rng)
    U, V = _orthonormal_columns(d, k, rng), _orthonormal_columns(k, k, rng)
    return TwoLayerNetwork(_signs(k, rng), (V * np.linspace(1.0, kappa, k)) @ U.T, activation=activation)


def random_units(
    d: int, k: int, bias: float = 0.0, activation: str | Activation = "relu", rng: Seed = None, outputs: int = 1
) -> TwoLayerNetwork:
    r"""Draw a network whose rows are uniform on the unit sphere.

    Biases are uniform on [-B, B], output weights of magnitude uniform on [1/2, 2] and of either sign with equal chance;
    of several outputs they are standard Gaussian. There may be more units than inputs.

    Parameters
    ----------
    d, k : int
        Inputs and units.
    bias : float
        The B ≥ 0; none by default.
    activation : str or Activation
    rng : numpy.random.Generator or int or None
    outputs : int
        The q.

    Returns
    -------
    TwoLayerNetwork

    Raises
    ------
    InputError
        If d, k or outputs is below 1, or bias is negative, not finite or above 1e300.
    """
    d, k = _shape(d, k)
    bias = real_number(bias, "bias", least=0)
    most = 1e300  # twice it is a number
    if bias > most:
        raise InputError(f"bias must be at most {most:g}, found {bias:g}")
    rng = np.random.default_rng(rng)
    W = rng.standard_normal((k, d))
    W /= np.linalg.norm(W, axis=1, keepdims=True)
    if whole_number(outputs, "outputs") > 1:
        a = rng.standard_normal((k, outputs))
    else:
        a = rng.uniform(0.5, 2.0, k) * _signs(k, rng)
    return TwoLayerNetwork(a, W, rng.uniform(-bias, bias, k), activation)


def orthogonal(d: int, k: int, activation: str | Activation = "relu", rng: Seed = None) -> TwoLayerNetwork:
    """Draw a network whose rows are orthonormal, the best-conditioned case (κ = λ = 1), with output weights ±1.

    Parameters
    ----------
    d, k : int
        Inputs and units, k ≤ d.
    activation : str or Activation
    rng : numpy.random.Generator or int or None

    Returns
    -------
    TwoLayerNetwork
        Without biases.

    Raises
    ------
    InputError
        If k > d.
    """
    d, k = _shape(d, k, most_units=d)
    rng = np.random.default_rng(rng)
    W = _orthonormal_columns(d, k, rng).T
    return TwoLayerNetwork(_signs(k, rng), W, activation=activation)


def centred_units(
    d: int, k: int, activation: str | Activation = "polynomial(0,1,0,1)", rng: Seed = None
) -> TwoLayerNetwork:
    r"""Draw from the law :math:`\mathcal W_{d,r}` of [1]_, here r = k: random isotropic units, all output weights 1.

    .. math:: w_i = \frac{g_i - \bar g}{\|g_i - \bar g\|}, \qquad \bar g = \frac1k\sum_j g_j, \qquad
       g_i \sim N(0, I_d/d).

    Parameters
    ----------
    d, k : int
        Inputs and units, k ≥ 2; with one unit the centred Gaussian is zero.
    activation : str or Activation
    rng : numpy.random.Generator or int or None

    Returns
    -------
    TwoLayerNetwork
        Without biases.

    Raises
    ------
    InputError
        If k is below 2.

    References
    ----------
    .. [1] mondelli2019connection, equations (2) and (11)
    """
    d, k = _shape(d, k, is_centred=True)
    W = np.random.default_rng(rng).standard_normal((k, d))
    W -= W.mean(axis=0)
    return TwoLayerNetwork(np.ones(k), W / np.linalg.norm(W, axis=1, keepdims=True), activation=activation)


def haar_blocks(d: int, k: int, activation: str | Activation = "scaled(tanh,2.5)", rng: Seed = None) -> TwoLayerNetwork:
    r"""Draw the experiment's weights of [1]_: k/d Haar orthogonal d × d matrices, one below the other, then centred.

    .. math:: w_i = u_i - \tfrac1k\textstyle\sum_j u_j

    with the u_i the rows of the matrices. Norms are close to one, not equal to it; output weights are 1.

    Parameters
    ----------
    d, k : int
        Inputs and units, k a multiple of d, and k ≥ 2.
    activation : str or Activation
    rng : numpy.random.Generator or int or None

    Returns
    -------
    TwoLayerNetwork
        Without biases.

    Raises
    ------
    InputError
        If k is not a multiple of d (the nearest one is named), or is 1.

    References
    ----------
    .. [1] mondelli2019connection, section 6
    """
    d, k = _shape(d, k, block=d, is_centred=True)
    rng = np.random.default_rng(rng)
    W = np.vstack([_orthonormal_columns(d, d, rng) for _ in range(k // d)])
    return TwoLayerNetwork(np.ones(k), W - W.mean(axis=0), activation=activation)


def simplex_blocks(
    d: int, k: int, activation: str | Activation = "polynomial(0,1,0,1)", rng: Seed = None
) -> TwoLayerNetwork:
    r"""Draw k/(d + 1) randomly rotated simplices, one below the other: units that are exactly centred and isotropic.

    Each block is :math:`\sqrt{(d+1)/d}` times a matrix with orthonormal columns, Haar distributed conditional on
    :math:`W^\top 1 = 0` [1]_: its rows have norm one and inner products :math:`-1/d`. Output weights are 1.

    Parameters
    ----------
    d, k : int
        Inputs and units, k a multiple of d + 1.
    activation : str or Activation
    rng : numpy.random.Generator or int or None

    Returns
    -------
    TwoLayerNetwork
        Without biases.

    Raises
    ------
    InputError
        If k is not a multiple of d + 1; the nearest one is named.

    References
    ----------
    .. [1] mondelli2019connection, section 3.1
    """
    d, k = _shape(d, k, block=d + 1 if isinstance(d, int | np.integer) else 1)
    rng = np.random.default_rng(rng)
    ones_first = np.column_stack([np.ones(d + 1), np.eye(d + 1, d)])
    across = np.linalg.qr(ones_first)[0][:, 1:]  # an orthonormal basis of what is orthogonal to the ones
    W = np.vstack([across @ _orthonormal_columns(d, d, rng) for _ in range(k // (d + 1))])
    return TwoLayerNetwork(np.ones(k), np.sqrt((d + 1) / d) * W, activation=activation)


def identity(
    d: int,
    k: int,
    activation: str | Activation = "polynomial(0,0,0,0,1)",
    rng: Seed = None,  # noqa: ARG001 - as all laws
) -> TwoLayerNetwork:
    """Plant the unit vectors, k = d, all output weights 1: the simplest weights of mondelli2019connection, section 3.1.

    Parameters
    ----------
    d, k : int
        Inputs and units, k = d.
    activation : str or Activation
    rng : numpy.random.Generator or int or None
        Not used: nothing is random.

    Returns
    -------
    TwoLayerNetwork
        Without biases.

    Raises
    ------
    InputError
        If k is not d.
    """
    d, k = _shape(d, k, is_square=True)
    return TwoLayerNetwork(np.ones(d), np.eye(d), activation=activation)


def centred_identity(
    d: int,
    k: int,
    activation: str | Activation = "polynomial(0,1,0,1)",
    rng: Seed = None,  # noqa: ARG001 - as all laws
) -> TwoLayerNetwork:
    r"""Plant the unit vectors less their mean, scaled to norm one by :math:`\sqrt{d/(d-1)}`, k = d ≥ 2.

    Inner products are :math:`-1/(d-1)`, output weights 1; in [1]_'s notation η_avg = 0, η_var = 1 (the paper allows 2).

    Parameters
    ----------
    d, k : int
        Inputs and units, k = d ≥ 2.
    activation : str or Activation
    rng : numpy.random.Generator or int or None
        Not used: nothing is random.

    Returns
    -------
    TwoLayerNetwork
        Without biases.

    Raises
    ------
    InputError
        If k is not d, or is 1.

    References
    ----------
    .. [1] mondelli2019connection, section 3.1
    """
    d, k = _shape(d, k, is_square=True, is_centred=True)
    return TwoLayerNetwork(np.ones(d), np.sqrt(d / (d - 1)) * (np.eye(d) - 1 / d), activation=activation)


def gaussian_samples(
    network: TwoLayerNetwork, n: int, rng: Seed = None, noise: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Draw Gaussian inputs and their labels.

    .. math:: x \sim N(0, I_d), \qquad y = f(x) + \text{noise}\cdot\hat\sigma_f\, g, \qquad g \sim N(0, 1).

    Parameters
    ----------
    network : TwoLayerNetwork
        The f.
    n : int
        Number of samples, at least 1.
    rng : numpy.random.Generator or int or None
    noise : float
        Standard deviation of the label noise, as a multiple of the standard deviation σ̂_f of the clean labels drawn;
        of several outputs, of each.

    Returns
    -------
    X : array, shape (n, d)
    y : array, shape (n,) or (n, q)

    Raises
    ------
    InputError
        If n is below 1 or more than memory holds, noise is negative or not finite, or labels are beyond floating point.
    """
    n = whole_number(n, "the number of samples")
    check_sample_size(n, network.dim)
    noise = real_number(noise, "noise", least=0)
    rng = np.random.default_rng(rng)
    X = rng.standard_normal((n, network.dim))
    with np.errstate(over="ignore", invalid="ignore"):  # what comes of an overflow is not finite, and refused
        y = network(X)
        if noise:
            y += noise * y.std(axis=0) * rng.standard_normal(y.shape)
    if not np.isfinite(y).all():
        raise InputError("the labels of this network, or their noise, are beyond floating point")
    return X, y


LAWS: dict[str, Entry] = table(
    Entry("conditioned", conditioned, "singular values evenly from 1 to kappa, output weights ±1, no biases; k ≤ d"),
    Entry("random_units", random_units, "rows uniform on the sphere, |a| in [1/2, 2], biases in [-bias, bias]; any k"),
    Entry("orthogonal", orthogonal, "orthonormal rows, output weights ±1, no biases; k ≤ d"),
    Entry("centred_units", centred_units, "centred Gaussian rows scaled to norm one, output weights 1; k ≥ 2"),
    Entry("haar_blocks", haar_blocks, "centred random orthogonal blocks, output weights 1; k a multiple of d"),
    Entry("simplex_blocks", simplex_blocks, "randomly rotated simplices, output weights 1; k a multiple of d + 1"),
    Entry("identity", identity, "the unit vectors, output weights 1; k = d"),
    Entry(
        "centred_identity", centred_identity, "the unit vectors centred and scaled back, output weights 1; k = d ≥ 2"
    ),
)


def _shape(
    d: int, k: int, *, most_units: int | None = None, block: int = 1, is_square: bool = False, is_centred: bool = False
) -> tuple[int, int]:
    most = 1 << 40  # no memory holds more
    d, k = whole_number(d, "the number of inputs"), whole_number(k, "the number of units")
    if d * k > most:
        raise InputError(f"{k} units on {d} inputs have {d * k} weights, and at most {most} are drawn")
    if most_units is not None and k > most_units:
        raise InputError(f"this law needs at most as many units as inputs, found {k} units and {d} inputs")
    if k % block:
        nearest = max(1, (k + block // 2) // block) * block
        raise InputError(
            f"with {d} inputs this law needs a multiple of {block} units, found {k}: the nearest is {nearest}"
        )
    if is_square and k != d:
        raise InputError(f"this law needs as many units as inputs, found {k} units and {d} inputs: take {d} units")
    if is_centred and k < 2:
        raise InputError("this law is centred and needs at least 2 units, found 1")
    return d, k


def _signs(k: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return rng.choice([-1.0, 1.0], size=k)


def _orthonormal_columns(rows: int, columns: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Uniformly random orthonormal columns; the signs of R make the QR decomposition unique."""
    Q, R = np.linalg.qr(rng.standard_normal((rows, columns)))
    return Q * np.sign(np.diag(R))
