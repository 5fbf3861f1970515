"""Laws of the recovery: samples seen in another order, in other units or from elsewhere are the same samples.

Each change of the samples has its inverse for networks. The verdict must be the same, and the network, brought back,
the same to rounding, or under noise to its standard errors.
"""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from twolayer import Status, TwoLayerNetwork, TwoLayerRegressor, recover
from twolayer.align import align
from twolayer.network import Polynomial
from twolayer.teachers import random_units


def planted(spec, noise, *, has_bias=True, n=500, d=4, m=2, seed=1):
    """A network and samples of it, in an order of no meaning."""
    rng = np.random.default_rng(seed)
    teacher = random_units(d, m, bias=0.5 if has_bias else 0.0, activation=spec, rng=rng)
    X = rng.standard_normal((n, d))
    y = teacher(X)
    return teacher, X, y + noise * y.std() * rng.standard_normal(n)


def same(network):
    return network


# Orders of the rows


def by(key):
    def sort(X, y):
        order = np.argsort(key(X, y), kind="stable")
        return X[order], y[order], same

    return sort


# Changes of the inputs and of the labels


def permuted_inputs(X, y):
    order = np.array([2, 0, 3, 1])
    return X[:, order], y, lambda net: replace(net, W=net.W[:, np.argsort(order)])


def rotated(X, y):
    Q = np.linalg.qr(np.random.default_rng(3).standard_normal((4, 4)))[0]
    return X @ Q, y, lambda net: replace(net, W=net.W @ Q.T)


def shifted(distance):
    mu = distance * np.array([1.0, -0.5, 0.0, 2.0])
    return lambda X, y: (X + mu, y, lambda net: replace(net, b=net.b + net.W @ mu))


def scaled(units):
    units = np.asarray(units)
    return lambda X, y: (X * units, y, lambda net: replace(net, W=net.W * units))


def labels(factor, offset=0.0):
    def change(X, y):
        def back(net):
            constant = (0.0 if net.polynomial is None else net.polynomial.constant) - offset
            polynomial = None if net.polynomial is None else Polynomial(constant / factor)
            return replace(net, a=net.a / factor, polynomial=polynomial)

        return X, factor * y + offset, back

    return change


def periodic(X, y):
    """In time order, with a period: every 5th row is of one kind."""
    order = np.argsort(X[:, 0]).reshape(5, -1).T.ravel()
    return X[order], y[order], same


CHANGES = {
    "shuffled": by(lambda X, _: np.random.default_rng(5).random(len(X))),
    "sorted by y": by(lambda _, y: y),
    "sorted by |x|": by(lambda X, _: np.linalg.norm(X, axis=1)),
    "sorted by an input": by(lambda X, _: X[:, 1]),
    "in time order with a period": periodic,
    "reversed": lambda X, y: (X[::-1], y[::-1], same),
    "duplicated": lambda X, y: (np.vstack([X, X]), np.r_[y, y], same),
    "inputs permuted": permuted_inputs,
    "inputs rotated": rotated,
    "columns in units of 1e-9 to 1e9": scaled([1e-9, 1e9, 1.0, 1e3]),
    "all inputs tiny": scaled([1e-9] * 4),
    "all inputs huge": scaled([1e9] * 4),
    "labels tiny": labels(1e-9),
    "labels huge": labels(1e9),
    "Fortran order": lambda X, y: (np.asfortranarray(X), y, same),
    "not contiguous": lambda X, y: (np.repeat(X, 2, axis=1)[:, ::2], np.repeat(y, 2)[::2], same),
}
NEED_BIASES = {"inputs shifted": shifted(3.0), "inputs far away": shifted(1e4), "labels shifted": labels(1.0, 100.0)}
EVERYWHERE = [("relu", 0.0), ("relu", 0.05), ("tanh", 0.0), ("tanh", 0.02)]


def read_only(array):
    array = array.copy()
    array.setflags(write=False)
    return array


def function(network):
    """The network without its constant, in which the orientations of tanh do not matter."""
    return replace(network, polynomial=None)


def assert_same_answer(network, other, noise, errors):
    """To rounding where labels are exact; where not, to a standard error, as kinks make minima of their own."""
    matched = align(function(other), function(network))
    errors_of_units = np.linalg.norm(errors.W, axis=1) / np.linalg.norm(network.W, axis=1)
    assert matched.max_relative_error < (errors_of_units.max() if noise else 1e-8)
    assert not noise or errors_of_units.max() < 0.05


@pytest.fixture(scope="module")
def references():
    """What is found in the samples as they were drawn."""
    found = {}
    for spec, noise in EVERYWHERE:
        for has_bias in (True, False):
            _, X, y = planted(spec, noise, has_bias=has_bias)
            result = recover(X, y, 2, spec, bias=has_bias, rng=0)
            assert result.status is (Status.CERTIFIED_WITH_NOISE if noise else Status.CERTIFIED)
            found[spec, noise, has_bias] = (X, y, result)
    return found


LAWS = [pytest.param(name, True, id=f"{name}-biases") for name in (CHANGES | NEED_BIASES)]
LAWS += [pytest.param(name, False, id=name) for name in CHANGES]


@pytest.mark.parametrize(("spec", "noise"), EVERYWHERE)
@pytest.mark.parametrize(("name", "has_bias"), LAWS)
def test_the_same_samples_seen_in_another_way_give_the_same_answer(name, has_bias, spec, noise, references):
    X, y, expected = references[spec, noise, has_bias]
    changed, labels_, back = (CHANGES | NEED_BIASES)[name](X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = recover(
            read_only(changed) if changed.flags.c_contiguous else changed, labels_, 2, spec, bias=has_bias, rng=0
        )
    assert result.status is expected.status
    assert_same_answer(expected.network, back(result.network).balanced(), noise, expected.certificate.standard_errors)


@pytest.mark.parametrize(("spec", "noise"), EVERYWHERE)
def test_samples_in_single_precision_give_the_same_answer_to_single_precision(spec, noise, references):
    X, y, expected = references[spec, noise, True]
    result = recover(X.astype(np.float32), y.astype(np.float32), 2, spec, bias=True, rng=0)
    assert result.is_certified
    matched = align(function(result.network), function(expected.network))
    assert matched.max_relative_error < (1e-5 if noise == 0 else 0.01)


@pytest.mark.parametrize(("spec", "noise"), EVERYWHERE)
def test_the_number_of_threads_changes_nothing(spec, noise, references):
    X, y, _ = references[spec, noise, True]
    answers = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            answers.append(recover(X, y, 2, spec, bias=True, rng=0))
    assert answers[0].status is answers[1].status
    assert_same_answer(answers[0].network, answers[1].network, noise, answers[0].certificate.standard_errors)


@pytest.mark.parametrize(("spec", "noise"), EVERYWHERE)
@pytest.mark.parametrize("name", CHANGES | NEED_BIASES)
def test_the_estimator_obeys_the_same_laws(name, spec, noise, references):
    X, y, expected = references[spec, noise, True]
    changed, labels_, back = (CHANGES | NEED_BIASES)[name](X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = TwoLayerRegressor(2, spec, random_state=0).fit(changed, labels_)
    assert model.status_ is expected.status
    assert_same_answer(expected.network, back(model.network_).balanced(), noise, expected.certificate.standard_errors)


@pytest.mark.parametrize("key", ["as drawn", "by y", "by |x|"])
@pytest.mark.parametrize("seed", [0, 1])
def test_sorted_noisy_rows_are_certified(seed, key):
    """The rows that judge are held out, and drawn at random among these: the first ones are no sample."""
    rng = np.random.default_rng(seed)
    teacher = random_units(8, 3, bias=0.5, activation="relu", rng=rng)
    X = rng.standard_normal((6000, 8))
    y = teacher(X)
    y = y + 0.05 * y.std() * rng.standard_normal(6000)
    order = {"as drawn": np.arange(6000), "by y": np.argsort(y), "by |x|": np.argsort(np.linalg.norm(X, axis=1))}[key]
    assert recover(X[order], y[order], 3, "relu", bias=True, rng=seed).status is Status.CERTIFIED_WITH_NOISE


def test_correlated_columns_in_other_units_are_certified():
    rng = np.random.default_rng(4)
    A = rng.standard_normal((4, 4)) + 2 * np.eye(4)
    teacher = random_units(4, 2, bias=0.5, activation="relu", rng=rng)
    Z = rng.standard_normal((2000, 4))
    y = teacher(Z)
    y = y + 0.05 * y.std() * rng.standard_normal(2000)
    X = (Z @ A.T + 5) * np.array([1e-6, 1e6, 1.0, 1e-3])
    result = recover(X, y, 2, "relu", bias=True, rng=0)
    assert result.status is Status.CERTIFIED_WITH_NOISE
    W = teacher.W @ np.linalg.inv(A) / np.array([1e-6, 1e6, 1.0, 1e-3])
    truth = TwoLayerNetwork(teacher.a, W, teacher.b - teacher.W @ np.linalg.inv(A) @ np.full(4, 5.0), "relu")
    fresh = (rng.standard_normal((500, 4)) @ A.T + 5) * np.array([1e-6, 1e6, 1.0, 1e-3])
    assert np.std(result.network(fresh) - truth(fresh)) < 0.02 * truth(fresh).std()


@pytest.mark.parametrize("key", ["as drawn", "by a unit"])
def test_an_activation_that_is_nearly_right_is_refuted_whatever_the_order(key):
    """More rows than any part of them that speaks for all: the first of sorted ones would let it pass."""
    rng = np.random.default_rng(3)
    W = rng.standard_normal((2, 6)) / np.sqrt(6)
    X = rng.standard_normal((20_000, 6))
    t = X @ W.T
    y = np.maximum(t, 0).sum(axis=1) + 0.016 * (t[:, 0] ** 2 - 1) + 0.5 * rng.standard_normal(20_000)
    order = np.argsort(t[:, 0]) if key == "by a unit" else np.arange(20_000)
    assert recover(X[order], y[order], 2, "relu", rng=0).status is Status.MISFIT
