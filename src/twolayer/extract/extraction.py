"""From a black box to the network inside, by asking it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from twolayer.activation import ACTIVATIONS, Activation, is_bent
from twolayer.activation import activation as parse_activation
from twolayer.arrays import whole_number
from twolayer.extract.boxes import Box
from twolayer.extract.by_recovery import extract_by_recovery
from twolayer.extract.forms import SIGMOID, TANH
from twolayer.extract.judgement import Wanted, judged
from twolayer.extract.opening import as_box
from twolayer.extract.outcome import Extraction
from twolayer.extract.querying import Oracle, Report
from twolayer.extract.ramp_walk import RampWalk
from twolayer.extract.samples import by_samples
from twolayer.extract.smooth.walk import SmoothWalk
from twolayer.extract.standards import ExtractionStandards
from twolayer.extract.step_walk import StepWalk
from twolayer.extract.steps import FORWARD
from twolayer.extract.sweep.stage import by_sweep
from twolayer.extract.view import View
from twolayer.extract.walks import Rows, Walk
from twolayer.files import FilePath
from twolayer.network import TwoLayerNetwork

__all__ = ["BUDGET", "extract"]

BUDGET = 3_000_000
"""Rows that are asked for by default: a hundred units on fifty inputs need less."""


@dataclass(frozen=True)
class Guesses:
    """What is tried where the activation is not given, and when no more is tried.

    Attributes
    ----------
    weak : float
        Roundings left over by a network up to which the rest is one weak unit of it, not another activation.
    nearly : float
        And relative to the largest value, whatever the rounding is.
    narrow_reach : float
        A bounded box that cannot be asked so far may have steps that no line shows as jumps: tanh is fitted to samples.
    most : int
        Units of an activation that is only guessed: to try one costs a search at each width.
    most_declared : int
        Units of an activation that the box declares, with their number: one search, at that width.
    sampled : dict
        Activations tried on samples, by the power of the distance with which the box grows; the sine where none is
        named.
    """

    weak: float = 1e3
    nearly: float = 1e-3
    narrow_reach: float = 1e4
    most: int = 6
    most_declared: int = 64
    sampled: Mapping[int, tuple[str, ...]] = field(
        default_factory=lambda: {1: ("softplus", "gelu"), 2: ("squared_relu",)}
    )


@dataclass(frozen=True)
class Limits:
    """What is too large for a walk.

    Attributes
    ----------
    wide : int
        Inputs from which on their lengths are not measured before the sweep has been tried: that is 106 questions each.
    parameters : int
        Up to which all are fitted together: the normal matrix of 8000 takes 512 MB.
    far_off : float
        Difference of a swept network from the box, relative to its spread, from which on no fit starts there.
    """

    wide: int = 256
    parameters: int = 8000
    far_off: float = 0.03

    def forbid(self, network: TwoLayerNetwork) -> bool:
        """Whether no joint fit takes a network: it has too many parameters, or several outputs."""
        return network.n_outputs > 1 or network.width * (network.dim + 1) > self.parameters


def extract(
    box: Any,
    *,
    dim: int | None = None,
    activation: str | Activation = "auto",
    width: int | None = None,
    link: str | None = None,
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
    from Gaussian samples at growing widths. All of this is done in the box's own units, so that those of the inputs and
    of the values do not matter (inputs in units from 1e-9 to 1e9 of each other, say). At the end the network is
    compared with the box on fresh inputs of many scales, ten powers of ten outwards, and each unit with what the box
    does at its own hyperplane.

    Parameters
    ----------
    box : Box, callable, str or path
        A `CallableBox`, `CommandBox`, `OnnxBox`, or what `as_box` makes one of: a function, a network, a fitted
        estimator, a module of torch, the path of an ``.onnx`` file, a ``module:function``.
    dim : int, optional
        Number of inputs, where the box does not say it.
    activation : str or Activation
        The σ, or ``"auto"``.
    width : int, optional
        The m, where it is known: more units are not looked for.
    link : str, optional
        A key of `LINKS`, the function that makes the answers of the network's outputs, or ``"auto"``; by default what
        the box declares, as an ONNX file does, else none. Behind a link, and of several outputs of a box that is not
        piecewise linear, a network is recovered from answers at Gaussian inputs, all outputs at once.
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
    sigma = None if isinstance(activation, str) and activation == "auto" else parse_activation(activation)
    box = as_box(box, dim)
    link = link or box.declared.link or "identity"
    width = None if width is None else whole_number(width, "width")
    generator = np.random.default_rng(rng)
    oracle = Oracle(box, whole_number(budget, "budget"), kept, generator)
    wanted, report, limits = Wanted(sigma, width), progress or (lambda *_: None), Limits()
    try:
        is_wide = oracle.dim >= limits.wide
        # of its own, so that the walk does not depend on how far the sweep came
        own = generator.spawn(1)[0]
        view = View(oracle, own if is_wide else generator, is_plain=is_wide)
        standards, start = ExtractionStandards(), None
        if link != "identity":
            return extract_by_recovery(view, *_declared(box, sigma, width), link, generator, report)
        if sigma is None or is_bent(sigma):
            swept = by_sweep(view, own, report, standards)
            if swept is not None and (swept.is_exact or limits.forbid(swept.network)):
                found = judged(view, swept.network, swept.scale, wanted, own, standards.after_sweep())
                if found.is_certified or limits.forbid(swept.network):
                    return found
            start = None if swept is None or is_wide or swept.left > limits.far_off else swept.network
        if oracle.n_outputs != 1:
            return extract_by_recovery(view, *_declared(box, sigma, width), link, generator, report)
        walk = Walk(View(oracle, generator) if is_wide else view, generator, report)
        network, scale = _best(walk, sigma, width, Guesses(), start)
        return judged(walk.view, network, scale, wanted, generator, walk.standards)
    finally:
        oracle.save()


def _declared(box: Box, sigma: Activation | None, width: int | None) -> tuple[Activation | None, int | None]:
    """What was asked for, and else what the box says of itself."""
    said = box.declared
    if sigma is None and said.activation in ACTIVATIONS:
        return parse_activation(said.activation), width or said.width
    return sigma, width


def _best(
    walk: Walk, sigma: Activation | None, width: int | None, guesses: Guesses, start: TwoLayerNetwork | None
) -> tuple[TwoLayerNetwork, float]:
    """Of the networks by all methods that fit, in turn, the first that explains the box, or the one that does best."""
    best: tuple[TwoLayerNetwork, float, float] | None = None
    for network, scale in _attempts(walk, sigma, width, guesses, start):
        X = walk.view.placed(scale * walk.rng.standard_normal((1024, network.dim)))
        rows = Rows(X, walk.view(X))
        size = max(walk.view.magnitude, float(np.abs(rows.y).max()))
        left = float(np.abs(network(X) - rows.y).max()) / size
        if best is None or left < best[2]:
            best = network, scale, left
        weak = min(guesses.weak * walk.view.rounding(rows.y) / size, guesses.nearly)
        if walk.is_explained(rows, network) or left <= weak:
            break
    assert best is not None
    return best[:2]


def _attempts(
    walk: Walk, sigma: Activation | None, width: int | None, guesses: Guesses, start: TwoLayerNetwork | None
) -> Iterator[tuple[TwoLayerNetwork, float]]:
    """Networks by the methods that fit the activation, or what the box does far away; first from what was swept."""
    how = (walk.view, walk.rng, walk.report, walk.standards, walk.rules)
    ramps, steps = RampWalk(*how), StepWalk(*how)
    if start is not None and start.width:
        yield ramps.network(start)
    smooth, growth = SmoothWalk.of(walk), _growth(walk)
    if sigma is None:
        yield from _as_declared(walk, smooth, growth, width)
    is_kinked = sigma is None and growth == 1 and not smooth.is_curved()
    if not is_kinked:
        yield from smooth.attempts(sigma, growth, width)
    if sigma is None:
        if growth == 0:
            yield steps.network(steps.likelier(tuple(FORWARD)), width)
        if growth <= 1:  # bounded, too: ramps that cancel, as clipped ones do
            yield ramps.network()
        if is_kinked:  # or so steep that it looks so
            yield from smooth.attempts(sigma, growth, width)
        if growth == 0 and walk.view.reach < guesses.narrow_reach:
            yield by_samples(walk.view, TANH, width, walk.rng, walk.report, most=guesses.most)
        for name in guesses.sampled.get(growth, ("sine",)):
            yield by_samples(walk.view, parse_activation(name), width, walk.rng, walk.report, most=guesses.most)
    elif is_bent(sigma):
        yield ramps.network()
    elif sigma == SIGMOID or sigma.name in FORWARD:
        yield steps.network("tanh" if sigma == SIGMOID else sigma.name, width)
    else:
        yield by_samples(walk.view, sigma, width, walk.rng, walk.report)


def _as_declared(
    walk: Walk, smooth: SmoothWalk, growth: int, width: int | None
) -> Iterator[tuple[TwoLayerNetwork, float]]:
    """Networks of the smooth activation that the box says it has, as an ONNX file does."""
    declared = walk.view.oracle.box.declared
    if declared.activation not in ACTIVATIONS or parse_activation(declared.activation).kinks:
        return
    sigma = parse_activation(declared.activation)
    yield from smooth.attempts(sigma, growth, width)
    if declared.width and declared.width <= Guesses().most_declared and not (sigma == SIGMOID or sigma.name in FORWARD):
        yield by_samples(walk.view, sigma, width or declared.width, walk.rng, walk.report)


def _growth(walk: Walk) -> int:
    """The power of the distance with which the box grows far away, in some directions; 0 where it is bounded."""
    view = walk.view
    u, far = walk.rng.standard_normal((32, view.dim)), view.reach / 2
    centre, *both = (view(view.placed(reach * u)) for reach in (0.0, far / 10, far))
    near, last = (max(float(np.abs(values - centre).max()), view.rounding(values)) for values in both)
    return int(np.round(np.log10(last / near)))
