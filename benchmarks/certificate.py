"""How often is a certificate right?

    python benchmarks/certificate.py [--smoke] [--seeds 50] [--draws 3]

Planted networks with κ = 2, output weights ±1 (sigmoid: of magnitude from 1 to 2, as two opposite ones of the same
could be turned round together), Gaussian inputs; "noise" is that of the labels, relative to their standard deviation.
Three tables:

1. Label noise 1 %, (d, k, n) = (10, 5, 1000), many seeds: the share of the input weights within 1.96 of their standard
   errors of the truth (0.95 if these are right), and the root mean square of the errors in units of them (1).
2. The right width and activation. A recovery is right if its largest relative error is at most 1e-6, or if no weight is
   more than 6 standard errors off; "certified" are those of the right ones that are. The last three columns are the
   worst that was seen among them of what a certificate under noise asks for: a gain by more units below 0.6, a loss by
   one unit fewer of at least 5, and a p-value of the score test above 1e-4.
3. A wrong width or activation. "misfit" is what the same search leaves without noise, relative to the standard
   deviation of the labels. "visible" is its sum of squares in noise variances, n (misfit / noise)²: a test that knew
   where to look would see from some 30 on, one in as many directions as there are parameters p from some 6 √(2p) on.
   Below, the rows do not tell the two models apart, and a certificate says no more than that the network asked for
   explains the labels.
"""

import argparse
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from contest.measurement import provenance
from twolayer import Result, Status, TwoLayerNetwork, recover
from twolayer.align import align, recovery_error
from twolayer.teachers import conditioned, gaussian_samples

KAPPA, QUANTILE, EXACT, MOST_DEVIATIONS = 2.0, 1.96, 1e-6, 6.0
COVERED, COVERED_NOISE = ("relu", "squared_relu"), 0.01
RIGHT = (
    ("relu", 10, 5, 1_000),
    ("relu", 20, 3, 1_000),
    ("relu", 6, 2, 5_000),
    ("squared_relu", 10, 5, 1_000),
    ("leaky_relu(0.1)", 8, 3, 1_000),
    ("softplus", 6, 3, 2_000),
    ("gelu", 6, 3, 1_000),
    ("tanh", 8, 3, 1_000),
    ("erf", 6, 3, 1_000),
    ("sigmoid", 6, 3, 4_000),
)
RIGHT_NOISES = (0.0, 0.01, 0.05, 0.1)
# true activation and width, asked activation and width, n; a width is odd, so that tanh is no sum of sigmoids
WRONG = (
    *((spec, 5, spec, width, 1_500) for spec in ("relu", "squared_relu", "tanh") for width in (3, 4, 6)),
    *(
        pair
        for one, other in (
            ("relu", "leaky_relu(0.1)"),
            ("relu", "softplus"),
            ("relu", "squared_relu"),
            ("relu", "gelu"),
            ("relu", "tanh"),
            ("tanh", "erf"),
            ("tanh", "sigmoid"),
        )
        for pair in ((one, 3, other, 3, 1_500), (other, 3, one, 3, 1_500))
    ),
)
WRONG_DIM, WRONG_NOISE = 6, 0.05
SMOKE_RIGHT, SMOKE_WRONG = RIGHT[2:3], (("relu", 3, "relu", 2, 600),)


@dataclass(frozen=True)
class Trial:
    """A planted network, what was recovered of it, and how far off it is."""

    teacher: TwoLayerNetwork
    result: Result

    @property
    def deviations(self) -> np.ndarray:
        """Errors of the input weights in units of their standard errors."""
        found = align(self.result.network, self.teacher)
        errors = self.result.certificate.standard_errors.W[found.permutation]
        return ((found.network.W[: self.teacher.width] - self.teacher.W) / np.maximum(errors, 1e-300)).ravel()

    @property
    def is_right(self) -> bool:
        """Whether it is the planted network, as well as the labels tell."""
        if recovery_error(self.result.network, self.teacher) <= EXACT:
            return True
        return align(self.result.network, self.teacher).signs_equal and np.abs(self.deviations).max() <= MOST_DEVIATIONS


def trial(truth: tuple[str, int, int, int], asked: tuple[str, int], noise: float, dtype: type, seed: int) -> Trial:
    """Plant a network of an activation, d, k, draw n samples, and ask for an activation and a width."""
    activation, d, k, n = truth
    network, samples, search = np.random.default_rng(seed).spawn(3)
    teacher = conditioned(d, k, KAPPA, activation, rng=network)
    if len(teacher.activation.reflection.polynomial) == 1:
        teacher = TwoLayerNetwork(teacher.a * np.geomspace(1, 2, k), teacher.W, activation=teacher.activation)
    X, y = gaussian_samples(teacher, n, rng=samples, noise=noise)
    specification, width = asked
    return Trial(teacher, recover(X.astype(dtype), y.astype(dtype), width, specification, rng=search))


def coverage(seeds: int) -> Table:
    table = _table(
        f"Standard errors, d = 10, k = 5, n = 1000, noise {COVERED_NOISE:.0%}, {seeds} seeds",
        ("activation", "certified", "weights", f"within {QUANTILE}", "rms in standard errors"),
    )
    for activation in COVERED:
        case = (activation, 10, 5, 1_000)
        trials = [trial(case, (activation, 5), COVERED_NOISE, np.float64, seed) for seed in range(seeds)]
        off = np.concatenate([one.deviations for one in trials])
        table.add_row(
            activation,
            _share(one.result.is_certified for one in trials),
            str(len(off)),
            f"{np.mean(np.abs(off) <= QUANTILE):.1%}",
            f"{np.sqrt(np.mean(off**2)):.2f}",
        )
    return table


def false_refusals(cases: Iterable[tuple[str, int, int, int]], draws: int) -> Table:
    table = _table(
        f"The right width and activation, {draws} draws each",
        ("activation", "d", "k", "n", "noise", "right", "certified", "otherwise", "gain", "loss", "p"),
    )
    everything: list[Result] = []
    for case in cases:
        kinds = [(f"{noise:.0%}", noise, np.float64) for noise in RIGHT_NOISES] + [("float32", 0.0, np.float32)]
        for name, noise, dtype in kinds:
            trials = [trial(case, (case[0], case[2]), noise, dtype, seed) for seed in range(draws)]
            right = [one.result for one in trials if one.is_right]
            everything += right
            cells = (_share(one.is_right for one in trials), *_refusals(right), *_worst(right))
            table.add_row(*map(str, case), name, *cells)
        table.add_section()
    table.add_row("all", "", "", "", "", str(len(everything)), *_refusals(everything), *_worst(everything))
    return table


def false_certificates(cases: Iterable[tuple[str, int, str, int, int]], draws: int) -> Table:
    table = _table(
        f"A wrong width or activation, d = {WRONG_DIM}, {draws} draws each",
        ("truth", "k", "asked", "width", "n", "certified", "otherwise", "misfit", "5 % noise", "otherwise ", "visible"),
    )
    for spec, k, other, width, n in cases:
        truth, asked = (spec, WRONG_DIM, k, n), (other, width)
        exact = [trial(truth, asked, 0.0, np.float64, seed).result for seed in range(draws)]
        noisy = [trial(truth, asked, WRONG_NOISE, np.float64, seed).result for seed in range(draws)]
        misfit = float(np.median([result.certificate.residual for result in exact]))
        cells = (*_refusals(exact), f"{misfit:.1e}", *_refusals(noisy), f"{n * (misfit / WRONG_NOISE) ** 2:.0f}")
        table.add_row(spec, str(k), other, str(width), str(n), *cells)
    return table


def _refusals(results: list[Result]) -> tuple[str, str]:
    """How many are certified, and how the others ended."""
    others = Counter(result.status for result in results if not result.is_certified)
    return _share(result.is_certified for result in results), ", ".join(_named(*entry) for entry in others.items())


def _named(status: Status, count: int) -> str:
    return f"{count} {status.name.lower().replace('_', ' ')}"


def _worst(results: list[Result]) -> tuple[str, str, str]:
    """The largest gain by more units, the least loss by fewer, and the least p-value; "-" where nothing was tested."""
    seen = [result.certificate for result in results if result.certificate.score_test is not None]
    if not seen:
        return "-", "-", "-"
    gains = [one.wider_gain for one in seen if one.wider_gain is not None]
    losses = [one.narrower_loss for one in seen if one.narrower_loss is not None]
    return (
        f"{max(gains):.2f}" if gains else "-",
        f"{min(losses):.3g}" if losses else "-",
        f"{min(one.score_test.p_value for one in seen):.1e}",
    )


def _share(flags: Iterable[bool]) -> str:
    flags = list(flags)
    return f"{sum(flags)}/{len(flags)}"


def _table(title: str, headings: tuple[str, ...]) -> Table:
    table = Table(title=title)
    for heading in headings:
        is_text = heading.strip() in ("activation", "truth", "asked", "otherwise")
        table.add_column(heading, no_wrap=heading.strip() != "otherwise", justify="left" if is_text else "right")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="two seeds, two small cases, to see that it runs")
    parser.add_argument("--seeds", type=int, default=50, help="of the first table")
    parser.add_argument("--draws", type=int, default=3, help="for each row of the others")
    given = parser.parse_args()
    seeds, draws, right, wrong = given.seeds, given.draws, RIGHT, WRONG
    if given.smoke:
        seeds, draws, right, wrong = 2, 1, SMOKE_RIGHT, SMOKE_WRONG
    console = Console(width=150)
    console.print(provenance())
    console.print(coverage(seeds))
    console.print(false_refusals(right, draws))
    console.print(false_certificates(wrong, draws))


if __name__ == "__main__":
    main()
