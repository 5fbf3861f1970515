"""Families of hard instances: the sign-CNN, the random networks that it becomes, and twins that give it away."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from twolayer.errors import InputError
from twolayer.hard.daniely2020hardness.formula import conjunction, random_assignment
from twolayer.hard.daniely2020hardness.laws import WeightLaw, autoregressive
from twolayer.hard.daniely2020hardness.reduction import realizable_tuples, scattered_tuples
from twolayer.hard.daniely2020hardness.sign_cnn import OUTPUTS, cnn_output, encode, fully_connected_output, sign_filter
from twolayer.hard.daniely2020hardness.transform import convolutional_transform, fully_connected_transform
from twolayer.hard.instance import Claim, Family, Inputs, Option, Planted
from twolayer.theory.daniely2020hardness import log2_realized_by_chance, norm_bound

__all__ = ["RANDOM_CNN", "RANDOM_NETWORK", "SIGN_CNN"]

Options = Mapping[str, Any]
Labels = NDArray[Any]
Drawn = tuple[Inputs, Labels, Planted | None, Claim]
Sizes = dict[str, int | float]

CITATION = (
    "daniely2020hardness: A. Daniely and G. Vardi, Hardness of Learning Neural Networks with Natural Weights, 2020"
)
ASSUMPTION = "Assumption 2.1: refuting random K-SAT formulas with n^f(K) clauses is hard, for some unbounded f"
_MARGIN = 32  # a scattered sample is realised by chance with probability at most 2^−32

_TUPLES: dict[str, Option] = {
    "n_samples": 2000,
    "n_variables": 60,
    "clause_size": 3,
    "n_clauses": 5,
    "n_patches": 17,
    "output": "clip",
    "is_scattered": False,
}
_LAW: dict[str, Option] = {"law": "normal", "scale": 1.0, "correlation": 0.5}


def sample(rng: np.random.Generator, options: Options) -> tuple[sparse.csr_array, Labels, NDArray[np.float64] | None]:
    """Draw inputs of the sign-CNN, labels, and its filter, or None where labels are fair coins.

    Raises
    ------
    InputError
        If the sizes do not fit, an option is unknown, or so few samples are scattered that a network may fit them.
    """
    if options["output"] not in OUTPUTS:
        raise InputError(f"the output must be one of {', '.join(OUTPUTS)}, found {options['output']!r}")
    n_variables, n_samples = options["n_variables"], options["n_samples"]
    predicate = conjunction(options["clause_size"], options["n_clauses"])
    if options["is_scattered"]:
        check_scattered(n_variables, n_samples)
        X, y = encode(scattered_tuples(n_variables, n_samples, predicate, rng), options["n_patches"])
        return X, y, None
    psi = random_assignment(n_variables, rng)
    X, y = encode(realizable_tuples(psi, n_samples, predicate, rng), options["n_patches"])
    return X, y, sign_filter(psi)


def check_scattered(n_variables: int, n_samples: int) -> None:
    """See that there are samples enough that no filter realises fair coins but with chance 2^−32."""
    if n_samples < n_variables + 1 + _MARGIN:
        nearest = n_variables + 1 + _MARGIN
        raise InputError(f"a scattered sample needs more labels than filters, found {n_samples}; nearest: {nearest}")


def sample_sizes(X: Inputs, y: Labels, planted: Planted | None, options: Options) -> Sizes:
    """Numbers that every family of this package claims."""
    entries = sparse.csr_array(X)
    sizes: Sizes = {
        "n_samples": int(X.shape[0]),
        "n_coordinates": int(X.shape[1]),
        "hidden_units": int(options["n_patches"]),
        "nonzeros": int(entries.nnz),
        "mean_label": float(y.mean()),
        "loss_of_a_constant": float(y.var()),
        "largest_norm": float(np.sqrt(entries.power(2).sum(axis=1).max())),
    }
    if planted is None:
        sizes["log2_realized_by_chance"] = log2_realized_by_chance(options["n_variables"], int(X.shape[0]))
    return sizes


def planted_output(planted: Planted) -> str:
    """Name of the output of a planted network."""
    return "max" if planted["is_max_pooled"] else "clip"


def cnn_labels(planted: Planted, X: Inputs) -> Labels:
    """Labels of a planted convolutional network."""
    return cnn_output(X, planted["filter"], planted_output(planted))


def statement(planted: Planted | None, network: str) -> str:
    """Say what is claimed of a sample."""
    if planted is None:
        return (
            f"The labels are fair coins, which no {network} realises; no efficient algorithm tells most such samples "
            "from realizable ones."
        )
    return (
        f"A {network} realises every label; no efficient algorithm learns most such networks to mean squared "
        "error 1/10, whatever the law of the inputs."
    )


def _draw_sign_cnn(rng: np.random.Generator, **options: Any) -> Drawn:
    X, y, w = sample(rng, options)
    planted = None if w is None else {"filter": w, "is_max_pooled": np.array(options["output"] == "max")}
    said = statement(planted, "convolutional network with a filter of ±1")
    return X, y, planted, Claim(said, "Section 4", ASSUMPTION, sample_sizes(X, y, planted, options))


def _law(options: Options, dim: int) -> WeightLaw:
    is_gaussian = options["law"] == "gaussian"
    covariance = autoregressive(dim, options["correlation"], options["scale"]) if is_gaussian else None
    return WeightLaw(options["law"], options["scale"], covariance)


def _dimension(options: Options) -> int:
    """Coordinates of an input, or of a patch where there are no added coordinates to speak of."""
    t = int(options["n_variables"]) + 1
    return t * options["n_patches"] + options["n_added"] if "n_added" in options else t


def _draw_random_network(rng: np.random.Generator, **options: Any) -> Drawn:
    X, y, w = sample(rng, options)
    law = _law(options, _dimension(options))
    M = fully_connected_transform(law, options["n_variables"] + 1, options["n_patches"], options["n_added"], rng)
    planted = None if w is None else {"W": M.weights(w), **_report(options, M.redraws)}
    return _drawn(M.inputs(X), y, planted, options, _network_sizes, "fully connected")


def _draw_random_cnn(rng: np.random.Generator, **options: Any) -> Drawn:
    X, y, w = sample(rng, options)
    z = convolutional_transform(_law(options, _dimension(options)), options["n_variables"] + 1, rng)
    planted = None if w is None else {"filter": z.weights(w), **_report(options, z.redraws)}
    return _drawn(z.inputs(X), y, planted, options, _cnn_sizes, "convolutional")


def _report(options: Options, redraws: int) -> dict[str, NDArray[Any]]:
    return {"is_max_pooled": np.array(options["output"] == "max"), "redraws": np.array(redraws)}


def _drawn(X: Inputs, y: Labels, planted: Planted | None, options: Options, sizes: Any, kind: str) -> Drawn:
    architecture = kind.replace(" ", "_")
    theorem = norm_bound(architecture, options["law"], X.shape[1]).theorem
    said = statement(planted, f"{kind} network of this law of weights ({options['law']})")
    return X, y, planted, Claim(said, theorem, ASSUMPTION, sizes(X, y, planted, options))


def _network_labels(planted: Planted, X: Inputs) -> Labels:
    return fully_connected_output(X, planted["W"], planted_output(planted))


def _network_sizes(X: Inputs, y: Labels, planted: Planted | None, options: Options) -> Sizes:
    sizes = _random_sizes("fully_connected", X, y, planted, options)
    if planted is not None:
        law, t = _law(options, _dimension(options)), int(options["n_variables"]) + 1
        entries = planted["W"] if law.covariance is None else law.covariance.whiten(planted["W"])
        k = len(entries)
        blocks = entries[:, : k * t].reshape(k, k, t).transpose(2, 0, 1)  # of M but for signs and transposition
        sizes["least_singular_value"] = float(np.linalg.svd(blocks, compute_uv=False)[:, -1].min())
    return sizes


def _cnn_sizes(X: Inputs, y: Labels, planted: Planted | None, options: Options) -> Sizes:
    sizes = _random_sizes("convolutional", X, y, planted, options)
    if planted is not None:
        law = _law(options, _dimension(options))
        w = planted["filter"][None]
        entries = w if law.covariance is None else law.covariance.whiten(w)
        sizes["least_singular_value"] = float(np.abs(entries).min())
    return sizes


def _random_sizes(architecture: str, X: Inputs, y: Labels, planted: Planted | None, options: Options) -> Sizes:
    law = _law(options, _dimension(options))
    bound = norm_bound(architecture, options["law"], X.shape[1], law.bound_scale)
    sizes = sample_sizes(X, y, planted, options)
    sizes["norm_bound"], sizes["derived_norm_bound"] = bound.value, bound.derived
    sizes["norm_exponent"] = float(np.log(sizes["largest_norm"] * law.bound_scale) / np.log(X.shape[1]))
    if planted is not None:
        sizes["redraws"] = int(planted["redraws"])
    return sizes


SIGN_CNN = Family(
    "sign_cnn",
    "patches that are clauses, a filter that is a planted assignment; or fair coins on the same inputs",
    CITATION,
    _TUPLES,
    _draw_sign_cnn,
    cnn_labels,
    sample_sizes,
)
RANDOM_NETWORK = Family(
    "random_network",
    "the sign-CNN turned into a fully connected network with random weights",
    CITATION,
    {**_TUPLES, **_LAW, "n_added": 0},
    _draw_random_network,
    _network_labels,
    _network_sizes,
    tolerance=1e-6,
)
RANDOM_CNN = Family(
    "random_cnn",
    "the sign-CNN turned into a convolutional network with a random filter",
    CITATION,
    {**_TUPLES, **_LAW},
    _draw_random_cnn,
    cnn_labels,
    _cnn_sizes,
    tolerance=1e-6,
)
