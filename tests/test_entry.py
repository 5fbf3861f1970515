"""Entries of tables: what calls, what is imported late, what is said of them."""

import doctest
import math
import subprocess
import sys

import pytest

from twolayer import ACTIVATIONS, DECOMPOSITIONS, EXPORTS, FAMILIES, LAWS, READERS, RECOVERIES, THEORIES, entry
from twolayer.entry import Entry, first_line, table
from twolayer.papers.figures import FIGURES

TABLES = (ACTIVATIONS, DECOMPOSITIONS, FAMILIES, LAWS, RECOVERIES, THEORIES, FIGURES, READERS, EXPORTS)


def test_the_examples_are_as_written():
    assert doctest.testmod(entry).failed == 0


def test_to_call_an_entry_is_to_call_its_function():
    assert Entry("power", pow, "a power")(2, 3) == 8
    assert Entry("sum", sum, "a sum")([1, 2], start=4) == 7


def test_a_late_entry_imports_when_it_is_asked_and_not_before():
    absent = Entry("absent", "no.such.module:name", "not there")
    assert absent.summary == "not there"
    with pytest.raises(ModuleNotFoundError):
        absent()
    assert Entry("root", "math:sqrt", "the root").function is math.sqrt


def test_a_table_keeps_the_order_and_knows_its_entries_by_name():
    first, second = Entry("b", len, "first"), Entry("a", len, "second")
    assert list(table(first, second).items()) == [("b", first), ("a", second)]


def test_the_first_line_of_a_docstring_is_plain():
    def documented():
        """Say ``it`` as they do [1]_, and [2]_.

        Not this.
        """

    assert first_line(documented) == "Say it as they do, and."
    assert first_line(lambda: None) == ""


@pytest.mark.parametrize("members", TABLES)
def test_every_member_of_every_table_is_an_entry_of_one_line_that_can_be_called(members):
    for name, member in members.items():
        assert isinstance(member, Entry)
        assert member.name == name
        assert member.summary == member.summary.strip() != ""
        assert "\n" not in member.summary
        assert callable(member.function)


def test_listing_imports_no_figure_and_no_library_to_draw():
    code = (
        "import sys; from twolayer.cli import run; run(['list']);"
        "print(sorted({'matplotlib', 'sklearn', 'twolayer.papers.ours.wall'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
