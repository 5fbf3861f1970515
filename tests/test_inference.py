"""What a result says of itself: errors against slow definitions, tests against planted truth, every form of it."""

import json
import pickle
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import least_squares

from twolayer import InputError, Result, TwoLayerNetwork, recover
from twolayer.inference.effects import effect_of
from twolayer.inference.estimates import estimates
from twolayer.inference.hypotheses import width_scores
from twolayer.inference.parameters import Layout
from twolayer.inference.suspects import suspect_rows
from twolayer.inference.writing import number
from twolayer.network import Polynomial

NAMES = ("age", "height", "pulse of the heart")


def planted(activation="tanh", n=300, noise=0.05, seed=1):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    a = [1.0, -1.0] if activation == "relu" else [2.0, 1.5]
    truth = TwoLayerNetwork(a, [[1, 0.5, -0.5], [-0.3, 1, 0.2]], [0.3, -0.2], activation, Polynomial(3.0))
    return X, truth(X) + noise * rng.standard_normal(n), truth


@pytest.fixture(scope="module")
def noisy():
    pandas = pytest.importorskip("pandas")
    X, y, _ = planted()
    return recover(pandas.DataFrame(X, columns=NAMES), pandas.Series(y, name="dose"), 2, "tanh", bias=True, rng=0)


@pytest.fixture(scope="module")
def ramps():
    X, y, _ = planted("relu")
    return recover(X, y, 2, "relu", bias=True, rng=0)


def value(theta, X, network):
    """The network at weights (W, b, a, c) in a row: the slow definition."""
    m, d = network.width, network.dim
    W, b, a, c = theta[: m * d].reshape(m, d), theta[m * d : m * d + m], theta[m * d + m : m * d + 2 * m], theta[-1]
    return network.activation(X @ W.T + b) @ a + c


def numerical_jacobian(X, network):
    theta = np.concatenate([network.W.ravel(), network.b, network.a, [network.polynomial.constant]])
    h = 1e-6
    steps = np.eye(len(theta)) * h
    return np.stack([(value(theta + e, X, network) - value(theta - e, X, network)) / (2 * h) for e in steps], axis=1)


# ------------------------------------------------------------------------------------------------------------ estimates


def test_errors_are_those_of_the_definition(noisy):
    X, y, _ = planted()
    J = numerical_jacobian(X, noisy.network)
    r = y - noisy.network(X)
    s = np.sqrt(r @ r / (300 - 11))
    expected = s**2 * np.linalg.inv(J.T @ J)
    found = estimates(noisy.network, X, y)
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-5, atol=1e-12)
    assert found.noise == pytest.approx(s)
    sandwich = np.linalg.inv(J.T @ J) @ (J.T * r**2) @ J @ np.linalg.inv(J.T @ J) * 300 / (300 - 11)
    np.testing.assert_allclose(
        estimates(noisy.network, X, y, covariance="sandwich").covariance, sandwich, rtol=1e-4, atol=1e-12
    )


def test_clusters_add_up_what_their_rows_share(noisy):
    X, y, _ = planted()
    groups = np.arange(300) % 30
    J, r = numerical_jacobian(X, noisy.network), y - noisy.network(X)
    bread = np.linalg.inv(J.T @ J)
    scores = np.stack([J[groups == g].T @ r[groups == g] for g in range(30)])
    expected = bread @ scores.T @ scores @ bread * 30 / 29
    found = estimates(noisy.network, X, y, covariance="cluster", groups=[f"g{g}" for g in groups])
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-4, atol=1e-12)
    with pytest.raises(InputError, match="needs the group of each row"):
        estimates(noisy.network, X, y, covariance="cluster")
    with pytest.raises(InputError, match="two groups at least"):
        estimates(noisy.network, X, y, covariance="cluster", groups=np.zeros(300))


def test_errors_agree_with_the_certificate(noisy, ramps):
    for result in (noisy, ramps):
        rows = [row for row in result.summary().rows if row.unit is not None and row.name not in ("a", "bias")]
        stated = result.certificate.standard_errors.W.ravel()
        np.testing.assert_allclose([row.error for row in rows], stated, rtol=1e-6)


def test_the_outer_weight_of_a_homogeneous_unit_is_fixed_by_convention(ramps):
    rows = {(row.unit, row.name): row for row in ramps.summary().rows}
    assert rows[0, "a"].remark == "fixed by convention"
    assert np.isnan(rows[0, "a"].error)
    assert rows[0, "x1"].remark == ""
    assert next(iter(rows)) == (None, "constant")


def test_intervals_are_those_of_the_t_distribution(noisy):
    for level in (0.5, 0.95, 0.99):
        ends = noisy.conf_int(level)
        reach = stats.t(300 - 11).ppf(0.5 + level / 2) * noisy.params["std_err"]
        np.testing.assert_allclose(ends["upper"] - noisy.params["coef"], reach, rtol=1e-9)
        np.testing.assert_allclose(noisy.params["coef"] - ends["lower"], reach, rtol=1e-9)
    with pytest.raises(InputError, match="level must be between 0 and 1"):
        noisy.conf_int(1.5)


@pytest.mark.slow
def test_intervals_cover_the_truth_as_often_as_they_say():
    covered, trials = 0, 60
    for seed in range(trials):
        X, y, truth = planted(n=200, noise=0.3, seed=seed)
        found = recover(X, y, 2, "tanh", bias=True, rng=0)
        layout = estimates(found.network, X, y).layout
        true = np.concatenate([truth.W.ravel(), truth.b, truth.a, [3.0]])
        order = np.argsort(truth.W[:, 0])
        true = np.concatenate([truth.W[order].ravel(), truth.b[order], truth.a[order], [3.0]])
        ends = estimates(found.network, X, y).intervals(0.9)
        assert layout.count == 11
        covered += np.sum((ends[:, 0] <= true) & (true <= ends[:, 1]))
    # 660 intervals; those of one fit depend on each other, so that the spread is that of some 60 to 660
    assert 0.85 < covered / (trials * 11) < 0.95


@pytest.mark.parametrize("copied", [False, True])
def test_what_no_data_can_tell_is_said_of_the_columns_that_it_is_of(copied):
    X, y, truth = planted("relu")
    more = X[:, :1] if copied else np.ones((300, 1))
    wide = replace(truth, W=np.hstack([truth.W, np.zeros((2, 1))]))
    found = estimates(wide, np.hstack([X, more]), y)
    unknown = {
        one.name for one, is_unknown in zip(found.layout.parameters, found.is_unknown, strict=True) if is_unknown
    }
    assert unknown == ({"x1", "x4"} if copied else {"x4", "bias"})
    # a value is known where it does not depend on them, and is not elsewhere
    rows = np.hstack([X, more])[:5]
    assert np.isfinite(found.value_errors(rows)).all()
    rows[:, 3] += 1.0
    assert np.isnan(found.value_errors(rows)).any()


def test_the_error_of_a_value_is_that_of_the_delta_method(noisy):
    X, y, _ = planted()
    fresh = np.random.default_rng(5).standard_normal((7, 3))
    J = numerical_jacobian(fresh, noisy.network)
    C = estimates(noisy.network, X, y).covariance
    values, errors = noisy.predict(fresh, return_std=True)
    np.testing.assert_array_equal(values, noisy.network(fresh))
    np.testing.assert_allclose(errors, np.sqrt(np.einsum("ij,jk,ik->i", J, C, J)), rtol=1e-5)
    np.testing.assert_array_equal(noisy.predict(fresh), values)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_several_outputs_have_errors_for_each(activation):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 2))
    A = np.array([[1.0, 0.5], [-0.4, 1.0]])
    network = TwoLayerNetwork(A, [[1, 0.5], [-0.3, 1]], [0.1, 0.2], activation, Polynomial([1.0, 2.0], np.eye(2)))
    network = network.balanced()
    y = network(X) + 0.1 * rng.standard_normal((400, 2))
    found = estimates(network, X, y, inputs=("u", "v"), outputs=("p", "q"))
    m, d, q = 2, 2, 2
    assert found.layout.count == m * d + m + m * q + q + d * q
    h, worst = 1e-6, 0.0
    basis = found.layout.basis
    blocks = np.concatenate([J for _, j, J in found.layout.derivatives(X) if j == 1])
    for k in range(basis.shape[1]):
        moved = network_of(found.layout.values + h * basis[:, k], network)(X)[:, 1]
        back = network_of(found.layout.values - h * basis[:, k], network)(X)[:, 1]
        worst = max(worst, np.abs((moved - back) / (2 * h) - blocks[:, k]).max())
    assert worst < 1e-6 if activation == "tanh" else np.median(np.abs(blocks[:, k])) >= 0
    assert found.value_errors(X).shape == (400, 2)
    free = 2 * 2 + 2 + (4 if activation == "tanh" else 2) + 2 + 4
    assert basis.shape[1] == free
    assert {"a p", "a q", "constant p", "u q"} <= {one.name for one in found.layout.parameters}


def network_of(values, like):
    m, d, q = like.width, like.dim, like.n_outputs
    parts = np.split(values, np.cumsum([m * d, m, m * q, q]))
    polynomial = Polynomial(parts[3], parts[4].reshape(d, q))
    return TwoLayerNetwork(parts[2].reshape(m, q), parts[0].reshape(m, d), parts[1], like.activation, polynomial)


def test_what_does_not_fit_the_network_is_refused(noisy):
    X, y, truth = planted()
    with pytest.raises(InputError, match="3 inputs and 1 outputs"):
        estimates(truth, X[:, :2], y)
    with pytest.raises(InputError, match="need more labels"):
        estimates(truth, X[:11], y[:11])
    with pytest.raises(InputError, match="covariance must be one of"):
        estimates(truth, X, y, covariance="HC3")
    with pytest.raises(InputError, match="X must have 3 columns"):
        noisy.predict(X[:, :2], return_std=True)


# ---------------------------------------------------------------------------------------------------------------- tests


def test_the_wald_test_of_an_input_is_that_of_its_weights(noisy):
    X, y, _ = planted()
    C = estimates(noisy.network, X, y).covariance
    places = [1, 4]  # the second input's weights
    theta = noisy.network.W[:, 1]
    F = theta @ np.linalg.inv(C[np.ix_(places, places)]) @ theta / 2
    found = noisy.wald_test(input="height")
    assert found.statistic == pytest.approx(F, rel=1e-8)
    assert found.freedom == 2
    assert found == noisy.wald_test(input=1)
    with pytest.raises(InputError, match=r"no input 'hight': did you mean height\?"):
        noisy.wald_test(input="hight")
    with pytest.raises(InputError, match="one of unit and input"):
        noisy.wald_test()
    with pytest.raises(InputError, match="2 units, counted from 0, found 2"):
        noisy.wald_test(unit=2)


def test_an_input_that_does_not_matter_passes_and_one_that_does_not():
    rng = np.random.default_rng(3)
    p_values = []
    for _ in range(12):
        X = rng.standard_normal((400, 2))
        y = 2 * np.tanh(X[:, 0] + 0.5) + 0.2 * rng.standard_normal(400)
        result = recover(X, y, 1, "tanh", bias=True, rng=0)
        p_values.append([result.wald_test(input=1).p_value, result.likelihood_ratio_test(input=1).p_value])
        assert result.wald_test(input=0).p_value < 1e-12
        assert result.likelihood_ratio_test(input=0).p_value < 1e-12
        assert result.wald_test(unit=0).p_value < 1e-12
    assert 0.15 < np.mean(p_values) < 0.85  # uniform: the mean of twelve is 0.5 with a standard error of 0.08
    np.testing.assert_allclose(*np.transpose(p_values), atol=0.05)


def test_the_likelihood_ratio_is_that_of_a_refit(noisy):
    X, y, _ = planted()
    less = np.delete(X, 2, axis=1)
    start = np.delete(noisy.network.W, 2, axis=1)

    def left(z):
        W, b, a, c = z[:4].reshape(2, 2), z[4:6], z[6:8], z[8]
        return np.tanh(less @ W.T + b) @ a + c - y

    refit = least_squares(left, np.r_[start.ravel(), noisy.network.b, noisy.network.a, 3.0], xtol=1e-12, ftol=1e-12)
    r = noisy.network(X) - y
    expected = 300 * np.log(2 * refit.cost / (r @ r))
    found = noisy.likelihood_ratio_test(input="pulse of the heart")
    assert found.statistic == pytest.approx(expected, rel=1e-4)
    assert found.freedom == 2
    without = noisy.likelihood_ratio_test(unit=1)
    assert without.freedom == 5
    assert without.statistic > 100


def test_the_criterion_prefers_the_planted_width():
    X, y, _ = planted("tanh", noise=0.1)
    scores = width_scores(X, y, (1, 2, 3), "tanh", rng=0)
    best = min(scores, key=lambda one: one.bic)
    assert best.width == 2
    r = np.sqrt(np.mean((recover(X, y, 2, "tanh", bias=True, rng=0).network(X) - y) ** 2))
    assert best.bic == pytest.approx(300 * np.log(r**2) + 11 * np.log(300), abs=1e-3)


# ------------------------------------------------------------------------------------------------------------- suspects


def test_a_wrong_label_is_found_and_a_right_one_is_not():
    X, y, _ = planted()
    assert recover(X, y, 2, "tanh", bias=True, rng=0).suspect_rows() == ()
    y[17] += 0.5  # ten standard deviations of the noise
    result = recover(X, y, 2, "tanh", bias=True, rng=0)
    (worst,) = result.suspect_rows()
    assert worst.row == 17
    assert worst.label == y[17]
    assert worst.p_value < 1e-6


def test_a_studentised_residual_leaves_its_row_out(noisy):
    X, y, _ = planted()
    found = estimates(noisy.network, X, y)
    J = numerical_jacobian(X, noisy.network)
    row = suspect_rows(found, X, y, level=1e9)[0]
    rest = np.arange(300) != row.row
    r = y - noisy.network(X)
    # the linear model of the residual without that row predicts it, and its noise is that of the others
    step, squares, *_ = np.linalg.lstsq(J[rest], r[rest], rcond=None)
    s = np.sqrt(float(squares[0]) / (299 - 11))
    j = J[row.row]
    spread = s * np.sqrt(1 + j @ np.linalg.inv(J[rest].T @ J[rest]) @ j)
    assert row.studentised == pytest.approx((r[row.row] - j @ step) / spread, rel=1e-3)


def test_of_exact_labels_no_row_is_suspect():
    X, _, truth = planted()
    result = recover(X, truth(X), 2, "tanh", bias=True, rng=0)
    assert result.suspect_rows() == ()


# -------------------------------------------------------------------------------------------------------------- effects


def test_an_effect_is_the_mean_over_rows_with_the_input_moved(noisy):
    X, y, _ = planted()
    found = effect_of(estimates(noisy.network, X, y), X, 1, points=5)
    for at, mean, error in zip(found.at, found.mean, found.error, strict=True):
        moved = X.copy()
        moved[:, 1] = at
        assert mean == pytest.approx(noisy.network(moved).mean())
        J = numerical_jacobian(moved, noisy.network).mean(axis=0)
        assert error == pytest.approx(np.sqrt(J @ estimates(noisy.network, X, y).covariance @ J), rel=1e-4)
    assert noisy.effect("height").name == "height"


# -------------------------------------------------------------------------------------------------------------- writing


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_every_line_fits_and_the_verdict_is_first(noisy, ramps, width):
    for result in (noisy, ramps):
        lines = result.summary().as_text(width).split("\n")
        assert lines[0].startswith(f"{result.status.name}: ")
        assert max(map(len, lines)) <= width
    text = noisy.summary().as_text(width)
    assert "dose = constant + 2 tanh units" in text.replace("\n", " ")
    assert "height" in text
    assert "constant" in text


def test_a_long_table_can_be_cut(noisy):
    text = noisy.summary().as_text(80, most_rows=3)
    assert "... 8 more weights" in text


def test_the_frame_has_every_number(noisy):
    frame = noisy.params
    assert len(frame) == 11
    assert frame.loc[(0, "height"), "coef"] == noisy.network.W[0, 1]
    assert frame.loc[("", "constant"), "coef"] == noisy.network.polynomial.constant


class Cells(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.rows = [], 0

    def handle_starttag(self, tag, _):
        self.rows += tag == "tr"
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_html_is_whole_and_escapes_names(noisy):
    html = replace(noisy, inputs=("<b>", "a&b", "c"), samples=noisy.samples).summary().as_html()
    cells = Cells()
    cells.feed(html)
    assert cells.open == []
    assert cells.rows == 12
    assert "&lt;b&gt;" in html
    assert "a&amp;b" in html
    assert noisy._repr_html_() == noisy.summary().as_html()


def test_the_latex_has_a_row_for_each_number(noisy):
    latex = replace(noisy, inputs=("x_1", "50%", "c")).summary().as_latex()
    assert latex.count(r"\\") == 11 + 3
    assert r"x\_1" in latex
    assert r"50\%" in latex


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        (70.1234567, 0.0011, "70.1235"),
        (0.99871, 0.0011, "0.9987"),
        (-9.7e-17, 1e-3, "0"),
        (1234567890.123, np.nan, "1.23e+09"),
        (3.0, np.nan, "3"),
        (-1.0, np.nan, "-1"),
        (0.5, np.nan, "0.500000"),
        (1.5, 0.0, "1.50000"),
        (np.nan, np.nan, ""),
        (2e-7, np.nan, "2e-07"),
    ],
)
def test_a_number_has_the_digits_that_are_known(given, error, text):
    assert number(given, error) == text
    assert len(number(given, error)) <= 10


def test_json_has_the_same_numbers(noisy):
    told = json.loads(json.dumps(noisy.to_dict(), allow_nan=False))
    assert told["network"]["W"] == noisy.network.W.tolist()
    assert told["inputs"] == list(NAMES)
    assert told["outputs"] == ["dose"]
    assert len(told["weights"]) == 11
    assert told["status"] == noisy.status.name
    assert json.loads(json.dumps(noisy.summary().to_dict(), allow_nan=False))["rows"][0]["name"] == "constant"


def test_a_result_is_one_line(noisy):
    assert repr(noisy) == "<Result CERTIFIED_WITH_NOISE: 2 tanh units on 3 inputs, residual 3.1e-02>"


# ----------------------------------------------------------------------------------------------------- files and copies


def test_a_result_comes_back_from_its_file(noisy, ramps, tmp_path):
    for result in (noisy, ramps):
        result.save(tmp_path / "fit.npz")
        back = Result.load(tmp_path / "fit.npz")
        assert back == result
        assert back.history == result.history
        assert str(back.summary()) == str(result.summary())
        rows = np.random.default_rng(0).standard_normal((4, 3))
        np.testing.assert_allclose(back.predict(rows, True)[1], result.predict(rows, True)[1])
        with pytest.raises(InputError, match="has no rows"):
            back.suspect_rows()


def test_an_uncertified_result_with_choices_comes_back_too(tmp_path):
    X, y, _ = planted(noise=0.5, n=60)
    result = recover(X, y, "auto", "tanh", bias=True, rng=0)
    result.save(tmp_path / "fit.npz")
    assert Result.load(tmp_path / "fit.npz") == result


def test_a_damaged_or_foreign_file_is_no_result(noisy, tmp_path):
    path = tmp_path / "fit.npz"
    noisy.save(path)
    with np.load(path) as file:
        entries = dict(file)
    whole = path.read_bytes()
    wrong = {
        "status": np.array("SPLENDID"),
        "format": np.array("twolayer.network"),
        "version": np.array(7),
        "certificate": entries["certificate"][:-9],
        "history": np.frombuffer(pickle.dumps((1, 2)), np.uint8),
        "network_a": np.ones(3),
        "network_activation": np.array("relu)"),
        "estimates_covariance": np.eye(3),
        "inputs": np.ones(3),
    }
    for name, value in wrong.items():
        np.savez(path, **{**entries, name: value})
        with pytest.raises(InputError, match=r"fit\.npz is not a result") as caught:
            Result.load(path)
        assert "\n" not in str(caught.value)
    for name in ("status", "certificate", "network_W", "version", "history"):
        np.savez(path, **{key: value for key, value in entries.items() if key != name})
        with pytest.raises(InputError, match=r"fit\.npz is not a result"):
            Result.load(path)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError):
        Result.load(path)
    with pytest.raises(InputError, match="No such file"):
        Result.load(tmp_path / "none.npz")


def test_copies_have_no_rows_and_say_so(noisy):
    copy = pickle.loads(pickle.dumps(replace(noisy)))
    assert copy == noisy
    assert copy.samples is None
    assert "height" in str(copy.summary())  # from the certificate
    with pytest.raises(InputError, match="has no rows, as it comes from a file or is a copy"):
        copy.plot()


def test_rows_that_were_changed_are_noticed():
    X, y, _ = planted()
    result = recover(X, y, 2, "tanh", bias=True, rng=0)
    X *= 2
    with pytest.raises(InputError, match="no longer what they were"):
        result.summary()


# ---------------------------------------------------------------------------------------------------------------- order


@pytest.mark.parametrize("activation", ["tanh", "relu", "abs", "sigmoid", "sine"])
def test_units_have_one_order_and_sign_whatever_the_run(activation):
    X, _, truth = planted(activation, n=500, noise=0)
    order = np.random.default_rng(0).permutation(500)
    results = [
        recover(X, truth(X), 2, activation, bias=True, rng=0),
        recover(X, truth(X), 2, activation, bias=True, rng=9),
        recover(X[order], truth(X)[order], 2, activation, bias=True, rng=4),
    ]
    first = results[0].network
    for result in results:  # turned round or not, it is the function that made the labels
        np.testing.assert_allclose(result.network(X), truth(X), atol=1e-7)
    assert first.W[0, 0] <= first.W[1, 0]
    if activation == "tanh":
        assert (first.a > 0).all()
    for other in results[1:]:
        np.testing.assert_allclose(other.network.W, first.W, atol=1e-6)
        np.testing.assert_allclose(other.network.a, first.a, atol=1e-6)


# ------------------------------------------------------------------------------------------------------------- pictures


def test_the_picture_shows_weights_units_and_what_is_left(noisy, ramps):
    axes = noisy.plot().axes
    assert [one.get_title() for one in axes] == ["Weights with 95 % intervals", "Unit 0", "Unit 1", "What is left"]
    assert [label.get_text() for label in axes[0].get_yticklabels()] == list(NAMES)
    curve = axes[1].lines[1]
    t = np.asarray(curve.get_xdata())
    np.testing.assert_allclose(curve.get_ydata(), noisy.network.a[0] * np.tanh(t))
    dots = axes[1].lines[0]
    X, y, _ = planted()
    partial = noisy.network.a[0] * np.tanh(dots.get_xdata()) + (y - noisy.network(X))
    np.testing.assert_allclose(dots.get_ydata(), partial)
    np.testing.assert_allclose(axes[3].lines[1].get_ydata(), y - noisy.network(X))
    effects = noisy.plot_effects().axes
    spans = [float(np.ptp(noisy.effect(one.get_xlabel()).mean)) for one in effects]
    assert spans == sorted(spans, reverse=True)
    assert len(spans) == 3
    assert len(ramps.network.plot(X, y).axes) == 4
    with pytest.raises(InputError, match="both X and y"):
        noisy.plot(X)


def test_of_many_units_those_are_drawn_that_do_most():
    rng = np.random.default_rng(0)
    a = np.arange(1.0, 10.0)
    network = TwoLayerNetwork(a, rng.standard_normal((9, 20)), None, "tanh")
    X = rng.standard_normal((50, 20))
    axes = network.plot(X, network(X)).axes
    assert axes[0].get_title() == "6 of 9 units"
    assert len(axes[0].get_yticks()) == 16


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_result_of_several_outputs_has_all_that_one_of_one_has(tmp_path, activation):
    rng = np.random.default_rng(0)
    A = np.array([[1.0, 0.5], [-0.4, 1.0]])
    truth = TwoLayerNetwork(A, [[1, 0.5, 0], [-0.3, 1, 1]], [0.1, 0.2], activation, Polynomial([1.0, 2.0]))
    X = rng.standard_normal((500, 3))
    y = truth(X) + np.array([0.05, 0.2]) * rng.standard_normal((500, 2))
    result = recover(X, y, 2, activation, bias=True, rng=0)
    other = recover(X[::-1], y[::-1], 2, activation, bias=True, rng=5)
    np.testing.assert_allclose(other.network.W, result.network.W, atol=1e-4)
    if activation == "tanh":
        largest = np.take_along_axis(result.network.A, np.abs(result.network.A).argmax(axis=1)[:, None], axis=1)
        assert (largest > 0).all()
    rows = [row for row in result.summary().rows if row.unit is not None and row.name.startswith("x")]
    stated = result.certificate.standard_errors.W.ravel()
    np.testing.assert_allclose([row.error for row in rows], stated, rtol=0.02)
    values, errors = result.predict(X[:3], return_std=True)
    assert values.shape == errors.shape == (3, 2)
    assert (errors[:, 1] > 2 * errors[:, 0]).all()  # four times the noise, of units in common
    assert len(result.plot().axes) == 4
    assert result.wald_test(input=0).p_value < 1e-10
    assert "(y1, y2) = constant + 2" in str(result.summary())
    result.save(tmp_path / "fit.npz")
    assert Result.load(tmp_path / "fit.npz") == result


def rebuilt(values, like):
    """The network of all its numbers in the order of a layout: the slow way."""
    m, d, q = like.width, like.dim, like.n_outputs
    W, b, A, c, u, Q = np.split(values, np.cumsum([m * d, m, m * q, q, d * q]))
    square = np.zeros((d, d, q))
    for place, (k, j) in enumerate(zip(*np.triu_indices(d), strict=True)):
        square[k, j] += Q.reshape(-1, q)[place] / 2
        square[j, k] += Q.reshape(-1, q)[place] / 2
    parts = (c, u.reshape(d, q), square) if q > 1 else (c[0], u, square[:, :, 0])
    return TwoLayerNetwork(A.reshape(m, q) if q > 1 else A, W.reshape(m, d), b, like.activation, Polynomial(*parts))


@pytest.mark.parametrize("q", [1, 2])
def test_derivatives_by_every_number_are_those_of_small_changes(q):
    rng = np.random.default_rng(q)
    m, d = 2, 3
    shape = (m, q) if q > 1 else (m,)
    S = rng.standard_normal((d, d, q))
    square = (S + S.transpose(1, 0, 2)) / 2
    linear = rng.standard_normal((d, q))
    parts = (rng.standard_normal(q), linear, square) if q > 1 else (1.5, linear[:, 0], square[:, :, 0])
    network = TwoLayerNetwork(
        rng.standard_normal(shape), rng.standard_normal((m, d)), rng.standard_normal(m), "tanh", Polynomial(*parts)
    )
    layout = Layout(network, True, ("x", "y", "z"), ("p", "q")[:q])
    X = rng.standard_normal((9, d))
    np.testing.assert_allclose(rebuilt(layout.values, network)(X), network(X))
    for _, j, J in layout.derivatives(X):
        for k in range(layout.count):
            h = 1e-6 * np.eye(layout.count)[k]
            change = rebuilt(layout.values + h, network)(X) - rebuilt(layout.values - h, network)(X)
            np.testing.assert_allclose(J[:, k], change.reshape(9, q)[:, j] / 2e-6, atol=1e-7)
    names = [one.name for one in layout.parameters]
    assert len(names) == layout.count
    assert {"x*x", "x*z"} <= {name.split(" ")[0] for name in names}
