r"""Learning ReLU networks with biases from their Hermite coefficients (awasthi2021efficient), faithful to the paper.

- `recover_from_tensors`: Algorithm 1 for exact tensors and any level ℓ, more units than inputs included;
- `rank_one_terms`, `merged`: its flattenings, ranks, Jennrich's algorithm, and the removal of duplicates;
- `recover_scalars` (Algorithm 2), `fix_signs` (Algorithm 3);
- `recover_awasthi2021`: the robust version of section 5, from samples.
"""

from twolayer.papers.awasthi2021efficient.algorithm.algorithm import (
    RecoveredUnits,
    recover_from_tensors,
    units_of_tensors,
)
from twolayer.papers.awasthi2021efficient.algorithm.decomposition import (
    DIAGONALISATIONS,
    Terms,
    best_coefficients,
    merged,
    rank_one_terms,
)
from twolayer.papers.awasthi2021efficient.algorithm.flattenings import direction_of, packed_flattening, slices
from twolayer.papers.awasthi2021efficient.algorithm.learning import (
    Learning,
    level_for,
    recover_awasthi2021,
    truncated_least_squares,
)
from twolayer.papers.awasthi2021efficient.algorithm.sample_tensors import (
    SampleTensors,
    hermite_features,
    sample_tensors,
)
from twolayer.papers.awasthi2021efficient.algorithm.scalars import fix_signs, recover_scalars, scalars_of

__all__ = [
    "DIAGONALISATIONS",
    "Learning",
    "RecoveredUnits",
    "SampleTensors",
    "Terms",
    "best_coefficients",
    "direction_of",
    "fix_signs",
    "hermite_features",
    "level_for",
    "merged",
    "packed_flattening",
    "rank_one_terms",
    "recover_awasthi2021",
    "recover_from_tensors",
    "recover_scalars",
    "sample_tensors",
    "scalars_of",
    "slices",
    "truncated_least_squares",
    "units_of_tensors",
]
