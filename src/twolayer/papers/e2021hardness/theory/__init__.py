r"""On the hardness of learning two-layer neural networks (e2021hardness): the lecture's constructions and quantities.

- `intersection_network`, `sigmoid_intersection_network`, `parity_network`, `cosine_network`: hard functions written as
  two-layer networks, with their path norms;
- `parity_values`, `periodic_gram`, `sampled_gram`: the classes, and their inner products, exact and sampled;
- `query_dimension` of a finite class from its Gram matrix, of the parities, and of periodic neurons as d grows;
  `queries_needed`;
- `parity_gradient_variance`, `sampled_parity_gradient_variance`, `class_gradient_variance`: Theorem 5, for any model
  with per-sample gradients;
- `gradient_descent_distance`: Theorem 6;
- `sine_landscape`: the landscape of a sine neuron;
- `spectral_bound`, `barron_bound`: Barron norms; `quantities`: all that applies to a given network.

Where the lecture's text slips (a factor 2 in Theorem 5, a bias term in a path norm, a missing absolute value, a step of
the proof of Theorem 6 that does not hold), the docstring of what is computed says so, and what holds is computed.
"""

from twolayer.papers.e2021hardness.theory.barron import barron_bound, quantities, spectral_bound
from twolayer.papers.e2021hardness.theory.constructions import (
    intersection,
    intersection_network,
    intersection_path_norm,
    parity_network,
    parity_path_norm,
    sigmoid_intersection_network,
)
from twolayer.papers.e2021hardness.theory.cube import cube, parity_coefficients, parity_values, sign_cube
from twolayer.papers.e2021hardness.theory.descent import (
    Model,
    Movement,
    gradient_descent_distance,
    network_model,
    network_parameters,
)
from twolayer.papers.e2021hardness.theory.gradients import (
    GradientVariance,
    class_gradient_variance,
    network_gradients,
    parity_gradient_variance,
    sampled_parity_gradient_variance,
)
from twolayer.papers.e2021hardness.theory.landscape import Landscape, empirical_sine_risk, sine_landscape, sine_risk
from twolayer.papers.e2021hardness.theory.neurons import (
    cosine_network,
    fourier_coefficients,
    periodic_gram,
    sampled_gram,
)
from twolayer.papers.e2021hardness.theory.statistical_queries import (
    NearlyOrthonormal,
    log_query_dimension_of_waves,
    queries_needed,
    query_dimension,
    query_dimension_of_parities,
    unit_gram,
)

__all__ = [
    "GradientVariance",
    "Landscape",
    "Model",
    "Movement",
    "NearlyOrthonormal",
    "barron_bound",
    "class_gradient_variance",
    "cosine_network",
    "cube",
    "empirical_sine_risk",
    "fourier_coefficients",
    "gradient_descent_distance",
    "intersection",
    "intersection_network",
    "intersection_path_norm",
    "log_query_dimension_of_waves",
    "network_gradients",
    "network_model",
    "network_parameters",
    "parity_coefficients",
    "parity_gradient_variance",
    "parity_network",
    "parity_path_norm",
    "parity_values",
    "periodic_gram",
    "quantities",
    "queries_needed",
    "query_dimension",
    "query_dimension_of_parities",
    "sampled_gram",
    "sampled_parity_gradient_variance",
    "sigmoid_intersection_network",
    "sign_cube",
    "sine_landscape",
    "sine_risk",
    "spectral_bound",
    "unit_gram",
]
