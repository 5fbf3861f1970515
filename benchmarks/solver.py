"""How long does a satisfiability solver take to find what is planted with care?

    python benchmarks/solver.py [--smoke] [--variables 100 200 300 400] [--samples 2000] [--patience 12]

Samples are those of `sign_cnn` with their defaults, nine clauses of four literals, planting "balanced". The clauses of
the label 0 all hold, and are given to Glucose (python-sat). "agreement" is the share of the planted assignment that it
found; "·" that it found none before patience ended: whether it would have some day is not known. With the label 1 one
clause or four of nine do not hold, which is not given to it.
"""

import argparse
from threading import Timer
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from pysat.solvers import Solver
from rich.console import Console
from rich.table import Table

from twolayer.papers.daniely2020hardness.instances import SIGN_CNN, conjunction, random_assignment, realizable_tuples

K, M = (int(SIGN_CNN.defaults[name]) for name in ("clause_size", "clauses"))


def clauses_and_truth(n_variables: int, n_samples: int) -> tuple[list[list[int]], NDArray]:
    """What holds, as signed numbers of variables from 1, and what is planted."""
    rng = np.random.default_rng(1)
    psi = random_assignment(n_variables, rng)
    sample = realizable_tuples(psi, n_samples, conjunction(K, M, planting="balanced"), rng)
    literals = sample.tuples.signs * (sample.tuples.variables + 1)
    return literals[sample.y == 0].reshape(-1, K).tolist(), psi


def solved(clauses: list[list[int]], n_variables: int, patience: float) -> tuple[NDArray | None, float]:
    """An assignment that satisfies them, or None, and the seconds it took."""
    with Solver(name="glucose4", bootstrap_with=clauses) as solver:
        start, timer = perf_counter(), Timer(patience, solver.interrupt)
        timer.start()
        is_found = solver.solve_limited(expect_interrupt=True)
        timer.cancel()
        seconds = perf_counter() - start
        return (np.sign(solver.get_model()[:n_variables]) if is_found else None), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="one small size, to see that it runs")
    parser.add_argument("--variables", type=int, nargs="+", default=[100, 200, 300, 400])
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--patience", type=float, default=12.0, help="seconds")
    given = parser.parse_args()
    table = Table(title=f"Glucose on the clauses of the label 0 of {given.samples} samples")
    for heading in ("variables", "clauses", "agreement", "seconds"):
        table.add_column(heading, justify="right")
    for n_variables in [50] if given.smoke else given.variables:
        clauses, psi = clauses_and_truth(n_variables, given.samples)
        found, seconds = solved(clauses, n_variables, given.patience)
        agreement = "·" if found is None else f"{np.mean(found == psi):.2f}"
        shown = f"> {given.patience:g}" if found is None else f"{seconds:.1f}"
        table.add_row(str(n_variables), str(len(clauses)), agreement, shown)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
