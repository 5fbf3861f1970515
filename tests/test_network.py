"""A network is the sum of its units, however it is written, stored or cut into blocks."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest

from networks import SPECS, WITHOUT_LAW, assert_same_function, random_network
from twolayer.activation import ACTIVATIONS, activation
from twolayer.errors import InputError
from twolayer.files import read_npz, write_npz
from twolayer.network import Polynomial, TwoLayerNetwork


def test_every_activation_of_the_table_is_tried_here():
    assert {spec.split("(")[0] for spec in SPECS} == set(ACTIVATIONS)


# --------------------------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize("spec", SPECS)
def test_the_value_is_the_sum_over_units_plus_the_polynomial(spec):
    rng = np.random.default_rng(0)
    network = random_network(spec, rng, degree=2)
    p = network.polynomial
    for x in rng.standard_normal((5, 4)):
        y = p.constant + sum(p.linear[i] * x[i] for i in range(4))
        y += sum(p.quadratic[i, j] * x[i] * x[j] for i in range(4) for j in range(4))
        for i in range(6):
            t = sum(network.W[i, j] * x[j] for j in range(4)) + network.b[i]
            y += network.a[i] * float(network.activation(t))
        assert network(x[None])[0] == pytest.approx(y, rel=1e-13, abs=1e-12)


def test_a_network_without_biases_has_zero_biases_and_relu():
    network = TwoLayerNetwork([1, -2], [[1, 0], [0, 3]])
    np.testing.assert_array_equal(network.b, [0, 0])
    assert network.activation.name == "relu"
    assert (network.width, network.dim, network.has_bias) == (2, 2, False)
    np.testing.assert_array_equal(network([[1, 1], [-1, 2], [2, -1]]), [-5, -12, 2])
    assert TwoLayerNetwork([1], [[1]], [0.5]).has_bias


@pytest.mark.parametrize("block_rows", [1, 3, 10, 1000])
def test_blocks_do_not_change_the_values(block_rows):
    rng = np.random.default_rng(0)
    network = random_network("softplus", rng, degree=2)
    X = rng.standard_normal((10, 4))
    np.testing.assert_allclose(network(X, block_rows=block_rows), network(X), rtol=1e-14, atol=1e-14)


def test_float32_inputs_are_labelled_in_float64():
    rng = np.random.default_rng(0)
    network = random_network("tanh", rng, degree=2)
    X = rng.standard_normal((10, 4)).astype(np.float32)
    assert network(X).dtype == np.float64
    np.testing.assert_array_equal(network(X), network(X.astype(np.float64)))


def test_memory_is_that_of_a_block_and_not_of_the_samples():
    rng = np.random.default_rng(0)
    network = random_network("relu", rng, d=5, m=100, degree=2)
    X = rng.standard_normal((100_000, 5)).astype(np.float32)
    tracemalloc.start()
    y = network(X, block_rows=500)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < y.nbytes + 5 * 8 * 500 * 105


def test_no_row_has_no_value_and_no_unit_leaves_the_polynomial():
    network = random_network("relu", np.random.default_rng(0))
    assert network(np.empty((0, 4))).shape == (0,)
    np.testing.assert_array_equal(TwoLayerNetwork([], np.empty((0, 2)))(np.ones((3, 2))), np.zeros(3))
    np.testing.assert_array_equal(
        TwoLayerNetwork([], np.empty((0, 2)), polynomial=Polynomial(2, [1, 0]))(np.ones((3, 2))), np.full(3, 3.0)
    )


@pytest.mark.parametrize(
    ("X", "complaint"),
    [
        (np.ones((3, 5)), "X must have 4 columns, found 5"),
        (np.ones(4), r"X must have two dimensions, found shape \(4,\)"),
        (np.ones((3, 4), dtype=object), "X must hold real numbers, found an array of objects"),
        (np.ones((3, 4), dtype=complex), "X must hold real numbers, found an array of complex"),
    ],
)
def test_inputs_of_another_shape_or_kind_are_refused(X, complaint):
    with pytest.raises(InputError, match=complaint):
        random_network("relu", np.random.default_rng(0))(X)


def test_a_block_has_at_least_one_row():
    with pytest.raises(InputError, match="block_rows must be an integer of at least 1, found 0"):
        random_network("relu", np.random.default_rng(0))(np.ones((3, 4)), block_rows=0)


# ----------------------------------------------------------------------------------------------------------- the object


def test_a_network_cannot_be_changed_and_keeps_its_own_arrays():
    a, W, b, u = np.ones(2), np.ones((2, 3)), np.ones(2), np.ones(3)
    network = TwoLayerNetwork(a, W, b, polynomial=Polynomial(1, u, np.eye(3)))
    for array in (a, W, b, u):
        array[...] = 7
    for array in (network.a, network.W, network.b, network.polynomial.linear, network.polynomial.quadratic):
        assert array.max() == 1
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    with pytest.raises(AttributeError):
        network.a = a
    with pytest.raises(AttributeError):
        network.polynomial.constant = 3


@pytest.mark.parametrize("degree", [None, 0, 1, 2])
@pytest.mark.parametrize("spec", SPECS)
def test_a_network_survives_a_file_a_pickle_and_a_copy(tmp_path, spec, degree):
    network = random_network(spec, np.random.default_rng(0), degree=degree)
    network.save(tmp_path / "network.npz")
    for twin in (
        TwoLayerNetwork.load(tmp_path / "network.npz"),
        pickle.loads(pickle.dumps(network)),
        copy.deepcopy(network),
    ):
        assert twin == network
        assert twin.activation == network.activation
        assert not twin.W.flags.writeable


def test_networks_are_equal_if_nothing_in_them_differs():
    def written(a=(1, 2), W=((1, 0), (0, 1)), b=(0, 1), activation="relu", polynomial=None):
        return TwoLayerNetwork(a, W, b, activation, polynomial)

    assert written() == written()
    assert written(polynomial=Polynomial(1, [1, 2])) == written(polynomial=Polynomial(1, [1, 2]))
    for other in (
        written(a=(1, 3)),
        written(W=((1, 0), (0, 2))),
        written(b=(0, 0)),
        written(activation="abs"),
        written(polynomial=Polynomial(0)),
        TwoLayerNetwork([1], [[1, 0]]),
        "relu",
    ):
        assert written() != other
    for one, two in [((1,), (2,)), ((1, [1]), (1, [2])), ((1, [1]), (1,)), ((1, None, [[1]]), (1, None, [[2]]))]:
        assert Polynomial(*one) != Polynomial(*two)
    assert Polynomial(1) != 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(written())


def test_a_network_shows_itself_in_one_short_line():
    network = random_network("leaky_relu(0.1)", np.random.default_rng(0), d=300, m=200, degree=1)
    assert repr(network) == (
        "<TwoLayerNetwork: 200 leaky_relu(0.1) units on 300 inputs, biases, polynomial of degree 1>"
    )
    assert repr(TwoLayerNetwork([1], [[1]])) == "<TwoLayerNetwork: 1 relu units on 1 inputs>"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (([1], [1, 2]), r"W must have two dimensions, found shape \(2,\)"),
        (([[[1]]], [[1, 2]]), r"a must have one dimension, found shape \(1, 1, 1\)"),
        (([1, 2], [[1, 2]]), "found 2 and 1 entries, 1 rows"),
        (([1], [[1, 2]], [1, 2]), "found 1 and 2 entries, 1 rows"),
        (([1], np.empty((1, 0))), "W must have a column for each input"),
        (([1], [[1, np.nan]]), "W must be finite, found nan at index 0, 1"),
        (([np.inf], [[1, 2]]), "a must be finite, found inf at index 0"),
        (([1], [[1, 2]], [-np.inf]), "b must be finite, found -inf at index 0"),
        (([1], [["x", "y"]]), "W must hold real numbers, found an array of text"),
        (([None], [[1]]), "a must hold real numbers, found an array of objects"),
        (([1], [[1]], [1j]), "b must hold real numbers, found an array of complex numbers"),
        (([1], [[1]], None, "no such thing"), "no such thing"),
        (([1], [[1]], None, "relu", 3.0), "polynomial must be a Polynomial or None, found float"),
        (([1], [[1]], None, "relu", Polynomial(0, [1, 2])), "polynomial must have dimension 1 like W, found 2"),
    ],
)
def test_what_is_no_network_is_refused(arguments, complaint):
    with pytest.raises(InputError, match=complaint):
        TwoLayerNetwork(*arguments)


# ----------------------------------------------------------------------------------------------------- ways to write it


def with_idle_units(network, rng):
    """The same network with a unit that is off, and one that is a constant cancelled by the polynomial part."""
    constant = float(network.activation(0.7)) * 1.3
    polynomial = network.polynomial + Polynomial(-constant) if network.polynomial else Polynomial(-constant)
    return TwoLayerNetwork(
        [0.0, *network.a, 1.3],
        np.vstack([rng.standard_normal(network.dim), network.W, np.zeros(network.dim)]),
        [0.4, *network.b, 0.7],
        network.activation,
        polynomial,
    )


def rewritten(network, rng):
    """The same function with its units in another order, on another scale and turned where that is free."""
    m, sigma = network.width, network.activation
    order, scale, turn = rng.permutation(m), rng.uniform(0.5, 2.0, m), rng.choice([-1.0, 1.0], m)
    scale = scale if sigma.degree is not None else np.ones(m)
    turn = turn if sigma.parity else np.ones(m)
    a = network.a / scale ** (sigma.degree or 0) * (turn if sigma.parity == -1 else 1)
    W, b = (turn * scale)[:, None] * network.W, turn * scale * network.b
    return TwoLayerNetwork(a[order], W[order], b[order], sigma, network.polynomial)


@pytest.mark.parametrize("degree", [None, 2])
@pytest.mark.parametrize("spec", SPECS)
def test_the_canonical_and_the_balanced_form_are_the_same_function(spec, degree):
    rng = np.random.default_rng(0)
    network = random_network(spec, rng, degree=degree)
    idle = with_idle_units(network, rng)
    for written in (network, idle):
        assert_same_function(written, network)
        assert_same_function(written.canonical(), network)
        assert_same_function(written.balanced(), network)
    assert idle.canonical().width == network.width
    assert idle.balanced().width == idle.width


@pytest.mark.parametrize("spec", SPECS)
def test_the_canonical_form_does_not_depend_on_how_the_function_was_written(spec):
    rng = np.random.default_rng(1)
    network = random_network(spec, rng, degree=1)
    canonical = network.canonical()
    for _ in range(5):
        other = rewritten(network, rng)
        assert_same_function(other, network)
        for name in ("a", "W", "b"):
            np.testing.assert_allclose(
                getattr(other.canonical(), name), getattr(canonical, name), rtol=1e-13, atol=1e-14
            )
        assert other.canonical().polynomial == canonical.polynomial


@pytest.mark.parametrize("spec", SPECS)
def test_the_canonical_form_has_unit_rows_a_fixed_sign_and_an_order(spec):
    canonical = random_network(spec, np.random.default_rng(2)).canonical()
    sigma = canonical.activation
    if sigma.degree is not None:
        np.testing.assert_allclose(np.linalg.norm(canonical.W, axis=1), 1.0, rtol=1e-15)
    if sigma.parity == -1:
        assert (canonical.a > 0).all()
    if sigma.parity == 1:
        assert (canonical.W.max(axis=1) >= -canonical.W.min(axis=1)).all()
    units = [(*w, b, a) for w, b, a in zip(canonical.W, canonical.b, canonical.a, strict=True)]
    assert units == sorted(units)


def test_units_that_share_weights_are_ordered_by_bias_and_then_output():
    network = TwoLayerNetwork([3, 2, 1, 5], [[0, 1], [1, 0], [1, 0], [1, 0]], [0, 2, 2, 1], "tanh").canonical()
    np.testing.assert_array_equal(network.a, [3, 5, 1, 2])


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_rows_whose_squares_leave_the_floating_range_are_normalised(size):
    canonical = TwoLayerNetwork([1 / size], [[3 * size, 4 * size]], [5 * size]).canonical()
    np.testing.assert_allclose(canonical.W, [[0.6, 0.8]], rtol=1e-15)
    np.testing.assert_allclose([canonical.a[0], canonical.b[0]], [5, 1], rtol=1e-15)


@pytest.mark.parametrize("spec", SPECS)
def test_the_balanced_form_has_output_weights_of_magnitude_one_and_the_same_units_in_order(spec):
    network = random_network(spec, np.random.default_rng(3))
    balanced = network.balanced()
    if not network.activation.degree:
        assert balanced == network
    else:
        np.testing.assert_array_equal(balanced.a, np.sign(network.a))
        stretch = balanced.W / network.W
        np.testing.assert_allclose(stretch, np.broadcast_to(stretch[:, :1], stretch.shape), rtol=1e-13)
        assert (stretch > 0).all()


def test_a_unit_that_is_off_is_balanced_to_nothing():
    balanced = TwoLayerNetwork([0.0], [[1.0, 2.0]], [3.0]).balanced()
    np.testing.assert_array_equal(balanced.a, [1])
    np.testing.assert_array_equal(balanced.W, [[0, 0]])
    np.testing.assert_array_equal(balanced.b, [0])


@pytest.mark.parametrize("degree", [None, 0, 2])
@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec not in WITHOUT_LAW])
def test_reflected_units_and_what_they_leave_are_the_same_function(spec, degree):
    network = random_network(spec, np.random.default_rng(4), degree=degree)
    mask = np.array([True, False, True, True, False, False])
    turned = network.reflected(mask)
    assert_same_function(turned, network)
    np.testing.assert_array_equal(turned.W, np.where(mask, -1, 1)[:, None] * network.W)
    np.testing.assert_array_equal(turned.b, np.where(mask, -1, 1) * network.b)
    assert turned == network.reflected([0, 2, 3])
    assert network.reflected([]) == network
    assert network.reflected(np.zeros(6, dtype=bool)) == network
    if network.activation.parity:
        assert turned.polynomial == network.polynomial


@pytest.mark.parametrize("units", [[6], [-7], [0.5], [True], "x"])
def test_units_to_reflect_are_units(units):
    with pytest.raises(InputError, match="units must be"):
        random_network("relu", np.random.default_rng(0)).reflected(units)


@pytest.mark.parametrize("spec", WITHOUT_LAW)
def test_a_unit_without_a_law_of_reflection_cannot_be_turned_round(spec):
    network = random_network(spec, np.random.default_rng(0))
    with pytest.raises(InputError, match="cannot be turned round"):
        network.reflected([1])
    assert network.reflected([]) == network


def test_a_reflection_that_leaves_more_than_a_quadratic_is_refused():
    network = random_network("polynomial(0,0,0,1,1)", np.random.default_rng(0))
    with pytest.raises(InputError, match="degree at most two, found 3"):
        network.reflected([1])
    assert network.reflected([]) == network


def test_the_path_norm_of_the_lecture_s_half_space_network_is_as_counted_there():
    """Its units relu(2c) and relu(2c - 1), c = w·x - b - 1/2, have path norms 2(‖w‖₁+|b+½|) and one more at most."""
    w, b, k = np.array([1.0, 2.0, 0.0]), 3.0, 4
    network = TwoLayerNetwork(
        np.tile([1, -1], k) / (2 * k), np.tile(2 * w, (2 * k, 1)), np.tile([-2 * b - 1, -2 * b - 2], k)
    )
    per_half_space = (2 * 3 + 2 * 3 + 1) + (2 * 3 + 2 * 3 + 2)
    assert network.path_norm() == pytest.approx(k * per_half_space / (2 * k), rel=1e-15)
    assert network.path_norm() <= sum([2 * (2 * (3 + b + 0.5)) + 1] * k) / (2 * k)


def test_the_path_norm_is_a_sum_over_units():
    network = random_network("relu", np.random.default_rng(0), degree=1)
    slow = sum(abs(network.a[i]) * (sum(abs(network.W[i, j]) for j in range(4)) + abs(network.b[i])) for i in range(6))
    assert network.path_norm() == pytest.approx(slow, rel=1e-14)
    assert network.balanced().path_norm() == pytest.approx(slow, rel=1e-14)


# ---------------------------------------------------------------------------------------------------------------- files


def entries_of(network, path):
    network.save(path)
    return read_npz(path)


@pytest.fixture
def entries(tmp_path):
    return entries_of(random_network("leaky_relu(0.1)", np.random.default_rng(0), degree=2), tmp_path / "good.npz")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format": None}, "it has no entry 'format'"),
        ({"format": np.asarray("other")}, "its format must be 'twolayer.network'"),
        ({"format": np.asarray(3)}, "its entry 'format' must be a single text"),
        ({"format": np.asarray(["twolayer.network"])}, "its entry 'format' must be a single text"),
        ({"version": None}, "it has no entry 'version'"),
        ({"version": np.asarray(3)}, "its version is 3, and this release reads versions 1 and 2"),
        ({"version": np.asarray(2)}, r"its version is 2, and its a has shape \(6,\)"),
        ({"version": np.asarray(1.0)}, "its entry 'version' must be a single integer"),
        ({"activation": None}, "it has no entry 'activation'"),
        ({"activation": np.asarray("nonsense")}, "nonsense"),
        ({"activation": np.asarray("scaled(" * 100 + "relu" + ",2)" * 100)}, "spelled with 1004 characters|scaled"),
        ({"activation": np.asarray("scaled(" * 5000)}, "its activation is spelled with 35000 characters"),
        ({"activation": np.asarray("(" * 999)}, "activation"),
        ({"activation": np.asarray(1)}, "its entry 'activation' must be a single text"),
        ({"a": None}, "it has no entry 'a'"),
        ({"W": None}, "it has no entry 'W'"),
        ({"b": None}, "it has no entry 'b'"),
        ({"a": np.ones(3)}, "found 3 and 6 entries, 6 rows"),
        ({"W": np.ones(6)}, "W must have two dimensions"),
        ({"W": np.full((6, 4), np.nan)}, "W must be finite"),
        ({"b": np.full(6, "x")}, "b must hold real numbers"),
        ({"polynomial_constant": None}, "it has no entry 'polynomial_constant'"),
        ({"polynomial_constant": np.ones(2)}, "parts of a polynomial must have the same outputs, found 1 and 2"),
        ({"polynomial_linear": np.ones(3)}, "found 3 in the linear and 4 in the quadratic part"),
        ({"polynomial_linear": np.ones(3), "polynomial_quadratic": None}, "polynomial must have dimension 4 like W"),
        ({"polynomial_quadratic": np.triu(np.ones((4, 4)))}, "quadratic part must be symmetric"),
        ({"polynomial_cubic": np.ones(3)}, "it has an unknown entry 'polynomial_cubic'"),
        ({"colour": np.ones(3)}, "it has an unknown entry 'colour'"),
    ],
)
def test_a_file_that_is_no_network_is_refused_by_name_and_reason(tmp_path, entries, change, complaint):
    path = tmp_path / "bad.npz"
    write_npz(path, {name: value for name, value in (entries | change).items() if value is not None})
    with pytest.raises(InputError, match=complaint) as caught:
        TwoLayerNetwork.load(path)
    assert str(caught.value).startswith(f"{path} is not a network: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    path = tmp_path / "network.npz"
    with pytest.raises(InputError, match="No such file"):
        TwoLayerNetwork.load(path)
    path.write_text("dear diary")
    with pytest.raises(InputError, match=r"not an \.npz archive"):
        TwoLayerNetwork.load(path)
    path.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(InputError, match=r"not an \.npz archive"):
        TwoLayerNetwork.load(path)
    np.savez(path, a=np.array([None]), allow_pickle=True)
    with pytest.raises(InputError, match="Python objects"):
        TwoLayerNetwork.load(path)


def test_a_network_is_saved_where_it_is_told_and_nowhere_else(tmp_path):
    network = random_network("relu", np.random.default_rng(0))
    network.save(tmp_path / "plain")
    assert [path.name for path in tmp_path.iterdir()] == ["plain"]
    assert TwoLayerNetwork.load(str(tmp_path / "plain")) == network
    with pytest.raises(InputError, match="cannot write"):
        network.save(tmp_path / "missing" / "network.npz")


@pytest.mark.parametrize(
    ("keyword", "complaint"), [("cube", "unknown activation 'cube'"), ("relu", "does not read back")]
)
def test_an_activation_whose_name_means_nothing_or_another_is_not_saved(tmp_path, keyword, complaint):
    class Cube(type(activation("relu"))):
        def _value(self, t):
            return t**3

    Cube.keyword = keyword
    network = TwoLayerNetwork([1], [[2]], activation=Cube())
    assert network([[1]]) == 8
    with pytest.raises(InputError, match=complaint):
        network.save(tmp_path / "network.npz")
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------------------------------------------------- polynomials


@pytest.mark.parametrize("degree", [0, 1, 2])
def test_the_sum_of_ridges_is_one_polynomial_of_their_degree(degree):
    rng = np.random.default_rng(0)
    coefficients = rng.standard_normal(degree + 1)
    a, W, b, X = (
        rng.standard_normal(3),
        rng.standard_normal((3, 4)),
        rng.standard_normal(3),
        rng.standard_normal((9, 4)),
    )
    polynomial = Polynomial.ridge_sum([*coefficients, 0.0], a, W, b)
    slow = sum(a[i] * np.polyval(coefficients[::-1], X @ W[i] + b[i]) for i in range(3))
    np.testing.assert_allclose(polynomial(X), slow, rtol=1e-12, atol=1e-12)
    assert polynomial.degree == degree
    assert polynomial.dim == (None if degree == 0 else 4)


def test_no_ridge_and_no_coefficient_sum_to_zero():
    assert Polynomial.ridge_sum([], [1.0], [[2.0]], [3.0]) == Polynomial(0)
    assert Polynomial.ridge_sum([0, 1], [], np.empty((0, 2)), []) == Polynomial(0, [0, 0])
    with pytest.raises(InputError, match="degree at most two, found 3"):
        Polynomial.ridge_sum([0, 0, 0, 1], [1.0], [[2.0]], [3.0])


def test_polynomials_add_and_subtract_as_functions():
    rng = np.random.default_rng(0)
    X, Q = rng.standard_normal((7, 3)), np.diag(rng.standard_normal(3))
    written = [Polynomial(1.5), Polynomial(2, [1, 2, 3]), Polynomial(-1, None, Q), Polynomial(0.5, [3, 2, 1], Q)]
    for one in written:
        for two in written:
            np.testing.assert_allclose((one + two)(X), one(X) + two(X), rtol=1e-13, atol=1e-13)
            np.testing.assert_allclose((one - two)(X), one(X) - two(X), rtol=1e-13, atol=1e-13)
            assert (one + two).degree == max(one.degree, two.degree)
    with pytest.raises(InputError, match="same inputs"):
        Polynomial(0, [1, 2]) + Polynomial(0, [1, 2, 3])


@pytest.mark.parametrize("parts", [(1.3,), (0.4, True), (-2.0, False, True), (0.7, True, True)])
def test_the_gaussian_norm_is_the_root_mean_square_over_an_exact_design(parts):
    rng = np.random.default_rng(0)
    Q = rng.standard_normal((3, 3))
    choices = (lambda c: c, lambda _: rng.standard_normal(3), lambda _: Q + Q.T)
    polynomial = Polynomial(*(choose(part) if part else None for choose, part in zip(choices, parts, strict=False)))
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)
    grid = np.stack(np.meshgrid(nodes, nodes, nodes), axis=-1).reshape(-1, 3)
    weight = np.einsum("i,j,k->ijk", weights, weights, weights).ravel() / weights.sum() ** 3
    assert polynomial.gaussian_norm() == pytest.approx(np.sqrt(weight @ polynomial(grid) ** 2), rel=1e-13)


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        ((np.nan,), "constant must be finite"),
        (([[1.0]],), "constant must have no dimension"),
        (([],), r"constant must have an output, found shape \(0,\)"),
        (("x",), "constant must hold real numbers"),
        ((0, [np.inf]), "linear part must be finite, found inf at index 0"),
        ((0, [[[1]]]), "linear part must have one dimension"),
        ((0, None, [1]), "quadratic part must have two dimensions"),
        ((0, None, [[1, 2]]), r"quadratic part must be square, found shape \(1, 2\)"),
        ((0, None, [[1, 2], [2.1, 1]]), "quadratic part must be symmetric"),
        ((0, [1], np.eye(2)), "found 1 in the linear and 2 in the quadratic part"),
    ],
)
def test_what_is_no_polynomial_is_refused(parts, complaint):
    with pytest.raises(InputError, match=complaint):
        Polynomial(*parts)


def test_a_quadratic_part_is_symmetric_exactly_once_it_is_to_rounding():
    Q = np.array([[1.0, 0.1], [0.1 * (1 + 1e-14), 2.0]])
    assert (Polynomial(0, None, Q).quadratic == Polynomial(0, None, Q).quadratic.T).all()


def test_a_polynomial_of_other_inputs_is_not_evaluated():
    with pytest.raises(InputError, match="X must have 2 columns, found 3"):
        Polynomial(0, [1, 2])(np.ones((1, 3)))
    np.testing.assert_array_equal(Polynomial(2)(np.ones((2, 3))), [2, 2])


@pytest.mark.parametrize(("spec", "period"), [("sine", np.pi), ("scaled(sine,2)", np.pi / 2)])
def test_phases_are_brought_near_zero_and_the_function_stays(spec, period):
    network = TwoLayerNetwork(np.array([1.0, -2.0, 0.5]), np.eye(3), np.array([2.0, -7.5, 0.3]), spec)
    folded = network.balanced()
    assert (np.abs(folded.b) <= period / 2).all()
    assert not np.allclose(folded.b, network.b)
    assert_same_function(network, folded)


# ------------------------------------------------------------------------------------------------------ several outputs


def outputs_network(spec="relu", outputs=3, seed=0, degree=2):
    rng = np.random.default_rng(seed)
    parts = [rng.standard_normal((4,) * order + (outputs,)) for order in range(degree + 1)]
    if degree == 2:
        parts[2] = parts[2] + parts[2].swapaxes(0, 1)
    a, W, b = rng.standard_normal((6, outputs)), rng.standard_normal((6, 4)), 3 * rng.standard_normal(6)
    return TwoLayerNetwork(a, W, b, spec, Polynomial(*parts))


@pytest.mark.parametrize("spec", SPECS)
def test_each_output_is_the_network_of_its_column(spec):
    network, X = outputs_network(spec), np.random.default_rng(1).standard_normal((7, 4))
    p = network.polynomial
    values = network(X)
    assert values.shape == (7, 3)
    for j in range(3):
        polynomial = Polynomial(p.constant[j], p.linear[:, j], p.quadratic[:, :, j])
        alone = TwoLayerNetwork(network.a[:, j], network.W, network.b, network.activation, polynomial)
        np.testing.assert_allclose(values[:, j], alone(X), rtol=1e-13, atol=1e-12)
        assert network.output(j) == alone


@pytest.mark.parametrize("spec", SPECS)
def test_other_forms_of_several_outputs_are_the_same_function(spec):
    network, X = outputs_network(spec), np.random.default_rng(1).standard_normal((50, 4))
    forms = [network.balanced(), network.canonical()]
    if len(network.activation.reflection.polynomial) <= 3 and spec not in WITHOUT_LAW:
        forms.append(network.reflected([0, 2, 5]))
    for form in forms:
        np.testing.assert_allclose(form(X), network(X), rtol=1e-10, atol=1e-10 * np.abs(network(X)).max())
    if network.activation.degree:
        np.testing.assert_allclose(np.linalg.norm(network.balanced().a, axis=1), 1.0, rtol=1e-14)


@pytest.mark.parametrize("spec", ["relu", "tanh", "sine", "abs"])
def test_the_canonical_form_of_several_outputs_does_not_depend_on_order_scale_or_sign(spec):
    network = outputs_network(spec)
    order, sigma = np.random.default_rng(2).permutation(6), network.activation
    flip = np.where(np.arange(6) % 2, -1.0, 1.0) if sigma.parity else np.ones(6)
    scale = np.linspace(0.5, 2, 6) if sigma.degree else np.ones(6)
    a = network.a * (flip if sigma.parity < 0 else np.ones(6))[:, None] / scale[:, None]
    W, b = (flip * scale)[:, None] * network.W, flip * scale * network.b
    written = TwoLayerNetwork(a[order], W[order], b[order], sigma, network.polynomial).canonical()
    for name in ("a", "W", "b"):
        np.testing.assert_allclose(getattr(written, name), getattr(network.canonical(), name), rtol=1e-12)


def test_a_column_of_output_weights_is_a_network_of_one_output():
    network = TwoLayerNetwork([[1.0], [2.0]], np.eye(2), polynomial=Polynomial([3.0], [[1.0], [2.0]]))
    assert network == TwoLayerNetwork([1.0, 2.0], np.eye(2), polynomial=Polynomial(3.0, [1.0, 2.0]))
    assert network.n_outputs == 1
    assert network(np.eye(2)).shape == (2,)


@pytest.mark.parametrize(("outputs", "version"), [(1, 1), (3, 2)])
def test_a_file_of_one_output_stays_as_it_was_and_one_of_several_says_so(tmp_path, outputs, version):
    network = outputs_network(outputs=outputs)
    network.save(tmp_path / "network.npz")
    assert read_npz(tmp_path / "network.npz")["version"] == version
    assert TwoLayerNetwork.load(tmp_path / "network.npz") == network


def test_a_file_whose_version_belies_its_outputs_is_refused(tmp_path):
    outputs_network(outputs=3).save(tmp_path / "network.npz")
    entries = read_npz(tmp_path / "network.npz")
    write_npz(tmp_path / "network.npz", entries | {"version": np.asarray(1)})
    with pytest.raises(InputError, match=r"version is 1, and its a has shape \(6, 3\)"):
        TwoLayerNetwork.load(tmp_path / "network.npz")


def test_a_unit_that_no_output_uses_is_dropped_and_a_constant_unit_joins_the_polynomial():
    a, W = [[1, 2], [0, 0], [3, 4]], [[1, 0], [0, 1], [0, 0]]
    network = TwoLayerNetwork(a, W, [0, 0, 2])
    canonical = network.canonical()
    np.testing.assert_array_equal(canonical.a, [[1, 2]])
    np.testing.assert_array_equal(canonical.polynomial.constant, [6, 8])


@pytest.mark.parametrize(
    ("a", "polynomial", "message"),
    [
        (np.zeros((2, 0)), None, "a must have a column for each output"),
        (np.zeros((3, 2)), None, "a, b and W must agree on the units, found 3 and 2 entries, 2 rows"),
        (np.zeros((2, 2)), Polynomial(1.0), "polynomial must have 2 outputs like a, found 1"),
        (np.zeros(2), Polynomial([1.0, 2.0]), "polynomial must have 1 outputs like a, found 2"),
    ],
)
def test_outputs_that_do_not_agree_are_refused(a, polynomial, message):
    with pytest.raises(InputError, match=message):
        TwoLayerNetwork(a, np.eye(2), polynomial=polynomial)


def test_parts_of_a_polynomial_must_agree_on_the_outputs():
    with pytest.raises(InputError, match="must have the same outputs, found 2 and 3"):
        Polynomial([1.0, 2.0], np.ones((4, 3)))
    np.testing.assert_array_equal(Polynomial(1.0, np.ones((4, 3))).constant, [1, 1, 1])


def test_sums_multiples_and_shifts_of_polynomials_of_several_outputs_are_those_of_each():
    p, q = outputs_network(seed=1).polynomial, outputs_network(seed=2, degree=1).polynomial
    X, scale, shift = np.random.default_rng(3).standard_normal((5, 4)), np.array([1.0, 2, 0.5, np.inf]), np.ones(4)
    np.testing.assert_allclose((p + 2 * q)(X), p(X) + 2 * q(X), rtol=1e-12)
    np.testing.assert_allclose(p.after(scale, shift)(X), p((X - shift) / scale), rtol=1e-11, atol=1e-11)
    assert p.gaussian_norm() == pytest.approx(np.sqrt(sum(p.output(j).gaussian_norm() ** 2 for j in range(3))))
