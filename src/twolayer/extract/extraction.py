"""From a black box to the network inside, by asking it."""

from collections.abc import Iterator

import numpy as np

from twolayer.activation import Activation
from twolayer.activation import activation as parse_activation
from twolayer.arrays import whole_number
from twolayer.extract.boxes import Box
from twolayer.extract.evidence import unit_evidence
from twolayer.extract.forms import SIGMOID, TANH, is_bent, oriented, with_slope, written_with
from twolayer.extract.lines import random_line
from twolayer.extract.outcome import Check, Extraction, Status
from twolayer.extract.querying import Oracle, Report
from twolayer.extract.samples import by_samples
from twolayer.extract.steps import FORWARD, read_steps
from twolayer.extract.walks import is_explained, walk_ramps, walk_steps
from twolayer.files import FilePath
from twolayer.network import TwoLayerNetwork

__all__ = ["BUDGET", "extract"]

BUDGET = 3_000_000

_CHECKED_ROWS = 4096
_CHECKED_SCALES = (0.3, 1.0, 3.0, 10.0)
_EQUAL, _LEAST_TOLERANCE = 200.0, 1e-9
_SHOWN = 0.2
_FAR = 1e10
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
    what is left is walked through again. The width need not be known. Other activations are recovered from Gaussian
    samples at growing widths. At the end the network is compared with the box on fresh inputs of several scales, and
    each unit with what the box does at its own hyperplane.

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
        same everywhere; if the budget is too small (the least is named); if the file is another's.

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
            if is_explained(oracle, left):
                break
        assert best is not None
        return _judged(oracle, best[0], best[1], sigma, width, generator)
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
        if growth == 1:
            yield walk_ramps(oracle, rng, report)
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
    u = rng.standard_normal((32, oracle.box.dim))
    centre, near, far = (oracle(oracle.placed(reach * u)) for reach in (0.0, _FAR / 100, _FAR))
    largest = [float(np.abs(values - centre).max()) + np.finfo(np.float64).tiny for values in (near, far)]
    return int(np.round(np.log10(largest[1] / largest[0]) / 2))


def _likelier_step(oracle: Oracle, rng: np.random.Generator) -> str:
    """The σ as which most jumps of a far line can be read."""
    line = random_line(oracle.box.dim, 1e4, 4096, rng)
    values = oracle(line.at(line.theta))
    return max(FORWARD, key=lambda name: len(read_steps(oracle, line, values, 4 * oracle.eps, name)))


def _left(oracle: Oracle, network: TwoLayerNetwork, scale: float, rng: np.random.Generator) -> float:
    X = oracle.placed(scale * rng.standard_normal((1024, network.dim)))
    y = oracle(X)
    return float(np.abs(network(X) - y).max() / max(oracle.magnitude, np.abs(y).max()))


def _judged(
    oracle: Oracle,
    network: TwoLayerNetwork,
    scale: float,
    sigma: Activation | None,
    width: int | None,
    rng: np.random.Generator,
) -> Extraction:
    """Compare with the box, and say what the units are."""
    shown = unit_evidence(oracle, network, scale, rng)
    notes = []
    if is_bent(network.activation):
        network = oriented(network, 1e3 * oracle.eps)
        network = network if sigma is None else with_slope(network, sigma)
        if network.polynomial is not None and network.polynomial.linear is not None:
            notes.append(
                "An affine part is left beside the units: linear units (always active), or units that are the other way"
                " round; which it is takes a search through all orientations."
            )
    if network.activation == TANH and (
        sigma == SIGMOID or (sigma is None and oracle.box.declared.activation == "sigmoid")
    ):
        network = written_with(network, SIGMOID)
    if network.activation in (TANH, SIGMOID):
        notes.append("tanh(t) = 2 sigmoid(2t) - 1: the box may be written with either.")
    checks = tuple(_check(oracle, network, factor * scale, rng) for factor in _CHECKED_SCALES)
    declared = oracle.box.declared.width
    if declared is not None and declared > network.width:
        notes.append(
            f"The box declares {declared} units and shows {network.width}: {declared - network.width} are dead (add"
            " nothing that rounding lets see), linear (in the affine part), or duplicates (of the same hyperplane as"
            " another)."
        )
    status = Status.EQUAL
    if any(check.largest > check.tolerance for check in checks):
        status = Status.DIFFERENT
    elif np.any(np.abs(shown - 1) > _SHOWN):
        status = Status.NOT_SHOWN
    elif width is not None and network.width != width:
        status = Status.OTHER_WIDTH
    return Extraction(
        network, status, checks, shown, declared, oracle.asked, oracle.answered_from_file, oracle.eps, tuple(notes)
    )


def _check(oracle: Oracle, network: TwoLayerNetwork, scale: float, rng: np.random.Generator) -> Check:
    X = oracle.placed(scale * rng.standard_normal((_CHECKED_ROWS, network.dim)))
    y = oracle(X)
    difference, spread = np.abs(network(X) - y), max(float(y.std()), 1e-300)
    tolerance = max(_LEAST_TOLERANCE, _EQUAL * oracle.eps * float(np.abs(y).max()) / spread)
    rms = float(np.sqrt(np.mean(difference**2)))
    return Check(scale, len(X), float(difference.max()) / spread, rms / spread, tolerance)
