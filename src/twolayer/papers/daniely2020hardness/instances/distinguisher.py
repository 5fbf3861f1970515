r"""Any learner becomes a test of a sample: scattered, or realizable by a network?

Train on a small random part of a sample S, and look at the loss over all of it (daniely2020hardness, section 4). It is
at most 1/10 where the learner does what learnability promises, and at least ¼(1 − m/|S|) in expectation where labels
are fair coins, of which it saw m.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import frozen_array, whole_number
from twolayer.errors import InputError
from twolayer.instances.instance import Inputs
from twolayer.papers.daniely2020hardness.instances.formula import Seed

__all__ = ["THRESHOLD", "Learner", "Power", "Verdict", "distinguish", "distinguishing_power"]

THRESHOLD = 0.1  # the loss of the theorems, 1/10, by which a learner is told from a guess
_SHARE = 10  # a sample must be this many times as large as what the learner sees


class Learner(Protocol):
    """What has ``fit(X, y)`` and ``predict(X)``."""

    def fit(self, X: Any, y: Any) -> Any:
        """Learn."""

    def predict(self, X: Any) -> Any:
        """Predict."""


@dataclass(frozen=True)
class Verdict:
    """What the 1/10 rule says of one sample.

    Attributes
    ----------
    is_realizable : bool
        Whether `loss` is at most 1/10; otherwise the sample is called scattered.
    loss, standard_error : float
        Mean over the whole sample of (h − y)², the prediction h clipped to [0, 1], and its standard error.
    unseen_loss, unseen_standard_error : float
        The same over the rows that the learner did not see.
    constant_loss : float
        Loss of the best constant, the variance of the labels: a learner with no more than that has learned nothing.
    n_seen, n_samples : int
        Distinct rows that the learner saw, and rows in all.
    """

    is_realizable: bool
    loss: float
    standard_error: float
    unseen_loss: float
    unseen_standard_error: float
    constant_loss: float
    n_seen: int
    n_samples: int

    @property
    def is_clear(self) -> bool:
        """Whether the loss is more than two standard errors away from 1/10."""
        # two standard errors: one verdict in twenty is called clear by chance at the threshold
        return abs(self.loss - THRESHOLD) > 2.0 * self.standard_error


@dataclass(frozen=True)
class Power:
    """How often a learner called samples of one kind realizable.

    Attributes
    ----------
    verdicts : tuple of Verdict
    """

    verdicts: tuple[Verdict, ...]

    @property
    def frequency(self) -> float:
        """Share of the samples called realizable."""
        return float(np.mean([verdict.is_realizable for verdict in self.verdicts]))

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % confidence interval of the chance to be called realizable."""
        # Wilson's interval at 95 %
        n, p, z = len(self.verdicts), self.frequency, 1.959963984540054
        centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        return max(0.0, float(centre - half)), min(1.0, float(centre + half))

    @property
    def loss(self) -> float:
        """Mean loss over the unseen rows of all samples."""
        return float(np.mean([verdict.unseen_loss for verdict in self.verdicts]))

    @property
    def standard_error(self) -> float:
        """Its standard error, from the spread between the samples; NaN of one sample."""
        losses = [verdict.unseen_loss for verdict in self.verdicts]
        return float(np.std(losses, ddof=1) / np.sqrt(len(losses))) if len(losses) > 1 else float("nan")


def distinguish(learner: Learner, X: Inputs, y: ArrayLike, n_examples: int | None = None, rng: Seed = None) -> Verdict:
    r"""Decide whether a sample is scattered or realizable, by the 1/10 rule.

    Parameters
    ----------
    learner : object with ``fit`` and ``predict``
        Is fitted.
    X : array or scipy.sparse.csr_array, shape (n, d)
    y : array, shape (n,)
        In [0, 1].
    n_examples : int, optional
        What the learner sees: so many rows, drawn uniformly and independently. At most, and by default, a tenth of n:
        of what it saw, a learner may know the labels by heart.
    rng : numpy.random.Generator or int or None

    Returns
    -------
    Verdict

    Raises
    ------
    InputError
        If labels are not in [0, 1] or not as many as rows, more than a tenth would be seen, or the learner predicts
        something else than one finite number for each row.

    References
    ----------
    .. [1] daniely2020hardness, section 4
    """
    labels = frozen_array(y, "y", ndim=1)
    n = X.shape[0]
    if len(labels) != n or not ((labels >= 0) & (labels <= 1)).all():
        raise InputError(f"y must hold {n} labels between 0 and 1, found {len(labels)}")
    most = n // _SHARE
    m = most if n_examples is None else whole_number(n_examples, "the number of examples")
    if not 1 <= m <= most:
        needed = _SHARE * max(m, 1)
        raise InputError(f"{m} examples need a sample of {needed} rows or more, found {n}; nearest allowed: {most}")
    seen = np.random.default_rng(rng).integers(0, n, m)
    learner.fit(X[seen], labels[seen])
    predicted = frozen_array(learner.predict(X), "the learner's predictions", ndim=1)
    if len(predicted) != n:
        raise InputError(f"the learner predicted {len(predicted)} numbers for {n} rows")
    losses = (np.clip(predicted, 0, 1) - labels) ** 2
    is_unseen = np.ones(n, dtype=bool)
    is_unseen[seen] = False
    loss, error = _mean(losses)
    n_seen = n - int(is_unseen.sum())
    return Verdict(loss <= THRESHOLD, loss, error, *_mean(losses[is_unseen]), float(labels.var()), n_seen, n)


def distinguishing_power(
    make_learner: Callable[[int], Learner],
    draw: Callable[[np.random.Generator], tuple[Inputs, NDArray[Any]]],
    n_trials: int,
    n_examples: int | None = None,
    rng: Seed = None,
) -> Power:
    """Repeat `distinguish` on fresh samples of one kind.

    Parameters
    ----------
    make_learner : callable
        Seed → a fresh learner.
    draw : callable
        ``draw(rng) -> (X, y)``.
    n_trials : int
    n_examples : int, optional
    rng : numpy.random.Generator or int or None

    Returns
    -------
    Power
    """
    rng = np.random.default_rng(rng)
    verdicts = []
    for _ in range(whole_number(n_trials, "the number of trials")):
        X, y = draw(rng)
        verdicts.append(distinguish(make_learner(int(rng.integers(2**31))), X, y, n_examples, rng))
    return Power(tuple(verdicts))


def _mean(losses: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and its standard error."""
    return float(losses.mean()), float(losses.std(ddof=1) / np.sqrt(len(losses)))
