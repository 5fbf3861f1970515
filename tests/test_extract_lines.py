"""What a line shows of units whose places on it are known."""

import numpy as np

from twolayer.extract.lines import jumps, kinks, random_line


def test_kinks_are_where_the_hyperplanes_cross_the_line_and_as_large_as_the_formula_says(rng):
    line = random_line(4, 2.0, 4096, rng)
    W, b, a = rng.standard_normal((3, 4)), rng.uniform(-1, 1, 3), np.array([1.0, -0.5, 2.0])
    values = np.maximum(line.at(line.theta) @ W.T + b, 0) @ a
    found = kinks(line, values, 1e-14)
    t = -(W @ line.p * line.scale + b) / (W @ line.u * line.scale)
    order = np.argsort(t)
    size = a * np.abs(W @ line.u) * line.scale * np.sqrt(1 + t**2)
    np.testing.assert_allclose(found.theta, np.arctan(t)[order], atol=1e-6)
    np.testing.assert_allclose(found.size, size[order], rtol=1e-6)


def test_a_linear_function_has_no_kink_and_a_constant_no_jump(rng):
    line = random_line(3, 1.0, 1024, rng)
    assert len(kinks(line, line.at(line.theta) @ [1.0, 2.0, 3.0] + 1, 1e-14).theta) == 0
    assert len(jumps(np.full(1024, 0.1), 1e-16)[2]) == 0


def test_jumps_are_between_the_points_on_either_side():
    values = np.where(np.arange(1000) < 400, 1.0, -0.5) + np.where(np.arange(1000) < 700, 0.0, 2.0)
    before, after, height = jumps(values, 1e-15)
    assert before.tolist() == [399, 699]
    assert after.tolist() == [400, 700]
    np.testing.assert_allclose(height, [-1.5, 2.0])
