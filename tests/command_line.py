"""What the tests of the command line share."""

from typing import NamedTuple

import numpy as np

PLANT = "sample --dim 6 --width 3 --activation squared_relu -n 300 --seed 5 -o samples.npz --teacher teacher.npz"
RECOVER = "recover samples.npz --width 3 --activation squared_relu -o network.npz"


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


def assert_refused(outcome: Outcome, *words: str) -> None:
    """Exit code 2, one sentence with `words` on standard error, nothing on standard output."""
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("Error: ")
    assert outcome.err.count("\n") == 1
    for word in words:
        assert word in outcome.err


def loaded() -> dict[str, np.ndarray]:
    with np.load("samples.npz") as samples:
        return {"X": samples["X"], "y": samples["y"]}
