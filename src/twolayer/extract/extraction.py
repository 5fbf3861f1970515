"""From a black box to the network inside, by asking it."""

from collections.abc import Iterator

import numpy as np

from twolayer.activation import Activation, is_bent
from twolayer.activation import activation as parse_activation
from twolayer.arrays import whole_number
from twolayer.extract.boxes import Box
from twolayer.extract.forms import SIGMOID, TANH
from twolayer.extract.judgement import judged
from twolayer.extract.lines import random_line
from twolayer.extract.outcome import Extraction
from twolayer.extract.querying import Oracle, Report
from twolayer.extract.samples import by_samples
from twolayer.extract.steps import FORWARD, read_steps
from twolayer.extract.walks import is_explained, walk_ramps, walk_steps
from twolayer.files import FilePath
from twolayer.network import TwoLayerNetwork

__all__ = ["BUDGET", "extract"]

BUDGET = 3_000_000

_FAR_LINE, _LEVEL_REACH = 1e4, 1e4  # from where on steps cannot be told from jumps, on a line
_WEAK, _NEARLY = 1e3, 1e-3  # roundings, and of the values: so little left is a weak unit, not another activation
_MOST_GUESSED = 6  # units of an activation that is only guessed
_SAMPLED = {1: ("softplus", "gelu"), 2: ("squared_relu",)}


def extract(
    box: Box,
    *,
    activation: str | Activation = "auto",
    width: int | None = None,
    budget: int = BUDGET,
    kept: FilePath | None = None,
    rng: np.random.Generator | int | None = None,
    progress: Report | None = None,
) -> Extraction:
    r"""Find the two-layer network inside a black box, by asking it for values.

    .. math:: f(x) = \sum_{i=1}^m a_i\, \sigma(w_i\cdot x + b_i) + P(x),

    P a constant, or an affine function where orientations cannot be told from a linear part. A box that bends at
    hyperplanes (relu and its kin) or goes from level to level (tanh, sigmoid, erf) is walked through along lines, each
    of which crosses the hyperplane of every unit; what stands alone on a line is read off, all is fitted together, and
    what is left is walked through again, farther out too. The width need not be known. Other activations are recovered
    from Gaussian samples at growing widths. At the end the network is compared with the box on fresh inputs of many
    scales, ten powers of ten outwards, and each unit with what the box does at its own hyperplane.

    Parameters
    ----------
    box : Box
        A `CallableBox`, `CommandBox`, `OnnxBox`, or what `open_box` gives.
    activation : str or Activation
        The σ, or ``"auto"``.
    width : int, optional
        The m, where it is known: more units are not looked for.
    budget : int
        The most rows to ask for.
    kept : path, optional
        A file for the answers. What it holds is not asked again, so that an interrupted extraction goes on from there.
    rng : Generator, int or None
        Of the lines and rows. An interrupted extraction needs the same seed to go on.
    progress : callable, optional
        Called with (stage, step, what is left, relative to the largest value).

    Returns
    -------
    Extraction

    Raises
    ------
    InputError
        If the box raises, gives anything but one finite number a row, gives other numbers when asked again, or the
        same everywhere; if the budget is too small (one that should do is named); if the file is another's.

    Notes
    -----
    About 4096 queries a line and 10 to 30 lines, 60 d queries a unit, and the joint fit of p = m (d + 1) parameters on
    8 p rows: 5 to 20 steps of O(p³). Below float32 rounding of the answers nothing is seen: a unit is *dead* if it adds
    less.
    """
    sigma = None if activation == "auto" else parse_activation(activation)
    width = None if width is None else whole_number(width, "width")
    generator = np.random.default_rng(rng)
    report: Report = progress or (lambda *_: None)
    oracle = Oracle(box, whole_number(budget, "budget"), kept, generator)
    try:
        best: tuple[TwoLayerNetwork, float, float] | None = None
        for network, scale in _attempts(oracle, sigma, width, generator, report):
            left = _left(oracle, network, scale, generator)
            if best is None or left < best[2]:
                best = network, scale, left
            if is_explained(oracle, left) or left <= min(_WEAK * oracle.eps, _NEARLY):
                break
        assert best is not None
        return judged(oracle, best[0], best[1], sigma, width, generator)
    finally:
        oracle.save()


def _attempts(
    oracle: Oracle, sigma: Activation | None, width: int | None, rng: np.random.Generator, report: Report
) -> Iterator[tuple[TwoLayerNetwork, float]]:
    """Networks by the methods that fit the activation, or what the box does far away."""
    if sigma is None:
        growth = _growth(oracle, rng)
        if growth == 0:
            yield walk_steps(oracle, _likelier_step(oracle, rng), width, rng, report)
        if growth <= 1:  # bounded, too: ramps that cancel, as clipped ones do
            yield walk_ramps(oracle, rng, report)
        if growth == 0 and oracle.reach < _LEVEL_REACH:
            yield by_samples(oracle, TANH, width, rng, report, most=_MOST_GUESSED)
        for name in _SAMPLED.get(growth, ("sine",)):
            yield by_samples(oracle, parse_activation(name), width, rng, report, most=_MOST_GUESSED)
    elif is_bent(sigma):
        yield walk_ramps(oracle, rng, report)
    elif sigma == SIGMOID or sigma.name in FORWARD:
        yield walk_steps(oracle, "tanh" if sigma == SIGMOID else sigma.name, width, rng, report)
    else:
        yield by_samples(oracle, sigma, width, rng, report)


def _growth(oracle: Oracle, rng: np.random.Generator) -> int:
    """The power of the distance with which the box grows far away, in some directions; 0 where it is bounded."""
    u, far = rng.standard_normal((32, oracle.box.dim)), oracle.reach / 2
    centre, *both = (oracle(oracle.placed(reach * u)) for reach in (0.0, far / 10, far))
    near, last = (max(float(np.abs(values - centre).max()), oracle.eps * oracle.magnitude) for values in both)
    return int(np.round(np.log10(last / near)))


def _likelier_step(oracle: Oracle, rng: np.random.Generator) -> str:
    """The σ as which most jumps of a far line can be read."""
    line = random_line(oracle.box.dim, min(_FAR_LINE, oracle.reach / 10), 4096, rng, oracle.reach)
    values = oracle(line.at(line.theta))
    return max(FORWARD, key=lambda name: len(read_steps(oracle, line, values, 4 * oracle.eps, name)))


def _left(oracle: Oracle, network: TwoLayerNetwork, scale: float, rng: np.random.Generator) -> float:
    X = oracle.placed(scale * rng.standard_normal((1024, network.dim)))
    y = oracle(X)
    return float(np.abs(network(X) - y).max() / max(oracle.magnitude, np.abs(y).max()))
