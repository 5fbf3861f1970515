"""Where a search ended, and what it noted on its way: all that a judge is given."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.evidence.noise import NoiseEvidence
from twolayer.model.fit import Fit

__all__ = ["Found"]


@dataclass(frozen=True, eq=False)
class Found:
    """Where a search ended, and its record.

    Attributes
    ----------
    fit : Fit
        Of the network itself, at a minimum over all rows.
    lifted_loss : float or None
        The least loss of a lifted fit, relative to ‖y‖².
    held_out : array of bool, shape (n,), or None
        Rows kept from the search.
    held_out_loss : float or None
        Mean squared residual on them, before they were used.
    noise : NoiseEvidence or None
        None where the fit is exact.
    width : int or None
        The number of units asked for, where that is not the number of the fit.
    """

    fit: Fit
    lifted_loss: float | None = None
    held_out: NDArray[np.bool_] | None = None
    held_out_loss: float | None = None
    noise: NoiseEvidence | None = None
    width: int | None = None

    @property
    def unseen_units(self) -> int:
        """How many of the units asked for the fit does without."""
        return 0 if self.width is None else self.width - self.fit.problem.width
