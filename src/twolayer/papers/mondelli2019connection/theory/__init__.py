r"""On the connection between learning two-layer neural networks and tensor decomposition (mondelli2019connection).

Its networks are :math:`y(x) = \sum_{i=1}^r \sigma(w_i\cdot x)` with units of norm one and x ~ N(0, I). It says that an
estimate :math:`\hat y(x) = \sum_{i=1}^R \sigma(\hat w_i\cdot x)` none of whose units correlates with a true one
predicts hardly better than a predictor that does not know the units at all. In this library's names r is m and the w_i
are the rows of W; output weights are 1.

- `assumptions`: (A1) to (A4) of given weights, with their δ, η_avg and η_var;
- `theorem2_terms`, `theorem2`: separated isotropic weights, c_1, c_2, the bound, and whether its hypotheses hold;
- `theorem3`: random weights; its η is not explicit, so what is computed is the smallest η that an estimate shows;
- `corollary1`: which tensors must be hard to decompose for the bound of Theorem 2 to hold for every algorithm;
- `quantities`: all that it says of one network, by name;
- `comparison`: for an estimate, its largest correlation with the truth, its exact risk, and the bound, side by side.
"""

from twolayer.papers.mondelli2019connection.theory.estimates import Comparison, comparison
from twolayer.papers.mondelli2019connection.theory.polynomials import Corollary1, corollary1, powers_of
from twolayer.papers.mondelli2019connection.theory.quantities import quantities
from twolayer.papers.mondelli2019connection.theory.random_weights import Theorem3, theorem3
from twolayer.papers.mondelli2019connection.theory.separated_weights import Theorem2, theorem2, theorem2_terms
from twolayer.papers.mondelli2019connection.theory.weights import Assumptions, assumptions, correlation

__all__ = [
    "Assumptions",
    "Comparison",
    "Corollary1",
    "Theorem2",
    "Theorem3",
    "assumptions",
    "comparison",
    "corollary1",
    "correlation",
    "powers_of",
    "quantities",
    "theorem2",
    "theorem2_terms",
    "theorem3",
]
