"""From lines far out to all units of a smooth box: read what stands alone, fit all, look whether anything is left."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from twolayer.activation import ACTIVATIONS, Activation, activation
from twolayer.extract.fits import FitRules
from twolayer.extract.forms import SIGMOID, TANH
from twolayer.extract.lines import Matrix, Vector
from twolayer.extract.smooth.far_line import FarLine, LineRules, far_line
from twolayer.extract.smooth.rows import rows_at
from twolayer.extract.smooth.shapes import Shape, is_ramp, is_step, shape
from twolayer.extract.smooth.waves import waves
from twolayer.extract.step_walk import StepWalk
from twolayer.extract.walks import Rows, Walk
from twolayer.network import TwoLayerNetwork

__all__ = ["SmoothRules", "SmoothWalk"]


@dataclass(frozen=True)
class SmoothRules:
    """How far out lines are walked, and what is taken for a unit there.

    Attributes
    ----------
    lines : LineRules
    scale : float
        Of the lines: units of length one are some 300 widths apart there when there are a thousand of them.
    precision : float
        The argument of a unit is known at least so well there: with coarser answers lines are nearer.
    growing : float
        And so well the value of one that grows.
    within : float
        The part of the reach of the box at which lines are at most.
    most_lines : int
        One shows nearly all units; what overlaps there stands alone on the next.
    misfit, misfit_of_coarse : float
        Of a shape, relative to its height, where the answers are exact and where they are not: tanh and erf differ by
        0.02, gelu and silu by more.
    coarse : float
        The rounding of answers that are not.
    same_height : float
        Relative difference up to which two heights are those of one unit, seen again.
    same_place : float
        The argument that a known unit has at most where it is seen again.
    turned : float
        And of that, relative to its terms, as its row is not known better.
    curved : float
        Roundings by which a second difference near the origin shows a bend.
    wavy : float
        What a step of a thousandth of the distance changes in the middle of all places far out, of the spread of the
        values: nothing where units are straight, and as much again where they are waves.
    rows_per_parameter : int
        Of the joint fit, which begins at all units.
    fits : FitRules
        The joint fit begins next to its minimum: each step doubles the digits.
    rows_beside : int
        And rows to a parameter of each step beside its own hyperplane, far out: near the origin the fit hardly tells
        apart units that are nearly alike, as training leaves them.
    apart : float
        How many scales out that is.
    complete_rows : int
        Far rows at which the units that were read must make up the function, but for something straight.
    complete : float
        To this part of the weakest of them, in most rows.
    """

    lines: LineRules = LineRules()
    scale: float = 3e5
    precision: float = 3e-4
    growing: float = 1e-4
    within: float = 1e-2
    most_lines: int = 16
    misfit: float = 5e-3
    misfit_of_coarse: float = 1.5e-2
    coarse: float = 1e-10
    same_height: float = 1e-2
    same_place: float = 3.0
    turned: float = 1e-5
    curved: float = 50.0
    wavy: float = 1e-2
    rows_per_parameter: int = 4
    fits: FitRules = FitRules(first_damping=1e-9, floor=1e-30, patience=2, least_gain=0.5)
    rows_beside: int = 2
    apart: float = 1e3
    complete_rows: int = 64
    complete: float = 0.05


class SmoothWalk(StepWalk):
    """A walk for all smooth σ that are straight or constant far from 0, and for the sine."""

    how = SmoothRules()

    @classmethod
    def of(cls, walk: Walk) -> "SmoothWalk":
        """The same walk, with fewer rows to the joint fit: it begins at all units, and has none to find."""
        rules = replace(walk.rules, rows_per_parameter=cls.how.rows_per_parameter, beyond=0.0, fits=cls.how.fits)
        return cls(walk.view, walk.rng, walk.report, walk.standards, rules)

    def attempts(
        self, sigma: Activation | None, growth: int, width: int | None
    ) -> Iterator[tuple[TwoLayerNetwork, float]]:
        """Networks of this σ, or of those with which the box may grow as it does; none where it shows no such unit."""
        names = candidates(sigma, growth)
        if growth > 1 or not names:
            return
        if self._is_wavy(growth):
            sine = activation("sine")
            found = waves(self._placed, self.view.dim, self.rng, self.view.eps) if sine in names else None
            if found is not None:
                yield self._completed(found, width)[:2]
            return
        seen = tuple(name for name in names if is_step(name) or is_ramp(name))
        if seen:
            yield from self._from_lines(seen, growth == 0, width)

    def is_curved(self) -> bool:
        """Whether the box is bent at most places near the origin, as no sum of kinked units is."""
        h = self.view.eps**0.25  # its square is well above rounding, and few kinks are as near
        x, v = self.rng.standard_normal((2, self.how.complete_rows, self.view.dim))
        plus, minus, here = (self._placed(x + sign * h * v) for sign in (1, -1, 0))
        bend = np.abs(plus + minus - 2 * here)
        return bool(np.median(bend) > self.how.curved * self.view.rounding(here))

    def _from_lines(
        self, names: tuple[Activation, ...], is_bounded: bool, width: int | None
    ) -> Iterator[tuple[TwoLayerNetwork, float]]:
        known: TwoLayerNetwork | None = None
        for number in range(self.how.most_lines):
            self.report("smooth lines", number + 1, 1.0)
            line = self._far_line(is_bounded)
            shapes = self._shapes(line, names)
            if known is None and not shapes:
                return
            new = shapes if known is None else [one for one in shapes if not self._is_known(one, line, known)]
            if known is None:
                counts = {name: sum(one.sigma == name for one in shapes) for name in names}
                names = (max(names, key=lambda name: counts[name]),)
                new = [one for one in shapes if one.sigma == names[0]]
            if new:
                rows = rows_at(self._placed, line, new, self.view.eps)
                is_read = rows.any(axis=1)
                a, rows = np.array([one.a for one in new])[is_read], rows[is_read]
                if known is not None:
                    a, rows = np.r_[known.a, a], np.vstack([np.column_stack([known.W, known.b]), rows])
                known = TwoLayerNetwork(a, rows[:, :-1], rows[:, -1], names[0])
            if known is None or not known.width:
                return
            if self._is_complete(known, is_bounded) or (number and not new):
                network, scale, _, is_explained = self._completed(known, width)
                if is_explained or not is_bounded:
                    yield network, scale
                if is_explained:
                    return

    def _rows(self, network: TwoLayerNetwork, width: int, scale: float, farthest: float) -> Rows:
        """Rows for the joint fit; of steps also far out, beside the hyperplane of each, where no other is seen."""
        rows = super()._rows(network, width, scale, farthest)
        if is_step(network.activation):
            far = min(self.how.apart * scale, self._scale)
            for unit in range(network.width):
                rows = rows.joined(self._beside(network, unit, far, self.how.rows_beside * (self.view.dim + 2)))
        return rows

    def _placed(self, X: Matrix) -> Vector:
        return self.view(self.view.placed(X))

    @property
    def _scale(self) -> float:
        how, view = self.how, self.view
        return float(min(how.scale, how.precision / view.eps, how.within * view.reach))

    def _nearer(self, is_bounded: bool) -> float:
        """The scale of the lines, less where values grow with it, and their rounding."""
        return self._scale if is_bounded else float(min(self._scale, self.how.growing / self.view.eps))

    def _far_line(self, is_bounded: bool) -> FarLine:
        view = self.view
        return far_line(
            self._placed,
            view.dim,
            self._nearer(is_bounded),
            self.rng,
            eps=view.eps,
            arithmetic=view.arithmetic,
            size=view.magnitude,
            is_bounded=is_bounded,
            reach=view.reach / 2,
            rules=self.how.lines,
        )

    def _shapes(self, line: FarLine, names: tuple[Activation, ...]) -> list[Shape]:
        found = (shape(bend, names) for bend in line.bends())
        most = self.how.misfit if self.view.eps < self.how.coarse else self.how.misfit_of_coarse
        return [one for one in found if one is not None and one.misfit < most]

    def _is_known(self, one: Shape, line: FarLine, known: TwoLayerNetwork) -> bool:
        x = line.p + one.place * line.u
        argument, terms = np.abs(known.W @ x + known.b), np.abs(known.W) @ np.abs(x)
        is_near = argument < self.how.same_place + self.how.turned * terms
        height = known.a * np.sign(known.W @ line.u) if is_step(one.sigma) else known.a
        return bool(np.any(is_near & (np.abs(height - one.a) < self.how.same_height * abs(one.a))))

    def _is_complete(self, known: TwoLayerNetwork, is_bounded: bool) -> bool:
        """Whether nothing but something straight is left far out, in most places."""
        d, scale = self.view.dim, self._nearer(is_bounded)
        X = self.view.placed(scale * self.rng.standard_normal((self.how.complete_rows + 3 * d, d)))
        left = self.view(X) - known(X)
        if is_bounded:
            left, weakest = left - np.median(left), float(np.abs(known.a).min())
        else:
            design = np.column_stack([X / scale, np.ones(len(X))])
            left = left - design @ np.linalg.lstsq(design, left, rcond=None)[0]
            weakest = float(np.abs(known.a * np.linalg.norm(known.W, axis=1)).min()) * scale
        return bool(np.mean(np.abs(left) < self.how.complete * weakest) > 0.8)  # in some, one is about to change

    def _is_wavy(self, growth: int) -> bool:
        """Whether the box goes on changing far out as it does near the origin."""
        if growth:
            return False
        scale = self._scale
        X = scale * self.rng.standard_normal((64, self.view.dim))
        moved = X + 1e-3 * scale * self.rng.standard_normal(X.shape)
        near, far = self._placed(X), self._placed(moved)
        return bool(np.median(np.abs(far - near)) > self.how.wavy * np.std(near))


def candidates(sigma: Activation | None, growth: int) -> tuple[Activation, ...]:
    """The σ that can be read here of those asked for; of all that are known by a name alone if none is."""
    sine = activation("sine")
    if sigma is not None:
        one = TANH if sigma == SIGMOID else sigma
        return (one,) if is_step(one) or is_ramp(one) or one == sine else ()
    every = [entry.function() for entry in ACTIVATIONS.values() if not takes_arguments(entry.function)]
    if growth == 0:
        return (*(one for one in every if is_step(one)), sine)
    return tuple(one for one in every if is_ramp(one))


def takes_arguments(kind: Callable[..., Activation]) -> bool:
    """Whether an activation is a family that needs numbers."""
    import inspect

    return any(one.default is one.empty for one in inspect.signature(kind).parameters.values())
