r"""Networks with natural weights that are hard to learn (daniely2020hardness), from random K-SAT to samples.

- `random_formula`, `planted_formula`, `sat`, `conjunction`: CSP(P) and random K-SAT; `read_dimacs`, `write_dimacs`;
- `PLANTINGS`, `planting_order`: laws of the planted literals, and how many of them it takes to see the assignment;
  `MajorityVote`: the attack on the law that shows it at a glance;
- `satisfying_assignment`, `realising_assignment`: decided by a real solver;
- `conjunctions`, `with_negations`, `scattered_tuples`, `realizable_tuples`, `encode`: the reductions
  :math:`\mathrm{SAT}_K \to T_{K,M} \to (T, \neg T)` → scattered or realizable samples of the sign-CNN;
- `fully_connected_transform`, `convolutional_transform`: the random M, for every `WeightLaw` of the paper;
- `distinguish`, `distinguishing_power`: any learner as a test of scattered against realizable;
- `SIGN_CNN`, `RANDOM_NETWORK`, `RANDOM_CNN`, `EASY_TWIN`: the families of instances.
"""

from twolayer.papers.daniely2020hardness.instances.dimacs import read_dimacs, write_dimacs
from twolayer.papers.daniely2020hardness.instances.distinguisher import (
    Learner,
    Power,
    Verdict,
    distinguish,
    distinguishing_power,
)
from twolayer.papers.daniely2020hardness.instances.easy_twins import EASY_TWIN
from twolayer.papers.daniely2020hardness.instances.families import RANDOM_CNN, RANDOM_NETWORK, SIGN_CNN
from twolayer.papers.daniely2020hardness.instances.formula import (
    Formula,
    Predicate,
    conjunction,
    planted_formula,
    random_assignment,
    random_formula,
    sat,
)
from twolayer.papers.daniely2020hardness.instances.laws import (
    Covariance,
    GoodnessOfFit,
    WeightLaw,
    autoregressive,
    covariance,
    goodness_of_fit,
)
from twolayer.papers.daniely2020hardness.instances.planting import PLANTINGS, planting_order
from twolayer.papers.daniely2020hardness.instances.reduction import (
    LabelledTuples,
    conjunctions,
    realizable_tuples,
    scattered_tuples,
    with_negations,
)
from twolayer.papers.daniely2020hardness.instances.sign_cnn import (
    cnn_output,
    encode,
    fully_connected_output,
    sign_filter,
)
from twolayer.papers.daniely2020hardness.instances.solver import realising_assignment, satisfying_assignment
from twolayer.papers.daniely2020hardness.instances.transform import (
    ConvolutionalTransform,
    FullyConnectedTransform,
    convolutional_transform,
    fully_connected_transform,
)
from twolayer.papers.daniely2020hardness.instances.vote import MajorityVote

__all__ = [
    "EASY_TWIN",
    "PLANTINGS",
    "RANDOM_CNN",
    "RANDOM_NETWORK",
    "SIGN_CNN",
    "ConvolutionalTransform",
    "Covariance",
    "Formula",
    "FullyConnectedTransform",
    "GoodnessOfFit",
    "LabelledTuples",
    "Learner",
    "MajorityVote",
    "Power",
    "Predicate",
    "Verdict",
    "WeightLaw",
    "autoregressive",
    "cnn_output",
    "conjunction",
    "conjunctions",
    "convolutional_transform",
    "covariance",
    "distinguish",
    "distinguishing_power",
    "encode",
    "fully_connected_output",
    "fully_connected_transform",
    "goodness_of_fit",
    "planted_formula",
    "planting_order",
    "random_assignment",
    "random_formula",
    "read_dimacs",
    "realising_assignment",
    "realizable_tuples",
    "sat",
    "satisfying_assignment",
    "scattered_tuples",
    "sign_filter",
    "with_negations",
    "write_dimacs",
]
