"""What counts as another version of the code that made a result, and what does not."""

import importlib.util
import itertools

import pytest

from twolayer.experiments.fingerprint import code_of, versions
from twolayer.papers.figures import figure_named
from twolayer.recover import recover

COUNTER = itertools.count()

SOURCE = '''"""A module."""
from twolayer.errors import InputError
from twolayer.hermite import __name__ as he

SCALE = 2  # a number


def run_cell(cell, rng):
    """Measure."""
    return half(cell["x"]) * SCALE


def half(x):
    return x / 2


def plot(table):
    return he
'''


@pytest.fixture
def fingerprint(tmp_path):
    """Digests of the `run_cell` of a module with this text."""

    def digests(text: str) -> dict[str, str]:
        path = tmp_path / f"written{next(COUNTER)}.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location("written", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return code_of(module.run_cell)

    return digests


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    return he", "    return None"),
        ("# a number", "# another word"),
        ('"""Measure."""', '"""Measure it."""'),
        ("x / 2", "x  /  2"),
        ("from twolayer.errors import InputError\n", ""),
    ],
)
def test_what_does_not_touch_the_measuring_changes_nothing(fingerprint, old, new):
    assert fingerprint(SOURCE) == fingerprint(SOURCE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [("x / 2", "x / 3"), ("SCALE = 2", "SCALE = 3"), ('cell["x"]', 'cell["y"]'), ("* SCALE", "* SCALE + 1")],
)
def test_what_the_measuring_uses_counts(fingerprint, old, new):
    assert fingerprint(SOURCE) != fingerprint(SOURCE.replace(old, new))


def test_modules_that_the_measuring_imports_count_and_those_that_draw_do_not():
    found = code_of(figure_named("zhong2017recovery-1a").run_cell)
    assert {"twolayer.search.searching", "twolayer.model.problem", "twolayer.teachers", "twolayer.align"} <= set(found)
    assert not {"twolayer.pictures", "twolayer.experiments.drawing", "twolayer.experiments.table"} & set(found)


def test_what_is_imported_inside_the_measuring_counts(fingerprint):
    inside = SOURCE.replace('    """Measure."""', "    from twolayer import symtensor")
    assert fingerprint(inside).keys() - fingerprint(SOURCE).keys() >= {"twolayer.symtensor"}


@pytest.mark.parametrize("text", ["twolayer.symtensor", "twolayer.symtensor:transform"])
def test_a_module_that_is_named_to_be_imported_late_counts(fingerprint, text):
    named = SOURCE.replace("SCALE = 2  # a number", f'SCALE = len("{text}")')
    behind = {"twolayer.symtensor", "twolayer.errors"}  # the module, and what it imports
    assert fingerprint(named).keys() - fingerprint(SOURCE).keys() == behind


@pytest.mark.parametrize("text", ["twolayer.nowhere", "twolayer.symtensor is a room", "twolayer", "twolayer.", "a:b"])
def test_other_texts_do_not(fingerprint, text):
    assert fingerprint(SOURCE.replace("SCALE = 2", f'SCALE = len("{text}")')).keys() == fingerprint(SOURCE).keys()


def test_the_methods_of_the_papers_count_where_the_table_of_methods_does():
    found = set(code_of(recover))
    assert {"twolayer.papers.zhong2017recovery.recovery", "twolayer.papers.awasthi2021efficient.recovery"} <= found
    assert "twolayer.papers.zhong2017recovery.algorithm.learning" in found


def test_every_library_that_a_cell_computes_with_has_its_version():
    assert {"twolayer", "python", "numpy", "scipy", "scikit-learn"} == versions().keys()
