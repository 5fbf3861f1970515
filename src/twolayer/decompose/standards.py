"""What a decomposition is measured against: every number that decides its status, in one place."""

from dataclasses import dataclass

__all__ = ["STANDARDS", "Standards"]


@dataclass(frozen=True)
class Standards:
    r"""The thresholds of the status of a decomposition.

    All are ratios. What is "of the tensor" is of its Frobenius norm.

    Attributes
    ----------
    exact : float
        A residual, of the tensor, that is rounding. Refined fits of exact tensors end between 3e-16 and 2e-15; the rest
        of the margin is for conditioning. Of a tensor in single precision, its machine epsilon takes this place.
    vanishing : float
        The least weight of a term, of the largest. A residual of `exact` moves the factor of a term of weight λ by
        about ``exact / λ``: to 0.001 at this weight.
    resolved : float
        What may be left over in one direction, of the least weight. A term must be twice what could still be taken out;
        at one it would be as good a term as any that was not taken.
    as_noise : float
        The residual over what the singular values beyond the rank say that noise leaves. Its standard error is
        :math:`1/\sqrt{2 N}` of it, N the numbers that those singular values hold: 0.2 for the dozen of the smallest
        tensors, and less for all others.
    sum_of_more : float
        A residual, of the tensor, of the factors that one pencil of slices gives. They are not refined, and lose the
        condition of the factors to rounding: the root of the machine epsilon.
    most_error : float
        How far noise may move a factor (radians) or a weight (relative) in the worst direction. At 0.3 the linear
        model by which that is computed still holds; the terms are then no more than pointed at.
    singular : float
        Eigenvalues of JᵀJ, of its norm, that are rounding: machine epsilon times the size of sums of a few hundred.
    most_parameters : int
        r (1 + d) up to which JᵀJ is formed and factored: the third power of it, about a tenth of a second.
    rounding : float
        Singular values, of the largest, that are rounding: as `exact`, of which they are the parts.
    clear : float
        The ratio of neighbouring singular values that noise does not make. Those of Gaussian noise alone, the last
        tenth aside, were at most 4.1 apart in 1000 draws of order three at each d from 3 to 12; of order four, 99 of
        100 draws are below 6.5 at d = 3 and 4, 3.3 at d = 5, and 2.4 beyond.
    fall : float
        That ratio at the rank, where several values beyond it are alike and bear it out.
    fall_to_one : float
        That ratio at the rank, where there is only one value beyond it, and nothing to compare it with: a single
        Gaussian number is below a tenth of its standard deviation one time in twelve, below a third one in four.
    alike : float
        The largest ratio of neighbours in the upper half of what is beyond the rank. Of Gaussian noise 99 of 100 draws
        are below it, but for tensors of order three with d < 5, and of order four with d < 4.
    looked_at : float
        The share of the values beyond the rank among which a fall is looked for: the least singular values of noise
        may be of any smallness.
    left_over : float
        What the decomposition of a rank that was found may leave, over the noise of which the singular values beyond
        that rank are the part outside of the terms. A fit leaves less than once the noise; but terms too weak to stand
        out may be among those values, and their part inside of the others is then larger.
    """

    exact: float = 1e-12
    vanishing: float = 1e-9
    resolved: float = 0.5
    as_noise: float = 1.25
    sum_of_more: float = 1e-8
    most_error: float = 0.3
    singular: float = 1e-13
    most_parameters: int = 1500
    rounding: float = 1e-12
    clear: float = 5.0
    fall: float = 3.0
    fall_to_one: float = 10.0
    alike: float = 2.0
    looked_at: float = 0.9
    left_over: float = 6.0


# those that every status in this package is by
STANDARDS = Standards()
