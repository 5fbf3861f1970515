"""The laws of an activation, for every member of the table; formulas against plain ones, closed forms by quadrature."""

import math
import pickle
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from scipy.special import erfc

from oracles import gaussian_mean, gaussian_pair_mean, hermite
from twolayer.activation import ACTIVATIONS, Activation, Reflection, activation
from twolayer.activation.smoothing import step_kernel
from twolayer.errors import InputError


def _normal_distribution(t):
    return 0.5 * math.erfc(-t / math.sqrt(2))


# Each member, and its formula for one number.
FORMULAS = {
    "relu": lambda t: max(t, 0.0),
    "leaky_relu(0.01)": lambda t: t if t > 0 else 0.01 * t,
    "leaky_relu(-1)": abs,
    "leaky_relu(3)": lambda t: t if t > 0 else 3 * t,
    "squared_relu": lambda t: max(t, 0.0) ** 2,
    "abs": abs,
    "sigmoid": lambda t: 1 / (1 + math.exp(-t)),
    "tanh": lambda t: (math.exp(t) - math.exp(-t)) / (math.exp(t) + math.exp(-t)),
    "erf": math.erf,
    "softplus": lambda t: math.log(1 + math.exp(t)),
    "gelu": lambda t: t * _normal_distribution(t),
    "sine": math.sin,
    "linear": lambda t: t,
    "quadratic": lambda t: t * t,
    "polynomial(0,1,0,0.5)": lambda t: t + 0.5 * t**3,
    "polynomial(1,2,-3,0,0.25)": lambda t: 1 + 2 * t - 3 * t**2 + 0.25 * t**4,
    "polynomial(1,0,2)": lambda t: 1 + 2 * t**2,
    "scaled(tanh,2.5)": lambda t: math.tanh(2.5 * t),
    "scaled(squared_relu,0.5)": lambda t: max(t / 2, 0.0) ** 2,
    "scaled(scaled(gelu,2),3)": lambda t: 6 * t * _normal_distribution(6 * t),
}
every = pytest.mark.parametrize("sigma", [activation(spec) for spec in FORMULAS], ids=str)
GRID = np.linspace(-6, 6, 1201)


def test_every_entry_of_the_table_is_tested():
    assert {activation(spec).keyword for spec in FORMULAS} == set(ACTIVATIONS)
    assert all(kind.keyword == name for name, kind in ACTIVATIONS.items())


@every
def test_value_is_the_formula(sigma):
    expected = np.array([FORMULAS[sigma.name](t) for t in GRID])
    np.testing.assert_allclose(sigma(GRID), expected, rtol=2e-14, atol=4e-16 * max(1, np.abs(expected).max()))


@every
@pytest.mark.parametrize(("primitive", "slope"), [("__call__", "derivative"), ("derivative", "second_derivative")])
def test_each_derivative_integrates_to_the_one_before(sigma, primitive, slope):
    nodes, weights = np.polynomial.legendre.leggauss(20)
    left = np.arange(-6, 6, 0.125)
    integral = 0.0625 * getattr(sigma, slope)(left[:, None] + 0.0625 * (1 + nodes)) @ weights
    f = getattr(sigma, primitive)
    difference = f(left + 0.125) - f(np.where(left == 0, 1e-300, left))  # from within the panel, where f jumps at 0
    np.testing.assert_allclose(integral, difference, rtol=1e-12, atol=1e-13 * np.abs(f(left)).max())


@every
def test_reflection_law(sigma):
    law = sigma.reflection
    remainder = sum(c * GRID**j for j, c in enumerate(law.polynomial))
    np.testing.assert_allclose(sigma(-GRID), law.sign * sigma(GRID) + remainder, rtol=1e-13, atol=1e-13)
    assert not law.polynomial or law.polynomial[-1] != 0


@pytest.mark.parametrize(
    ("spec", "sign", "polynomial"),
    [
        ("relu", 1, (0, -1)),
        ("leaky_relu(0.25)", 1, (0, -1.25)),
        ("softplus", 1, (0, -1)),
        ("gelu", 1, (0, -1)),
        ("squared_relu", -1, (0, 0, 1)),
        ("scaled(squared_relu,2)", -1, (0, 0, 4)),
        ("sigmoid", -1, (1,)),
        ("tanh", -1, ()),
        ("erf", -1, ()),
        ("sine", -1, ()),
        ("linear", -1, ()),
        ("abs", 1, ()),
        ("leaky_relu(-1)", 1, ()),
        ("quadratic", 1, ()),
        ("polynomial(5,1,2,3)", -1, (10, 0, 4)),
        ("polynomial(5,1,2,3,4)", 1, (0, -2, 0, -6)),
    ],
)
def test_reflection_leaves_the_lowest_degree(spec, sign, polynomial):
    assert activation(spec).reflection == Reflection(sign, polynomial)


@every
def test_parity_is_that_of_the_values(sigma):
    is_even, is_odd = (np.allclose(sigma(-GRID), s * sigma(GRID), rtol=1e-13, atol=1e-14) for s in (1, -1))
    assert sigma.parity == is_even - is_odd


@every
def test_degree_is_that_of_homogeneity(sigma):
    t = np.array([-2.0, -0.7, 0.3, 1.9])
    stretched = np.array([sigma(c * t) for c in (0.5, 3.0)])
    if sigma.degree is None:
        c, q = 3.0, np.log(abs(sigma(5.7) / sigma(1.9))) / np.log(3.0)  # the only degree that fits one pair of points
        assert not np.allclose(sigma(c * t), c**q * sigma(t), rtol=1e-3)
    else:
        np.testing.assert_allclose(stretched, np.outer(np.array([0.5, 3.0]) ** sigma.degree, sigma(t)), rtol=1e-14)


@every
def test_kinks_are_where_one_sided_derivatives_differ(sigma):
    def has_jump(t):
        sides = [[f(t + side * 1e-9) for f in (sigma, sigma.derivative, sigma.second_derivative)] for side in (-1, 1)]
        return not np.allclose(*sides, atol=1e-6)

    assert tuple(t for t in (-1.0, 0.0, 1.0) if has_jump(t)) == sigma.kinks
    assert sigma.is_smooth == (sigma.kinks == ())


@every
def test_derivatives_at_a_kink_are_from_the_left(sigma):
    for kink in sigma.kinks:
        for f in (sigma.derivative, sigma.second_derivative):
            np.testing.assert_allclose(f(kink), f(kink - 1e-13), atol=1e-12)


def test_derivative_of_relu_at_zero_is_zero():
    assert activation("relu").derivative(0.0) == 0
    assert activation("leaky_relu(0.25)").derivative(0.0) == 0.25
    assert activation("abs").derivative(0.0) == -1


@every
@pytest.mark.parametrize("scale", [0.3, 1.0, 2.5])
def test_hermite_coefficients_agree_with_adaptive_quadrature(sigma, scale):
    order, shifts = 8, np.array([-1.7, 0.0, 0.6])
    expected, mean_square = np.empty((order + 1, 3)), np.empty(3)
    for i, shift in enumerate(shifts):
        cuts = [(kink - shift) / scale for kink in sigma.kinks]
        product = partial(_value_products, sigma, scale, shift, order)
        *expected[:, i], mean_square[i] = gaussian_mean(product, cuts)
    error = np.abs(sigma.hermite_coefficients(order, scale, shifts) - expected)
    size = np.sqrt([[math.factorial(j)] for j in range(order + 1)] * mean_square)
    assert np.max(error / size) < 1e-13


def _value_products(sigma, scale, shift, order, g):
    """Products of σ(scale g + shift) with He_0(g), …, He_order(g), and with itself."""
    value = sigma(scale * g + shift)
    return np.array([*(value * hermite(j, g) for j in range(order + 1)), value * value])


@every
def test_hermite_coefficients_at_scale_zero_are_the_value(sigma):
    shifts = np.array([-1e-200, -2.0, 0.0, 0.7, 30.0])
    coefficients = sigma.hermite_coefficients(3, 0.0, shifts)
    np.testing.assert_allclose(coefficients[0], sigma(shifts), rtol=1e-14, atol=1e-15)
    assert not coefficients[1:].any()


@every
def test_hermite_coefficients_are_continuous_to_scale_zero(sigma):
    tiny, zero = (sigma.hermite_coefficients(6, scale, [-2.0, 0.7, 1e12]) for scale in (1e-300, 0.0))
    np.testing.assert_allclose(tiny, zero, rtol=1e-13, atol=1e-15)


@every
def test_mean_of_an_odd_activation_near_zero_keeps_its_relative_accuracy(sigma):
    mean = sigma.hermite_coefficients(0, 1e-6, 1e-8)[0]
    assert sigma.parity != -1 or mean == pytest.approx(sigma.derivative(0.0) * 1e-8, rel=1e-10, abs=0)


@every
def test_hermite_coefficients_broadcast(sigma):
    scale, shift = np.array([[0.0], [0.5], [2.0]]), np.array([-1.0, 0.0])
    table = sigma.hermite_coefficients(4, scale, shift)
    assert table.shape == (5, 3, 2)
    for (i, j), _ in np.ndenumerate(table[0]):
        np.testing.assert_array_equal(table[:, i, j], sigma.hermite_coefficients(4, scale[i, 0], shift[j]))
    np.testing.assert_array_equal(sigma.hermite_coefficients(0, scale, shift), table[:1])
    np.testing.assert_array_equal(sigma.hermite_coefficients(1, scale, shift), table[:2])


@every
def test_hermite_series_sums_to_the_mean_square(sigma):
    """Parseval at a high order: Σ c_j²/j! = E σ², up to what a kink leaves at order 100."""
    coefficients = sigma.hermite_coefficients(100, 0.1, 0.1)
    normalised = coefficients / np.sqrt([float(math.factorial(j)) for j in range(101)])
    mean_square = gaussian_mean(
        lambda g: sigma(0.1 * g + 0.1) ** 2, [(kink - 0.1) / 0.1 for kink in (0.0, *sigma.kinks)]
    )
    np.testing.assert_allclose(np.sum(normalised**2), mean_square, rtol=1e-12 if sigma.is_smooth else 1e-3)


C0 = 1 / math.sqrt(2 * math.pi)


@pytest.mark.parametrize(
    ("spec", "moments"),
    [
        ("relu", [C0, 1 / 2, C0, 0, -C0, 0, 3 * C0]),
        ("leaky_relu(0.2)", [0.8 * C0, 1.2 / 2, 0.8 * C0, 0, -0.8 * C0]),
        ("squared_relu", [1 / 2, 2 * C0, 1, 2 * C0, 0]),
        ("abs", [2 * C0, 0, 2 * C0, 0, -2 * C0]),
        ("quadratic", [1, 0, 2, 0, 0]),
        ("linear", [0, 1, 0, 0, 0]),
        ("sine", [0, math.exp(-0.5), 0, -math.exp(-0.5), 0]),
    ],
)
def test_unit_scale_coefficients_are_the_papers(spec, moments):
    computed = activation(spec).hermite_coefficients(len(moments) - 1)
    np.testing.assert_allclose(computed, moments, rtol=1e-15, atol=1e-16)


def test_coefficients_of_steep_tanh_are_the_papers():
    """Normalised coefficients of tanh(5t/2), of orders 1, 3, 5, 7, as mondelli2019connection's experiment has them."""
    coefficients = activation("scaled(tanh,2.5)").hermite_coefficients(7)
    normalised = coefficients / np.sqrt([float(math.factorial(j)) for j in range(8)])
    np.testing.assert_allclose(normalised[1::2], [0.7514, -0.2730, 0.1637, -0.1133], atol=5e-5)
    np.testing.assert_allclose(normalised[::2], 0, atol=1e-15)


@pytest.mark.parametrize("b", [-2.0, -0.3, 1.1])
def test_biased_relu_has_the_coefficients_of_lemma_3_5(b):
    expected = [(-1) ** k * hermite(k - 2, b) * math.exp(-b * b / 2) * C0 for k in range(2, 9)]
    np.testing.assert_allclose(activation("relu").hermite_coefficients(8, 1.0, b)[2:], expected, rtol=1e-13, atol=1e-15)


PAIRS = [  # ‖u‖, ‖w‖, cosine
    (1.0, 1.0, 1.0),
    (0.7, 1.6, -1.0),
    (1.3, 0.4, 0.0),
    (0.5, 2.0, 0.6),
    (1.2, 1.0, -0.35),
    (1.0, 1.5, 0.99),
]


@every
@pytest.mark.parametrize(("u", "w", "cosine"), PAIRS)
def test_dual_kernel_agrees_with_nested_quadrature(sigma, u, w, cosine):
    expected = gaussian_pair_mean(sigma.derivative, u, w, cosine)
    computed = sigma.dual_kernel(u * u, u * w * cosine, w * w)
    size = np.sqrt(sigma.dual_kernel(u * u, u * u, u * u) * sigma.dual_kernel(w * w, w * w, w * w))
    assert abs(computed - expected) < 1e-11 * size


def test_kernel_of_two_smoothed_steps_keeps_their_variances_apart():
    """The mean product of two steps smoothed by 0.3 and 2, for the collinear units 1.5 and 0.7."""
    first, second = (partial(_smoothed_step, norm / math.sqrt(v)) for norm, v in ((1.5, 0.3), (0.7, 2.0)))
    expected = gaussian_mean(lambda g: first(g) * second(g))
    computed = step_kernel(np.float64(2.25), np.float64(1.05), np.float64(0.49), 0.3, 2.0)
    np.testing.assert_allclose(computed, expected, rtol=1e-13)


def _smoothed_step(steepness, g):
    return erfc(-steepness * g / math.sqrt(2)) / 2


@every
def test_dual_kernel_of_a_vanished_unit_is_the_mean_slope(sigma):
    slope = sigma.hermite_coefficients(1, 1.5)[1] / 1.5  # E σ'(w·x)
    np.testing.assert_allclose(sigma.dual_kernel(0.0, 0.0, 2.25), sigma.derivative(0.0) * slope, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(sigma.dual_kernel(2.25, 0.0, 0.0), sigma.derivative(0.0) * slope, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(sigma.dual_kernel(0.0, 0.0, 0.0), sigma.derivative(0.0) ** 2, rtol=1e-13)


@every
def test_dual_kernel_makes_a_symmetric_positive_gram_matrix(sigma):
    W = np.random.default_rng(3).standard_normal((12, 4))
    G = W @ W.T
    square = np.diag(G)
    K = sigma.dual_kernel(square[:, None], G, square)
    np.testing.assert_allclose(K, K.T, rtol=1e-13, atol=1e-14 * np.abs(K).max())
    assert np.linalg.eigvalsh(K)[0] > -1e-13 * np.abs(K).max()


@every
def test_dual_kernel_forgives_rounding_beyond_cauchy_schwarz(sigma):
    for sign in (-1, 1):
        beyond = sigma.dual_kernel(2.0, sign * 2.0 * (1 + 1e-15), 2.0)
        np.testing.assert_allclose(beyond, sigma.dual_kernel(2.0, sign * 2.0, 2.0), rtol=1e-13, atol=1e-15)


@dataclass(frozen=True)
class _SiLU(Activation):
    """t sigmoid(t): only its formulas, no closed form."""

    keyword = "silu"
    reflection = Reflection(1, (0.0, -1.0))

    def _value(self, t):
        return t / (1 + np.exp(-t))

    def _derivative(self, t):
        s = 1 / (1 + np.exp(-t))
        return s + t * s * (1 - s)

    def _second_derivative(self, t):
        s = 1 / (1 + np.exp(-t))
        return s * (1 - s) * (2 + t * (1 - 2 * s))


@dataclass(frozen=True)
class _Hinge(Activation):
    """max(t - place, 0): a kink away from zero, no closed form."""

    place: float
    keyword = "hinge"
    reflection = Reflection(1, (0.0, -1.0))

    @property
    def kinks(self):
        return (self.place,)

    def _value(self, t):
        return np.maximum(t - self.place, 0)

    def _derivative(self, t):
        return (t > self.place).astype(t.dtype)

    def _second_derivative(self, t):
        return np.zeros_like(t)


@pytest.mark.parametrize("sigma", [_SiLU(), _Hinge(0.8)], ids=str)
@pytest.mark.parametrize(("scale", "shift"), [(0.0, 1.3), (0.4, -1.0), (1.0, 0.0), (6.0, 2.0)])
def test_a_new_activation_inherits_hermite_coefficients(sigma, scale, shift):
    cuts = [(point - shift) / scale for point in sigma.kinks] if scale else []
    expected = gaussian_mean(partial(_value_products, sigma, scale, shift, 5), cuts)[:-1]
    np.testing.assert_allclose(sigma.hermite_coefficients(5, scale, shift), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("u", "w", "cosine"), [*PAIRS, (3.0, 2.0, 0.9)])
def test_a_new_smooth_activation_inherits_a_dual_kernel(u, w, cosine):
    expected = gaussian_pair_mean(_SiLU().derivative, u, w, cosine)
    np.testing.assert_allclose(_SiLU().dual_kernel(u * u, u * w * cosine, w * w), expected, rtol=1e-11)


def test_scaling_moves_the_kinks():
    assert ACTIVATIONS["scaled"](_Hinge(0.8), 2.0).kinks == (0.4,)


def test_a_new_activation_with_a_kink_must_bring_its_dual_kernel():
    with pytest.raises(NotImplementedError, match=r"hinge\(0.8\) has kinks"):
        _Hinge(0.8).dual_kernel(1.0, 0.5, 1.0)


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floating_dtype_shape_and_input_are_kept(sigma, dtype):
    for t in (
        np.linspace(-3, 3, 12, dtype=dtype).reshape(4, 3),
        np.asfortranarray(np.ones((2, 3), dtype)),
        dtype(-0.5),
    ):
        before = np.array(t)
        for f in (sigma, sigma.derivative, sigma.second_derivative):
            value = f(t)
            assert value.dtype == dtype
            assert value.shape == t.shape
            assert not np.shares_memory(value, t)
            np.testing.assert_allclose(
                value, f(np.asarray(t, np.float64)), rtol=3e-5 if dtype == np.float32 else 0, atol=1e-30
            )
        np.testing.assert_array_equal(t, before)


@every
def test_integers_and_lists_are_taken_as_float64(sigma):
    for f in (sigma, sigma.derivative, sigma.second_derivative):
        assert f(np.array([-2, 0, 3], np.int8)).dtype == np.float64
        np.testing.assert_array_equal(f([-2, 0, 3]), f(np.array([-2.0, 0.0, 3.0])))


@every
def test_far_out_there_is_no_overflow(sigma):
    """Warnings are errors: the values are those of the asymptote, of which polynomials take their finite part."""
    far = 1e300 if not sigma.degree and sigma.keyword not in ("polynomial", "sine") else 1e60
    for t in (-far, -1000.0, -40.0, 40.0, 1000.0, far):
        assert np.isfinite([sigma(t), sigma.derivative(t), sigma.second_derivative(t)]).all()


@pytest.mark.parametrize(
    ("spec", "t", "value", "derivative", "second_derivative"),
    [
        ("sigmoid", -700.0, math.exp(-700), math.exp(-700), math.exp(-700)),
        ("sigmoid", 700.0, 1.0, math.exp(-700), -math.exp(-700)),
        ("tanh", 300.0, 1.0, 4 * math.exp(-600), -8 * math.exp(-600)),
        ("softplus", -700.0, math.exp(-700), math.exp(-700), math.exp(-700)),
        ("softplus", 1000.0, 1000.0, 1.0, 0.0),
        ("gelu", 1e5, 1e5, 1.0, 0.0),
        ("gelu", -1e5, 0.0, 0.0, 0.0),
        ("erf", 20.0, 1.0, 2 / math.sqrt(math.pi) * math.exp(-400), -80 / math.sqrt(math.pi) * math.exp(-400)),
    ],
)
def test_tails_keep_their_relative_accuracy(spec, t, value, derivative, second_derivative):
    sigma = activation(spec)
    computed = [sigma(t), sigma.derivative(t), sigma.second_derivative(t)]
    np.testing.assert_allclose(computed, [value, derivative, second_derivative], rtol=1e-12)


@every
def test_nan_stays_nan(sigma):
    assert np.isnan(sigma(np.nan))


@every
def test_name_reads_back(sigma):
    again = activation(sigma.name)
    assert again == sigma
    assert hash(again) == hash(sigma)
    assert str(sigma) == sigma.name
    assert activation(sigma) is sigma


@every
def test_pickle_brings_back_an_equal_activation(sigma):
    assert pickle.loads(pickle.dumps(sigma)) == sigma


@every
def test_summary_is_one_line(sigma):
    assert len(type(sigma).__doc__.splitlines()[0]) > 10


def test_spelling_is_free_of_spaces_and_defaults():
    assert activation(" leaky_relu ").name == "leaky_relu(0.01)"
    assert activation("leaky_relu( 1e-1 )").name == "leaky_relu(0.1)"
    assert activation("relu()").name == "relu"
    assert activation("polynomial(0, 1, 0, .50, 0, 0)").name == "polynomial(0,1,0,0.5)"
    assert activation("scaled( leaky_relu(0.2) , 3)").name == "scaled(leaky_relu(0.2),3)"


def test_a_slope_reads_back_to_the_last_bit():
    sigma = activation("leaky_relu(0.1)")
    odd = type(sigma)(1 / 3 + 1e-16)
    assert activation(odd.name).slope == odd.slope


def test_different_activations_differ():
    assert len({activation(spec) for spec in FORMULAS}) == len(FORMULAS)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "swish",
            "unknown activation 'swish': the known ones are relu, leaky_relu, squared_relu, abs, sigmoid, tanh, erf, "
            "softplus, gelu, sine, linear, quadratic, polynomial, scaled",
        ),
        (None, "activation must be a name or an Activation, got NoneType"),
        ("", "cannot read the activation '': expected a name such as 'leaky_relu(0.1)'"),
        ("relu(", "cannot read the activation 'relu(': expected a name such as 'leaky_relu(0.1)'"),
        ("relu)0.1(", "cannot read the activation 'relu)0.1(': expected a name such as 'leaky_relu(0.1)'"),
        ("relu(1)", "relu takes no arguments, got 'relu(1)'"),
        ("leaky_relu(1,2)", "leaky_relu takes slope, got 'leaky_relu(1,2)'"),
        ("scaled(tanh)", "scaled takes base, factor, got 'scaled(tanh)'"),
        ("leaky_relu(nan)", "slope of leaky_relu must be finite, got nan"),
        ("leaky_relu(1)", "leaky_relu of slope 1 has no kink: ask for 'linear'"),
        ("leaky_relu(tanh)", "slope of leaky_relu must be a number, got 'tanh'"),
        ("scaled(tanh,0)", "factor of scaled must be above 0, got 0.0"),
        ("scaled(tanh,-2)", "factor of scaled must be above 0, got -2.0"),
        ("scaled(tanh,inf)", "factor of scaled must be finite, got inf"),
        ("scaled(2,tanh)", "scaled takes an activation and a factor, got '2.0' for the activation"),
        ("polynomial", "polynomial needs a coefficient that is not zero beyond its first, the constant"),
        ("polynomial(3,0)", "polynomial needs a coefficient that is not zero beyond its first, the constant"),
        ("polynomial(0,inf)", "coefficient of a polynomial must be finite, got inf"),
    ],
)
def test_bad_spelling_is_one_clear_sentence(spec, message):
    with pytest.raises(InputError) as failure:
        activation(spec)
    assert str(failure.value) == message


def test_a_hostile_spelling_is_refused():
    for spec in ("scaled(" * 5000 + "relu" + ",2)" * 5000, "relu" * 5000, "__import__('os')", "leaky_relu(__name__)"):
        with pytest.raises(InputError) as failure:
            activation(spec)
        assert len(str(failure.value)) < 300


@pytest.mark.parametrize("slope", ["0.1", True, None, np.inf, 1 + 2j])
def test_a_slope_that_is_no_number_is_refused(slope):
    with pytest.raises(InputError, match="slope of leaky_relu must be"):
        ACTIVATIONS["leaky_relu"](slope)


@pytest.mark.parametrize(
    ("order", "scale", "shift"), [(-1, 1, 0), (2.0, 1, 0), (True, 1, 0), (2, -1, 0), (2, np.nan, 0), (2, 1, np.inf)]
)
def test_hermite_coefficients_refuse_bad_input(order, scale, shift):
    with pytest.raises(InputError):
        activation("relu").hermite_coefficients(order, scale, shift)
