"""Width and activation not given: what is chosen, how clear that is, and what is refused."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from twolayer import ACTIVATIONS, InputError, Status, TwoLayerNetwork, activation, recover
from twolayer.align import recovery_error
from twolayer.evidence.choice import Choice, Trial
from twolayer.model import UnitsProblem
from twolayer.model.fit import Fit
from twolayer.model.units import thinned_out
from twolayer.samples import Samples
from twolayer.search.activation import CANDIDATES, rewritten
from twolayer.search.rough_fits import RoughFits
from twolayer.search.width import guessed_width
from twolayer.teachers import gaussian_samples, random_units


def planted(spec, d=6, m=3, bias=0.5, n=900, noise=0.0, seed=3):
    teacher = random_units(d, m, bias, spec, np.random.default_rng(seed))
    return teacher, *gaussian_samples(teacher, n, rng=seed + 1, noise=noise)


# Width


@pytest.mark.parametrize(
    ("spec", "d", "m", "bias", "n", "noise"),
    [
        ("relu", 10, 5, 1.0, 400, 0.0),
        ("relu", 6, 9, 1.0, 700, 0.0),
        ("relu", 6, 1, 0.5, 300, 0.0),
        ("relu", 6, 3, 0.5, 1200, 0.01),
        ("tanh", 6, 3, 0.0, 900, 0.0),
        ("squared_relu", 6, 3, 0.0, 900, 0.01),
        ("softplus", 5, 2, 0.5, 900, 0.0),
    ],
)
def test_the_least_width_is_found(spec, d, m, bias, n, noise):
    teacher, X, y = planted(spec, d, m, bias, n, noise)
    result = recover(X, y, "auto", spec, bias=bias > 0, rng=0)
    assert result.is_certified
    assert result.network.width == m
    assert recovery_error(result.network, teacher) < (1e-8 if noise == 0 else 10 * noise)
    (choice,) = result.certificate.choices
    assert (choice.subject, choice.chosen, choice.is_clear) == ("width", str(m), True)
    assert all((trial.verdict == "refuted") == (int(trial.value) < m) for trial in choice.trials[1:])
    if m > 1:
        narrower = next(trial for trial in choice.trials if trial.value == str(m - 1))
        assert narrower.residual > 3 * choice.trials[0].residual


def test_what_a_narrower_width_leaves_is_what_the_certificate_says():
    _, X, y = planted("relu", 8, 3, 0.5, 800)
    trial = next(one for one in recover(X, y, "auto", "relu", bias=True, rng=0).certificate.choices[0].trials[1:])
    assert trial.value == "2"
    best = recover(X, y, 2, "relu", bias=True, rng=0).certificate.residual
    assert 0.3 * best < trial.residual <= 1.01 * best  # the lifted model has an affine part beside its units


def test_inputs_of_any_covariance_and_mean_change_nothing(rng):
    teacher = random_units(5, 3, 0.5, "relu", rng)
    X = 2 + rng.standard_normal((700, 5)) * np.array([0.2, 1, 3, 1, 5])
    result = recover(X, teacher(X), "auto", "relu", bias=True, rng=0)
    assert result.is_certified
    assert recovery_error(result.network, teacher) < 1e-8


@pytest.mark.parametrize(("width", "spec", "bias"), [(3, "relu", False), (2, "tanh", True), ("auto", "auto", True)])
def test_of_noise_alone_it_is_said_that_there_is_no_signal(width, spec, bias, rng):
    X, y = rng.standard_normal((800, 4)), 3 * bias + rng.standard_normal(800)
    result = recover(X, y, width, spec, bias=bias, rng=0)
    assert result.status is Status.NO_SIGNAL
    assert result.status.value.startswith("There is no signal")


def test_a_weak_signal_is_a_signal(rng):
    _, X, y = planted("relu", 6, 1, 0.0, 4000, noise=2.0)
    assert recover(X, y, 1, "relu", rng=0).status is not Status.NO_SIGNAL
    assert recover(X, rng.permutation(y - y.mean()), 1, "tanh", rng=0).status is Status.NO_SIGNAL


def test_too_few_rows_for_the_width_are_not_certified():
    _, X, y = planted("relu", 4, 8, 1.0, 45)
    assert not recover(X, y, "auto", "relu", bias=True, rng=0).is_certified


def test_a_wrong_activation_is_not_certified_at_any_width():
    _, X, y = planted("tanh", 5, 2, 0.5, 300)
    assert not recover(X, y, "auto", "relu", bias=True, rng=0).is_certified


def test_singular_values_count_the_units_where_rows_are_many():
    _, X, y = planted("relu", 6, 3, 0.3, 60_000, seed=1)
    assert guessed_width(X, y - y.mean(), np.random.default_rng(0)) == 3


def test_singular_values_of_noise_count_little(rng):
    assert guessed_width(rng.standard_normal((2000, 8)), rng.standard_normal(2000), rng) <= 3


@pytest.mark.parametrize("spec", ["relu", "tanh"])
@pytest.mark.parametrize("kind", ["double", "dead", "split"])
def test_a_unit_that_the_others_make_up_for_is_left_out(spec, kind, rng):
    network = random_units(4, 3, 0.5, spec, rng)
    W, b = network.W, network.b
    if kind == "double":
        W, b = np.vstack([W, W[:1]]), np.r_[b, b[0]]
    elif kind == "dead":
        W, b = np.vstack([W, 1e-9 * W[:1]]), np.r_[b, -1e-9]
    else:
        W, b = np.vstack([W, 1.001 * W[1]]), np.r_[b, b[1]]
    signs = np.sign(np.r_[network.a, network.a[0] if kind == "double" else network.a[1]])
    X = rng.standard_normal((500, 4))
    fixed = signs if spec == "relu" else None
    problem = UnitsProblem(X, np.ones(500), network.activation, 4, signs=fixed, has_bias=True)
    point = problem.join(np.column_stack([W, b]), signs, constant=0.2)
    problem = problem.on(X, problem.predict(slice(None), point))
    smaller, left = thinned_out(problem, point, 3)
    assert smaller.width == 3
    rows = slice(0, 500)
    tolerance = 5e-3 if kind == "split" else 1e-5
    assert_allclose(smaller.predict(rows, left), problem.predict(rows, point), atol=tolerance)


# Activation


@pytest.mark.parametrize("bias", [0.0, 0.7])
@pytest.mark.parametrize("spec", ["relu", "tanh", "sigmoid", "squared_relu", "softplus"])
def test_the_activation_is_chosen(spec, bias):
    teacher, X, y = planted(spec, 6, 3, bias, 1000)
    result = recover(X, y, 3, "auto", bias=bias > 0, rng=0)
    assert result.network.activation.name == spec
    assert result.is_certified
    assert recovery_error(result.network, teacher) < 1e-8
    (choice,) = result.certificate.choices
    assert (choice.subject, choice.chosen) == ("activation", spec)
    assert choice.trials[0].residual < 1e-9
    same = {"tanh", "sigmoid"} if bias and spec in ("tanh", "sigmoid") else {spec}
    assert all((trial.value in same) == (trial.verdict in ("chosen", "same function")) for trial in choice.trials)


@pytest.mark.parametrize("spec", ["relu", "squared_relu", "sigmoid"])
def test_width_and_activation_are_chosen_under_noise(spec):
    teacher, X, y = planted(spec, 6, 2, 0.7, 1500, noise=0.01)
    result = recover(X, y, "auto", "auto", bias=True, rng=0)
    assert result.status is (Status.UNCLEAR_CHOICE if spec == "relu" else Status.CERTIFIED_WITH_NOISE)
    assert (result.network.width, result.network.activation.name) == (2, spec)
    assert recovery_error(result.network, teacher) < 0.1
    assert [choice.subject for choice in result.certificate.choices] == ["activation", "width"]
    assert f"activation {spec} was chosen" in result.certificate.summary()
    assert "width 2 was chosen" in result.certificate.summary()


def test_tanh_beside_a_constant_is_written_with_tanh_and_is_a_sum_of_sigmoids_too(rng):
    """Both need a constant: 0.4 beside tanh, no sum of outer weights beside sigmoids."""
    tanh = TwoLayerNetwork([1.0, -0.7], [[1.0, 0.5, 0.0], [0.2, -1.0, 0.6]], [0.3, -0.4], "tanh")
    X = rng.standard_normal((500, 3))
    result = recover(X, tanh(X) + 0.4, 2, "auto", bias=True, rng=0)
    assert result.network.activation.name == "tanh"
    verdicts = {trial.value: trial.verdict for trial in result.certificate.choices[0].trials}
    assert verdicts["sigmoid"] == "same function"
    assert result.is_certified


@pytest.mark.parametrize(("spec", "other"), [("tanh", "sigmoid"), ("sigmoid", "tanh")])
def test_a_sum_of_tanh_is_one_of_sigmoids_and_a_constant(spec, other, rng):
    X, y = rng.standard_normal((30, 3)), rng.standard_normal(30)
    problem = UnitsProblem(X, y, activation(spec), 2, has_bias=True)
    point = rng.standard_normal(problem.n_parameters)
    written = rewritten(Fit(problem, point, 1.0), activation(other))
    assert written.problem.activation.name == other
    rows = slice(0, 30)
    assert_allclose(written.problem.predict(rows, written.point), problem.predict(rows, point), atol=1e-13)
    assert_allclose(written.loss, problem.loss(point) / (y @ y))


def test_activations_that_noise_hides_from_each_other_are_not_certified():
    _, X, y = planted("tanh", 4, 2, 0.0, 600, noise=0.2)
    result = recover(X, y, 2, "auto", rng=0)
    assert not result.certificate.choices[0].is_clear
    assert not result.is_certified


@pytest.mark.parametrize(("steepness", "noise", "seed"), [(20, 0.05, 0), (60, 0.01, 0), (60, 0.01, 2), (100, 0.01, 1)])
def test_a_steep_softplus_is_not_certified_as_relu(steepness, noise, seed):
    rng = np.random.default_rng(seed)
    W = steepness * np.linalg.qr(rng.standard_normal((3, 3)))[0][:2]
    teacher = TwoLayerNetwork([1 / steepness, -1.3 / steepness], W, activation="softplus")
    result = recover(*gaussian_samples(teacher, 1500, rng=rng, noise=noise), 2, "auto", bias=False, rng=seed)
    chosen = result.network.activation.name
    assert not result.is_certified or chosen == "softplus"
    others = {trial.value: trial.verdict for trial in result.certificate.choices[0].trials}
    assert others["softplus"] != "refuted"


def test_relu_is_not_certified_beside_a_softplus_that_fits_as_well():
    _, X, y = planted("relu", 4, 2, 0.0, 1500, noise=0.05)
    result = recover(X, y, 2, "auto", rng=0)
    assert (result.network.activation.name, result.status) == ("relu", Status.UNCLEAR_CHOICE)
    assert {one.value: one.verdict for one in result.certificate.choices[0].trials}["softplus"] == "not needed"
    assert recover(X, y, 2, "relu", rng=0).is_certified


def test_an_unclear_choice_is_a_status_of_its_own():
    _, X, y = planted("tanh", 4, 2, 0.0, 2000, noise=0.1)
    assert recover(X, y, 2, "tanh", rng=0).is_certified
    assert recover(X, y, 2, "auto", rng=0).status is Status.UNCLEAR_CHOICE


def test_the_candidates_are_the_table_without_polynomials_what_needs_arguments_and_what_is_nearly_another():
    near = {"gelu_tanh", "silu", "hardswish", "mish", "elu", "selu", "hardtanh", "softsign"}
    assert set(CANDIDATES) == ACTIVATIONS.keys() - {"linear", "quadratic", "polynomial", "scaled"} - near


def test_a_choice_says_what_came_next():
    trials = (Trial("3", 20, 1e-9, "chosen"), Trial("2", 14, 0.25, "refuted"), Trial("4", 26, 1e-9, "not needed"))
    choice = Choice("width", "3", trials)
    assert choice.is_clear
    said = "width 3 was chosen, residual 1.0e-09; 2 leaves 2.5e-01 (refuted); 4 leaves 1.0e-09 (not needed)"
    assert choice.summary() == said
    assert not Choice("width", "3", (*trials, Trial("5", 3, 1e-9, "as good"))).is_clear
    relu, softplus = Trial("relu", 6, 0.1, "chosen"), Trial("softplus", 8, 0.1, "not needed")
    unclear = Choice("activation", "relu", (relu, Trial("tanh", 8, 0.2, "refuted"), softplus))
    assert not unclear.is_clear
    assert unclear.summary().endswith("residual 1.0e-01; softplus leaves 1.0e-01 (not needed)")
    assert Choice("activation", "relu", (relu, Trial("tanh", 8, 0.2, "refuted"))).is_clear


# Fits to compare


def test_a_fit_without_its_lift_is_the_same_function(rng):
    teacher = random_units(5, 3, 0.5, "relu", rng)
    X = rng.standard_normal((400, 5))
    y = teacher(X)
    samples = Samples.of(X, y, True)
    rough = RoughFits(samples, rng, lambda *_: None)
    lifted = next(fit for fit in (rough.lifted(3, teacher.activation) for _ in range(10)) if fit.is_exact)
    plain = rough.as_network(lifted)
    assert lifted.problem.is_lifted
    assert not plain.problem.is_lifted
    v, theta = plain.problem.units(plain.point)
    found = TwoLayerNetwork(v, theta[:, :5], theta[:, 5], "relu")
    constant = plain.problem.constant(plain.point)
    assert_allclose(found(samples.X) + constant, samples.y, atol=1e-9)


# Bad input


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"width": 0}, "width must be an integer of at least 1, found 0"),
        ({"width": "many"}, "width must be a whole number of at least 1, or 'auto', found 'many'"),
        (
            {"activation": "scaled(auto,2)"},
            "'auto' stands alone, found 'scaled\\(auto,2\\)': give the",
        ),
        ({"activation": "automatic"}, "'auto' lets the samples choose"),
        ({"width": "auto", "method": "zhong2017recovery"}, "only the method auto can choose"),
        ({"activation": "auto", "method": "unlifted"}, "only the method auto can choose"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(changed, words):
    _, X, y = planted("relu", 4, 2, 0.0, 60)
    with pytest.raises(InputError, match=words) as refusal:
        recover(**({"X": X, "y": y, "width": 2, "activation": "relu"} | changed))
    assert "\n" not in str(refusal.value)


def test_too_few_rows_for_one_unit_are_refused(rng):
    X = rng.standard_normal((5, 6))
    with pytest.raises(InputError, match="at least 7 rows"):
        recover(X, X[:, 0] ** 2, "auto", "auto", rng=0)
