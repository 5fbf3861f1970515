"""The laws of an activation, for every member of the table; values against plain formulas; spelling and its errors."""

import math
import pickle

import numpy as np
import pytest

from activations import FORMULAS, Hinge, every
from twolayer.activation import ACTIVATIONS, Reflection, activation
from twolayer.errors import InputError

GRID = np.linspace(-6, 6, 1201)


def test_every_entry_of_the_table_is_tested():
    assert {activation(spec).keyword for spec in FORMULAS} == set(ACTIVATIONS)
    assert all(entry.function.keyword == name for name, entry in ACTIVATIONS.items())


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
    difference = f(left + 0.125) - f(
        np.where(np.isin(left, [0.0, *sigma.kinks]), np.nextafter(left, 9.0), left)
    )  # from within, where f jumps
    np.testing.assert_allclose(integral, difference, rtol=1e-12, atol=1e-13 * np.abs(f(left)).max())


@every
def test_reflection_law(sigma):
    law = sigma.reflection
    if law.sign == 0:  # there is none: σ(-t) ± σ(t) is no polynomial of low degree
        for sign in (-1, 1):
            left = sigma(-GRID) - sign * sigma(GRID)
            fitted = np.polynomial.Polynomial.fit(GRID, left, 6)(GRID)
            assert np.abs(left - fitted).max() > 1e-3
        return
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

    assert tuple(t for t in (-3.0, -1.0, 0.0, 1.0, 3.0) if has_jump(t)) == sigma.kinks
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


def test_scaling_moves_the_kinks():
    assert ACTIVATIONS["scaled"](Hinge(0.8), 2.0).kinks == (0.4,)


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
            "zigzag",
            "unknown activation 'zigzag': the known ones are relu, leaky_relu, squared_relu, abs, sigmoid, tanh, erf, "
            "softplus, gelu, gelu_tanh, silu, hardswish, mish, elu, selu, hardtanh, softsign, sine, linear, quadratic, "
            "polynomial, scaled",
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
