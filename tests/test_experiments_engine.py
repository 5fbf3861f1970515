"""The engine of the figures: seeds by content, results that stay, the same table however it came about."""

import hashlib
import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from toy_figures import TOY, TROUBLE, ToyConfig
from twolayer.errors import InputError
from twolayer.experiments import Table, make_figure, status_of
from twolayer.experiments.ledger import Entry, Ledger
from twolayer.experiments.measuring import cells_of, seed_of
from twolayer.papers.figures import figure_named

TOY_PROGRAM = Path(__file__).parent / "toy_figures.py"
LEDGER = "ledger.sqlite"


@pytest.fixture
def trouble():
    """Makes one cell of the toy fail."""
    yield TROUBLE
    TROUBLE.update(at=None, raises=ValueError)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Bytes of the table of a run in one process that nothing disturbed."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    make_figure(TOY, TOY.paper, folder)
    return (folder / "table.csv").read_bytes()


# --- cells and seeds ---


def test_the_seed_is_the_hash_of_name_and_content_without_the_paired_names():
    cell = {"method": "long", "size": 3, "rate": 0.5}
    text = '["toy-1",{"rate":0.5,"size":3}]'
    assert seed_of(TOY, cell) == int(hashlib.sha256(text.encode()).hexdigest()[:32], 16)


def test_a_row_does_not_depend_on_the_grid_around_its_cell(tmp_path):
    small = make_figure(TOY, ToyConfig(sizes=(3, 2), trials=1), tmp_path / "small").table
    large = make_figure(TOY, ToyConfig(sizes=(1, 2, 3, 4), trials=3), tmp_path / "large").table
    rows = [row for row in large.rows() if row["size"] in (2, 3) and row["trial"] == 0]
    assert sorted(map(str, small.rows())) == sorted(map(str, rows))
    assert small["size"].tolist() == [3, 2, 3, 3, 2, 2]  # the order is that of the grid


def test_cells_that_differ_in_a_paired_name_draw_the_same(tmp_path):
    table = make_figure(TOY, TOY.smoke, tmp_path).table
    drawn = table.where(step=1)["first"]
    for row, first in zip(cells_of(TOY, TOY.smoke)[6:], drawn, strict=True):
        assert first == np.random.default_rng(seed_of(TOY, {**row, "method": "short"})).standard_normal(row["size"])[0]


def test_a_grid_with_a_cell_twice_is_refused():
    with pytest.raises(InputError, match=r'the same cell twice: \{"kind":"mean"'):
        cells_of(TOY, ToyConfig(sizes=(2, 2), trials=1))


def test_processes_give_the_bytes_of_one(tmp_path, uninterrupted):
    make_figure(TOY, TOY.paper, tmp_path, jobs=2)
    assert (tmp_path / "table.csv").read_bytes() == uninterrupted


def test_there_are_no_more_processes_than_cells_and_four_a_core(tmp_path, monkeypatch):
    class NoPool:
        def __init__(self, n_jobs, **_):
            raise LookupError(n_jobs)

    monkeypatch.setattr("twolayer.experiments.measuring.Parallel", NoPool)
    monkeypatch.setattr("os.cpu_count", lambda: 500)
    config = ToyConfig(sizes=(1, 2), trials=1)
    with pytest.raises(LookupError, match=rf"^{len(cells_of(TOY, config))}$"):
        make_figure(TOY, config, tmp_path, jobs=2000)
    with pytest.raises(InputError, match="at least 1 and at most 2000, 4 for each of 500 cores, found 2001"):
        make_figure(TOY, config, tmp_path, jobs=2001)


def test_provenance_ties_the_table_to_the_code_that_the_ledger_names(tmp_path):
    make_figure(TOY, TOY.smoke, tmp_path)
    told = json.loads((tmp_path / "provenance.json").read_text())
    made_by = dict(sqlite3.connect(tmp_path / "ledger.sqlite").execute("SELECT name, value FROM made_by"))
    text = json.dumps(made_by, sort_keys=True, separators=(",", ":"))
    assert "numpy" in made_by
    assert told["sha256_of_code"] == hashlib.sha256(text.encode()).hexdigest()
    assert told["sha256_of_table"] == hashlib.sha256((tmp_path / "table.csv").read_bytes()).hexdigest()


# --- what stays ---


def test_what_is_measured_is_not_measured_again(tmp_path, trouble):
    make_figure(TOY, TOY.smoke, tmp_path)
    trouble["at"] = ("short", 1, 0)  # would fail if it ran
    told = []
    larger = ToyConfig(sizes=(1, 2, 3, 4), trials=2)
    made = make_figure(TOY, larger, tmp_path, progress=lambda *numbers: told.append(numbers))
    assert not made.failures
    assert told == [(done, 16, 0) for done in range(13, 17)]


def test_a_failed_cell_keeps_its_error_and_is_left_out_until_it_is_retried(tmp_path, trouble):
    whole = make_figure(TOY, TOY.smoke, tmp_path / "whole").table.to_csv()
    trouble["at"] = ("long", 2, 1)
    made = make_figure(TOY, TOY.smoke, tmp_path)
    assert [(cell["size"], error) for cell, error in made.failures] == [(2, "ValueError: it went\nwrong")]
    assert len(made.table) == 16
    assert json.loads((tmp_path / "provenance.json").read_text())["failures"][0]["cell"]["trial"] == 1
    trouble["at"] = None
    assert len(make_figure(TOY, TOY.smoke, tmp_path).failures) == 1  # unasked, it is not tried again
    assert make_figure(TOY, TOY.smoke, tmp_path, retry=True).table.to_csv() == whole


def test_where_every_cell_fails_nothing_is_drawn(tmp_path, trouble):
    trouble["at"] = ("short", 1, 0)
    config = ToyConfig(sizes=(1,), trials=1)
    toy = TOY.__class__(**{**vars(TOY), "cells": lambda config: cells_of(TOY, config)[:1]})
    made = make_figure(toy, config, tmp_path)
    assert (len(made.failures), made.files, made.verdict) == (1, [], "")
    assert not (tmp_path / "table.csv").exists()


def test_a_row_of_other_columns_fails_its_cell(tmp_path):
    def wrong(cell, rng):
        return [{"step": 0, "first": 0.0, "colour": "red"}]

    made = make_figure(TOY.__class__(**{**vars(TOY), "run_cell": wrong}), TOY.smoke, tmp_path)
    assert len(made.failures) == 12
    assert made.failures[0][1].endswith("found ['is_odd'] missing and ['colour'] unknown")


@pytest.mark.parametrize("value", [None, [1.0], {"a": 1}])
def test_an_entry_that_is_no_plain_value_fails_its_cell(tmp_path, value):
    def wrong(cell, rng):
        return [{"step": 0, "first": value, "is_odd": False}]

    made = make_figure(TOY.__class__(**{**vars(TOY), "run_cell": wrong}), TOY.smoke, tmp_path)
    assert made.failures[0][1].endswith("as first")


def test_an_interruption_leaves_what_was_finished(tmp_path, trouble):
    trouble.update(at=("long", 1, 0), raises=KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        make_figure(TOY, TOY.smoke, tmp_path)
    found = status_of(TOY, TOY.smoke, tmp_path)
    assert (found.finished, len(found.failures), len(found.cells)) == (6, 0, 12)


# --- killed for real ---


def killed_until_done(folder: Path, jobs: int, kills: int, rng: np.random.Generator) -> list[int]:
    """Exit codes of `kills` runs that were killed at random cells, and of the one that was left alone.

    What a run has told of is in the ledger when it is dead.
    """
    codes = []
    for attempt in range(kills + 1):
        command = [sys.executable, str(TOY_PROGRAM), str(folder), str(jobs)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as run:
            if attempt < kills:
                for _ in range(int(rng.integers(1, 40 // (kills + 1)))):
                    assert (told := run.stdout.readline())
                time.sleep(rng.uniform(0, 0.03))
                run.kill()
            run.communicate(timeout=60)
            codes.append(run.returncode)
        if attempt < kills:
            assert finished(folder) >= int(told.split()[0])
    return codes


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path, uninterrupted, jobs):
    codes = killed_until_done(tmp_path, jobs, 2, np.random.default_rng(jobs))
    assert codes == [-signal.SIGKILL, -signal.SIGKILL, 0]
    assert (tmp_path / "table.csv").read_bytes() == uninterrupted


def finished(folder: Path) -> int:
    """How many cells a ledger has, while another process writes it."""
    try:
        with sqlite3.connect(f"{(folder / LEDGER).as_uri()}?mode=rw", uri=True, timeout=30) as book:
            return book.execute("SELECT count(*) FROM cells").fetchone()[0]
    except sqlite3.OperationalError:  # there is none yet
        return 0


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_ten_kills_of_a_figure_of_the_paper_change_nothing(tmp_path):
    name, rng = "zhong2017recovery-1b", np.random.default_rng()
    make_figure(figure_named(name), figure_named(name).smoke, tmp_path / "whole")
    command = [sys.executable, "-m", "twolayer", "figure", name, "--out", str(tmp_path), "--jobs", "2"]
    for _ in range(10):
        enough = finished(tmp_path) + int(rng.integers(1, 3))
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            while finished(tmp_path) < enough and run.poll() is None:
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.3))
            run.kill()
        assert run.returncode == -signal.SIGKILL
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert (tmp_path / "table.csv").read_bytes() == (tmp_path / "whole" / "table.csv").read_bytes()


def test_what_a_killed_run_had_begun_is_taken_back_by_who_asks_how_far_it_is(tmp_path):
    make_figure(TOY, TOY.smoke, tmp_path)
    table = (tmp_path / "table.csv").read_bytes()
    code = (
        "import os, signal, sqlite3, sys; book = sqlite3.connect(sys.argv[1]); book.execute('PRAGMA cache_size = 1')\n"
        "book.execute('UPDATE cells SET error = ?', ('x' * 100_000,)); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / LEDGER)]).returncode == -signal.SIGKILL
    assert (tmp_path / f"{LEDGER}-journal").stat().st_size
    assert status_of(TOY, TOY.smoke, tmp_path).finished == 12
    assert make_figure(TOY, TOY.smoke, tmp_path).table.to_csv() == table


# --- the ledger ---


def ledger(folder: Path, *, figure: str = "toy-1", is_writer: bool = True, **versions: str) -> Ledger:
    return Ledger(folder / LEDGER, figure, {"numpy": "2.0", "twolayer.recover": "aa", **versions}, is_writer=is_writer)


ENTRY = Entry(0.5, [{"x": 1.5, "y": float("inf")}], None)


def test_a_ledger_brings_back_what_it_was_given(tmp_path):
    with ledger(tmp_path) as book:
        book.record({"n": 1}, 7, ENTRY)
        book.record({"n": 2}, 8, Entry(0.25, None, "broken"))
    with ledger(tmp_path, is_writer=False) as book:
        assert book.entries() == {book.key({"n": 1}): ENTRY, book.key({"n": 2}): Entry(0.25, None, "broken")}


def test_a_ledger_of_another_version_says_what_differs_and_stays_as_it_is(tmp_path):
    with ledger(tmp_path) as book:
        book.record({"n": 1}, 7, ENTRY)
    before = (tmp_path / LEDGER).read_bytes()
    with pytest.raises(InputError, match=r"numpy 2\.0 there, 2\.1 here; the code of twolayer\.recover has changed"):
        ledger(tmp_path, numpy="2.1", **{"twolayer.recover": "bb"})
    with pytest.raises(InputError, match="figure toy-1 there, toy-2 here"):
        ledger(tmp_path, figure="toy-2")
    assert (tmp_path / LEDGER).read_bytes() == before


def test_of_another_figure_only_the_figure_is_said(tmp_path):
    with ledger(tmp_path):
        pass
    with pytest.raises(InputError, match=r"\(figure toy-1 there, toy-2 here\)"):
        ledger(tmp_path, figure="toy-2", **{"twolayer.recover": "bb"})


def test_an_empty_ledger_is_read_as_one_and_a_folder_in_its_place_is_refused(tmp_path):
    (tmp_path / LEDGER).touch()
    with ledger(tmp_path, is_writer=False) as book:
        assert book.entries() == {}
    (tmp_path / LEDGER).unlink()
    (tmp_path / LEDGER).mkdir()
    with pytest.raises(InputError, match="is a folder, where the ledger should be"):
        ledger(tmp_path)


def test_another_version_has_another_key(tmp_path):
    with ledger(tmp_path) as one, ledger(tmp_path / "..", is_writer=False, numpy="2.1") as other:
        assert one.key({"n": 1}) != other.key({"n": 1})


def test_two_runs_do_not_write_to_one_folder(tmp_path):
    with ledger(tmp_path), pytest.raises(InputError, match="another run is writing"):
        ledger(tmp_path)
    with ledger(tmp_path):  # free again
        pass


def test_looking_makes_no_file(tmp_path):
    assert status_of(TOY, TOY.smoke, tmp_path / "nowhere").finished == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("is_writer", [True, False])
@pytest.mark.parametrize("damage", ["garbage", "half", "other table"])
def test_a_damaged_ledger_is_refused(tmp_path, damage, is_writer):
    with ledger(tmp_path) as book:
        for n in range(200):
            book.record({"n": n}, 7, ENTRY)
    path = tmp_path / LEDGER
    content = path.read_bytes()
    if damage == "other table":
        path.unlink()
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE made_by (colour TEXT)")
        other.close()
    else:
        path.write_bytes(b"no database " * 400 if damage == "garbage" else content[: len(content) // 2])
    with pytest.raises(InputError, match=r"ledger\.sqlite"), ledger(tmp_path, is_writer=is_writer) as book:
        book.entries()


def test_a_result_changed_by_hand_is_refused(tmp_path):
    with ledger(tmp_path) as book:
        book.record({"n": 1}, 7, ENTRY)
    with sqlite3.connect(tmp_path / LEDGER) as file:
        file.execute("UPDATE cells SET rows = replace(rows, '1.5', '2.5')")
    file.close()
    with ledger(tmp_path) as book, pytest.raises(InputError, match="is damaged in the entry"):
        book.entries()


def test_a_full_disk_leaves_what_was_finished(tmp_path):
    with ledger(tmp_path) as book:
        book.record({"n": 1}, 7, ENTRY)
        pages = book._file.execute("PRAGMA page_count").fetchone()[0]
        book._file.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(InputError, match=r"full; what was finished stays"):
            book.record({"n": 2}, 7, Entry(0.5, None, "long" * 10_000))
        assert book.entries() == {book.key({"n": 1}): ENTRY}


# --- the table ---


def test_a_table_comes_back_from_csv_as_it_was(tmp_path):
    table = Table(
        {
            "name": ["a,b", 'say "x"', "μ"],
            "n": [1, -2, 2**40],
            "x": [0.1, np.inf, 1.0],
            "is": [True, False, True],
            "y": [np.nan, 1e-300, -0.0],
        }
    )
    table.write_csv(tmp_path / "t.csv")
    again = Table.read_csv(tmp_path / "t.csv")
    assert {name: again[name].dtype.kind for name in again.columns} == {
        "name": "U",
        "n": "i",
        "x": "f",
        "is": "b",
        "y": "f",
    }
    for name in table.columns:
        np.testing.assert_array_equal(again[name], table[name])
    assert again.to_csv() == table.to_csv()


def test_rows_are_chosen_grouped_and_condensed():
    table = Table({"d": [2, 1, 2, 1], "m": ["b", "a", "b", "b"], "x": [1.0, 2.0, 3.0, 4.0]})
    assert table.where(d=2, m="b")["x"].tolist() == [1.0, 3.0]
    assert (table.levels("d"), table.levels("m")) == ([1, 2], ["b", "a"])
    condensed = table.condensed(["d", "m"], count=("x", len), mean=("x", np.mean))
    assert list(condensed.rows()) == [
        {"d": 2, "m": "b", "count": 2, "mean": 2.0},
        {"d": 1, "m": "a", "count": 1, "mean": 2.0},
        {"d": 1, "m": "b", "count": 1, "mean": 4.0},
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "no header"), (b"a,b\n1,2\n3\n", "line 3 has 1 cells"), (b"\xff\xfe", "UTF-8"), (None, "cannot read")],
)
def test_what_is_no_table_is_refused(tmp_path, content, words):
    if content is not None:
        (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InputError, match=words):
        Table.read_csv(tmp_path / "t.csv")


@pytest.mark.parametrize("columns", [{"a": [1], "b": [1, 2]}, {"a": ["x", 1]}, {"a": [None]}])
def test_what_makes_no_table_is_refused(columns):
    with pytest.raises(InputError):
        Table(columns)
