"""What a certificate asks for: every threshold of the verdict, with its source."""

from dataclasses import dataclass

__all__ = ["STANDARDS", "Standards"]


@dataclass(frozen=True)
class Standards:
    """The thresholds of the verdict.

    "Measured" is on planted networks of relu, tanh, sigmoid, softplus, gelu and squared ReLU units, 2 to 10 inputs, 1
    to 5 units, 60 rows a parameter; under noise of 5 %, where there is noise: ``tests/test_evidence_standards.py``.
    ``benchmarks/certificate.py`` asks for right and for wrong networks, and counts what is certified.

    Attributes
    ----------
    exact_rows_per_parameter : float
        Rows that differ, for each parameter, that an exact fit must explain. One for each could be met by chance; every
        row beyond is met to 1e-11 with a chance of about 1e-11, so that half as many again leave none.
    noisy_rows_per_parameter : float
        The same under noise: with 8 the noise level, which all tests go by, is known to √(2/(7p)), a sixth of itself at
        ten parameters, and a fit has taken an eighth of the noise for its own.
    flat : float
        Smallest eigenvalue of the scaled Gauss-Newton Hessian, of the largest, above which no direction is flat.
        Exactly flat ones come out below 1e-12, the rounding of a sum of squares. Measured: 4e-9 and more in 60 exact
        recoveries, 5e-6 and more with a kink so far out that one row in 700 shows it.
    flat_in_single_precision : float
        The same where the products are in float32, with rounding 1e-7: of many parameters.
    most_relative_error : float
        Standard error of a unit's weights, of their length, up to which they count as known. At 0.3 zero is still three
        standard errors away.
    most_leverage : float
        Leverage of a row of an exact fit above which its label is met whatever it is. 1 is reached to 1e-10; a row that
        shares what it shows with one other row in 1e5 is below.
    most_leverage_under_noise : float
        The same under noise: above 0.9 a row moves the fit to within a tenth of the way to its own label.
    rows_that_share : float
        Rows for each parameter above which leverages are not looked at under noise: their mean is then below 0.01.
    least_p_value : float
        Of the score test, above which the residual may be noise. One false alarm in ten thousand fits.
    most_wider_gain : float
        What more units gain, relative to what noise could give them (`gain_offset`), up to which the residual is noise.
        Measured: 0.38 at most in 40 right networks, 0.18 in the median.
    least_narrower_loss : float
        What a unit fewer loses, relative to the same, from which all units are needed. Measured: 0.33 at most in 40
        networks with a unit too many; above 34 in nine of ten right ones.
    gain_per_parameter, gain_offset : float
        What noise could give so many parameters, in noise variances: 4 for each and 40 more. A unit fitted to noise
        takes 2 a parameter, the best of some dozens of them the square of a few standard deviations more.
    signal_per_parameter, signal_offset : float
        What a fit to pure noise explains, but for one in hundreds, in noise variances: 2 for each and 20 more.
    weakest_unit : float
        Share of the mean strength of a unit that must not stay unnoticed: else the rows have no power to tell.
    least_freedom : int
        Rows beyond parameters from which a noise level can be told at all: to 30 %.
    clearly : float
        Standard errors beyond which a difference is not chance. Six: one in 1e9.
    vanishing : float
        What turning units round leaves, of its parts, that only rounding explains.
    on_the_kink : float
        Distance of a row from a kink, relative to the size of both, that only rounding explains: on which side of the
        kink it lies is then not known.
    clearly_worse : float
        Standard errors of the mean difference of squared residuals, on rows held out, beyond which one of two
        activations is refuted.
    likelihood_per_parameter : float
        Twice the log-likelihood that a fit of an activation may differ by for each parameter, beside `gain_offset`,
        before it is refuted on the rows of the search.
    same_values, same_exact_values : float
        Root mean square difference of two functions that are one: of what the network leaves, and of the labels.
    judging_rows : int
        Rows for each parameter, held out and drawn at random, on which the curvature is looked at.
    """

    exact_rows_per_parameter: float = 1.5
    noisy_rows_per_parameter: float = 8.0
    flat: float = 1e-10
    flat_in_single_precision: float = 1e-6
    most_relative_error: float = 0.3
    most_leverage: float = 1 - 1e-5
    most_leverage_under_noise: float = 0.9
    rows_that_share: float = 100.0
    least_p_value: float = 1e-4
    most_wider_gain: float = 0.6
    least_narrower_loss: float = 5.0
    gain_per_parameter: float = 4.0
    gain_offset: float = 40.0
    signal_per_parameter: float = 2.0
    signal_offset: float = 20.0
    weakest_unit: float = 0.1
    least_freedom: int = 20
    clearly: float = 6.0
    vanishing: float = 1e-9
    on_the_kink: float = 1e-9
    clearly_worse: float = 4.0
    likelihood_per_parameter: float = 2.0
    same_values: float = 1e-3
    same_exact_values: float = 1e-8
    judging_rows: int = 4


STANDARDS = Standards()
