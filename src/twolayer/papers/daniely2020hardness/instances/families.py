"""Families of hard instances: the sign-CNN, the random networks that it becomes, and twins that give it away."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from twolayer.arrays import whole_number
from twolayer.errors import InputError
from twolayer.instances.instance import Claim, Family, Inputs, Option, Planted, Shapes
from twolayer.papers.daniely2020hardness.instances.formula import conjunction, random_assignment
from twolayer.papers.daniely2020hardness.instances.laws import WeightLaw, autoregressive
from twolayer.papers.daniely2020hardness.instances.planting import PLANTINGS, check_planting, planting_order
from twolayer.papers.daniely2020hardness.instances.reduction import realizable_tuples, scattered_tuples
from twolayer.papers.daniely2020hardness.instances.sign_cnn import (
    OUTPUTS,
    cnn_output,
    encode,
    fully_connected_output,
    require_patches,
    sign_filter,
)
from twolayer.papers.daniely2020hardness.instances.transform import (
    ConvolutionalTransform,
    FullyConnectedTransform,
    convolutional_transform,
    fully_connected_transform,
    require_entries,
)
from twolayer.papers.daniely2020hardness.theory import (
    WEIGHT_LAWS,
    concentration,
    filter_norm_bound,
    hidden_units,
    log2_realized_by_chance,
    norm_bound,
    statistical_clauses,
)

__all__ = ["RANDOM_CNN", "RANDOM_NETWORK", "SIGN_CNN"]

Options = Mapping[str, Any]
Labels = NDArray[Any]
Drawn = tuple[Inputs, Labels, Planted | None, Claim]
Sizes = dict[str, int | float]

CITATION = (
    "daniely2020hardness: A. Daniely and G. Vardi, Hardness of Learning Neural Networks with Natural Weights, 2020"
)
ASSUMPTION = "Assumption 2.1: refuting random K-SAT formulas with n^f(K) clauses is hard, for some unbounded f"

_TUPLES: dict[str, Option] = {
    "samples": 2000,
    "variables": 400,
    "clause_size": 4,
    "clauses": 9,
    "width": 36,
    "pooling": "clip",
    "planting": "balanced",
    "is_scattered": False,
}
_LAW: dict[str, Option] = {"law": "normal", "scale": 1.0, "correlation": 0.5, "epsilon": 0.5}
TUPLE_EXPLANATIONS = {
    "samples": "Number of samples.",
    "variables": "Number n' of variables; a patch has n' + 1 coordinates.",
    "clause_size": "Number K of literals in a clause.",
    "clauses": "Number M of clauses in a sample.",
    "width": "Number of patches, which is that of units; at least M.",
    "pooling": f"Of the units to the output: {' or '.join(OUTPUTS)}.",
    "planting": f"Law of the values of the planted literals: {' or '.join(PLANTINGS)}.",
    "is_scattered": "Labels that are fair coins, and nothing planted.",
}
_LAW_EXPLANATIONS = {
    "law": f"Law of the weights: {', '.join(WEIGHT_LAWS)}.",
    "scale": "Standard deviation, half width or radius of the law.",
    "correlation": "Of neighbouring weights, in the law gaussian.",
    "epsilon": "The exponent of the norm bound n^epsilon, where the theorem has one.",
}


def sample(rng: np.random.Generator, options: Options) -> tuple[sparse.csr_array, Labels, NDArray[np.float64] | None]:
    """Draw inputs of the sign-CNN, labels, and its filter, or None where labels are fair coins.

    Raises
    ------
    InputError
        If the sizes do not fit, an option is unknown, or so few samples are scattered that a filter may fit them.
    """
    if options["pooling"] not in OUTPUTS:
        raise InputError(f"the pooling must be one of {', '.join(OUTPUTS)}, found {options['pooling']!r}")
    n_variables, n_samples = options["variables"], options["samples"]
    K, M, planting = options["clause_size"], options["clauses"], options["planting"]
    predicate = conjunction(K, M, planting=planting)
    check_planting(planting, K, M)
    require_patches(options["width"], M, whole_number(n_variables, "the number of variables") + 1)
    if options["is_scattered"]:
        check_scattered(n_variables, n_samples)
        X, y = encode(scattered_tuples(n_variables, n_samples, predicate, rng), options["width"])
        return X, y, None
    psi = random_assignment(n_variables, rng)
    X, y = encode(realizable_tuples(psi, n_samples, predicate, rng), options["width"])
    return X, y, sign_filter(psi)


def check_scattered(n_variables: int, n_samples: int) -> None:
    """See that there are samples enough that no filter of ±1 realises fair coins but with chance 2^−32."""
    # a scattered sample is realised by chance with probability at most 2^−32
    nearest = n_variables + 1 + 32
    if n_samples < nearest:
        raise InputError(f"a filter of ±1 may realise so few scattered labels, found {n_samples}; nearest: {nearest}")


def sample_sizes(X: Inputs, y: Labels, planted: Planted | None, options: Options) -> Sizes:
    """Numbers that every family of this package claims."""
    entries = sparse.csr_array(X)
    n_variables = int(options["variables"])
    sizes: Sizes = {
        "samples": int(X.shape[0]),
        "dim": int(X.shape[1]),
        "width": int(options["width"]),
        "width_of_the_theorems": hidden_units(max(2, n_variables)),
        "nonzeros": int(entries.nnz),
        "mean_label": float(y.mean()),
        "loss_of_a_constant": float(y.var()),
        "largest_norm": float(np.sqrt(entries.power(2).sum(axis=1).max())),
    }
    if planted is None:
        sizes["log2_realized_by_chance"] = log2_realized_by_chance(n_variables, int(X.shape[0]))
    elif "planting" in options:
        sizes["order"] = planting_order(options["planting"], options["clause_size"])
        sizes["statistical_samples"] = statistical_clauses(n_variables, int(sizes["order"]))
    return sizes


def shapes(options: Options) -> Shapes:
    """Shapes of the inputs and of the planted network that options of this package ask for."""
    t = options["variables"] + 1
    n = t * options["width"] + options.get("added", 0)
    of_network = {"W": (options["width"], n)} if "added" in options else {"filter": (t,)}
    return {"X": (options["samples"], n), **({} if options["is_scattered"] else of_network)}


def entries(options: Options) -> int:
    """Numbers that a sample of this package holds: literals, and what they become where blocks of M mix patches."""
    literals = max(0, options["samples"]) * max(0, options["clauses"]) * max(0, options["clause_size"])
    return literals * max(1, options["width"]) if "added" in options else literals


def planted_output(planted: Planted) -> str:
    """Name of the output of a planted network."""
    return "max" if planted["is_max_pooled"] else "clip"


def cnn_labels(planted: Planted, X: Inputs) -> Labels:
    """Labels of a planted convolutional network."""
    return cnn_output(X, planted["filter"], planted_output(planted))


def statement(planted: Planted | None, network: str, options: Options) -> str:
    """Say what is claimed of a sample, and of what nothing is proved."""
    if planted is None:
        return (
            f"The labels are fair coins, which no {network} realises, but with chance 2^log2_realized_by_chance; no "
            "efficient algorithm that never takes a realizable sample for scattered tells most such samples from "
            "realizable ones"
        )
    proved = (
        f"A {network} realises every label; no efficient algorithm learns most such networks to mean squared error "
        "1/10 under every law of the inputs, and of this law alone nothing is proved"
    )
    if options["planting"] == "uniform":
        return f"{proved}: its literals are biased, and on the inputs of the sign-CNN a majority vote finds the filter"
    return (
        f"{proved}; given its label, any two coordinates of an input of the sign-CNN have the law that they have in a "
        "scattered sample, so that no linear or quadratic statistic sees the filter, and statistical algorithms need "
        "about n'^(3/2) samples as n' grows (feldman2018complexity)"
    )


def _draw_sign_cnn(rng: np.random.Generator, **options: Any) -> Drawn:
    X, y, w = sample(rng, options)
    planted = None if w is None else {"filter": w, "is_max_pooled": np.array(options["pooling"] == "max")}
    said = statement(planted, "convolutional network with a filter of ±1", options)
    return X, y, planted, Claim(said, "Section 4", ASSUMPTION, sample_sizes(X, y, planted, options))


def _law(options: Options, dim: int) -> WeightLaw:
    is_gaussian = options["law"] == "gaussian"
    covariance = autoregressive(dim, options["correlation"], options["scale"]) if is_gaussian else None
    return WeightLaw(options["law"], options["scale"], covariance)


def _dimension(options: Options) -> int:
    """Coordinates of an input, or of a patch where there are no added coordinates to speak of."""
    t = int(options["variables"]) + 1
    return t * options["width"] + options["added"] if "added" in options else t


def _draw_random_network(rng: np.random.Generator, **options: Any) -> Drawn:
    X, y, w = sample(rng, options)
    require_entries(options["variables"] + 1, options["width"], max(options["added"], 0))
    law = _law(options, _dimension(options))
    M = fully_connected_transform(law, options["variables"] + 1, options["width"], options["added"], rng)
    planted = None if w is None else {"W": M.weights(w), "is_max_pooled": np.array(options["pooling"] == "max")}
    return _drawn(M, X, y, planted, options, "fully_connected")


def _draw_random_cnn(rng: np.random.Generator, **options: Any) -> Drawn:
    X, y, w = sample(rng, options)
    M = convolutional_transform(_law(options, _dimension(options)), options["variables"] + 1, rng)
    planted = None if w is None else {"filter": M.weights(w), "is_max_pooled": np.array(options["pooling"] == "max")}
    return _drawn(M, X, y, planted, options, "convolutional")


def _drawn(
    M: FullyConnectedTransform | ConvolutionalTransform,
    X: sparse.csr_array,
    y: Labels,
    planted: Planted | None,
    options: Options,
    architecture: str,
) -> Drawn:
    moved = M.inputs(X)
    sizes = _random_sizes(architecture, moved, y, planted, options)
    sizes |= {"redraws": M.redraws, "least_singular_value": M.least_singular_value}
    bound = norm_bound(architecture, options["law"], moved.shape[1], epsilon=options["epsilon"])
    kind = architecture.replace("_", " ")
    network = f"{kind} network of this law of weights ({options['law']})"
    if planted is None:
        network = f"one of the 2^(n'+1) {kind} networks that this transform makes of filters of ±1"
    place = "within" if sizes["is_within_norm_bound"] else "longer than"
    said = f"{statement(planted, network, options)}; the inputs are {place} the norm {bound.formula} of the theorem"
    return moved, y, planted, Claim(said, bound.theorem, ASSUMPTION, sizes)


def _network_labels(planted: Planted, X: Inputs) -> Labels:
    return fully_connected_output(X, planted["W"], planted_output(planted))


def _random_sizes(architecture: str, X: Inputs, y: Labels, planted: Planted | None, options: Options) -> Sizes:
    """Numbers of a transformed sample that follow from its arrays; the transform's own are those of its draw."""
    law, name, dim = _law(options, _dimension(options)), options["law"], X.shape[1]
    bound = norm_bound(architecture, name, dim, law.bound_scale, options["epsilon"])
    sizes = sample_sizes(X, y, planted, options)
    sizes["norm_bound"], sizes["derived_norm_bound"] = bound.value, bound.derived
    sizes["is_within_norm_bound"] = int(sizes["largest_norm"] <= bound.value)
    sizes["norm_exponent"] = float(np.log(sizes["largest_norm"] * law.bound_scale) / np.log(dim))
    if architecture == "convolutional":
        wide = norm_bound(architecture, name, dim, law.bound_scale, options["epsilon"], is_wide=True)
        sizes["wide_norm_bound"] = wide.value
        if name in ("normal", "uniform", "sign") and options["variables"] > 1:
            n_variables = options["variables"]
            least_entry = concentration(name, n_variables, options["scale"])
            sizes["filter_norm_bound"] = filter_norm_bound(n_variables, least_entry)
    return sizes


_DRAWN_SIZES = ("redraws", "least_singular_value")
SIGN_CNN = Family(
    name="sign_cnn",
    summary="Patches that are clauses, a filter that is a planted assignment; or fair coins on random clauses.",
    citation=CITATION,
    defaults=_TUPLES,
    source=_draw_sign_cnn,
    labels=cnn_labels,
    sizes=sample_sizes,
    shapes=shapes,
    entries=entries,
    explanations=TUPLE_EXPLANATIONS,
)
RANDOM_NETWORK = Family(
    name="random_network",
    summary="The sign-CNN turned into a fully connected network with random weights.",
    citation=CITATION,
    defaults={**_TUPLES, "samples": 1000, "variables": 200, "width": 28, **_LAW, "added": 0},
    source=_draw_random_network,
    labels=_network_labels,
    sizes=partial(_random_sizes, "fully_connected"),
    drawn_sizes=_DRAWN_SIZES,
    shapes=shapes,
    entries=entries,
    tolerance=1e-6,
    rounding=1e-9,
    explanations={
        **TUPLE_EXPLANATIONS,
        **_LAW_EXPLANATIONS,
        "added": "Number of inputs that are added as zeros, which brings the norm below n^epsilon.",
    },
)
RANDOM_CNN = Family(
    name="random_cnn",
    summary="The sign-CNN turned into a convolutional network with a random filter.",
    citation=CITATION,
    defaults={**_TUPLES, **_LAW},
    source=_draw_random_cnn,
    labels=cnn_labels,
    sizes=partial(_random_sizes, "convolutional"),
    drawn_sizes=_DRAWN_SIZES,
    shapes=shapes,
    entries=entries,
    tolerance=1e-6,
    rounding=1e-9,
    explanations={**TUPLE_EXPLANATIONS, **_LAW_EXPLANATIONS},
)
