r"""Networks of ReLU units with biases (awasthi2021efficient): the paper's quantities, and what cannot be known.

Its networks are :math:`f(x) = \sum_{i=1}^m a_i\,\sigma(w_i \cdot x + b_i)` with σ = relu, unit w_i (here *rows* of W),
a_i ≠ 0 and x ~ N(0, I).

- `unit_coefficients`, `population_tensor`, `packed_population_tensors`: Lemma 3.5, any order and activation;
- `separation`, `least_separation`, `consecutive_coefficients`, `coefficient_floor`: Lemma 4.3;
- `khatri_rao_singular_values`, `least_level`, `thresholds`: non-degeneracy, and the lines that section 5 draws;
- `equivalent_signs`, `with_signs`, `counterexample`: Theorem 3.4 and Claim 4.8;
- `split_by_bias`, `affine_error`, `consolidated`: units of large bias, and the m + 2 units of Claim D.14;
- `quantities`: what there is to say of one network, by name.
"""

from twolayer.papers.awasthi2021efficient.theory.ambiguity import (
    counterexample,
    equivalent_signs,
    left_behind,
    with_signs,
)
from twolayer.papers.awasthi2021efficient.theory.coefficients import (
    coefficient_floor,
    consecutive_coefficients,
    least_separation,
    packed_population_tensors,
    population_tensor,
    separation,
    unit_coefficients,
)
from twolayer.papers.awasthi2021efficient.theory.large_biases import (
    BiasSplit,
    affine_error,
    consolidated,
    split_by_bias,
)
from twolayer.papers.awasthi2021efficient.theory.nondegeneracy import (
    Thresholds,
    khatri_rao_singular_values,
    least_level,
    scaled_powers,
    thresholds,
    weight_bound,
)
from twolayer.papers.awasthi2021efficient.theory.quantities import quantities

__all__ = [
    "BiasSplit",
    "Thresholds",
    "affine_error",
    "coefficient_floor",
    "consecutive_coefficients",
    "consolidated",
    "counterexample",
    "equivalent_signs",
    "khatri_rao_singular_values",
    "least_level",
    "least_separation",
    "left_behind",
    "packed_population_tensors",
    "population_tensor",
    "quantities",
    "scaled_powers",
    "separation",
    "split_by_bias",
    "thresholds",
    "unit_coefficients",
    "weight_bound",
    "with_signs",
]
