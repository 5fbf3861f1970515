"""What there is to say of a ridge fit, in the units of the samples."""

from dataclasses import replace

import numpy as np

from twolayer.evidence import Certificate
from twolayer.evidence.certificate import singular_value_conditioning
from twolayer.evidence.curvature import Curvature
from twolayer.network import TwoLayerNetwork
from twolayer.ridge import RidgeFit, Standard

__all__ = ["certificate_of_approximation", "count_parameters"]


def count_parameters(network: TwoLayerNetwork, has_bias: bool) -> int:
    """Number of parameters that labels could determine; the scale of homogeneous units counted once."""
    per_unit = network.dim + has_bias + network.n_outputs - bool(network.activation.degree)
    return network.width * per_unit + has_bias * network.n_outputs


def certificate_of_approximation(fit: RidgeFit, standard: Standard, network: TwoLayerNetwork) -> Certificate:
    """Residual, noise and standard errors of a ridge fit, and no claim.

    Of several outputs, the residual is the root mean square over all of them of what is left, each in the spread of its
    own labels, and the noise that of what is left in their own units.
    """
    objective = fit.objective
    kappa, lambda_ = singular_value_conditioning(network)
    errors = fit.standard_errors(standard.matrix_of_rows())
    unit = float(np.sqrt(np.mean(standard.unit**2)))
    labels = objective.total_weight * objective.n_outputs
    outer = errors.a * (standard.unit[0] if errors.a.ndim == 1 else standard.unit)
    smallest, largest = fit.posterior.extremes
    return Certificate(
        n_rows=round(objective.total_weight),
        n_parameters=count_parameters(network, standard.has_bias),
        width=network.width,
        residual=float(np.sqrt(2 * fit.point.loss / labels)),
        noise=float(np.sqrt(fit.variance)) * unit,
        held_out_residual=None,
        kappa=kappa,
        lambda_=lambda_,
        curvature=Curvature(smallest, largest, round(objective.total_weight), is_held_out=False),
        standard_errors=replace(errors, a=outer, constant=errors.constant * unit),
        score_test=None,
        wider_gain=None,
        narrower_loss=None,
        notes=(
            f"A ridge of {fit.alpha:.3g} draws the weights to zero; of {objective.n_parameters} free weights the data"
            f" determine some {fit.effective_parameters:.0f}.",
        ),
    )
