"""The demonstration: plant a network, sample it to a file, recover it from that file, and draw what happened."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.align import align
from twolayer.equality import equal_by_value
from twolayer.files import atomic_writer
from twolayer.network import TwoLayerNetwork
from twolayer.one_line import in_one_line
from twolayer.pictures import recovery_picture
from twolayer.recover import recover
from twolayer.solvers import Adam
from twolayer.sources import read_samples, write_samples
from twolayer.teachers import conditioned, gaussian_samples

if TYPE_CHECKING:
    from twolayer.recover import Result

__all__ = ["Demonstration", "adam", "demonstrate"]

DIM, WIDTH, SAMPLES = 20, 5, 2000  # small enough to be recovered in about a second
ADAM_STEPS = 5000  # a second or two of the peer


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class Demonstration:
    """What a demonstration made.

    Attributes
    ----------
    truth : TwoLayerNetwork
        The planted network.
    result : Result
        What `recover` returned.
    recovered : TwoLayerNetwork
        The recovered network, its units matched to the truth's.
    errors : array, shape (m,)
        Relative error of each unit's input weights.
    samples_path, network_path, picture_path : Path
        The files written.
    """

    truth: TwoLayerNetwork
    result: "Result"
    recovered: TwoLayerNetwork
    errors: NDArray[np.float64]
    samples_path: Path
    network_path: Path
    picture_path: Path


def demonstrate(
    folder: Path, seed: int = 9, progress: Callable[[str, int, float], None] | None = None
) -> Demonstration:
    """Plant a ReLU network, recover it from a file of samples, and write samples, network and picture to `folder`.

    Parameters
    ----------
    folder : Path
        Where the files go; it exists.
    seed : int
        Of the planted network, of the samples and of every random start.
    progress : callable, optional
        Called as ``progress(stage, step, loss)``.

    Returns
    -------
    Demonstration

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    samples_path, network_path, picture_path = (
        folder / name for name in ("samples.npz", "network.npz", "recovery.png")
    )
    rng = np.random.default_rng(seed)
    truth = conditioned(DIM, WIDTH, activation="relu", rng=rng)
    write_samples(samples_path, *gaussian_samples(truth, SAMPLES, rng))

    X, y = read_samples(samples_path)
    start = perf_counter()
    result = recover(X, y, WIDTH, "relu", rng=rng, progress=progress)
    seconds = perf_counter() - start
    result.network.save(network_path)
    matched = align(result.network, truth)

    start = perf_counter()
    stuck = adam(_random_start(truth, rng), X, y, ADAM_STEPS)
    adam_seconds = perf_counter() - start
    losses: dict[str, ArrayLike] = {
        f"twolayer ({seconds:.1f} s)": [step.loss for step in result.history],
        f"Adam, one random start ({adam_seconds:.1f} s)": stuck,
    }
    with atomic_writer(picture_path) as stream:
        recovery_picture(truth, matched.network, losses).savefig(stream, format="png", dpi=150)
    return Demonstration(truth, result, matched.network, matched.unit_errors, samples_path, network_path, picture_path)


def adam(
    network: TwoLayerNetwork, X: NDArray[Any], y: NDArray[Any], steps: int, step_size: float = 0.01
) -> NDArray[np.float64]:
    """Descend the squared loss from `network` by `Adam` on all rows, the usual way to train; the peer in the picture.

    The gradient is that of the mean squared residual in (a, W), and there are no biases.

    Parameters
    ----------
    network : TwoLayerNetwork
        The start.
    X : array, shape (n, d)
    y : array, shape (n,)
    steps : int
        How many steps.
    step_size : float
        What a parameter moves in the first step.

    Returns
    -------
    array, shape (steps,)
        The relative loss ‖y − ŷ‖² / ‖y‖² before each step.
    """
    sigma = network.activation
    a, W = network.a.copy(), network.W.copy()
    rules = (Adam(a.shape), Adam(W.shape))
    losses = np.empty(steps)
    for step in range(steps):
        T = X @ W.T
        values = sigma(T)
        residual = values @ a - y
        losses[step] = residual @ residual / (y @ y)
        pull = 2 / len(y) * residual
        gradients = (values.T @ pull, (sigma.derivative(T) * a * pull[:, None]).T @ X)
        for theta, gradient, rule in zip((a, W), gradients, rules, strict=True):
            theta -= step_size * rule.direction(gradient)
    return losses


def _random_start(truth: TwoLayerNetwork, rng: np.random.Generator) -> TwoLayerNetwork:
    """Weights as networks are usually initialised: Gaussian, of unit length on average."""
    W = rng.standard_normal((truth.width, truth.dim)) / np.sqrt(truth.dim)
    return TwoLayerNetwork(rng.choice([-1.0, 1.0], truth.width), W, activation=truth.activation)
