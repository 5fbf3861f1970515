r"""The problem that every algorithm is given, and the judged result that every algorithm gives."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import first_nonfinite, real_array, whole_number
from twolayer.decompose.flattening import flattened
from twolayer.decompose.pencil import pencil_vectors
from twolayer.decompose.rank_evidence import is_noise_beyond, noise_level, singular_values
from twolayer.decompose.standards import STANDARDS, Standards
from twolayer.decompose.symmetric_sum import best_weights, largest_term, slices, unit_rows
from twolayer.decompose.uniqueness import has_one_sum_nearby
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.one_line import in_one_line
from twolayer.symtensor import rank_one_sum, symmetrize

__all__ = ["TWO_DECOMPOSITIONS", "Decomposition", "Problem", "Status", "dimension", "generic_rank", "pose"]


class Status(enum.Enum):
    """What a decomposition is; the value says what to do about it."""

    EXACT = "The tensor is this sum, to rounding."
    RESOLVED = (
        "Every term stands above what is left over, which is noise: the singular values of the tensor fall at this"
        " rank, and those beyond it are alike."
    )
    UNEXPLAINED = (
        "Every term stands above what is left over, and the singular values of the tensor do not show that to be noise:"
        " the rank is too small, or there is noise that hides it, or the method's error is left ('auto' refines)."
    )
    AMBIGUOUS = (
        "The tensor is this sum, to rounding or noise, but of other such terms too: some are arbitrary; ask for a lower"
        " rank."
    )
    UNRESOLVED = "What is left over is as large as a term: try method 'auto', another rank, or a less noisy tensor."
    UNSETTLED = "Stopped at the step limit before it settled: try method 'auto', another seed, or a lower rank."


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class Decomposition:
    r"""A sum of rank-one terms, :math:`T \approx \sum_i \lambda_i u_i^{\otimes p}`, and how well it fits.

    Attributes
    ----------
    weights : array, shape (r,)
        λ, the largest in modulus first. For odd order none is negative, since
        :math:`-u^{\otimes 3} = (-u)^{\otimes 3}`; for even order they have both signs.
    factors : array, shape (r, d)
        One unit row to a term. For even order the sign of a row is arbitrary; its largest entry is made positive.
    order : int
        p, three or four.
    residual : float
        Relative Frobenius norm of what is left over, :math:`\|T - \sum_i \lambda_i u_i^{\otimes p}\| / \|T\|`.
    left_over : float
        The largest :math:`|R(u, \dots, u)|` found over unit u, R what is left over: the weight of a term that could
        still be taken out.
    method : str
        The algorithm that found it.
    status : Status
        Its value is the advice.
    gap : float or None
        How clear the rank was, where ``rank="auto"`` found it: the singular value at the rank over the next one;
        infinite where the next is rounding, 1 where the rank is beyond what the flattening shows and only the residual
        speaks for it. None where the rank was given.
    """

    weights: NDArray
    factors: NDArray
    order: int
    residual: float
    left_over: float
    method: str
    status: Status
    gap: float | None = None

    @property
    def rank(self) -> int:
        """Number of terms."""
        return len(self.weights)

    @property
    def is_exact(self) -> bool:
        """Whether the tensor is this sum to rounding, and of no other such terms nearby."""
        return self.status is Status.EXACT

    @property
    def stands_out(self) -> bool:
        """Whether it settled with each of its terms above what is left over, whatever that is."""
        return self.status in (Status.RESOLVED, Status.UNEXPLAINED)

    @property
    def is_converged(self) -> bool:
        """Whether it is exact, or settled with each of its terms above what is left over, and that is noise."""
        return self.status in (Status.EXACT, Status.RESOLVED)

    def tensor(self) -> NDArray:
        """The sum, dense, shape (d,) * order."""
        return rank_one_sum(self.weights, self.factors, self.order)


TWO_DECOMPOSITIONS = ((3, 6), (4, 4), (6, 3))
"""Orders and dimensions in which a generic sum of the most terms below the quotient has another decomposition."""


def dimension(d: int, order: int) -> int:  # noqa: ARG001 - every bound takes the same arguments
    """As many terms as dimensions."""
    return d


def generic_rank(d: int, order: int) -> int:
    r"""As many terms as a generic symmetric tensor determines: fewer than :math:`\binom{d+p-1}{p} / d`, at least d.

    Generic sums of fewer terms than that quotient have one decomposition, but for three exceptions with two (Chiantini,
    Ottaviani, Vannieuwenhoven, On generic identifiability of symmetric tensors of subgeneric rank, 2017).
    """
    return max(d, (comb(d + order - 1, order) - 1) // d - ((order, d) in TWO_DECOMPOSITIONS))


@dataclass(frozen=True, eq=False)
class Problem:
    """A checked float64 tensor, symmetric to rounding, scaled to norm one, and the number of terms wanted."""

    T: NDArray
    rank: int
    norm: float
    method: str
    rounding: float = STANDARDS.exact  # what a residual may be by the precision of the tensor that was given
    standards: Standards = STANDARDS

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """Singular values of the flattening."""
        return singular_values(self.T)

    def judged(self, factors: NDArray, weights: NDArray | None = None, is_settled: bool = True) -> Decomposition:
        """The result for given unit factors; weights that are not given are those of least residual."""
        if weights is None:
            weights = best_weights(self.T, factors)
        factors = unit_rows(factors)
        largest = factors[np.arange(len(factors)), np.abs(factors).argmax(axis=1)]
        signs = np.sign(weights if self.T.ndim == 3 else largest)
        signs[signs == 0] = 1.0
        if self.T.ndim == 3:
            weights = np.abs(weights)
        descending = np.argsort(-np.abs(weights), kind="stable")
        weights, factors = weights[descending], (factors * signs[:, None])[descending]
        rest = self.T - rank_one_sum(weights, factors, self.T.ndim)
        # what is left over may have its largest term where no factor points: a few directions of their own
        probes = unit_rows(np.random.default_rng(0).standard_normal((8, len(rest))))
        residual = float(np.linalg.norm(rest))
        left_over = abs(largest_term(flattened(rest), np.vstack([factors, probes]))[0])
        status = self._status(weights, factors, residual, left_over, is_settled)
        return Decomposition(
            weights * self.norm, factors, self.T.ndim, residual, left_over * self.norm, self.method, status
        )

    def _status(
        self, weights: NDArray, factors: NDArray, residual: float, left_over: float, is_settled: bool
    ) -> Status:
        if residual <= self.standards.exact:
            return Status.EXACT if self.is_determined(weights, factors, residual) else Status.AMBIGUOUS
        if not (is_settled and np.isfinite(residual)):
            return Status.UNSETTLED
        if left_over > self.standards.resolved * np.abs(weights).min():
            return Status.UNRESOLVED
        is_as_large = residual <= self.standards.as_noise * self._noise_left()
        is_noise = (
            is_as_large and is_noise_beyond(self.values, self.rank, self.standards) and not self._is_sum_of_more()
        )
        if not (is_noise or residual <= self.rounding):
            return Status.UNEXPLAINED
        return Status.RESOLVED if self.is_determined(weights, factors, residual) else Status.AMBIGUOUS

    def is_determined(self, weights: NDArray, factors: NDArray, residual: float) -> bool:
        """Whether what is left over, and rounding, leave the terms no room; weights are those of a tensor of norm one.

        A residual beyond rounding is noise alike in all directions, of which the terms took up as many as they have.
        """
        (r, d), order = factors.shape, self.T.ndim
        if np.abs(weights).min() <= self.standards.vanishing * np.abs(weights).max():
            return False
        free = max(1, comb(d + order - 1, order) - r * d)
        noise = max(self.rounding, residual / np.sqrt(free))
        return has_one_sum_nearby(weights, factors, order, noise, self.standards)

    def _is_sum_of_more(self) -> bool:
        """Whether an exact tensor of order three has more terms, up to d, as its singular values need not show."""
        d = len(self.T)
        if self.T.ndim != 3 or self.rank >= d:
            return False
        factors = pencil_vectors(slices(self.T, d), np.random.default_rng(0))[0].T
        left = np.linalg.norm(self.T - rank_one_sum(best_weights(self.T, factors), factors, 3))
        return bool(left <= self.standards.sum_of_more)

    def _noise_left(self) -> float:
        """What a fit leaves of the noise, of which its terms take up as large a share as they have of all numbers."""
        d, order = len(self.T), self.T.ndim
        share = self.rank * d / comb(d + order - 1, order)
        return noise_level(self.values, self.rank, order) * float(np.sqrt(max(0.0, 1 - share)))


def pose(
    T: ArrayLike,
    rank: int,
    method: str,
    largest_rank: Callable[[int, int], int],
    orders: tuple[int, ...] = (3, 4),
    asymmetry: float = 1e-8,
) -> Problem:
    """Check a tensor and a rank.

    Entries may differ by `asymmetry` of the largest one when two axes are exchanged: in double precision that is far
    more than rounding, and far less than a tensor that is not meant to be symmetric has.

    Raises
    ------
    InputError
        If `T` is not a real, finite, symmetric, nonzero tensor of one of the `orders`, or `rank` is below one or above
        what the method can do.
    """
    T = np.asarray(T)
    if T.ndim not in orders or len(set(T.shape)) != 1 or T.size == 0:
        wanted = " or ".join(f"(d,)*{order}" for order in orders)
        raise InputError(f"method {method!r} decomposes tensors of shape {wanted}, found shape {T.shape}")
    T = real_array(T, "T", T.ndim)
    eps = float(np.finfo(T.dtype).eps)
    tolerance = max(asymmetry, 64 * eps)  # in single precision, sums of a few dozen terms
    T = T.astype(np.float64)
    place = first_nonfinite(T)
    if place is not None:
        raise InputError(f"T must be finite, found {T[place]} at index {', '.join(map(str, place))}")
    largest = float(np.abs(T).max())
    if largest == 0:
        raise InputError("T must not be zero: it has no terms to find")
    found = max(float(np.abs(T - T.swapaxes(axis, axis + 1)).max()) for axis in range(T.ndim - 1))
    if found > tolerance * largest:
        raise InputError(
            f"T must be symmetric, found entries that differ by {found:.2g} when two axes are exchanged, "
            f"where the largest entry is {largest:.2g}"
        )
    rank, most = whole_number(rank, "rank"), largest_rank(len(T), T.ndim)
    if rank > most:
        raise InputError(
            f"method {method!r} finds at most {most} terms of order {T.ndim} in {len(T)} dimensions, rank is {rank}"
        )
    # what is symmetric to the last digits stays as it is, so that an exact sum remains one
    T = T / largest if found <= 1e-15 * largest else symmetrize(T / largest)
    norm = float(np.linalg.norm(T))
    return Problem(T / norm, rank, norm * largest, method, max(STANDARDS.exact, eps))
