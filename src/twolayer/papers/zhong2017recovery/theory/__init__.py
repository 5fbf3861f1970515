r"""Recovery guarantees for one-hidden-layer neural networks (zhong2017recovery): the paper's quantities, evaluated.

Its networks are :math:`y = \sum_{i=1}^k v_i\,\sigma(w_i \cdot x)` with x ~ N(0, I), k ≤ d and linearly independent w_i,
without noise. In this library's names v is ``a``, k is m, and W has the w_i as *rows*.

- `properties`, `alpha`, `beta`, `rho`: for which activations the guarantees hold (section 3);
- `conditioning`, `hessian_bounds`: how curved the risk is around the truth (section 4);
- `empirical_risk` and `population_risk`, with gradient and Hessian: equations (2) and (3);
- `gamma`, `unit_moments`, `moment`, `moment_orders`, `P2`, `P3`, `assumption`: the moments and what they must be
  (section 5);
- `quantities`: all that of one network, by name.
"""

from twolayer.papers.zhong2017recovery.theory.activations import (
    Properties,
    Property,
    alpha,
    beta,
    derivative_jumps,
    properties,
    rho,
    rho_terms,
)
from twolayer.papers.zhong2017recovery.theory.curvature import Conditioning, HessianBounds, conditioning, hessian_bounds
from twolayer.papers.zhong2017recovery.theory.moments import (
    P2,
    P3,
    Assumption,
    assumption,
    gamma,
    moment,
    moment_orders,
    unit_moments,
)
from twolayer.papers.zhong2017recovery.theory.population import population_gradient, population_hessian, population_risk
from twolayer.papers.zhong2017recovery.theory.quantities import quantities
from twolayer.papers.zhong2017recovery.theory.risk import (
    empirical_gradient,
    empirical_hessian,
    empirical_risk,
    risk_and_gradient,
)

__all__ = [
    "P2",
    "P3",
    "Assumption",
    "Conditioning",
    "HessianBounds",
    "Properties",
    "Property",
    "alpha",
    "assumption",
    "beta",
    "conditioning",
    "derivative_jumps",
    "empirical_gradient",
    "empirical_hessian",
    "empirical_risk",
    "gamma",
    "hessian_bounds",
    "moment",
    "moment_orders",
    "population_gradient",
    "population_hessian",
    "population_risk",
    "properties",
    "quantities",
    "rho",
    "rho_terms",
    "risk_and_gradient",
    "unit_moments",
]
