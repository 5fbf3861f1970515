"""The demonstration: what it writes, and that the picture shows what happened."""

import json

import numpy as np
import pytest
from matplotlib.figure import Figure

from twolayer import TwoLayerNetwork, cli, demo, pictures, recovery_error
from twolayer.sources import read_samples
from twolayer.teachers import conditioned, gaussian_samples


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """One demonstration, with a short descent of the peer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "ADAM_STEPS", 50)
        return demo.demonstrate(tmp_path_factory.mktemp("demo"))


def test_the_planted_network_is_recovered_and_certified(shown):
    assert shown.result.is_certified
    assert shown.errors.max() < 1e-6
    assert recovery_error(shown.recovered, shown.truth) < 1e-6


def test_what_is_recovered_is_what_the_files_hold(shown):
    X, y = read_samples(shown.samples_path)
    np.testing.assert_array_equal(y, shown.truth(X))
    assert TwoLayerNetwork.load(shown.network_path) == shown.result.network


def test_the_picture_is_a_png(shown):
    assert shown.picture_path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert shown.picture_path.stat().st_size > 10_000


def test_the_command_prints_truth_beside_recovery(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(demo, "ADAM_STEPS", 5)
    assert cli.run(["demo", "--output", str(tmp_path / "new" / "folder")]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == [
        "network.npz",
        "recovery.png",
        "samples.npz",
    ]
    truth = TwoLayerNetwork.load(tmp_path / "new" / "folder" / "network.npz")
    assert out.count(f"{truth.a[0]:.4f}"[:4]) >= 1
    assert all(heading in out for heading in ("true", "found", "error", "recovery.png"))


def test_an_unwritable_folder_is_refused_before_anything_is_computed(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text(json.dumps(None), encoding="utf-8")
    monkeypatch.setattr(demo, "demonstrate", lambda *_: pytest.fail("computed first"))
    assert cli.run(["demo", "--output", str(tmp_path / "file")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def relative_loss(a, W, X, y):
    return np.sum((np.maximum(X @ W.T, 0) @ a - y) ** 2) / np.sum(y**2)


def test_adam_takes_the_textbook_step():
    """The first step of Adam is η·sign(gradient) in every entry; the gradient here is by finite differences."""
    rng = np.random.default_rng(2)
    X, y = gaussian_samples(conditioned(4, 2, activation="relu", rng=rng), 50, rng)
    start = TwoLayerNetwork(rng.standard_normal(2), rng.standard_normal((2, 4)))
    theta = np.concatenate([start.a, start.W.ravel()])

    def loss(theta):
        return relative_loss(theta[:2], theta[2:].reshape(2, 4), X, y)

    step = 1e-6 * np.eye(len(theta))
    gradient = np.array([(loss(theta + h) - loss(theta - h)) / 2e-6 for h in step])
    losses = demo.adam(start, X, y, steps=2, step_size=1e-3)
    assert np.abs(gradient).min() > 1e-4  # every sign is beyond doubt
    assert losses[0] == pytest.approx(loss(theta), rel=1e-12)
    assert losses[1] == pytest.approx(loss(theta - 1e-3 * np.sign(gradient)), rel=1e-6)


def test_adam_follows_the_textbook_for_many_steps():
    """Against the recursion written out for one long vector, with the exact gradient of a squared activation."""
    rng = np.random.default_rng(3)
    X, y = gaussian_samples(conditioned(3, 2, activation="quadratic", rng=rng), 40, rng)
    start = TwoLayerNetwork(rng.standard_normal(2), rng.standard_normal((2, 3)), activation="quadratic")
    theta, m, s, expected = np.concatenate([start.a, start.W.ravel()]), 0.0, 0.0, []
    for t in range(1, 31):
        a, W = theta[:2], theta[2:].reshape(2, 3)
        residual = (X @ W.T) ** 2 @ a - y
        expected.append(np.sum(residual**2) / np.sum(y**2))
        by_a = [np.mean(2 * residual * (X @ w) ** 2) for w in W]
        by_W = [np.mean(2 * residual * a[i] * 2 * (X @ W[i]) * X[:, c]) for i in range(2) for c in range(3)]
        gradient = np.array([*by_a, *by_W])
        m, s = 0.9 * m + 0.1 * gradient, 0.999 * s + 0.001 * gradient**2
        theta = theta - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
    np.testing.assert_allclose(demo.adam(start, X, y, steps=30), expected, rtol=1e-9)


def test_the_picture_shows_every_weight_and_every_loss():
    truth = TwoLayerNetwork([1.0, -1.0], [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    near = TwoLayerNetwork([1.0, -1.0], truth.W + 0.01)
    figure = pictures.recovery_picture(truth, near, {"ours": [1.0, 1e-3, 0.0, np.nan, 1e-9], "theirs": [2.0, 1.5]})
    assert isinstance(figure, Figure)
    left, right = figure.axes
    points = np.concatenate([np.asarray(drawn.get_offsets()) for drawn in left.collections])
    np.testing.assert_array_equal(points, np.column_stack([truth.W.ravel(), near.W.ravel()]))
    curves = [np.column_stack(line.get_data()).tolist() for line in right.lines]
    assert curves == [[[1, 1.0], [2, 1e-3], [5, 1e-9]], [[1, 2.0], [2, 1.5]]]
    assert {right.get_xscale(), right.get_yscale()} == {"log"}
    assert all(axes.get_xlabel() and axes.get_ylabel() and axes.get_legend() for axes in (left, right))
