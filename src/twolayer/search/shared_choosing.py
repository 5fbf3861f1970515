"""The recovery from several outputs: width and activation given, or chosen by the rows and confirmed."""

from dataclasses import dataclass, field, replace
from math import log

import numpy as np

from twolayer.activation import Activation
from twolayer.activation import activation as parse_activation
from twolayer.evidence.choice import Choice, Trial
from twolayer.evidence.noise import gain_ratio
from twolayer.evidence.shared_score_test import shared_score_test
from twolayer.evidence.shared_verdict import judge_outputs
from twolayer.evidence.standards import STANDARDS
from twolayer.evidence.status import Status
from twolayer.evidence.verdict import Verdict
from twolayer.methods import RECOVERIES
from twolayer.model.shared_reflections import unlifted_units
from twolayer.model.shared_units import Matrix, SharedFit
from twolayer.network import Polynomial
from twolayer.refine.explore import Report
from twolayer.samples import Samples
from twolayer.samples.outputs import independent_combinations
from twolayer.search.activation import CANDIDATES
from twolayer.search.choosing import recover_unknown
from twolayer.search.conclusion import concluded
from twolayer.search.plan import PLAN
from twolayer.search.shared_search import explored, search_outputs
from twolayer.search.shared_starts import SharedSession, joint, scattered
from twolayer.search.shared_width import thinned_units

__all__ = ["recover_outputs"]

_MISFITS = (Status.MISFIT, Status.UNRESOLVED_REFLECTION)


def recover_outputs(
    samples: Samples, width: int | None, activation: Activation | None, *, rng: np.random.Generator, report: Report
) -> Verdict:
    """Choose what is None, recover, and judge; the certificate has the choices.

    Widths grow by halves until an activation leaves only rounding or what passes for noise; from there units are left
    out while the rest explains the rows as well. Outputs that share their units show so much of them that one or two
    starts of each width are enough. The search then begins anew on all rows, and its verdict moves the width by one, up
    to three times.

    Parameters
    ----------
    samples : Samples
    width : int or None
    activation : Activation or None
    rng : Generator
    report : callable

    Returns
    -------
    Verdict
    """
    samples, back = _independent(samples)
    if samples.n_outputs == 1:
        return _from_one(samples, back, width, activation, rng, report)

    def verdict_of(units: int, sigma: Activation) -> Verdict:
        found = search_outputs(samples, units, sigma, rng=rng, report=report)
        mixing = back if found.mixing is None else found.mixing @ back
        return judge_outputs(replace(found, mixing=mixing), samples.coordinates)

    if width is not None and activation is not None:
        return verdict_of(width, activation)
    choosing = _Choosing(samples, rng, report)
    sigma = activation or choosing.likeliest(width)
    units = width or choosing.least_width(sigma)
    verdict = verdict_of(units, sigma)
    for _ in range(3 if width is None else 0):
        if verdict.status in _MISFITS and choosing.has_rows(units + 1, sigma):
            units += 1
        elif verdict.status is Status.NOT_IDENTIFIABLE and units > 1:
            units = min(units - 1, verdict.network.width)
        else:
            break
        verdict = min(verdict, verdict_of(units, sigma), key=_rank)
    return choosing.with_choices(verdict, asks_width=width is None, asks_activation=activation is None)


def _independent(samples: Samples) -> tuple[Samples, Matrix]:
    """The samples with as many outputs as they have independent combinations of, and the way back, (r, q)."""
    q = samples.n_outputs
    V = independent_combinations(samples.y, samples.rounding)
    if V.shape[1] == q:
        return samples, np.eye(q)
    y = samples.y @ V
    return replace(samples, y=y[:, 0] if V.shape[1] == 1 else y), V.T


def _from_one(
    samples: Samples,
    back: Matrix,
    width: int | None,
    activation: Activation | None,
    rng: np.random.Generator,
    report: Report,
) -> Verdict:
    """The verdict where all outputs are multiples of one, and a constant."""
    given = samples.coordinates
    own = replace(samples, coordinates=replace(given, offset=0.0, unit=1.0))
    if width is None or activation is None:
        network, status, certificate = recover_unknown(own, width, activation, rng=rng, report=report)
    else:
        network, status, certificate = concluded(
            RECOVERIES["auto"](own, width, activation, rng=rng, report=report), report, own.coordinates
        )
    row, P, errors = back[0] * given.unit, network.polynomial, certificate.standard_errors
    polynomial = None
    if P is not None or np.any(given.offset):
        parts = (None, None) if P is None else (P.linear, P.quadratic)
        linear, quadratic = (None if part is None else part[..., None] * row for part in parts)
        polynomial = Polynomial((0.0 if P is None else P.constant) * row + given.offset, linear, quadratic)
    size = float(np.linalg.norm(row)) if network.activation.degree else 1.0
    whole = replace(network, a=np.outer(network.a, row), polynomial=polynomial).balanced()
    stretch = size ** (1 / network.activation.degree) if network.activation.degree else 1.0
    moved = replace(
        errors,
        a=np.outer(errors.a, np.abs(row)) / size,
        W=stretch * errors.W,
        b=stretch * errors.b,
        constant=errors.constant * np.abs(row),
    )
    noise = certificate.noise * float(np.linalg.norm(row) / np.sqrt(len(row)))
    return Verdict(whole, status, replace(certificate, standard_errors=moved, noise=noise))


@dataclass(eq=False)
class _Choosing:
    """Fits of any width and any activation to the same rows on white inputs: to compare them, not to keep them."""

    given: Samples
    rng: np.random.Generator
    report: Report
    fits: dict[tuple[str, int], SharedFit] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.samples = self.given.whitened()[0]

    def has_rows(self, width: int, sigma: Activation) -> bool:
        """Whether there are rows enough for a certificate of an exact network."""
        problem = self.samples.shared_problem(width, sigma)
        enough = problem.n_equations >= STANDARDS.exact_rows_per_parameter * problem.n_parameters
        return enough and problem.n_rows > problem.n_features

    def fit(self, sigma: Activation, width: int) -> SharedFit:
        """The better of what was found before and of a fit from one more start."""
        key = (sigma.name, width)
        session = SharedSession(self.samples, width, sigma, self.rng)
        theta = joint(session) if key not in self.fits else None
        return self._keep(sigma, self._refined(sigma, scattered(session) if theta is None else theta))

    def _refined(self, sigma: Activation, theta: Matrix) -> SharedFit:
        lifted = self.samples.shared_problem(len(theta), sigma, is_lifted=True)
        shared = len(theta) * lifted.n_columns
        if (lifted.n_rows - lifted.n_features) * lifted.n_outputs < PLAN.lift_rows * shared:
            lifted = lifted.resized(lifted.width, is_lifted=False)
        stage = f"{len(theta)} units of {sigma.name}"
        fit = explored(lifted, theta, self.report, stage, 100)
        return explored(*unlifted_units(fit), self.report, stage, 60) if fit.problem.is_lifted else fit

    def _keep(self, sigma: Activation, fit: SharedFit) -> SharedFit:
        key = (sigma.name, fit.problem.width)
        self.fits[key] = min(self.fits.get(key, fit), fit, key=lambda one: one.loss)
        return self.fits[key]

    def explains(self, fit: SharedFit) -> bool:
        """Whether a fit leaves only rounding, or what passes for noise, also beside half as many units again."""
        problem = fit.problem
        if fit.is_exact or fit.loss <= self.samples.rounding**2:
            return True
        if problem.n_equations < PLAN.noise_rows * problem.n_parameters:
            return False
        if shared_score_test(fit, self.rng).p_value <= STANDARDS.least_p_value:
            return False
        sigma, wider = problem.activation, problem.width + max(1, problem.width // 2)
        if not self.has_rows(wider, sigma):
            return True
        wide = min(self.fit(sigma, wider), self.fit(sigma, wider), key=lambda one: one.loss)
        return gain_ratio(fit, wide) < STANDARDS.most_wider_gain

    def likeliest(self, width: int | None) -> Activation:
        """The activation to believe in, at the least width at which one explains the rows."""
        units = width or 1
        known = [parse_activation(name) for name in CANDIDATES if self.has_rows(units, parse_activation(name))]
        ranked = known or [parse_activation(name) for name in CANDIDATES]
        while True:
            for count in (len(ranked), len(ranked), 4):  # how many get one more start
                tried = [self.fit(sigma, units) for sigma in ranked[:count]]
                ranked.sort(key=lambda sigma: self.fits[sigma.name, units].loss)
                if any(fit.is_exact for fit in tried):
                    break
            if not self.fits[ranked[0].name, units].is_exact:
                for sigma in ranked[:4]:
                    self._from_wider(sigma, units)
                ranked.sort(key=lambda sigma: self.fits[sigma.name, units].loss)
            best = self.fits[ranked[0].name, units]
            if width is not None or self.explains(best) or not self.has_rows(units + max(1, units // 2), ranked[0]):
                return self._believed(ranked, units)
            units += max(1, units // 2)

    def _from_wider(self, sigma: Activation, units: int) -> None:
        """From half as many units again, thinned out: a wide fit has a unit near each of the true ones."""
        wide = self.fit(sigma, units + (units + 1) // 2)
        if wide.loss < self.fits[sigma.name, units].loss:
            self._keep(sigma, self._refined(sigma, thinned_units(wide, units)))

    def _believed(self, ranked: list[Activation], units: int) -> Activation:
        """The plainest of those that noise does not refute: the one with the fewest parameters, then the best."""
        best = self.fits[ranked[0].name, units]
        if best.is_exact:
            return self._plainest(ranked[0], units)
        chosen = Trial("", 0, float(np.sqrt(best.loss)), "chosen")
        fits = [self.fits[sigma.name, units] for sigma in ranked]
        good = [fit for fit in fits if fit is best or self._trial(fit, chosen, is_exact=False).verdict != "refuted"]
        plain = min(good, key=lambda fit: (fit.problem.n_parameters, fit.loss))
        return self._plainest(plain.problem.activation, units)

    def _plainest(self, best: Activation, units: int) -> Activation:
        """The best; of tanh and sigmoid, which write the same functions, the one that needs no constant."""
        if best.name not in ("tanh", "sigmoid") or not self.samples.has_bias:
            return best
        fit = self.fits[best.name, units]
        origin = -np.asarray(self.given.coordinates.offset) / self.given.coordinates.unit
        # sigmoid(t) = (1 + tanh(t/2)) / 2, and a sigmoid that is turned round leaves its outer weights as a constant
        is_tanh = best.name == "tanh"
        of_tanh = fit.beside[0] if is_tanh else fit.beside[0] + fit.A.sum(axis=0) / 2
        A = 2 * fit.A if is_tanh else fit.A
        of_sigmoid = (of_tanh - A.sum(axis=0) / 2)[None]
        for row in A if units <= 12 else ():  # of which all 4096 ways to turn them are tried
            of_sigmoid = np.vstack([of_sigmoid, of_sigmoid + row])
        noise = max(float(np.sqrt(fit.loss)), STANDARDS.same_exact_values)
        needs_constant = np.abs(of_tanh - origin).max() > noise
        return parse_activation(
            "sigmoid" if needs_constant and np.abs(of_sigmoid - origin).max(axis=1).min() <= noise else "tanh"
        )

    def least_width(self, sigma: Activation) -> int:
        """The least width that explains the rows; the widest there are rows for where none does."""
        units, failures = 1, 0
        fit = min(self.fit(sigma, units), self.fit(sigma, units), key=lambda one: one.loss)
        while not self.explains(fit):
            wider = units + max(1, units // 2)
            if not self.has_rows(wider, sigma) or failures == 3:  # three times as many units bring nothing
                return units
            wide = min(self.fit(sigma, wider), self.fit(sigma, wider), key=lambda one: one.loss)
            failures = failures + 1 if wide.loss > 0.5 * fit.loss else 0
            units, fit = wider, wide
        reference = self.fits[sigma.name, units]
        while units > 1:
            wide = self.fits[sigma.name, units]
            narrow = self._keep(sigma, self._refined(sigma, thinned_units(wide, units - 1)))
            for _ in range(2):
                if not _is_as_good(narrow, reference):
                    narrow = self.fit(sigma, units - 1)
            if not _is_as_good(narrow, reference):
                return units
            units -= 1
        return units

    def with_choices(self, verdict: Verdict, *, asks_width: bool, asks_activation: bool) -> Verdict:
        """The choices in the certificate, which is none where they are not clear."""
        network, status, certificate = verdict
        name, width = network.activation.name, network.width
        choices = []
        chosen = Trial(name, certificate.n_parameters, certificate.residual, "chosen")
        if asks_activation:
            # under noise, what others leave at the width that was found counts
            is_exact = certificate.score_test is None
            for other in CANDIDATES if not is_exact else ():
                if (other, width) not in self.fits and self.has_rows(width, parse_activation(other)):
                    self.fit(parse_activation(other), width)
                    self.fit(parse_activation(other), width)
            others = [fit for (other, units), fit in self.fits.items() if other != name and units == width]
            trials = sorted((self._trial(fit, chosen, is_exact) for fit in others), key=lambda one: one.residual)
            choices.append(Choice("activation", name, (chosen, *trials)))
        if asks_width:
            tried = [fit for (other, units), fit in self.fits.items() if other == name and units != width]
            tried.sort(key=lambda fit: abs(fit.problem.width - width))
            chosen = replace(chosen, value=str(width))
            trials = [
                Trial(
                    str(fit.problem.width),
                    fit.problem.n_parameters,
                    float(np.sqrt(fit.loss)),
                    "refuted" if fit.problem.width < width else "not needed",
                )
                for fit in tried
            ]
            choices.append(Choice("width", str(width), (chosen, *trials)))
        if status.is_certified and not all(choice.is_clear for choice in choices):
            status = Status.UNCLEAR_CHOICE
        return Verdict(network, status, replace(certificate, choices=tuple(choices)))

    def _trial(self, fit: SharedFit, chosen: Trial, is_exact: bool) -> Trial:
        """Another activation at the same width: refuted where it leaves more than noise explains."""
        problem, residual = fit.problem, float(np.sqrt(fit.loss))
        pair = {problem.activation.name, chosen.value}
        gain = problem.n_equations * 2 * log(max(residual, 1e-300) / max(chosen.residual, 1e-300))
        bound = STANDARDS.gain_offset + STANDARDS.likelihood_per_parameter * problem.n_parameters
        if pair == {"tanh", "sigmoid"} and self.samples.has_bias:
            verdict = "same function"
        elif (is_exact and not fit.is_exact) or gain > bound:
            verdict = "refuted"
        else:
            verdict = "as good"
        return Trial(problem.activation.name, problem.n_parameters, residual, verdict)


def _is_as_good(narrow: SharedFit, reference: SharedFit) -> bool:
    return narrow.is_exact if reference.is_exact else gain_ratio(narrow, reference) < 1.0


def _rank(verdict: Verdict) -> tuple[bool, bool, float, int]:
    """Certified ones first, then those that explain the rows, the narrowest of several that leave rounding."""
    network, status, certificate = verdict
    residual = certificate.residual if certificate.residual > 1e-10 else 0.0  # of the labels' spread: rounding
    return not status.is_certified, status in _MISFITS, residual, network.width
