"""Samples are checked once, read from every kind of file, and walked through in blocks that cover each row once."""

import numpy as np
import pytest

from twolayer.errors import InputError
from twolayer.rows import blocks, row_blocks
from twolayer.sources import check_samples, read_samples, write_samples

X3 = np.arange(6.0).reshape(3, 2)
Y3 = np.array([1.0, 0.0, 2.0])


# ------------------------------------------------------------------------------------------------------------- checking


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_good_samples_pass_as_they_are(dtype):
    X, y = check_samples(X3.astype(dtype), Y3.astype(dtype))
    assert X.dtype == y.dtype == dtype
    given = X3.astype(dtype)
    assert np.shares_memory(check_samples(given, Y3)[0], given)


@pytest.mark.parametrize("dtype", [int, bool, np.uint8, np.float16, np.longdouble, ">f8", ">f4"])
def test_other_real_numbers_become_float64(dtype):
    X, y = check_samples(X3.astype(dtype), Y3.astype(dtype))
    assert X.dtype == y.dtype == np.float64
    assert X.dtype.isnative
    np.testing.assert_array_equal(X, X3.astype(dtype).astype(float))


@pytest.mark.parametrize("view", [np.asfortranarray(X3), np.hstack([X3, X3])[:, ::2], X3[::-1]])
def test_any_layout_comes_back_contiguous(view):
    X, _ = check_samples(view, Y3)
    assert X.flags.c_contiguous
    np.testing.assert_array_equal(X, view)


def test_lists_are_samples_too():
    X, y = check_samples(X3.tolist(), Y3.tolist())
    np.testing.assert_array_equal(X, X3)
    np.testing.assert_array_equal(y, Y3)


def test_finite_numbers_whose_sum_is_not_are_good_samples():
    huge = np.full((3, 2), np.finfo(float).max)
    np.testing.assert_array_equal(check_samples(huge, Y3)[0], huge)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("row", "column"), [(0, 0), (1, 1), (99_999, 2)])
def test_a_number_that_is_not_finite_is_named_with_its_row(bad, row, column):
    X, y = np.zeros((100_000, 3), np.float32), np.zeros(100_000)
    X[row, column] = X[-1, -1] = bad
    with pytest.raises(
        InputError, match=rf"^X must be finite, found {bad} in row {row}, column {column} \(counted from 0"
    ):
        check_samples(X, y)
    X[row, column] = X[-1, -1] = 0
    y[row] = y[-1] = bad
    with pytest.raises(InputError, match=rf"^y must be finite, found {bad} in row {row} \(counted from 0\)$"):
        check_samples(X, y)


def test_infinities_that_cancel_are_found():
    X = X3.copy()
    X[1] = np.inf, -np.inf
    with pytest.raises(InputError, match="row 1, column 0"):
        check_samples(X, Y3)


@pytest.mark.parametrize(
    ("X", "y", "complaint"),
    [
        (X3[0], Y3, r"X must have two dimensions, found shape \(2,\)"),
        (X3[None], Y3, r"X must have two dimensions, found shape \(1, 3, 2\)"),
        (3.0, Y3, r"X must have two dimensions, found shape \(\)"),
        (X3, np.ones((3, 2)), r"y must have one output here, found 2: give one column at a time"),
        (X3, Y3[:2], "same number of rows, found 3 and 2"),
        (X3[:0], Y3[:0], r"at least one row and one column, found shape \(0, 2\)"),
        (X3[:, :0], Y3, r"at least one row and one column, found shape \(3, 0\)"),
        (X3.astype(object), Y3, "X must hold real numbers, found an array of objects"),
        (X3, Y3.astype(object), "y must hold real numbers, found an array of objects"),
        (X3.astype(str), Y3, "X must hold real numbers, found an array of text"),
        (X3, Y3.astype("S"), "y must hold real numbers, found an array of text"),
        (X3.astype(complex), Y3, "X must hold real numbers, found an array of complex numbers"),
        (X3.astype("M8[s]"), Y3, r"X must hold real numbers, found an array of type datetime64\[s\]"),
        (np.zeros(3, "f8,f8"), Y3, "X must hold real numbers, found an array of records"),
        ([[1.0, 2.0], [3.0]], Y3, "X must be an array of numbers, found list"),
        (None, Y3, "X must hold real numbers, found an array of objects"),
        ({"x": 1}, Y3, "X must hold real numbers, found an array of objects"),
    ],
)
def test_bad_samples_are_refused_in_one_sentence(X, y, complaint):
    with pytest.raises(InputError, match=complaint) as caught:
        check_samples(X, y)
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("kind", [".npz", ".csv", ".NPZ", ".CSV"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_samples_come_back_from_a_file_exactly(tmp_path, kind, dtype):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((7, 3)).astype(dtype), rng.standard_normal(7).astype(dtype)
    write_samples(tmp_path / f"samples{kind}", X, y)
    X_read, y_read = read_samples(tmp_path / f"samples{kind}")
    np.testing.assert_array_equal(X_read.astype(dtype), X)
    np.testing.assert_array_equal(y_read.astype(dtype), y)
    assert kind.lower() == ".csv" or X_read.dtype == y_read.dtype == dtype


def test_samples_come_back_from_a_pair_of_npy_files(tmp_path):
    np.save(tmp_path / "X.npy", X3)
    np.save(tmp_path / "y.npy", Y3)
    X, y = read_samples(tmp_path / "X.npy", tmp_path / "y.npy")
    np.testing.assert_array_equal(X, X3)
    np.testing.assert_array_equal(y, Y3)


def test_the_last_column_of_a_csv_is_y(tmp_path):
    (tmp_path / "s.csv").write_text("age,height,outcome\n1,2,3\n4,5,6\n")
    X, y = read_samples(tmp_path / "s.csv")
    np.testing.assert_array_equal(X, [[1, 2], [4, 5]])
    np.testing.assert_array_equal(y, [3, 6])
    assert X.flags.c_contiguous
    assert y.flags.c_contiguous


def test_a_path_may_be_text(tmp_path):
    write_samples(str(tmp_path / "s.npz"), X3, Y3)
    np.testing.assert_array_equal(read_samples(str(tmp_path / "s.npz"))[0], X3)


def test_samples_that_are_no_samples_are_refused_by_the_name_of_their_file(tmp_path):
    np.savez(tmp_path / "names.npz", A=X3, y=Y3)
    np.savez(tmp_path / "none.npz")
    np.savez(tmp_path / "many.npz", **{f"A{i}": X3 for i in range(7)})
    np.savez(tmp_path / "nan.npz", X=X3 * np.nan, y=Y3)
    np.savez(tmp_path / "text.npz", X=X3.astype(str), y=Y3)
    (tmp_path / "column.csv").write_text("1\n2\n")
    (tmp_path / "nan.csv").write_text("1,2\nnan,3\n")
    (tmp_path / "short.csv").write_text("1,2,3\n4,5\n")
    np.save(tmp_path / "X.npy", X3)
    np.save(tmp_path / "short.npy", Y3[:2])
    for name, complaint in {
        "names.npz": "must hold the arrays X and y, found A, y",
        "many.npz": "found A0, A1, A2, A3, A4, ...",
        "none.npz": "must hold the arrays X and y, found none",
        "nan.npz": "X must be finite, found nan in row 0, column 0",
        "text.npz": "an array of text",
        "column.csv": "at least two columns",
        "nan.csv": "line 2, column 1",
        "short.csv": "line 2 has 2 cells",
        "missing.npz": "No such file",
        "missing.csv": "No such file",
        "X.npy": "the .npy of X and that of y",
        "samples.doc": "read from .npz, .npy, .csv",
        "samples": "read from .npz, .npy, .csv",
    }.items():
        with pytest.raises(InputError) as caught:
            read_samples(tmp_path / name)
        assert complaint in str(caught.value)
        assert name in str(caught.value)
    with pytest.raises(InputError, match=r"X\.npy and .*short\.npy: X and y must have the same number of rows"):
        read_samples(tmp_path / "X.npy", tmp_path / "short.npy")
    with pytest.raises(InputError, match=r"found .*names\.npz and .*short\.npy"):
        read_samples(tmp_path / "names.npz", tmp_path / "short.npy")


def test_bad_samples_are_not_written(tmp_path):
    with pytest.raises(InputError, match="X must be finite"):
        write_samples(tmp_path / "s.npz", np.full((3, 2), np.inf), Y3)
    with pytest.raises(InputError, match=r"written to \.npz or \.csv files, found .*s\.txt"):
        write_samples(tmp_path / "s.txt", X3, Y3)
    assert list(tmp_path.iterdir()) == []


# --------------------------------------------------------------------------------------------------------------- blocks


@pytest.mark.parametrize(("n", "size"), [(0, 3), (1, 3), (3, 3), (4, 3), (9, 3), (10, 1), (10, 100)])
def test_blocks_cover_each_row_once_in_order(n, size):
    slices = list(blocks(n, size))
    assert [row for rows in slices for row in range(n)[rows]] == list(range(n))
    assert all(rows.stop - rows.start == size for rows in slices[:-1])


def test_a_block_has_at_least_one_row():
    for size in (0, -1, 2.5):
        with pytest.raises(InputError, match="rows of a block must be an integer of at least 1"):
            list(blocks(3, size))


@pytest.mark.parametrize(
    ("d", "dtype", "expected"), [(1, float, 65536), (200, float, 5242), (200, np.float32, 10485), (10**5, float, 256)]
)
def test_a_block_of_rows_fits_its_budget(d, dtype, expected):
    X = np.broadcast_to(np.zeros((), dtype), (100_000, d))
    sizes = [rows.stop - rows.start for rows in row_blocks(X)]
    assert sizes[0] == expected
    assert sum(sizes) == 100_000
    assert next(row_blocks(X, 7)) == slice(0, 7)
