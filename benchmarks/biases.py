"""How often and how soon is a network with biases recovered, beside what others would do?

    python benchmarks/biases.py [--smoke] [--methods NAME ...] [--seeds 10] [--limit 60]
                                [--output RUNS] [--read RUNS ...]

A planted ReLU network of 5 units on 10 inputs: random unit rows, biases uniform on [-1, 1], output weights of magnitude
on [1/2, 2] and either sign, 20 000 Gaussian inputs, no noise. The goal and the columns are those of `recovery.py`, and
peers are given 20 seconds at least. "a success" is the sum of all seconds over the number of runs that reached it.

Peers fit the exact width, from one random start after another. scikit-learn's `MLPRegressor` (L-BFGS, no penalty) does
so too, and with four times the units: such a network has no weights to compare, and bends between inputs where the
planted one does not. Its goal is an error on fresh inputs of at most 1e-3 of the spread of the labels.
"""

from contest.command import contest
from contest.methods import METHODS
from contest.problems import BIASED, BIASED_SMOKE


def main() -> None:
    contest(__doc__, BIASED, tuple(METHODS), BIASED_SMOKE, seeds=10, least_seconds=20.0)


if __name__ == "__main__":
    main()
