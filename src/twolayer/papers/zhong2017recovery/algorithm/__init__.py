r"""The algorithms of zhong2017recovery, faithful to the paper, to be studied.

They recover :math:`y = \sum_i v_i\,\sigma(w_i \cdot x)` with x ~ N(0, I) and homogeneous σ from noiseless samples:
`initialization` is Algorithm 1 with `power_method` (POWERMETHOD) and `magnitudes_and_signs` (RECMAGSIGN), and
`recover_zhong2017` is Algorithm 2, which the paper proves to converge. The library's default method needs far fewer
samples.
"""

from twolayer.papers.zhong2017recovery.algorithm.initialization import Initialization, initialization
from twolayer.papers.zhong2017recovery.algorithm.learning import Learning, paper_step_size, recover_zhong2017
from twolayer.papers.zhong2017recovery.algorithm.magnitudes import decoded, decoding_orders, magnitudes_and_signs
from twolayer.papers.zhong2017recovery.algorithm.power_method import SUBSPACES, Subspace, eigsh_subspace, power_method

__all__ = [
    "SUBSPACES",
    "Initialization",
    "Learning",
    "Subspace",
    "decoded",
    "decoding_orders",
    "eigsh_subspace",
    "initialization",
    "magnitudes_and_signs",
    "paper_step_size",
    "power_method",
    "recover_zhong2017",
]
