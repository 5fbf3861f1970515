"""CSP(P), random K-SAT, DIMACS, the solver, and the reductions to labelled tuples."""

import sys
from collections import Counter
from itertools import product

import numpy as np
import pytest

from csp_oracles import assignments, clauses_of, satisfies
from twolayer.errors import InputError
from twolayer.papers.daniely2020hardness.instances import (
    Formula,
    LabelledTuples,
    Predicate,
    conjunction,
    conjunctions,
    planted_formula,
    random_assignment,
    random_formula,
    read_dimacs,
    realising_assignment,
    realizable_tuples,
    sat,
    satisfying_assignment,
    scattered_tuples,
    with_negations,
    write_dimacs,
)


def chi_square(counts, expected) -> float:
    """Standard scores of counts of equally likely outcomes: about N(0, 1)."""
    statistic = sum((c - expected) ** 2 / expected for c in counts)
    return (statistic - (len(counts) - 1)) / np.sqrt(2 * (len(counts) - 1))


@pytest.mark.parametrize(("K", "M"), [(2, 1), (3, 1), (2, 3)])
@pytest.mark.parametrize("is_negated", [False, True])
def test_the_predicates_are_their_definitions(K, M, is_negated):
    values = np.array(list(product((-1, 1), repeat=K * M)), dtype=np.int8)
    expected = [all(any(z == 1 for z in row[i : i + K]) for i in range(0, K * M, K)) != is_negated for row in values]
    assert conjunction(K, M, is_negated).holds(values).tolist() == expected


@pytest.mark.parametrize(("K", "M"), [(2, 1), (2, 3), (3, 2)])
@pytest.mark.parametrize("is_negated", [False, True])
def test_values_that_satisfy_are_drawn_uniformly(K, M, is_negated):
    predicate, n = conjunction(K, M, is_negated), 20_000
    cube = np.array(list(product((-1, 1), repeat=K * M)), dtype=np.int8)
    counts = Counter(map(tuple, predicate.values(n, np.random.default_rng(3)).tolist()))
    allowed = {tuple(row) for row in cube[predicate.holds(cube)].tolist()}
    assert counts.keys() == allowed
    assert len(allowed) == 1 or abs(chi_square(counts.values(), n / len(allowed))) < 4


def test_a_predicate_of_ones_own_is_satisfied_by_rejection():
    majority = Predicate("majority", 3, lambda values: values.sum(axis=1) > 0)
    psi = random_assignment(9, 0)
    formula = planted_formula(psi, 500, majority, 1)
    assert all(
        (sign * psi[variables]).sum() > 0 for sign, variables in zip(formula.signs, formula.variables, strict=True)
    )
    counts = Counter(map(tuple, formula.literals(psi).tolist()))
    assert abs(chi_square(counts.values(), 500 / 4)) < 4
    with pytest.raises(InputError, match="the predicate never held for none of 10000"):
        planted_formula(psi, 2, Predicate("never", 2, lambda values: np.zeros(len(values), dtype=bool)), 1)


@pytest.mark.parametrize(("n", "K"), [(4, 2), (4, 3)], ids=["by rejection", "by sorting"])
def test_random_tuples_are_uniform_over_all_signed_tuples(n, K):
    m = 40_000
    formula = random_formula(n, m, sat(K), 7)
    counts = Counter(map(tuple, np.concatenate([formula.variables, formula.signs], axis=1).tolist()))
    outcomes = 2**K * (n * (n - 1) if K == 2 else n * (n - 1) * (n - 2))
    assert len(counts) == outcomes
    assert abs(chi_square(counts.values(), m / outcomes)) < 4


def test_a_planted_formula_is_satisfied_and_a_random_one_at_the_rate_of_chance():
    psi, n = random_assignment(30, 0), 20_000
    assert planted_formula(psi, n, sat(3), 1).value(psi) == 1
    assert planted_formula(psi, n, conjunction(3, 4, is_negated=True), 1).value(psi) == 1
    rate = (7 / 8) ** 4
    error = np.sqrt(rate * (1 - rate) / n)
    assert error < 0.01 * rate
    assert abs(random_formula(30, n, conjunction(3, 4), 1).value(psi) - rate) < 4 * error


def test_a_formula_holds_as_its_clauses_do():
    formula, psi = random_formula(12, 200, conjunction(2, 3), 4), random_assignment(12, 5)
    assert formula.holds(psi).tolist() == [satisfies(clauses_of(formula, i), psi) for i in range(200)]
    assert formula[::2].holds(psi).tolist() == formula.holds(psi)[::2].tolist()


def test_dimacs_brings_a_formula_back(tmp_path):
    formula = random_formula(50, 300, sat(4), 2)
    write_dimacs(tmp_path / "f.cnf", formula, ("one", "two"))
    found = read_dimacs(tmp_path / "f.cnf")
    assert (tmp_path / "f.cnf").read_text().startswith("c one\nc two\np cnf 50 300\n")
    assert (found.n_variables, found.predicate.name) == (50, "SAT_4")
    assert np.array_equal(found.variables, formula.variables)
    assert np.array_equal(found.signs, formula.signs)


def test_dimacs_is_read_as_it_is_found_in_the_wild(tmp_path):
    path = tmp_path / "f.cnf"
    path.write_text("c uf\n\np  cnf 4  3 \n 1 -2\n 3 0 -4 2 1 0\nc inside\n2 3 4\n0\n%\n0\n\n")
    found = read_dimacs(path)
    assert (found.signs * (found.variables + 1)).tolist() == [[1, -2, 3], [-4, 2, 1], [2, 3, 4]]


MALFORMED = {
    "": (1, "the file ends before the header"),
    "c only\nc comments\n": (2, "the file ends before the header"),
    "1 2 0\n": (1, "expected the header 'p cnf VARIABLES CLAUSES', found '1 2 0'"),
    "p sat 3 1\n1 2 0\n": (1, "expected the header"),
    "p cnf 3\n1 2 0\n": (1, "expected the header"),
    "p cnf x 1\n1 2 0\n": (1, "expected integers, found 'x'"),
    "p cnf 0 1\n1 2 0\n": (1, "expected at least 1 variable and 1 clause, found 0 and 1"),
    "p cnf 3 1\np cnf 3 1\n1 2 0\n": (2, "a second header"),
    "p cnf 3 2\n1 2 0\n1 b 0\n": (3, "expected integers, found 'b'"),
    "p cnf 3 1\n1 1_2 0\n": (2, "expected integers, found '1_2'"),
    "p cnf 3 2\n1 2 0\n1 -4 0\n": (3, "literal -4 is out of range for 3 variables"),
    "p cnf 3 2\n1 2 0\n1 3\n": (3, "the last clause does not end with 0"),
    "p cnf 3 2\n1 2 0\n\n": (2, "the header announces 2 clauses, and there are 1"),
    "p cnf 3 1\n1 2 0\n1 3 0\n2 3 0\n": (3, "the header announces 1 clauses, and there are 3"),
    "p cnf 3 1\n": (1, "the header announces 1 clauses, and there are 0"),
    "p cnf 3 2\n1 2 0\n1 2 3 0\n": (3, "a clause of 3 literals, and those before it have 2"),
    "p cnf 3 2\n1 2 0\n2 -2 0\n": (3, "a variable stands twice in a clause"),
    "p cnf 3 1\n1 0\n": (2, "a clause needs 2 ≤ K ≤ 30 literals, found K = 1; nearest: 2"),
    "p cnf 3 1\n0\n": (2, "a clause needs 2 ≤ K ≤ 30 literals, found K = 0; nearest: 2"),
    "p cnf 3 99999999\n1 2 0\n": (1, "99999999 clauses cannot stand in a file of 23 bytes"),
    "p cnf 99999999999999999999 1\n1 2 0\n": (1, "is beyond the largest number allowed, 2147483647"),
    f"p cnf 3 1\n1 {'9' * 5000} 0\n": (2, "expected integers, found '9999999999"),
    "p cnf 3 1\n1 2147483648 0\n": (2, "'2147483648' is beyond the largest number allowed"),
    "p cnf 3 1\n1 2 0\x00\n": (2, "expected integers, found '0\\x00'"),
    "p cnf 3 1\n" + " " * (1 << 20) + "1 2 0\n": (2, "it has 1048576 bytes or more"),
}


@pytest.mark.parametrize("text", MALFORMED, ids=lambda text: repr(text[:30]))
def test_a_malformed_dimacs_file_is_refused_with_line_and_reason(text, tmp_path):
    path = tmp_path / "f.cnf"
    path.write_text(text)
    line, reason = MALFORMED[text]
    with pytest.raises(InputError) as raised:
        read_dimacs(path)
    assert str(raised.value).startswith(f"{path}, line {line}: ")
    assert reason in str(raised.value)
    assert len(str(raised.value)) < 300 + len(str(path))


def test_dimacs_refuses_what_it_cannot_read_or_write(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*: No such file"):
        read_dimacs(tmp_path / "none.cnf")
    with (tmp_path / "huge.cnf").open("wb") as stream:
        stream.truncate((1 << 30) + 1)
    with pytest.raises(InputError, match="has 1073741825 bytes, and at most 1073741824 are read"):
        read_dimacs(tmp_path / "huge.cnf")
    with pytest.raises(InputError, match="DIMACS holds formulas of SAT_K, found one of T_2,2"):
        write_dimacs(tmp_path / "f.cnf", random_formula(9, 2, conjunction(2, 2), 0))
    with pytest.raises(InputError, match="each comment must be one line"):
        write_dimacs(tmp_path / "f.cnf", random_formula(9, 2, sat(2), 0), ("a\np cnf 1 1",))


@pytest.mark.parametrize(
    ("predicate", "sizes"),
    [
        (sat(3), (20, 30, 40, 60)),
        (conjunction(2, 2), (3, 6, 9, 12)),
        (conjunction(2, 2, is_negated=True), (2, 4, 6, 9)),
    ],
)
def test_the_solver_agrees_with_all_assignments(predicate, sizes):
    n, n_satisfiable = 6, 0
    for seed in range(40):
        formula = random_formula(n, sizes[seed % 4], predicate, seed)
        exists = any(formula.holds(psi).all() for psi in assignments(n))
        found = satisfying_assignment(formula)
        assert (found is not None) == exists
        assert found is None or formula.holds(found).all()
        n_satisfiable += exists
    assert 0 < n_satisfiable < 40


def test_the_solver_fills_in_variables_of_no_clause():
    formula = Formula(5, np.array([[1, 3]]), np.array([[-1, 1]]), sat(2))
    psi = satisfying_assignment(formula)
    assert psi.shape == (5,)
    assert formula.holds(psi).all()


def test_without_python_sat_the_solver_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pysat.solvers", None)
    with pytest.raises(InputError, match=r"needs python-sat: pip install 'twolayer\[sat\]'"):
        satisfying_assignment(random_formula(5, 2, sat(2), 0))
    with pytest.raises(InputError, match="the solver knows SAT_K and T_K,M, found the predicate mine"):
        satisfying_assignment(random_formula(5, 2, Predicate("mine", 2, lambda values: values[:, 0] > 0), 0))


def greedy(clauses, M):
    """The first M clauses with variables that are in none before, one at a time."""
    used, kept = set(), []
    for clause in clauses:
        variables = {variable for _, variable in clause}
        if not variables & used and len(kept) < M:
            used |= variables
            kept.append(clause)
    return kept


def test_conjunctions_pick_disjoint_clauses_greedily_from_each_block():
    formula = random_formula(20, 200, sat(3), 3)
    found = conjunctions(formula, 3)
    assert (len(found), found.predicate.name) == (10, "T_3,3")
    for block in range(10):
        clauses = [clauses_of(formula, 20 * block + i)[0] for i in range(20)]
        assert clauses_of(found, block) == greedy(clauses, 3)


def test_what_satisfies_a_formula_satisfies_its_conjunctions():
    psi = random_assignment(40, 0)
    found = conjunctions(planted_formula(psi, 4000, sat(3), 1), 5, block=25)
    assert len(found) == 160
    assert found.holds(psi).all()


def test_conjunctions_of_a_random_formula_are_random():
    m = 4000
    found = conjunctions(random_formula(4, m * 100, sat(2), 3), 2, block=100)
    counts = Counter(map(tuple, np.concatenate([found.variables, found.signs], axis=1).tolist()))
    assert len(counts) == 24 * 16
    assert abs(chi_square(counts.values(), m / (24 * 16))) < 4


def test_negations_replace_half_and_keep_the_rest():
    formula = planted_formula(random_assignment(30, 0), 10_000, conjunction(3, 5), 1)
    found = with_negations(formula, 2)
    is_kept = (found.tuples.variables == formula.variables).all(axis=1) & (found.tuples.signs == formula.signs).all(
        axis=1
    )
    assert np.array_equal(is_kept, found.y == 0)
    assert abs(found.y.mean() - 0.5) < 4 * 0.5 / np.sqrt(10_000)


def test_uniform_negations_are_satisfied_at_the_rate_of_the_definition():
    psi, n = random_assignment(30, 0), 20_000
    found = with_negations(planted_formula(psi, n, conjunction(3, 5), 1), 2)
    wrong = (found.labels(psi) != found.y).mean()
    expected = 0.5 * (7 / 8) ** 5
    assert abs(wrong - expected) < 4 * np.sqrt(expected / n)


def test_the_labels_of_a_scattered_sample_are_coins_that_no_assignment_predicts():
    sample, n = scattered_tuples(30, 20_000, conjunction(3, 5), 0), 20_000
    for seed in range(5):
        agreement = (sample.labels(random_assignment(30, seed)) == sample.y).mean()
        assert abs(agreement - 0.5) < 4 * 0.5 / np.sqrt(n)


@pytest.mark.parametrize("M", [1, 5, 40])
def test_a_realizable_sample_has_balanced_labels_that_its_assignment_gives(M):
    psi = random_assignment(150, 0)
    sample = realizable_tuples(psi, 4000, conjunction(3, M), 1)
    assert np.array_equal(sample.labels(psi), sample.y)
    assert abs(sample.y.mean() - 0.5) < 4 * 0.5 / np.sqrt(4000)


def test_the_solver_finds_what_realises_a_sample_or_that_nothing_does():
    psi = random_assignment(25, 0)
    planted = realizable_tuples(psi, 1500, conjunction(3, 4), 1)
    assert np.array_equal(planted.labels(realising_assignment(planted)), planted.y)
    assert realising_assignment(scattered_tuples(25, 1500, conjunction(3, 4), 1)) is None


REFUSED = {
    "a clause needs 2 ≤ K ≤ 30 literals, found K = 1; nearest: 2": lambda: sat(1),
    "a clause needs 2 ≤ K ≤ 30 literals, found K = 31; nearest: 30": lambda: sat(31),
    "number M of clauses must be an integer of at least 1": lambda: conjunction(3, 0),
    "SAT_3 needs 3 distinct variables, found 2; nearest allowed: 3": lambda: random_formula(2, 5, sat(3)),
    "T_3,4 needs 12 distinct variables, found 11; with K = 3 the largest M": lambda: random_formula(
        11, 5, conjunction(3, 4)
    ),
    "found 2; nearest allowed: M = 1 with 3 variables": lambda: random_formula(2, 5, conjunction(3, 4)),
    "at most 2147483647 variables are allowed": lambda: random_formula(1 << 31, 5, sat(3)),
    "at most 715827882 constraints of 3 literals are allowed": lambda: random_formula(9, 10**17, sat(3)),
    "number of constraints must be an integer": lambda: random_formula(9, 0, sat(3)),
    "must consist of −1 and 1": lambda: planted_formula([0, 1, 1], 5, sat(2)),
    "the assignment must have 9 entries, found 3": lambda: random_formula(9, 5, sat(2)).holds([1, 1, 1]),
    "largest M: 4": lambda: conjunctions(random_formula(12, 12, sat(3), 0), 5),
    "multiple of the block 12, found 25; nearest: 24": lambda: conjunctions(random_formula(12, 25, sat(3), 0), 2),
    "disjoint clauses, and M = 4 are needed; largest M that every": lambda: conjunctions(
        random_formula(12, 24, sat(3), 0), 4
    ),
    "the formula must be one of SAT_K, found T_3,2": lambda: conjunctions(random_formula(12, 24, conjunction(3, 2)), 2),
    "the predicate must be T_K,M, found not SAT_3": lambda: scattered_tuples(9, 5, conjunction(3, 1, is_negated=True)),
    "labels must be 2 numbers 0 or 1": lambda: LabelledTuples(random_formula(9, 2, sat(2)), np.array([0, 2])),
    "signs must be −1 or 1": lambda: Formula(3, np.array([[0, 1]]), np.array([[1, 0]]), sat(2)),
    "numbers from 0 to 2, found 3": lambda: Formula(3, np.array([[0, 3]]), np.array([[1, 1]]), sat(2)),
    "distinct, and tuple 0 has one twice": lambda: Formula(3, np.array([[1, 1]]), np.array([[1, 1]]), sat(2)),
    "must be integers of shape (m, 2), found int64 (1, 3)": lambda: Formula(
        3, np.array([[0, 1, 2]]), np.array([[1, 1, 1]]), sat(2)
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_sizes_that_a_construction_does_not_allow_are_refused(message):
    with pytest.raises(InputError) as raised:
        REFUSED[message]()
    assert message in str(raised.value)
