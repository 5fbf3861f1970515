r"""Algorithm 2, LEARNING1NN: the tensor initialization, then gradient descent on W."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import repeat

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.activation import Activation
from twolayer.activation import activation as known_activation
from twolayer.arrays import real_array, real_number, whole_number
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.one_line import in_one_line
from twolayer.papers.zhong2017recovery.algorithm.initialization import Initialization, initialization
from twolayer.papers.zhong2017recovery.theory import empirical_risk, properties, risk_and_gradient

__all__ = ["Learning", "paper_step_size", "recover_zhong2017"]


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class Learning:
    """How Algorithm 2 went.

    Attributes
    ----------
    start : Initialization
        What Algorithm 1 found.
    step_size : float
        The η.
    risks : array, shape (steps + 1,)
        Empirical risk (2) before each step, on the rows that the step uses, and after the last one, on the last rows.
    """

    start: Initialization
    step_size: float
    risks: NDArray

    @property
    def steps(self) -> int:
        """Number of gradient steps made."""
        return len(self.risks) - 1


def paper_step_size(network: TwoLayerNetwork) -> float:
    r"""Step size :math:`\eta = 1/(k\,v_{\max}^2\,\sigma_1^{2p})` of Algorithm 2 [1]_, from the network at hand.

    Parameters
    ----------
    network : TwoLayerNetwork
        The initial one, as the true σ_1 is not known.

    Returns
    -------
    float

    Raises
    ------
    InputError
        If no p satisfies Property 3.1 (|σ'(t)| ≤ L_1|t|^p).

    Notes
    -----
    The theorem's constant is taken as 1, and L_1, which is part of it, is not seen. That is too bold where k is small:
    for squared ReLU (L_1 = 2) at k = 2, κ = 1.5 the largest eigenvalue of the Hessian at the truth is about 14, but 1/η
    is 4.5, and the descent settles only if η is below 2/14. At k = 5, κ = 2 (η = 0.05) it does; the paper's experiments
    take 0.02.

    References
    ----------
    .. [1] zhong2017recovery, Algorithm 2, line 3
    """
    p = properties(network.activation).p
    if np.isnan(p):
        raise InputError(f"{network.activation} has no p of Property 3.1, so that the paper gives no step size")
    largest = float(np.linalg.norm(network.W, 2))
    return 1 / (network.width * float(np.abs(network.a).max()) ** 2 * largest ** (2 * p))


def recover_zhong2017(
    X: ArrayLike,
    y: ArrayLike,
    width: int,
    activation: str | Activation,
    *,
    rng: np.random.Generator | int | None = None,
    resampling: bool = False,
    partition: bool = True,
    subspace: str = "power",
    plug_in: str = "factors",
    max_steps: int | None = None,
    step_size: float | None = None,
    rtol: float = 1e-13,
) -> tuple[TwoLayerNetwork, Learning]:
    r"""Recover a network by Algorithm 2 of [1]_: `initialization`, then gradient descent on W with v held.

    .. math:: W \leftarrow W - \eta\,\nabla \hat f_S(W), \qquad \eta = 1/(k\,v_{\max}^2\,\sigma_1^{2p}).

    Parameters
    ----------
    X : array, shape (n, d)
        Inputs, standard Gaussian.
    y : array, shape (n,)
        Outputs, without noise.
    width : int
        The k, at most d.
    activation : str or Activation
        Homogeneous, see `initialization`.
    rng : numpy.random.Generator or int or None
    resampling : bool
        Whether each step has rows of its own, as the theorem needs: half of the sample, at random, is for the
        initialization and the rest is cut into one part per step (the paper leaves the sizes open). The paper's
        experiments use all rows in every step.
    partition, subspace, plug_in
        Of `initialization`.
    max_steps : int, optional
        The T. By default 20 000, and with resampling as many as there are parts of k·d rows.
    step_size : float, optional
        The η; by default the paper's, see `paper_step_size`, σ_1 being that of the initial W. The paper's experiments
        take 0.02.
    rtol : float
        Stops before T once the root mean square residual is below this multiple of that of y.

    Returns
    -------
    TwoLayerNetwork
        With output weights ±1. Where the descent diverged, the last one with a finite risk.
    Learning

    Raises
    ------
    InputError
        As `initialization`; if there are fewer rows than steps with resampling; or no step size is known for σ.

    Notes
    -----
    Time O(ndk) a step. Converges to the truth, linearly, from initial errors of about 1 as long as all v_i are right,
    and to something else otherwise: look at ``risks[-1]``. For ReLU the theorem does not cover the descent (Property
    3.3(a)).

    References
    ----------
    .. [1] zhong2017recovery, Algorithm 2 and Theorem 6.1
    """
    X, y, sigma = real_array(X, "X", 2), real_array(y, "y", 1), known_activation(activation)
    rng, rtol = np.random.default_rng(rng), real_number(rtol, "rtol", least=0)
    if len(y) != len(X):
        raise InputError(f"X and y must have as many rows as each other, found {len(X)} and {len(y)}")
    first, parts = _schedule(X, y, whole_number(width, "width"), resampling, max_steps, rng)
    start = initialization(*first, width, sigma, rng=rng, partition=partition, subspace=subspace, plug_in=plug_in)
    eta = paper_step_size(start.network) if step_size is None else real_number(step_size, "step_size", least=0)
    network, risks = _descent(start.network, parts, eta, rtol * rtol * float(np.mean(y * y)) / 2)
    return network, Learning(start, eta, np.array(risks))


def _schedule(
    X: NDArray, y: NDArray, width: int, resampling: bool, max_steps: int | None, rng: np.random.Generator
) -> tuple[tuple[NDArray, NDArray], Iterable[tuple[NDArray, NDArray]]]:
    """The sample for the initialization, and one for each step."""
    if not resampling:
        # a loss that falls by 0.998 a step is at rounding after as many
        steps = 20_000 if max_steps is None else whole_number(max_steps, "max_steps")
        return (X, y), repeat((X, y), steps)
    order = rng.permutation(len(y))
    half = len(y) - len(y) // 2
    left = len(y) - half
    steps = left // (width * X.shape[1]) if max_steps is None else whole_number(max_steps, "max_steps")
    if not 0 < steps <= left:
        raise InputError(
            f"resampling needs rows for at least one step and one for each, found {left} for {steps} steps"
        )
    parts = np.array_split(order[half:], steps)
    return (X[order[:half]], y[order[:half]]), ((X[part], y[part]) for part in parts)


def _descent(
    network: TwoLayerNetwork, parts: Iterable[tuple[NDArray, NDArray]], eta: float, floor: float
) -> tuple[TwoLayerNetwork, list[float]]:
    """Gradient descent on W, a step a part, until the risk is at the floor or has overflowed."""
    risks: list[float] = []
    last = network
    with np.errstate(over="ignore", invalid="ignore"):
        for X, y in parts:
            risk, gradient = risk_and_gradient(network, X, y)
            risks.append(risk)
            if not (np.isfinite(risk) and np.isfinite(gradient).all()):
                return last, risks
            if risk <= floor:
                return network, risks
            last, network = network, replace(network, W=network.W - eta * gradient)
        risks.append(empirical_risk(network, X, y))
    return (network if np.isfinite(risks[-1]) else last), risks
