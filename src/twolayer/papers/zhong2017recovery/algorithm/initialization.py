r"""Algorithm 1, INITIALIZATION: the tensor method that puts gradient descent into the basin of the truth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.activation import Activation
from twolayer.activation import activation as known_activation
from twolayer.arrays import real_array, whole_number
from twolayer.decompose.kcl import PLUG_INS, kcl
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.moments import MomentOperator, moment_cube
from twolayer.network import TwoLayerNetwork
from twolayer.one_line import in_one_line
from twolayer.papers.zhong2017recovery.algorithm.magnitudes import decoding_orders, magnitudes_and_signs
from twolayer.papers.zhong2017recovery.algorithm.power_method import SUBSPACES, Subspace
from twolayer.papers.zhong2017recovery.theory import moment_orders

__all__ = ["Initialization", "initialization"]

"""The number L of random projections in the paper's experiments."""


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class Initialization:
    """What Algorithm 1 finds, with its intermediate results.

    Attributes
    ----------
    network : TwoLayerNetwork
        W^(0) and v^(0), output weights ±1.
    subspace : Subspace
        From POWERMETHOD.
    cube : array, shape (k, k, k)
        R̂_3 = P̂_3(V, V, V).
    directions : array, shape (k, k)
        Rows û_i from KCL.
    """

    network: TwoLayerNetwork
    subspace: Subspace
    cube: NDArray
    directions: NDArray


def initialization(
    X: ArrayLike,
    y: ArrayLike,
    width: int,
    activation: str | Activation,
    *,
    rng: np.random.Generator | int | None = None,
    partition: bool = True,
    subspace: str = "power",
    plug_in: str = "factors",
) -> Initialization:
    r"""Initialise by the tensor method, Algorithm 1 of [1]_.

    1. Partition the sample into :math:`S_2, S_3, S_4`, at random.
    2. V ← POWERMETHOD(:math:`\hat P_2`) from :math:`S_2`.
    3. :math:`\hat R_3 = \hat P_3(V, V, V)` from :math:`S_3`.
    4. :math:`\{\hat u_i\}` ← KCL(:math:`\hat R_3`), with 100 random projections.
    5. RECMAGSIGN from :math:`S_4`.

    Parameters
    ----------
    X : array, shape (n, d)
        Inputs, standard Gaussian.
    y : array, shape (n,)
        Outputs.
    width : int
        The k, at most d.
    activation : str or Activation
        Homogeneous and with a P_3 (Assumption 5.3): relu, leaky_relu, squared_relu, abs, t³, ….
    rng : numpy.random.Generator or int or None
        For the partition, α, the start of the power method and the projections.
    partition : bool
        Whether to make the first step, as the paper does so that the steps are independent of each other. If not, all
        rows are used three times: dependent, but three times less noisy in square, which counts for more.
    subspace : str
        "power" (the paper's) or "eigsh".
    plug_in : str
        What KCL projects upon in its second stage: "factors" (its authors' program), "inverse" (its paper) or "both".

    Returns
    -------
    Initialization

    Raises
    ------
    InputError
        If the shapes do not agree, width > d, σ is not homogeneous, has no P_3, or an option is unknown.

    Notes
    -----
    Time O(ndk) a step of the power method, or O(nd²) once and O(d²k) a step where d ≤ 100·k and P_2 is formed; and
    O(n(dk + k³)) besides. α is a random unit vector of R^d for P_2 (used
    where M_2 = 0), and then of the span of V, where its products with the units are larger by √(d/k).

    What fails first, as n becomes small, are the signs v_i, and then no descent on W alone can repair it; the noise of
    R̂_3 is to blame. Squared ReLU, k = 5, κ = 2, n = 200·d, d = 10, 20, 40: all v_i are right in 22, 31 and 26 of 40
    trials, and without the partition in 36 of 40, 20 of 20 and 20 of 20. For ReLU, M_4(V, V, V, α) with a single α is
    much noisier: 15 of 20 without the partition at d = 10, be n 400·d or 4000·d.

    References
    ----------
    .. [1] zhong2017recovery, Algorithm 1 and Theorem 5.6
    """
    X, y, sigma = real_array(X, "X", 2), real_array(y, "y", 1), known_activation(activation)
    n, d = X.shape
    width, rng = whole_number(width, "width"), np.random.default_rng(rng)
    if len(y) != n or n < 3 or width > d:
        raise InputError(f"needs at least 3 rows and width ≤ d, found X {X.shape}, y {y.shape} and width {width}")
    if subspace not in SUBSPACES:
        raise InputError(f"subspace must be one of {', '.join(SUBSPACES)}, found {subspace!r}")
    if plug_in not in PLUG_INS:
        raise InputError(f"plug_in must be one of {', '.join(PLUG_INS)}, found {plug_in!r}")
    decoding_orders(sigma)
    second, third = moment_orders(TwoLayerNetwork([1.0], [[1.0]], activation=sigma))
    S2, S3, S4 = np.array_split(rng.permutation(n), 3) if partition else (slice(None),) * 3

    P2 = MomentOperator(X[S2], y[S2], second, _unit_vector(d, rng))
    # up to a hundred inputs a unit the hundreds of products of the power method cost more than P_2 does
    found = SUBSPACES[subspace](P2 @ np.eye(d) if d <= 100 * width else P2, width, rng=rng)
    V = found.basis
    alpha = V @ _unit_vector(width, rng)
    cube = moment_cube(X[S3], y[S3], V, third, alpha)
    # the number L of random projections in the paper's experiments
    directions = kcl(cube, width, plug_in=plug_in, projections=100, rng=rng).factors
    network = magnitudes_and_signs(X[S4], y[S4], V, directions, sigma, alpha)
    return Initialization(network, found, cube, directions)


def _unit_vector(size: int, rng: np.random.Generator) -> NDArray:
    v = rng.standard_normal(size)
    return v / np.linalg.norm(v)
