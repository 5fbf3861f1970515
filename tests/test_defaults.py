"""One call with defaults does what a person means: names of other libraries, widths, biases, boxes and laws."""

import types

import numpy as np
import pytest
from scipy.special import expit
from sklearn.neural_network import MLPRegressor

from twolayer import LAWS, InputError, TwoLayerNetwork, activation, extract, make_network, recover, recovery_error
from twolayer.activation.aliases import known_name
from twolayer.evidence.columns import notes_on_columns
from twolayer.extract import CallableBox


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("ReLU", "relu"),
        ("Tanh", "tanh"),
        ("logistic", "sigmoid"),
        ("Identity", "linear"),
        ("sin", "sine"),
        ("GELU", "gelu"),
        ("LeakyReLU(0.1)", "leaky_relu(0.1)"),
        ("leaky-relu(0.1)", "leaky_relu(0.1)"),
        ("leaky_relu(slope=0.1)", "leaky_relu(0.1)"),
        ("scaled(Tanh, factor=2)", "scaled(tanh,2.0)"),
        (np.tanh, "tanh"),
        (np.sin, "sine"),
        (np.abs, "abs"),
        (np.square, "quadratic"),
        (expit, "sigmoid"),
    ],
)
def test_names_of_other_libraries_are_read(given, name):
    assert activation(given) == activation(name)


def layer(name, **attributes):
    """An object that looks like a layer of torch."""
    kind = type(name, (), {"__module__": "torch.nn.modules.activation"})
    made = kind()
    made.__dict__.update(attributes)
    return made


def test_layers_of_torch_are_read_by_what_they_are_called():
    assert activation(layer("ReLU")) == activation("relu")
    assert activation(layer("LeakyReLU", negative_slope=0.25)) == activation("leaky_relu(0.25)")
    assert activation(layer("GELU", approximate="none")) == activation("gelu")
    assert activation(layer("GELU", approximate="tanh")) == activation("gelu_tanh")
    assert activation(layer("ELU", alpha=0.5)) == activation("elu(0.5)")
    assert activation(layer("Softplus", beta=1.0)) == activation("softplus")
    for made in (layer("Softplus", beta=2.0), layer("Hardtanh", min_val=0.0, max_val=1.0)):
        with pytest.raises(InputError, match="must be a name or an Activation, got"):
            activation(made)


def test_a_function_of_ones_own_is_not_read_by_its_name():
    def relu(t):
        return t

    with pytest.raises(InputError, match="must be a name or an Activation, got function"):
        activation(relu)


def test_the_nearest_name_is_proposed():
    with pytest.raises(InputError, match=r"unknown activation 'rellu': did you mean relu\? the known ones are relu, "):
        activation("rellu")
    with pytest.raises(InputError, match="leaky_relu takes slope"):
        activation("leaky_relu(bend=1)")
    assert known_name("nothing", ["relu"]) == "nothing"


def test_recover_alone_finds_width_activation_and_that_there_are_no_biases():
    teacher = make_network(6, 3, kappa=2, activation="tanh", random_state=0)
    X = np.random.default_rng(0).standard_normal((600, 6))
    result = recover(X, teacher(X), rng=0)
    assert result.is_certified
    assert recovery_error(result.network, teacher) < 1e-6
    assert result.network.polynomial is None
    assert any("left out" in note for note in result.certificate.notes)
    assert {choice.subject for choice in result.certificate.choices} == {"width", "activation"}


def test_recover_alone_finds_biases():
    teacher = make_network(4, 2, law="random_units", bias=1.0, activation="tanh", random_state=1)
    X = np.random.default_rng(0).standard_normal((600, 4))
    result = recover(X, teacher(X) + 2.0, rng=0)
    assert result.is_certified
    assert result.network.has_bias
    assert result.network.polynomial.constant == pytest.approx(2.0)


def test_biases_are_as_they_are_asked_for():
    teacher = make_network(4, 2, kappa=2, activation="tanh", random_state=0)
    X = np.random.default_rng(0).standard_normal((400, 4))
    assert recover(X, teacher(X), 2, "tanh", rng=0).network.polynomial is None
    assert recover(X, teacher(X), 2, "tanh", bias="auto", rng=0).network.polynomial is None
    assert recover(X, teacher(X), 2, "tanh", bias=True, rng=0).network.polynomial is not None
    with pytest.raises(InputError, match="bias must be True, False or 'auto'"):
        recover(X, teacher(X), 2, "tanh", bias="perhaps")


def test_where_rows_are_too_few_for_biases_there_are_none():
    teacher = make_network(5, 2, kappa=2, activation="squared_relu", random_state=0)
    X = np.random.default_rng(0).standard_normal((12, 5))
    result = recover(X, teacher(X), 2, "squared_relu", bias="auto", rng=0)
    assert any("too few rows" in note for note in result.certificate.notes)
    with pytest.raises(InputError, match="need at least 11 rows"):
        recover(X[:8], teacher(X)[:8], 2, "squared_relu", bias="auto", rng=0)


NETWORK = TwoLayerNetwork([1.0, -2.0], [[1, 0.5, 0], [0, 1, -1]], [0.2, 0.1], "relu")


def test_whatever_can_be_asked_is_a_box(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 3))
    mlp = MLPRegressor(hidden_layer_sizes=(2,), max_iter=20, random_state=0)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        mlp.fit(X, NETWORK(X))
    for box, options in ((NETWORK, {}), (lambda X: NETWORK(X), {"dim": 3}), (CallableBox(NETWORK, 3), {})):
        found = extract(box, rng=0, **options)
        assert found.is_certified
        assert recovery_error(found.network, NETWORK) < 1e-6
    found = extract(mlp, rng=0)
    np.testing.assert_allclose(found.network(X), mlp.predict(X), atol=1e-8)


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(InputError, match=r"give dim, as in extract\(f, dim=3\)"):
        extract(lambda X: X[:, 0])
    with pytest.raises(InputError, match="a function, an estimator, a path or a box, found int"):
        extract(3)
    with pytest.raises(InputError, match="the box has 3 inputs, and dim says 4"):
        extract(NETWORK, dim=4)
    with pytest.raises(InputError, match="a path or a box, found SimpleNamespace"):
        extract(types.SimpleNamespace())


@pytest.mark.parametrize("law", LAWS)
def test_a_law_is_drawn_by_one_call(law):
    size = (9, 3) if law in ("simplex_blocks", "haar_blocks") else (6, 3) if "identity" not in law else (6, 6)
    try:
        expected = LAWS[law](*size, activation="relu", rng=np.random.default_rng(4))
    except InputError:
        pytest.skip("the law wants another activation")
    assert make_network(*size, law=law, activation="relu", random_state=4) == expected


def test_a_law_that_is_unknown_or_takes_no_such_option_is_refused():
    with pytest.raises(InputError, match=r"unknown law 'condition': did you mean conditioned\?"):
        make_network(3, 2, law="condition")
    with pytest.raises(InputError, match="does not take that"):
        make_network(3, 2, law="orthogonal", kappa=2)


# ------------------------------------------------------------------------------------- columns that tell nothing


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("constant", "Column 3 (one) is constant"),
        ("copy", "Column 3 (copy) is a copy of column 0 (age)"),
        ("one-hot", "These depend on each other"),
    ],
)
def test_columns_that_cannot_be_told_apart_are_named(more, words):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 3))
    y = np.maximum(X @ np.array([[1, 0.5, -0.5], [-0.3, 1, 0.2]]).T + [0.2, -0.1], 0) @ [1, -1.5]
    block = {"constant": np.ones((400, 1)), "copy": X[:, :1], "one-hot": np.eye(4)[rng.integers(0, 4, 400)]}[more]
    names = ["age", "height", "pulse", *{"constant": ["one"], "copy": ["copy"], "one-hot": list("pqrs")}[more]]
    result = recover(np.hstack([X, block]), y, 2, "relu", bias=True, rng=0, inputs=names)
    assert result.is_certified or any(words in note for note in result.certificate.notes)
    with pytest.raises(InputError, match="must be 3 names of inputs, found 2"):
        recover(X, y, 2, "relu", bias=True, inputs=["a", "b"])


def test_a_relation_of_columns_is_found_and_chance_is_not():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 4))
    assert notes_on_columns(X, True) == ()
    assert notes_on_columns(np.hstack([X, X[:, :1] + 1e-5 * rng.standard_normal((300, 1))]), True) == ()
    (note,) = notes_on_columns(np.hstack([X, X[:, :1] - 2 * X[:, 1:2] + 3]), True, "abcde")
    assert "column 0 (a), column 1 (b), column 4 (e); leave one of them out" in note
    assert notes_on_columns(np.hstack([X, X[:, :1] - 2 * X[:, 1:2] + 3]), False) == ()
    assert notes_on_columns(np.hstack([X, 1e6 + 0 * X[:, :1]]), True) == (
        "Column 4 is constant: leave this column out, as it tells nothing.",
    )
    (note,) = notes_on_columns(np.hstack([X, -3e5 * X[:, 2:3] + 7]), True)
    assert note == "Column 4 is a multiple of column 2: leave one out."
