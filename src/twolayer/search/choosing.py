"""Recovery where width or activation, or both, are not given: chosen by the rows, and confirmed."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.evidence.certificate import Certificate, Status
from twolayer.evidence.choice import Choice, Trial
from twolayer.evidence.verdict import judge
from twolayer.model.problem import Vector
from twolayer.network import TwoLayerNetwork
from twolayer.refine.fit import Report, polish
from twolayer.search.portfolio import Found, portfolio
from twolayer.search.rough_fits import RoughFits
from twolayer.search.unknown_activation import compared, likeliest
from twolayer.search.unknown_width import WidthSearch, guessed_width, least_width

__all__ = ["recover_unknown"]

_HELD_OUT = 0.25
_MOST_MOVES = 3
_ROUNDING = 1e-10
_MOST_REFUSED = 2  # activations to go on to where the first explains nothing after all

Judged = tuple[TwoLayerNetwork, Status, Certificate]


def recover_unknown(
    X: NDArray,
    y: Vector,
    width: int | None,
    activation: Activation | None,
    *,
    has_bias: bool,
    origin: float,
    rounding: float,
    rng: np.random.Generator,
    report: Report,
) -> Judged:
    """Choose what is None, recover, and judge; the certificate has the choices.

    An activation is chosen on rows held out, at the width that is given or at the least width of the likeliest one; a
    width is the least that explains the rows. The default recovery then begins anew, on all rows. Its evidence moves
    the width by one, up where a wider network gains and down where no unit is missed, up to three times. What would be
    certified is not where another value explains the rows as well.
    """
    search = _Choosing(X, y, has_bias, origin, rounding, rng, report)
    order = [activation] if activation is not None else search.activations(width)
    best: Judged | None = None
    for sigma in order[: 1 + _MOST_REFUSED]:
        judged = search.recovered(sigma) if width is None else judge(search.found(width, sigma))
        if best is None or judged[2].residual < best[2].residual:
            best = judged
        if judged[1] not in (Status.MISFIT, Status.UNRESOLVED_REFLECTION):
            best = judged
            break
    assert best is not None
    return search.with_choices(best)


class _Choosing:
    """The samples and the choices so far."""

    def __init__(
        self,
        X: NDArray,
        y: Vector,
        has_bias: bool,
        origin: float,
        rounding: float,
        rng: np.random.Generator,
        report: Report,
    ) -> None:
        self.X, self.y, self.has_bias, self.origin, self.rounding = X, y, has_bias, origin, rounding
        self.rng, self.report = rng, report
        self.activation_choice: Choice | None = None
        self.widths: WidthSearch | None = None

    def rough(self, X: NDArray, y: Vector) -> RoughFits:
        return RoughFits(X, y, self.has_bias, self.rng, self.report, self.rounding)

    def activations(self, width: int | None) -> list[Activation]:
        """All activations, the most likely first."""
        held = np.zeros(len(self.X), bool)
        held[self.rng.choice(len(self.X), int(_HELD_OUT * len(self.X)), replace=False)] = True
        rough = self.rough(np.ascontiguousarray(self.X[~held]), self.y[~held])
        if width is None:
            guess = guessed_width(rough.X, rough.y, self.rng)
            sigma, wide = likeliest(rough, guess + max(1, guess // 5))
            width = least_width(rough, sigma, wide).width
        order, self.activation_choice = compared(rough, (self.X[held], self.y[held]), width, self.origin)
        return order

    def found(self, width: int, sigma: Activation) -> Found:
        return portfolio(
            self.X,
            self.y,
            width,
            sigma,
            has_bias=self.has_bias,
            rounding=self.rounding,
            rng=self.rng,
            report=self.report,
        )

    def recovered(self, sigma: Activation) -> Judged:
        """The network of the least width, found by the search over widths or by the default recovery."""
        rough = self.rough(self.X, self.y)
        self.widths = least_width(rough, sigma, guessed_width(rough.X, rough.y, self.rng))
        width, tried = self.widths.width, dict[int, Judged]()
        found = self._exact(rough)
        if not self.widths.is_explained:
            judged = judge(self._as_it_is(rough))
            if judged[1] is not Status.NOT_IDENTIFIABLE:
                return judged
            width = judged[0].width  # without its lift it explains the rows after all, with units to spare
        for _ in range(1 + _MOST_MOVES):
            tried[width] = judge(found if found is not None else self.found(width, sigma))
            status, found = tried[width][1], None
            if status in (Status.MISFIT, Status.UNRESOLVED_REFLECTION):
                width += 1
            elif status is Status.NOT_IDENTIFIABLE and width > 1:
                width = min(width - 1, tried[width][0].width)  # idle units may have been left out already
            else:
                break
            if width in tried or not rough.has_rows(width, sigma):
                break
        return min(tried.values(), key=_rank)

    def _as_it_is(self, rough: RoughFits) -> Found:
        """The fit of the least width as the end of a search, without the lift, on all rows and their own inputs."""
        assert self.widths is not None
        lifted = self.widths.fits[self.widths.width]
        fit = rough.as_network(lifted)
        problem = fit.problem.on(self.X, self.y)
        point = fit.point if rough.whitening is None else rough.whitening.undone(fit.problem, fit.point, problem)
        return Found(polish(problem, point, self.report), lifted.loss, None, None, None)

    def _exact(self, rough: RoughFits) -> Found | None:
        """The same, if it is exact: there is nothing more to search for."""
        found = self._as_it_is(rough) if self.widths is not None and self.widths.is_exact else None
        return found if found is not None and found.fit.is_exact else None

    def with_choices(self, judged: Judged) -> Judged:
        """The choices in the certificate, which is none where they are not clear."""
        network, status, certificate = judged
        choices = [] if self.activation_choice is None else [_moved(self.activation_choice, network)]
        if self.widths is not None:
            choices.append(self._width_choice(network, certificate))
        if status.is_certified and not all(choice.is_clear for choice in choices):
            status = Status.UNCLEAR_CHOICE
        return network, status, replace(certificate, choices=tuple(choices))

    def _width_choice(self, network: TwoLayerNetwork, certificate: Certificate) -> Choice:
        assert self.widths is not None
        width, rough = network.width, self.rough(self.X[:2], self.y[:2])
        trials = [Trial(str(width), certificate.n_parameters, certificate.residual, "chosen")]
        for other in sorted(self.widths.fits, key=lambda w: (abs(w - width), w)):
            fit = self.widths.fits[other]
            residual = float(np.sqrt(fit.loss * fit.problem.energy / fit.problem.n_rows) / self.y.std())
            if other != width:
                count = rough.n_parameters(other, network.activation)
                trials.append(Trial(str(other), count, residual, "refuted" if other < width else "not needed"))
        return Choice("width", str(width), tuple(trials))


def _rank(judged: Judged) -> tuple[bool, bool, float, int]:
    """Certified ones first, then those that explain the rows, the narrowest of several that leave rounding."""
    network, status, certificate = judged
    is_misfit = status in (Status.MISFIT, Status.UNRESOLVED_REFLECTION)
    residual = certificate.residual if certificate.residual > _ROUNDING else 0.0
    return not status.is_certified, is_misfit, residual, network.width


def _moved(choice: Choice, network: TwoLayerNetwork) -> Choice:
    """The choice of the activation that the network has, in the end."""
    name = network.activation.name
    if name == choice.chosen:
        return choice
    mine = [replace(one, verdict="chosen") for one in choice.trials if one.value == name]
    others = [replace(one, verdict="refuted") if one.value == choice.chosen else one for one in choice.trials]
    return Choice(choice.subject, name, (*mine, *(one for one in others if one.value != name)))
