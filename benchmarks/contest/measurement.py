"""One run of one method, where it was made, and tables of many."""

import math
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from statistics import median

import numpy as np
import scipy
from rich.table import Table
from threadpoolctl import threadpool_info

from contest.least_squares import TARGET, Clock, OutOfTimeError
from contest.methods import METHODS, REFERENCE
from contest.problems import Problem
from twolayer.align import recovery_error
from twolayer.network import TwoLayerNetwork
from twolayer.recover import RecoveryError

RECOVERED, PREDICTED = 1e-6, 1e-3
_FRESH_ROWS = 100_000


@dataclass(frozen=True)
class Measurement:
    """How a method did on a problem.

    Attributes
    ----------
    problem, method : str
    seed : int
    seconds : float
        Until the method ended, or was stopped.
    limit : float or None
        When it would have been stopped.
    outcome : str
        "reached", "wrong" (ended elsewhere), "out of time" or "gave up".
    seconds_to_target : float or None
        Until a relative loss of 1e-14 was first met.
    loss : float or None
        The least met.
    error : float or None
        `recovery_error` of what the method ended with; of a network of another width, which has no weights to compare,
        the root mean square of its error on fresh inputs, relative to the spread of the labels there.
    starts : int
    """

    problem: str
    method: str
    seed: int
    seconds: float
    limit: float | None
    outcome: str
    seconds_to_target: float | None
    loss: float | None
    error: float | None
    starts: int

    @property
    def is_reached(self) -> bool:
        return self.outcome == "reached"


def measure(problem: Problem, method: str, seed: int, limit: float | None = None) -> Measurement:
    """Run a method on a problem, for at most `limit` seconds."""
    teacher, X, y = problem.draw(seed)
    rng = np.random.default_rng(seed)
    clock, network, outcome = Clock(math.inf if limit is None else limit), None, "reached"
    try:
        network = METHODS[method](X, y, problem.k, problem.activation, clock, rng, problem.bias > 0)
    except OutOfTimeError:
        outcome = "out of time"
    except RecoveryError:
        outcome = "gave up"
    seconds = clock.seconds
    error = None if network is None else _error(network, teacher)
    if error is not None and error > (RECOVERED if network.width == teacher.width else PREDICTED):
        outcome = "wrong"
    return Measurement(
        problem=problem.name,
        method=method,
        seed=seed,
        seconds=seconds,
        limit=limit,
        outcome=outcome,
        seconds_to_target=clock.seconds_to_target,
        loss=clock.best if math.isfinite(clock.best) else None,
        error=error if error is not None and math.isfinite(error) else None,
        starts=clock.starts,
    )


def _error(network: TwoLayerNetwork, teacher: TwoLayerNetwork) -> float:
    if network.width == teacher.width:
        return recovery_error(network, teacher)
    fresh = np.random.default_rng(0).standard_normal((_FRESH_ROWS, teacher.dim))
    labels = teacher(fresh)
    return float(np.sqrt(np.mean((network(fresh) - labels) ** 2)) / labels.std())


def provenance() -> dict[str, object]:
    """What the numbers depend on, besides the code."""
    names = ["twolayer", "numpy", "scipy", "scikit-learn", *(["torch"] if "Adam" in METHODS else [])]
    load = os.getloadavg() if hasattr(os, "getloadavg") else ()
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in names},
        "threads": threads(),
        "load": [round(entry, 2) for entry in load],
        "variables": {name: value for name, value in os.environ.items() if name.endswith("_NUM_THREADS")},
    }


def threads() -> dict[str, int]:
    """Threads of each pool, the same for all methods: as the environment says."""
    scipy.linalg.blas.dsyrk(1.0, np.eye(2))
    found = {f"{pool['user_api']} ({pool['internal_api']})": pool["num_threads"] for pool in threadpool_info()}
    if "Adam" in METHODS:
        import torch

        found["torch"] = torch.get_num_threads()
    return found


def table(measurements: Sequence[Measurement]) -> Table:
    """Medians over the seeds, one row for each problem and method, in the order in which they were first met."""
    made = Table(title=f"Time to an error of at most {RECOVERED:g}, medians over the seeds")
    columns = ("reached", "seconds", "ratio", f"to {TARGET:g}", "ratio", "loss", "error", "starts", "a success")
    for heading in ("problem", "method", *columns):
        made.add_column(heading, no_wrap=True, justify="left" if heading in ("problem", "method") else "right")
    for problem in dict.fromkeys(run.problem for run in measurements):
        here = [run for run in measurements if run.problem == problem]
        reference = {run.seed: run for run in here if run.method == REFERENCE}
        for method in dict.fromkeys(run.method for run in here):
            made.add_row(problem, method, *_cells([run for run in here if run.method == method], reference))
        made.add_section()
    return made


def _cells(runs: list[Measurement], reference: dict[int, Measurement]) -> tuple[str, ...]:
    reached = [run for run in runs if run.is_reached]
    pairs = [(reference[run.seed], run) for run in runs if run.seed in reference and reference[run.seed].is_reached]
    whole = [(ours.seconds / _given(run), run.is_reached) for ours, run in pairs]
    bare = [(_to_target(ours) / _to_target(run), run.is_reached) for ours, run in pairs]
    return (
        f"{len(reached)}/{len(runs)}",
        _bounded([(_given(run), run.is_reached) for run in runs], ">", math.inf),
        _bounded(whole, "<", 0.0),
        _middle(run.seconds_to_target for run in reached),
        _bounded(bare, "<", 0.0),
        _middle(run.loss for run in runs),
        _middle((run.error for run in reached), ".0e"),
        _middle((run.starts for run in runs), ".0f"),
        f"{sum(run.seconds for run in runs) / len(reached):.2g}" if reached else "-",
    )


def _to_target(run: Measurement) -> float:
    """Seconds until the loss of the goal was first met; what comes after, such as a certificate, is left out."""
    return run.seconds_to_target if run.is_reached and run.seconds_to_target is not None else _given(run)


def _given(run: Measurement) -> float:
    """Seconds to the goal, or, of a run that did not reach it, the seconds in which it did not."""
    return run.seconds if run.is_reached or run.limit is None else max(run.limit, run.seconds)


def _bounded(values: list[tuple[float, bool]], sign: str, beyond: float) -> str:
    """Median of values, of which those not known are `beyond`; a bound where that is the median."""
    if not values:
        return "-"
    middle = median(value if is_known else beyond for value, is_known in values)
    if middle not in (0.0, math.inf):
        return f"{middle:.2g}"
    return f"{sign} {median(value for value, is_known in values if not is_known):.2g}"


def _middle(values: Iterable[float | None], form: str = ".2g") -> str:
    known = [value for value in values if value is not None]
    return f"{median(known):{form}}" if known else "-"
