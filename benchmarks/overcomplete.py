"""How soon are many more units than inputs recovered, and from how few rows, beside Adam?

    python benchmarks/overcomplete.py [--smoke] [--problems NAME ...] [--methods NAME ...] [--seeds 3] [--limit 120]
                                      [--output RUNS] [--read RUNS ...]

60 tanh units without biases on 20 inputs, from 20 000 rows and from fewer, down to less than two a parameter; and 50
ReLU units with biases on 10 inputs. Random unit rows, output weights of magnitude on [1/2, 2] and either sign, no
noise. The goal, the limits and the columns are those of `recovery.py`: all units, to 1e-6.
"""

from contest.command import contest
from contest.methods import IS_INSTALLED, REFERENCE
from contest.problems import CROWDED, CROWDED_SMOKE


def main() -> None:
    methods = (REFERENCE, "Adam") if IS_INSTALLED else (REFERENCE,)
    contest(__doc__, CROWDED, methods, CROWDED_SMOKE, seeds=3)


if __name__ == "__main__":
    main()
