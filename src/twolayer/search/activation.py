"""Which activation? The table's members, fitted alike and compared on rows held out."""

from dataclasses import dataclass

import numpy as np

from twolayer.activation import Activation, rewriting
from twolayer.activation import activation as parse_activation
from twolayer.evidence.choice import Choice, Trial
from twolayer.evidence.curvature import normal_matrix
from twolayer.evidence.standard_errors import standard_errors
from twolayer.evidence.standards import STANDARDS
from twolayer.model import UnitsProblem
from twolayer.model.fit import Fit
from twolayer.model.problem import Vector
from twolayer.model.units import unit_values
from twolayer.refine.explore import explore, polish
from twolayer.samples import Samples
from twolayer.search.rough_fits import RoughFits

__all__ = ["CANDIDATES", "Candidate", "compared", "likeliest", "rewritten"]

# Polynomials are left out, as they do not determine a network, and so are activations that need to be told more, and
# those that are nearly one of the list (silu, mish, elu, hardtanh and more): each costs a fit to each choice.
CANDIDATES = ("relu", "squared_relu", "tanh", "sigmoid", "softplus", "gelu", "erf", "leaky_relu", "abs", "sine")

_STEEPER = (1.0, 5.0)  # as steep as the best one's units, and steeper: a ramp is the limit of ever steeper softplus


@dataclass(frozen=True)
class Candidate:
    """An activation and the best network that was found with it.

    Attributes
    ----------
    activation : Activation
    fit : Fit
        On the rows of the search.
    left : array, shape (h,)
        Residual on the rows held out.
    """

    activation: Activation
    fit: Fit
    left: Vector

    @property
    def loss(self) -> float:
        """Mean square of the residual on the rows held out."""
        return float(np.mean(self.left**2))


def likeliest(rough: RoughFits, width: int, most: int | None = None) -> tuple[Activation, int]:
    """The activation whose lifted model leaves least, and the width at which it does; to begin a search from.

    Widths grow by halves while none of the activations leaves only rounding or noise.
    """
    best: Fit | None = None
    for _ in range(3):  # a guess that is wrong by more than that has seen nothing of the units
        if best is not None and (not rough.has_rows(width, best.problem.activation) or width > (most or width)):
            break
        fits = [rough.lifted(width, parse_activation(name)) for name in CANDIDATES]
        nearest = min(fits, key=lambda fit: fit.loss)
        best = nearest if best is None or nearest.loss < best.loss else best
        if best.is_exact or rough.passes_for_noise(best):
            break
        width += max(2, width // 2)
    assert best is not None
    return best.problem.activation, best.problem.width


def compared(rough: RoughFits, held_out: Samples, width: int) -> tuple[list[Activation], Choice]:
    r"""The activations in the order in which they are to be believed, and the choice of the first.

    Each gets a start; the better ones get more, until one is exact. With r the residual and r_* that of the best one,
    an activation is refuted on the rows held out if the mean of :math:`r^2 - r_*^2` is above 4 of its standard errors,
    or on the n rows of the search if :math:`n\log(\|r\|^2/\|r_*\|^2)` is above what p parameters fitted to noise
    differ by, 2p + 40; where there is noise it is fitted from the units of the best one too, so that it is not refuted
    for want of a start. Where the best one leaves rounding, all that leave more are refuted. Of the others the one with
    the fewest parameters is chosen. Two that give the same values everywhere are one function, written in two ways:
    tanh and sigmoid, beside a constant. Then that is chosen which needs no constant, tanh if both or neither do.

    Parameters
    ----------
    rough : RoughFits
    held_out : Samples
        Rows that `rough` has not.
    width : int
    """
    fits: dict[str, Fit] = {}
    for number, count in enumerate((len(CANDIDATES), 5, 3, 3)):  # how many activations get one more start
        for name in sorted(CANDIDATES, key=lambda one: fits[one].loss if one in fits else 0.0)[:count]:
            fit = rough.as_network(rough.lifted(width, parse_activation(name)))
            fits[name] = min(fits.get(name, fit), fit, key=lambda one: one.loss)
        if any(fit.is_exact or (number and rough.passes_for_noise(fit)) for fit in fits.values()):
            break
    is_exact = any(fit.is_exact for fit in fits.values())
    for name in sorted(fits, key=lambda one: fits[one].loss)[: 0 if is_exact else 5]:
        fits[name] = polish(fits[name].problem, fits[name].point, rough.report)
    if not is_exact:
        _second(fits, rough)
    for name, other in (("tanh", "sigmoid"), ("sigmoid", "tanh")):
        if rough.samples.has_bias:
            fit = rewritten(fits[name], parse_activation(other))
            fits[other] = min(fits[other], fit, key=lambda one: one.loss)
    mapped = held_out if rough.whitening is None else held_out.mapped(rough.whitening)
    candidates = [
        Candidate(parse_activation(name), fit, fit.problem.on(mapped.X, mapped.y).residual(fit.point))
        for name, fit in fits.items()
    ]
    # what a network that needs no constant has as its constant here, where labels are counted from their mean
    origin = -rough.samples.coordinates.offset / rough.samples.coordinates.unit
    return _ranked(candidates, float(np.std(held_out.y)), origin)


def _second(fits: dict[str, Fit], rough: RoughFits) -> None:
    """Fit every activation from the units of the best one too, as steep and steeper: refuted is what was fitted."""
    best = min(fits.values(), key=lambda one: one.loss)
    for name in CANDIDATES:
        if name != best.problem.activation.name:
            trials = [explore(*_with_units_of(best, name, times), rough.report, name, 60) for times in _STEEPER]
            nearest = min(trials, key=lambda one: one.loss)
            if nearest.loss < fits[name].loss:
                fits[name] = polish(nearest.problem, nearest.point, rough.report)


def _with_units_of(fit: Fit, name: str, times: float) -> tuple[UnitsProblem, Vector]:
    """Units of another activation where those of a fit are, so many times as steep, with outer weights that fit."""
    old, sigma = fit.problem, parse_activation(name)
    rows = times * old.units(fit.point)[1]
    plain = UnitsProblem(old.X, old.y, sigma, old.width, has_bias=old.has_bias)
    some = plain.some(4096)  # enough for some dozens of outer weights
    columns = np.column_stack([unit_values(some, some.join(rows, np.ones(old.width))), np.ones(some.n_rows)])
    solved = np.linalg.lstsq(columns[:, : old.width + old.has_bias], some.y, rcond=1e-8)[0]
    v, constant = solved[: old.width], float(solved[old.width :].sum())
    if not sigma.degree:
        return plain, plain.join(rows, v, constant=constant)
    signs = np.where(v < 0, -1.0, 1.0)
    problem = UnitsProblem(old.X, old.y, sigma, old.width, signs=signs, has_bias=old.has_bias)
    sizes = np.maximum(np.abs(v), 1e-3) ** (1 / sigma.degree)
    return problem, problem.join(sizes[:, None] * rows, constant=constant)


def rewritten(fit: Fit, activation: Activation) -> Fit:
    """A fit written with an activation that is the same function in other units, beside a constant."""
    old, law = fit.problem, rewriting(fit.problem.activation, activation)
    assert law is not None
    assert not law.slope
    v, theta = old.units(fit.point)
    problem = UnitsProblem(old.X, old.y, activation, old.width, has_bias=True)
    constant = old.constant(fit.point) + law.constant * float(v.sum())
    return Fit.at(problem, problem.join(law.scale * theta, law.factor * v, constant=constant))


def _ranked(candidates: list[Candidate], spread: float, origin: float) -> tuple[list[Activation], Choice]:
    best = min(candidates, key=lambda one: one.loss)
    good = [one for one in candidates if not _is_refuted(one, best)]
    chosen = min(good, key=lambda one: (one.fit.problem.n_parameters, one.loss))
    spellings = [one for one in good if _is_same_function(one, chosen, spread)]
    chosen = _plainest(spellings, chosen, origin)
    others = sorted((one for one in candidates if one is not chosen), key=lambda one: one.loss)
    trials = [_trial(chosen, "chosen", spread)]
    for other in others:
        if other not in good:
            verdict = "refuted"
        elif _is_same_function(other, chosen, spread):
            verdict = "same function"
        elif other.fit.problem.n_parameters > chosen.fit.problem.n_parameters:
            verdict = "not needed"
        else:
            verdict = "as good"
        trials.append(_trial(other, verdict, spread))
    order = [chosen.activation, *(one.activation for one in others)]
    return order, Choice("activation", chosen.activation.name, tuple(trials))


def _plainest(spellings: list[Candidate], chosen: Candidate, origin: float) -> Candidate:
    """Of tanh and sigmoid the one that needs no constant beside it, tanh if both or neither; else the chosen one.

    A sigmoid may be turned round for a change of the constant by its outer weight, a tanh may not.
    """
    named = {one.activation.name: one for one in spellings}
    if not {"tanh", "sigmoid"} <= named.keys():
        return chosen
    constants = {}
    for name in ("tanh", "sigmoid"):
        problem, point = named[name].fit.problem, named[name].fit.point
        noise = float(np.sqrt(named[name].fit.loss * problem.energy / problem.n_rows))
        error = standard_errors(problem, point, normal_matrix(problem, point), noise).constant
        turned = np.zeros(1)
        if name == "sigmoid" and problem.width <= 12:  # of which all 4096 ways to turn them are tried
            for a in problem.units(point)[0]:
                turned = np.concatenate([turned, turned + a])
        constants[name] = float(np.abs(problem.constant(point) - origin + turned).min())
        constants[name] -= max(STANDARDS.same_exact_values, STANDARDS.clearly * error)
    return named["sigmoid"] if constants["sigmoid"] <= 0 < constants["tanh"] else named["tanh"]


def _trial(one: Candidate, verdict: str, spread: float) -> Trial:
    return Trial(one.activation.name, one.fit.problem.n_parameters, float(np.sqrt(one.loss)) / spread, verdict)


def _is_refuted(one: Candidate, best: Candidate) -> bool:
    if best.fit.is_exact:
        return not one.fit.is_exact
    gain = one.fit.problem.n_rows * float(np.log(one.fit.loss / best.fit.loss))
    if gain > STANDARDS.gain_offset + STANDARDS.likelihood_per_parameter * best.fit.problem.n_parameters:
        return True
    more = one.left**2 - best.left**2
    error = float(more.std()) / np.sqrt(len(more))
    return float(more.mean()) > STANDARDS.clearly_worse * error


def _is_same_function(one: Candidate, other: Candidate, spread: float) -> bool:
    tolerance = max(STANDARDS.same_exact_values * spread, STANDARDS.same_values * float(np.sqrt(other.loss)))
    return float(np.sqrt(np.mean((one.left - other.left) ** 2))) <= tolerance
