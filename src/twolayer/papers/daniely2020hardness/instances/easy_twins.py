"""Easy twins: samples of the same networks with a structure that gives the planted one away."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.arrays import whole_number
from twolayer.errors import InputError
from twolayer.instances.instance import Claim, Family
from twolayer.papers.daniely2020hardness.instances.families import (
    CITATION,
    TUPLE_EXPLANATIONS,
    Drawn,
    Options,
    check_scattered,
    cnn_labels,
    entries,
    sample_sizes,
    shapes,
)
from twolayer.papers.daniely2020hardness.instances.formula import Formula, Predicate, conjunction, random_assignment
from twolayer.papers.daniely2020hardness.instances.reduction import LabelledTuples, realizable_tuples, scattered_tuples
from twolayer.papers.daniely2020hardness.instances.sign_cnn import encode, sign_filter

__all__ = ["EASY_TWIN", "TWINS"]

TWINS = {
    "few_variables": "few of the variables occur",
    "repeated_tuples": "there are few different inputs",
    "gaussian_inputs": "one patch is standard Gaussian, and the others are zero",
}


def _draw(rng: np.random.Generator, **options: Any) -> Drawn:
    if options["twin"] not in TWINS:
        raise InputError(f"the twin must be one of {', '.join(TWINS)}, found {options['twin']!r}")
    if options["is_scattered"]:
        check_scattered(options["variables"], options["samples"])
    psi = random_assignment(options["variables"], rng)
    planted = None if options["is_scattered"] else {"filter": sign_filter(psi), "is_max_pooled": np.array(False)}
    if options["twin"] == "gaussian_inputs":
        n_samples = whole_number(options["samples"], "the number of samples")
        n_patches = whole_number(options["width"], "the number of patches")
        X = np.zeros((n_samples, n_patches * (len(psi) + 1)))
        X[:, : len(psi) + 1] = rng.standard_normal((n_samples, len(psi) + 1))
        y = rng.integers(0, 2, len(X)).astype(float) if planted is None else cnn_labels(planted, X)
    else:
        X, y = encode(_tuples(psi, options, rng), options["width"])
    said = f"Easy: as in a sample of the sign-CNN, but {TWINS[options['twin']]}; the labels are " + (
        "fair coins, which no filter of ±1 realises, but with chance 2^log2_realized_by_chance"
        if planted is None
        else "those of a network with a filter of ±1"
    )
    return X, y, planted, Claim(said, "none", "none", sample_sizes(X, y, planted, options))


def _entries(options: Options) -> int:
    """Numbers in X, which is dense only where its entries are Gaussian."""
    if options["twin"] != "gaussian_inputs":
        return entries(options)
    rows, columns = shapes(options)["X"]
    return max(0, rows) * max(0, columns)


def _tuples(psi: NDArray[np.int8], options: Options, rng: np.random.Generator) -> LabelledTuples:
    n_samples, predicate = options["samples"], conjunction(options["clause_size"], options["clauses"])
    if options["twin"] == "few_variables":
        used = whole_number(options["used"], "the number of variables in use")
        if used > len(psi):
            raise InputError(f"at most all {len(psi)} variables can be in use, found {used}")
        few = _labelled(psi[:used], n_samples, predicate, options["is_scattered"], rng)
        formula = Formula(len(psi), few.tuples.variables, few.tuples.signs, predicate)
        return LabelledTuples(formula, few.y)
    if whole_number(options["distinct"], "the number of different inputs") > n_samples:
        raise InputError(f"at most {n_samples} of {n_samples} inputs can be different, found {options['distinct']}")
    pool = _labelled(psi, options["distinct"], predicate, options["is_scattered"], rng)
    rows = rng.integers(0, len(pool.y), n_samples)
    coins = rng.integers(0, 2, n_samples, dtype=np.int8)
    return LabelledTuples(pool.tuples[rows], np.where(options["is_scattered"], coins, pool.y[rows]))


def _labelled(
    psi: NDArray[np.int8], n_samples: int, predicate: Predicate, is_scattered: bool, rng: np.random.Generator
) -> LabelledTuples:
    if is_scattered:
        return scattered_tuples(len(psi), n_samples, predicate, rng)
    return realizable_tuples(psi, n_samples, predicate, rng)


EASY_TWIN = Family(
    name="easy_twin",
    summary=f"Samples of a sign-CNN that give it away: {', '.join(TWINS)}.",
    citation=CITATION,
    defaults={
        "twin": "few_variables",
        "samples": 2000,
        "variables": 60,
        "clause_size": 3,
        "clauses": 5,
        "width": 5,
        "used": 15,
        "distinct": 50,
        "is_scattered": False,
    },
    source=_draw,
    labels=cnn_labels,
    sizes=sample_sizes,
    shapes=shapes,
    entries=_entries,
    explanations={
        **{name: text for name, text in TUPLE_EXPLANATIONS.items() if name not in ("pooling", "planting")},
        "twin": f"What gives it away: {', '.join(TWINS)}.",
        "used": "Number of variables that occur, in few_variables.",
        "distinct": "Number of different inputs, in repeated_tuples.",
    },
)
