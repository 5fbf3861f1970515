"""How soon is a network recovered, beside what others would do?

    python benchmarks/recovery.py [--smoke] [--problems NAME ...] [--methods NAME ...] [--seeds 3] [--limit 60]
                                  [--output RUNS] [--read RUNS ...]

Planted networks with κ = 2 and output weights ±1, Gaussian inputs, no noise: the paper's setting (squared ReLU, k = 5),
from its 20 rows a parameter and from 2, and ReLU up to 50 units on 500 inputs. No method knows the signs of the output
weights.

The goal is a largest relative error of at most 1e-6. `recover` is timed as a whole, certificate included, once with
its lift off. A peer minimises over (a, W) from one random start after another until the squared residual is at most
1e-14 of that of nothing. All but `recover` are given ten times the seconds that it took, at least 5 and at most
`--limit`, but never less than it took itself.

"seconds" and "ratio" (seconds of `recover` over those of the method, seed by seed) are medians; "> s" says that half of
the seeds or more were not recovered within s seconds. "to 1e-14" are the seconds until that loss was first met, without
the certificate, with the ratio of these after it, and "loss" is the least met. All methods run in this process, in
turn, on the threads that the environment gives them.
"""

from contest.command import contest
from contest.methods import ANY_ACTIVATION
from contest.problems import PROBLEMS, SMOKE


def main() -> None:
    contest(__doc__, PROBLEMS, ANY_ACTIVATION, SMOKE, seeds=3)


if __name__ == "__main__":
    main()
