"""What is known of a network, and how well."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from twolayer.equality import equal_by_value
from twolayer.evidence.choice import Choice
from twolayer.evidence.curvature import Curvature
from twolayer.evidence.gaussianity import GaussianityTest
from twolayer.evidence.score_test import ScoreTest
from twolayer.evidence.standard_errors import StandardErrors
from twolayer.network import TwoLayerNetwork
from twolayer.one_line import in_one_line
from twolayer.plain import plain

__all__ = ["Certificate", "singular_value_conditioning"]


@in_one_line
@equal_by_value
@dataclass(frozen=True, eq=False)
class Certificate:
    """The evidence for a network.

    Attributes
    ----------
    n_rows, n_parameters, width : int
    residual : float
        Root mean square of what the network leaves, relative to the standard deviation of y.
    noise : float
        Estimated standard deviation of the label noise, √(‖r‖²/(n-p)), in the unit of y.
    held_out_residual : float or None
        As `residual`, on rows kept from the search, before they were fitted too; None where all rows were needed.
    kappa, lambda_ : float
        σ_1/σ_k and Πσ_i/σ_k^k of the recovered W (zhong2017recovery, Definition 4.1); infinite where k > d.
    curvature : Curvature
    standard_errors : StandardErrors
    score_test : ScoreTest or None
        Whether the residual depends on the inputs; None where there is only rounding.
    wider_gain, narrower_loss : float or None
        What more units gain and one unit fewer loses, relative to a generous bound for noise; a certificate needs the
        first below 0.6 and the second above 5. None where there is only rounding.
    notes : tuple of str
        What cannot be known, and what else to mind.
    inputs : GaussianityTest or None
        Whether the inputs are Gaussian in the directions of the units and of T_2. None where that was not asked.
    choices : tuple of Choice
        What else was tried where width or activation was not given, and how clear the choice was.
    unseen_units : int
        Units asked for that are not among those of the network, because no row shows them.
    """

    n_rows: int
    n_parameters: int
    width: int
    residual: float
    noise: float
    held_out_residual: float | None
    kappa: float
    lambda_: float
    curvature: Curvature
    standard_errors: StandardErrors
    score_test: ScoreTest | None
    wider_gain: float | None
    narrower_loss: float | None
    notes: tuple[str, ...]
    inputs: GaussianityTest | None = None
    choices: tuple[Choice, ...] = ()
    unseen_units: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The certificate as plain numbers, lists and text, fit for JSON (infinite numbers become None)."""
        return plain(asdict(self))

    def summary(self) -> str:
        """A few lines to read."""
        kind = "held-out" if self.curvature.is_held_out else "the fitted"
        lines = [
            f"{self.width} units, {self.n_parameters} parameters, {self.n_rows} rows",
            f"residual {self.residual:.1e} of the standard deviation of y; estimated noise {self.noise:.1e}",
            f"smallest eigenvalue of the Gauss-Newton Hessian {self.curvature.smallest:.1e} on {kind} rows",
            f"condition number kappa {self.kappa:.3g}, lambda {self.lambda_:.3g}",
            f"largest standard error of an input weight {np.max(self.standard_errors.W, initial=0.0):.1e}",
        ]
        if self.held_out_residual is not None:
            lines.insert(2, f"residual on held-out rows {self.held_out_residual:.1e}")
        if self.score_test is not None:
            lines.append(f"score test for lack of fit: p = {self.score_test.p_value:.2g}")
        return "\n".join([*lines, *(choice.summary() for choice in self.choices), *self.notes])


def singular_value_conditioning(network: TwoLayerNetwork) -> tuple[float, float]:
    """κ = σ_1/σ_k and λ = Πσ_i/σ_k^k of W; infinite where the units are dependent."""
    values = np.linalg.svd(network.W, compute_uv=False)
    if network.width > network.dim or network.width == 0 or values[-1] == 0:
        return np.inf, np.inf
    with np.errstate(over="ignore"):
        return float(values[0] / values[-1]), float(np.exp(np.sum(np.log(values / values[-1]))))
