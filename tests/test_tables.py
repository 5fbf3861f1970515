"""Tables of numbers are read as people have them, and what cannot be read is named with line and column."""

import numpy as np
import pytest

from twolayer import InputError, TwoLayerNetwork, recover, recovery_error
from twolayer.files import write_csv
from twolayer.sources import read_named_samples, read_samples
from twolayer.tables import read_csv, read_table


@pytest.fixture
def table(tmp_path):
    """Write a text to a file and read it as a table."""

    def read(text, ending=".csv", encoding="utf-8", **options):
        path = tmp_path / f"t{ending}"
        path.write_bytes(text.encode(encoding))
        return read_table(path, **options)

    return read


@pytest.fixture
def refused(table):
    def message(text, **options):
        with pytest.raises(InputError) as caught:
            table(text, **options)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return message


def test_a_csv_brings_back_every_number_exactly(tmp_path):
    rng = np.random.default_rng(0)
    values = rng.standard_normal((20, 3)) * 10.0 ** rng.integers(-300, 300, (20, 3))
    write_csv(tmp_path / "a.csv", values, ["x0", "x1", "y"])
    np.testing.assert_array_equal(read_csv(tmp_path / "a.csv"), values)
    assert read_table(tmp_path / "a.csv").names == ("x0", "x1", "y")


def test_a_csv_of_float32_has_no_more_digits_than_they_need(tmp_path):
    values = np.random.default_rng(0).standard_normal((20, 2)).astype(np.float32)
    write_csv(tmp_path / "a.csv", values, ["x", "y"])
    np.testing.assert_array_equal(read_csv(tmp_path / "a.csv").astype(np.float32), values)
    text = (tmp_path / "a.csv").read_text()
    assert max(map(len, text.replace("\n", ",").split(","))) <= len("-1.23456789e-10")


PLAIN = [[1.5, 2], [3, 4.25]]


@pytest.mark.parametrize(
    "text",
    [
        "1.5,2\n3,4.25\n",
        "1.5,2\n3,4.25",
        "x,y\n1.5,2\n3,4.25\n",
        "\n\nx,y\n\n1.5,2\n\n3,4.25\n\n",
        "# x, y\n1.5,2\n3,4.25\n",
        '"x","y"\n"1.5","2"\n3,4.25\n',
        " 1.5 , 2\r\n3,4.25e0\r\n",
        "\ufeff1.5,2\n3,4.25\n",
        "\ufeffx,y\n1.5,2\n3,4.25\n",
        ",y\n1.5,2\n3,4.25\n",
        "x;y\n1.5;2\n3;4.25\n",
        "x;y\n1,5;2\n3;4,25\n",
        "1,5\t2\n3\t4,25\n",
        "x\ty\n1.5\t2\n3\t4.25\n",
        "x|y\n1.5|2\n3|4.25\n",
        "x y\n1.5 2\n3   4.25\n",
        "1,5 2\n3 4,25\n",
        '"x","y"\n"1,5","2"\n"3","4,25"\n',
        "x,y\n1.5,2\n3,4.25\n   \n",
        "x,y\n1.5,2\n3,4.25\n,\n",
        "x,y,\n1.5,2,\n3,4.25,\n",
        "x,y\n1.5,2,\n3,4.25,\n",
        "x,y,,\n1.5,2,,\n3,4.25,,\n",
        "sep=,\nx,y\n1.5,2\n3,4.25\n",
        "sep=;\n1.5;2\n3;4.25\n",
        "# from the lab\nx,y\n1.5,2\n# a bad day\n3,4.25\n",
        "0,1\n1.5,2\n3,4.25\n",
        "x,2\n1.5,2\n3,4.25\n",
        ",0,1\n0,1.5,2\n1,3,4.25\n2,0,0\n",
        ",x,y\n0,1.5,2\n1,3,4.25\n2,0,0\n",
        "Unnamed: 0,x,y\n0,1.5,2\n1,3,4.25\n2,0,0\n",
        '"","x","y"\n"1",1.5,2\n"2",3,4.25\n"3",0,0\n',
        '"","x","y"\n"Mazda RX4",1.5,2\n"Mazda, old",3,4.25\n',
        "x y\nfirst 1.5 2\nsecond 3 4.25\n",
    ],
)
def test_a_table_is_read_however_it_is_written(table, text):
    np.testing.assert_array_equal(table(text).values[:2], PLAIN)


def test_utf_16_as_spreadsheets_save_it_is_read(table):
    np.testing.assert_array_equal(table("größe\ty\n1,5\t2\n3\t4,25\n", ".txt", "utf-16").values, PLAIN)


def test_the_names_are_those_of_the_header(table):
    assert table("age;pace of pulse;y\n1;2;3,5\n").names == ("age", "pace of pulse", "y")
    assert table("# a, b\n1,2\n").names == ("a", "b")
    assert table("1,2\n3,4\n").names is None
    assert table(",y\n5,2\n7,4\n").names == ("column 1", "y")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0,1,2\n1.5,2,3\n", "Line 1 is taken for the names"),
        ("400,410,420,y\n1.5,2,3,4\n", "Line 1 is taken for the names"),
        ("400,410,420\n1.5,2.5,3.5\n", "Line 1 is taken for the names"),
        ("x;y\n1,5;2\n", "Decimals are marked by commas"),
        (",x,y\n0,1.5,2\n1,3,4.25\n2,0,0\n", "counts the rows: it is left out"),
        ("id,x,y\n1,1.5,2\n2,3,4.25\n3,0,0\n", "id counts the rows: is it to be kept?"),
        (",x\nA,1\nB,2\n", "labels the rows: it is left out"),
        (",x\n7,1\n9,2\n", "has no name, and is kept"),
    ],
)
def test_what_is_taken_for_granted_is_said(table, text, words):
    notes = table(text).notes
    assert len(notes) == 1
    assert words in notes[0]


@pytest.mark.parametrize("text", ["x,y\n1.5,2\n3,4\n", "1,2,4\n1.5,2,3\n", "1,2,3\n4,5,6\n", "3,2,1\n1.5,2.5,3.5\n"])
def test_of_what_is_plain_nothing_is_said(table, text):
    assert table(text).notes == ()
    assert len(table(text).values) == 2


def test_whether_there_is_a_header_can_be_said(table):
    assert len(table("0,1\n1,2\n", header=False).values) == 2
    assert table("7,1\n1,2\n", header=True).names == ("7", "1")


def test_a_column_can_be_left_out_even_of_text(table):
    found = table('id,x,y\n"a, b",1.5,2\nc,3,4.25\n', without=["id"])
    assert found.names == ("x", "y")
    np.testing.assert_array_equal(found.values, PLAIN)
    with pytest.raises(InputError, match=r"no column 'Id': did you mean id\?"):
        table("id,x,y\nb,1.5,2\n", without=["Id"])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("1,2\n3,abc\n", "line 2, column 2 holds 'abc'"),
        ("x,y\n1,2\n\n3,\n", "line 4, column 2 (y) holds '', a missing value"),
        ("x,y\n1,\n3,\n", "line 2, column 2 (y) holds '', a missing value"),
        ("x,y\n1,2\n3,NA\n", "line 3, column 2 (y) holds 'NA', a missing value"),
        ("x,y\n1,2\nnan,3\n", "line 3, column 1 (x) holds 'nan', a missing value"),
        ("x,y\n1,2\n?,3\n", "line 3, column 1 (x) holds '?', a missing value"),
        ("x,y\n1,2\ninf,3\n", "line 3, column 1 (x) holds 'inf'"),
        ("NA,2,3\n4,5,6\n", "line 1, column 1 holds 'NA', a missing value"),
        ("1,2\n3,4,5\n", "line 2 has 3 cells, and most lines have 2"),
        ("x,y\n1;2\n", "line 2 has 2 cells, and the header 1"),
        ("x,y\n1,2\n1;2\n", "line 3 has 1 cells, and most lines have 2"),
        ("1,2\n1_0,3\n", "line 2, column 1 holds '1_0'"),
        ("x;y\n1.234,5;2\n2;3\n", "thousands are not to be separated"),
        ("x;y\n1,5;2\n2.5;3\n", "and other cells mark decimals by commas"),
        ("x,y\n", "holds no row"),
        ("x,y\n\n  \n", "holds no row"),
        ("\n \n", "holds no row"),
        ("", "holds no row"),
    ],
)
def test_a_bad_table_is_refused_with_line_and_column(refused, text, complaint):
    assert complaint in refused(text)


def test_bytes_that_are_no_text_are_no_table(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"1,2\n\xff\xf1,3\n")
    with pytest.raises(InputError, match="UTF-8"):
        read_csv(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_bytes(b"1,2\n" * 1000 + b"\xf1,3\n")
    with pytest.raises(InputError, match="UTF-8"):
        read_csv(tmp_path / "a.csv")


def test_a_fault_far_down_is_found(table, refused):
    good = "a,b\n" + "1.5,2.5\n" * 5000
    assert len(table(good + "1,2\n").values) == 5001
    assert "line 5002, column 2 (b) holds ''" in refused(good + "1,\n")
    assert "line 5002 has 3 cells" in refused(good + "1,2,3\n")


# -------------------------------------------------------------------------------------------------------------- samples


def test_the_target_is_the_last_column_or_the_one_that_is_asked_for(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("age,height,outcome\n1,2,3\n4,5,6\n")
    last = read_named_samples(path)
    assert (last.inputs, last.outputs) == (("age", "height"), ("outcome",))
    np.testing.assert_array_equal(last.y, [3, 6])
    asked = read_named_samples(path, target="height")
    assert (asked.inputs, asked.outputs) == (("age", "outcome"), ("height",))
    np.testing.assert_array_equal(asked.X, [[1, 3], [4, 6]])
    with pytest.raises(InputError, match=r"no column 'hight': did you mean height\?"):
        read_named_samples(path, target="hight")


def test_a_column_called_y_or_target_is_the_target_wherever_it_stands(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("Target,a,b\n1,2,3.5\n4,5,6\n")
    found = read_named_samples(path)
    np.testing.assert_array_equal(found.y, [1, 4])
    assert found.notes == ("The target is the column Target.",)


def test_without_names_the_target_is_a_number(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("1,2,3.5\n4,5,6\n")
    np.testing.assert_array_equal(read_named_samples(path, target="1").y, [1, 4])
    for wrong in ("0", "4", "a"):
        with pytest.raises(InputError, match="no header, and columns 1 to 3"):
            read_named_samples(path, target=wrong)


def test_columns_are_chosen_of_tables_only(tmp_path):
    np.savez(tmp_path / "s.npz", X=np.ones((2, 1)), y=np.ones(2))
    with pytest.raises(InputError, match="only tables have columns"):
        read_named_samples(tmp_path / "s.npz", target="y")


def test_the_labels_under_a_header_of_numbers_are_exact(tmp_path):
    """The default of pandas; taken for a row, the header made exact labels noisy, and weights wrong."""
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(1)
    truth = TwoLayerNetwork([1.0, -1.5], [[1, 0.5, -0.5], [-0.3, 1, 0.2]], None, "relu")
    X = rng.standard_normal((400, 3))
    frame = pandas.DataFrame(np.column_stack([X, truth(X)]))
    for options in ({"index": False}, {"index": False, "header": False}, {}, {"sep": ";", "decimal": ","}):
        frame.to_csv(tmp_path / "t.csv", **options)
        X_read, y = read_samples(tmp_path / "t.csv")
        assert X_read.shape == (400, 3)
        result = recover(X_read, y, 2, "relu", rng=0)
        assert result.status.name == "CERTIFIED"
        assert recovery_error(result.network, truth) < 1e-6


def test_a_parquet_file_is_a_table(tmp_path):
    pytest.importorskip("pyarrow")
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2], "b": [1.5, 2.5], "who": ["x", "y"], "hole": [1.0, None]}, index=[5, 7])
    frame.to_parquet(tmp_path / "t.parquet")
    found = read_table(tmp_path / "t.parquet", without=["who", "hole"])
    assert found.names == ("a", "b")
    np.testing.assert_array_equal(found.values, [[1, 1.5], [2, 2.5]])
    with pytest.raises(InputError, match="the column who must hold numbers"):
        read_table(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="row 2, column hole, is a missing value"):
        read_table(tmp_path / "t.parquet", without=["who"])
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match="not a Parquet file of numbers, or is damaged"):
        read_table(tmp_path / "bad.parquet")
    with pytest.raises(InputError, match="No such file"):
        read_table(tmp_path / "none.parquet")


def test_there_may_be_several_targets(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("a,b,c\n1,2,3.5\n4,5,6\n")
    found = read_named_samples(path, target=["c", "a"])
    np.testing.assert_array_equal(found.y, [[3.5, 1], [6, 4]])
    assert (found.inputs, found.outputs) == (("b",), ("c", "a"))
    with pytest.raises(InputError, match="an input beside its targets"):
        read_named_samples(path, target=["c", "a", "b"])
