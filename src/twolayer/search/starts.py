"""The table of starts, in the order in which they are tried: named ways to a first fit, each for its own case."""

from collections.abc import Callable

import numpy as np

from twolayer.coordinates import Coordinates
from twolayer.entry import Entry, table
from twolayer.model.fit import Fit
from twolayer.model.problem import Matrix, Vector
from twolayer.model.reflections import unlifted
from twolayer.moments import SecondMoment
from twolayer.refine.explore import explore, explore_patiently, explore_roughly
from twolayer.search.directions import (
    amplitude_signs,
    moment_directions,
    odd_terms,
    principal_directions,
    principal_inputs,
    random_start,
)
from twolayer.search.overcomplete import overcomplete_fit, spare_units
from twolayer.search.session import Session

__all__ = ["STARTS", "first_start"]

Start = Callable[[Session], Fit | None]


def _fit(
    session: Session, name: str, amplitudes: Vector, directions: Matrix | None = None, *, is_lifted: bool = True
) -> Fit:
    """Explore from units of these signs, in these directions or in random ones; lifted if there are rows for it."""
    width = len(amplitudes)
    problem = session.problem(amplitudes, is_lifted=is_lifted and session.can_lift(width))
    point = random_start(problem, session.spectrum, amplitudes, session.rng, directions)
    stage = f"{'lifted' if problem.is_lifted else 'plain'} start: {name}"
    rows = session.plan.first_rows * problem.n_parameters
    if session.has_second_moment and problem.n_rows >= 2 * rows:
        point = explore_roughly(problem.some(rows), point, session.report, f"{stage}, on some rows").point
    return explore(problem, point, session.report, stage)


def _signs(session: Session, width: int | None = None) -> Vector:
    return amplitude_signs(session.c2, width or session.width, session.spectrum)


def _doubted(session: Session, width: int | None = None) -> Vector:
    """The signs by inertia, some of them changed."""
    signs = _signs(session, width)
    return signs * np.where(session.rng.random(len(signs)) < session.plan.doubt, -1.0, 1.0)


def overcomplete(session: Session) -> Fit | None:
    """Many more units than inputs: a wide fit, thinned out and grown again where moments of the residual point."""
    if not session.is_crowded:
        return None
    width = session.width + spare_units(session.problem(np.ones(session.width), is_lifted=True))
    amplitudes = _signs(session, width)
    lifts = session.can_lift(width) and not session.has_quadratic_lift
    problem = session.problem(amplitudes, is_lifted=lifts)
    point = random_start(problem, session.spectrum, amplitudes, session.rng)
    return overcomplete_fit(problem, point, session.width, session.report, session.rng)


def third_moment(session: Session) -> Fit | None:
    """Odd units without biases, which T_2 does not show: directions and signs of the terms of T_3."""
    is_shown = not session.has_second_moment and abs(session.c3) > session.plan.signal
    if not is_shown or session.samples.has_bias or session.is_small or session.is_crowded:
        return None
    terms = odd_terms(session.samples.X, session.spectrum.rest, session.width, session.rng)
    signs = np.where(terms.weights * session.c3 < 0, -1.0, 1.0)
    return _fit(session, "third moment", signs, terms.factors)


def principal(session: Session) -> Fit | None:
    """Few units of many inputs: explore in the span of the leading eigenvectors of T_2, which costs little.

    If a few steps in all inputs do not lead to the minimum from there, they have turned the span of the units to where
    it should be, and another start in that span sees much more of them. There are always rows enough in few dimensions
    for a lift by few parameters; in all of them a quadratic one has too many, and T_2 has shown the signs.
    """
    if session.is_small or session.is_crowded or not session.has_second_moment:
        return None
    reduced = principal_inputs(session.spectrum, session.width)
    if reduced is None:
        return None
    change, spectrum = reduced
    amplitudes, plan = _signs(session), session.plan
    for turn in range(plan.turns):
        fit = _principal_fit(session, change, spectrum, amplitudes, is_first=turn == 0)
        stage = ("lifted" if fit.problem.is_lifted else "plain") + " start: principal"
        fit = explore(fit.problem, fit.point, session.report, stage, max_steps=plan.steps_of_a_turn)
        if fit.loss <= plan.near or turn == plan.turns - 1:
            break
        change = Coordinates.span_of(fit.problem.units(fit.point)[1][:, : session.samples.dim])
        spectrum = session.samples.mapped(change).second_moment
        amplitudes = amplitude_signs(session.c2, len(amplitudes), spectrum)
    return explore(fit.problem, fit.point, session.report, stage)


def _principal_fit(
    session: Session, change: Coordinates, spectrum: SecondMoment, amplitudes: Vector, *, is_first: bool
) -> Fit:
    """A fit by units in the span of few inputs, as a point of the problem in all of them; not refined there."""
    mapped = session.samples.mapped(change)
    lifts = session.can_lift(session.width) and not session.has_quadratic_lift
    problem = session.problem(amplitudes, is_lifted=not session.has_quadratic_lift, samples=mapped)
    if is_first and mapped.n_rows > (few := session.plan.principal_rows * problem.n_parameters):
        mapped = mapped.some(few)
        problem, spectrum = problem.on(mapped.X, mapped.y), mapped.second_moment
    refine = explore_roughly if is_first else explore_patiently
    point = random_start(problem, spectrum, amplitudes, session.rng)
    fit = refine(problem, point, session.report, "principal inputs")
    problem, point = fit.problem, fit.point
    if problem.is_lifted and not lifts:
        problem, point = unlifted(problem, point)
    whole = session.problem(problem.units(point)[0], is_lifted=problem.is_lifted)
    return Fit(whole, change.invert_point(problem, point, whole), fit.loss)


def spectral(session: Session) -> Fit | None:
    """Signs by the inertia of T_2, random directions in the span of its leading eigenvectors; at random without it.

    It does without a quadratic lift: its parameters are many, and T_2 has shown the signs.
    """
    if session.is_crowded:
        return None
    directions = None
    if session.has_second_moment:
        directions = principal_directions(session.spectrum, session.width, session.rng)
    is_lifted = not (session.has_second_moment and session.has_quadratic_lift)
    return _fit(session, "spectral", _signs(session), directions, is_lifted=is_lifted)


def moments(session: Session) -> Fit:
    """Signs by inertia, directions by joint diagonalisation of moments of order two to four where rows allow it."""
    directions = None
    if session.has_second_moment or session.samples.has_bias:
        directions = moment_directions(
            session.samples.X, session.samples.y, session.width, session.spectrum, session.rng
        )
    return _fit(session, "moments", _signs(session), directions)


def plain(session: Session) -> Fit:
    """The network itself, without the lift, from random directions, some signs doubted."""
    return _fit(session, "plain", _doubted(session), is_lifted=False)


def wide(session: Session) -> Fit:
    """Half as many units again, some signs doubted, to be pruned: a wide fit has a unit near each of the true ones."""
    return _fit(session, "wide", _doubted(session, session.width + (session.width + 1) // 2))


def lifted(session: Session) -> Fit:
    """The lifted model from random directions, some signs doubted."""
    return _fit(session, "lifted", _doubted(session))


# Of the first four only the first that suits the case is run: see `first_start`.
FIRST: tuple[Start, ...] = (overcomplete, third_moment, principal, spectral)


def first_start(session: Session) -> Fit:
    """By the moments that show the units of this case."""
    return next(fit for fit in (start(session) for start in FIRST) if fit is not None)


STARTS: dict[str, Entry] = table(
    Entry("first", first_start, "by the moments that show the units: overcomplete, third moment, principal, spectral"),
    Entry("moments", moments, "directions by joint diagonalisation of moments of order two to four"),
    Entry("plain", plain, "the network itself, without the lift, some signs doubted"),
    Entry("wide", wide, "half as many units again, to be pruned"),
    Entry("lifted", lifted, "the lifted model, some signs doubted"),
)
