"""Recovery where width or activation, or both, are not given: chosen by the rows, and confirmed."""

from dataclasses import dataclass, field, replace

import numpy as np

from twolayer.activation import Activation
from twolayer.evidence.certificate import Certificate
from twolayer.evidence.choice import Choice, Trial
from twolayer.evidence.found import Found
from twolayer.evidence.status import Status
from twolayer.evidence.verdict import Verdict
from twolayer.network import TwoLayerNetwork
from twolayer.refine.explore import Report, polish
from twolayer.rows import some_rows
from twolayer.samples import Samples, n_parameters
from twolayer.search.activation import compared, likeliest
from twolayer.search.conclusion import concluded
from twolayer.search.rough_fits import RoughFits
from twolayer.search.searching import search
from twolayer.search.width import WidthSearch, guessed_width, least_width

__all__ = ["recover_unknown"]

_MISFITS = (Status.MISFIT, Status.UNRESOLVED_REFLECTION)


def recover_unknown(
    samples: Samples,
    width: int | None,
    activation: Activation | None,
    *,
    rng: np.random.Generator,
    report: Report,
) -> Verdict:
    """Choose what is None, recover, and judge; the certificate has the choices.

    An activation is chosen on rows held out, at the width that is given or at the least width of the likeliest one; a
    width is the least that explains the rows. The default recovery then begins anew, on all rows. Its evidence moves
    the width by one, up where a wider network gains and down where no unit is missed, up to three times. What would be
    certified is not where another value explains the rows as well.
    """
    choosing = _Choosing(samples, rng, report)
    order = [activation] if activation is not None else choosing.activations(width)
    best: Verdict | None = None
    for sigma in order[:3]:  # where the first explains nothing after all, two more are tried
        verdict = choosing.recovered(sigma) if width is None else choosing.judged(choosing.found(width, sigma))
        if best is None or verdict.certificate.residual < best.certificate.residual:
            best = verdict
        if verdict.status not in _MISFITS:
            best = verdict
            break
    assert best is not None
    return choosing.with_choices(best)


@dataclass(eq=False)
class _Choosing:
    """The samples and the choices so far."""

    samples: Samples
    rng: np.random.Generator
    report: Report
    activation_choice: Choice | None = field(default=None)
    widths: WidthSearch | None = field(default=None)

    def judged(self, found: Found) -> Verdict:
        return concluded(found, self.report, self.samples.coordinates)

    def activations(self, width: int | None) -> list[Activation]:
        """All activations, the most likely first."""
        held = np.zeros(self.samples.n_rows, bool)
        held[some_rows(len(held), len(held) // 4, self.rng)] = True
        rough = RoughFits(self.samples.at(~held), self.rng, self.report)
        if width is None:
            guess = guessed_width(rough.samples.X, rough.samples.y, self.rng)
            sigma, wide = likeliest(rough, guess + max(1, guess // 5))
            width = least_width(rough, sigma, wide).width
        order, self.activation_choice = compared(rough, self.samples.at(held), width)
        return order

    def found(self, width: int, sigma: Activation) -> Found:
        return search(self.samples, width, sigma, rng=self.rng, report=self.report)

    def recovered(self, sigma: Activation) -> Verdict:
        """The network of the least width, found by the search over widths or by the default recovery."""
        rough = RoughFits(self.samples, self.rng, self.report)
        self.widths = least_width(rough, sigma, guessed_width(rough.samples.X, rough.samples.y, self.rng))
        width, tried = self.widths.width, dict[int, Verdict]()
        found = self._exact(rough)
        if not self.widths.is_explained:
            verdict = self.judged(self._as_it_is(rough))
            if verdict.status is not Status.NOT_IDENTIFIABLE:
                return verdict
            width = verdict.network.width  # without its lift it explains the rows after all, with units to spare
        for _ in range(4):  # three moves by one: the search over widths was not far off
            tried[width] = self.judged(found if found is not None else self.found(width, sigma))
            status, found = tried[width].status, None
            if status in _MISFITS:
                width += 1
            elif status is Status.NOT_IDENTIFIABLE and width > 1:
                width = min(width - 1, tried[width].network.width)  # idle units may have been left out already
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
        problem, white = fit.problem.on(self.samples.X, self.samples.y), rough.whitening
        point = fit.point if white is None else white.invert_point(fit.problem, fit.point, problem)
        return Found(polish(problem, point, self.report), lifted.loss)

    def _exact(self, rough: RoughFits) -> Found | None:
        """The same, if it is exact: there is nothing more to search for."""
        found = self._as_it_is(rough) if self.widths is not None and self.widths.is_exact else None
        return found if found is not None and found.fit.is_exact else None

    def with_choices(self, verdict: Verdict) -> Verdict:
        """The choices in the certificate, which is none where they are not clear."""
        network, status, certificate = verdict
        choices = [] if self.activation_choice is None else [_moved(self.activation_choice, network)]
        if self.widths is not None:
            choices.append(self._width_choice(network, certificate))
        if status.is_certified and not all(choice.is_clear for choice in choices):
            status = Status.UNCLEAR_CHOICE
        return Verdict(network, status, replace(certificate, choices=tuple(choices)))

    def _width_choice(self, network: TwoLayerNetwork, certificate: Certificate) -> Choice:
        assert self.widths is not None
        width, samples = network.width, self.samples
        trials = [Trial(str(width), certificate.n_parameters, certificate.residual, "chosen")]
        for other in sorted(self.widths.fits, key=lambda w: (abs(w - width), w)):
            fit = self.widths.fits[other]
            residual = float(np.sqrt(fit.loss * fit.problem.energy / fit.problem.n_rows) / samples.y.std())
            if other != width:
                count = n_parameters(samples.dim, other, network.activation, samples.has_bias)
                trials.append(Trial(str(other), count, residual, "refuted" if other < width else "not needed"))
        return Choice("width", str(width), tuple(trials))


def _rank(verdict: Verdict) -> tuple[bool, bool, float, int]:
    """Certified ones first, then those that explain the rows, the narrowest of several that leave rounding."""
    network, status, certificate = verdict
    residual = certificate.residual if certificate.residual > 1e-10 else 0.0  # of the labels' spread: rounding
    return not status.is_certified, status in _MISFITS, residual, network.width


def _moved(choice: Choice, network: TwoLayerNetwork) -> Choice:
    """The choice of the activation that the network has, in the end."""
    name = network.activation.name
    if name == choice.chosen:
        return choice
    mine = [replace(one, verdict="chosen") for one in choice.trials if one.value == name]
    others = [replace(one, verdict="refuted") if one.value == choice.chosen else one for one in choice.trials]
    return Choice(choice.subject, name, (*mine, *(one for one in others if one.value != name)))
