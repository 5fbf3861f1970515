r"""Hard instances of the lecture (e2021hardness): parities, intersections of half-spaces, periodic neurons.

Each is planted as a two-layer network, so that the arrays ``a``, ``W``, ``b`` of an instance say everything about it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.arrays import frozen_array, whole_number
from twolayer.errors import InputError
from twolayer.instances.instance import Claim, Family, Inputs, Option, Planted, Shapes
from twolayer.network import TwoLayerNetwork
from twolayer.papers.e2021hardness.theory import (
    cosine_network,
    intersection,
    intersection_network,
    intersection_path_norm,
    log_query_dimension_of_waves,
    parity_network,
    periodic_gram,
    queries_needed,
    spectral_bound,
)
from twolayer.papers.e2021hardness.theory.constructions import LARGEST_INTEGER

__all__ = ["COSINE", "HALFSPACES", "PARITY"]

Options = Mapping[str, Option]
Sizes = dict[str, int | float]
Drawn = tuple[NDArray[np.float64], NDArray[np.float64], Planted, Claim]

_CITATION = (
    "e2021hardness: Weinan E, On the Hardness of Learning Two-layer Neural Networks, lecture, "
    "Mathematical Introduction to Machine Learning (MAT 490/APC 490), Princeton University, Spring 2021"
)


def _draw_parity(rng: np.random.Generator, dim: int, samples: int) -> Drawn:
    d, n = _input_count(dim), whole_number(samples, "samples")
    planted = _arrays(parity_network(rng.integers(0, 2, d)))
    X = rng.integers(0, 2, (n, d)).astype(np.float64)
    y = _relu_labels(planted, X)
    statement = (
        f"Over the 2^{d} parities, from which this one was drawn uniformly, the gradient of the square loss of any "
        "parametric model h varies by at most 4 E|grad h|^2 / 2^d, so that a gradient method of lower precision cannot "
        "tell them apart, nor a learner by correlational statistical queries of tolerance 2^(-d/3) with fewer of them "
        "than stated; Gaussian elimination modulo 2, which is neither, does learn it once n exceeds d by a few"
    )
    sizes = _parity_sizes(X, y, planted, {"dim": d, "samples": n})
    return X, y, planted, Claim(statement, "Theorem 5, with the factor 4 of the square loss", "none", sizes)


def _parity_sizes(X: Inputs, y: NDArray[np.float64], planted: Planted | None, options: Options) -> Sizes:
    network, X = _network(planted, "relu"), _inputs(X, y, options, (0.0, 1.0))
    v = network.W[0] / 2
    if not (np.isin(v, (0.0, 1.0)).all() and network == parity_network(v)):
        raise InputError("the planted network is not that of a parity")
    d = network.dim
    return {
        "dim": d,
        "samples": len(X),
        "width": network.width,
        "path_norm": network.path_norm(),
        "path_norm_bound": 6 * d**2 + 1,
        "log2_query_dimension": d,
        "gradient_variance_over_energy": 4 * 2.0**-d,
        "correlational_queries": queries_needed(2**d, 2.0 ** (-d / 3)),
    }


def _draw_halfspaces(
    rng: np.random.Generator, dim: int, halfspaces: int, samples: int, largest_weight: int, largest_bias: int
) -> Drawn:
    d, K, n = _input_count(dim), whole_number(halfspaces, "halfspaces"), whole_number(samples, "samples")
    W = rng.integers(0, _below_limit(whole_number(largest_weight, "largest_weight"), "largest_weight") + 1, (K, d))
    b = rng.integers(0, _below_limit(whole_number(largest_bias, "largest_bias", least=0), "largest_bias") + 1, K)
    planted = _arrays(intersection_network(W, b))
    X = rng.choice([-1.0, 1.0], (n, d))
    y = _sign_labels(planted, X)
    statement = (
        "No polynomial-time algorithm of any kind learns every intersection of K = d^rho half-spaces with integer "
        "weights of polynomial size under every law of x on {-1,1}^d, nor therefore every two-layer ReLU network of "
        "polynomial path norm; this is one such intersection, with random weights and uniform x, of which alone "
        "nothing is proved"
    )
    largest = {"largest_weight": largest_weight, "largest_bias": largest_bias}
    sizes = _halfspaces_sizes(X, y, planted, {"dim": d, "halfspaces": K, "samples": n, **largest})
    assumption = "a cryptographic assumption (Klivans and Sherstov 2009: the unique shortest vector problem is hard)"
    return X, y, planted, Claim(statement, "Theorems 1 and 2", assumption, sizes)


def _halfspaces_sizes(X: Inputs, y: NDArray[np.float64], planted: Planted | None, options: Options) -> Sizes:
    network, X = _network(planted, "relu"), _inputs(X, y, options, (-1.0, 1.0))
    K = network.width // 2
    W, b = network.W[:K] / 2, -(network.b[:K] + 1) / 2
    if options["halfspaces"] != K or network != intersection_network(W, b):
        raise InputError(f"the planted network is not that of an intersection of {options['halfspaces']} half-spaces")
    if W.min() < 0 or b.min() < 0 or W.max() > options["largest_weight"] or b.max() > options["largest_bias"]:
        raise InputError("the planted half-spaces have weights or biases beyond the largest")
    if not np.array_equal(y > 0, intersection(W, b, X)):
        raise InputError("the labels are not those of the intersection of half-spaces")
    return {
        "dim": network.dim,
        "samples": len(X),
        "halfspaces": K,
        "width": network.width,
        "path_norm": network.path_norm(),
        "path_norm_formula": intersection_path_norm(W, b),
        "least_margin": 1 / (6 * K),
        "least_margin_seen": float(np.abs(network(X)).min()),
        "inside": int(np.sum(y > 0)),
    }


def _draw_cosine(rng: np.random.Generator, dim: int, samples: int, harmonics: int) -> Drawn:
    d, n = _input_count(dim), whole_number(samples, "samples")
    w = rng.standard_normal(d)
    w *= np.sqrt(d) / np.linalg.norm(w)
    planted = _arrays(cosine_network(w, _amplitudes(harmonics)))
    X = rng.standard_normal((n, d))
    y = _wave_labels(planted, X)
    statement = (
        "For w uniform on the sphere of radius sqrt(d), as drawn here, the gradient of the square loss of any "
        "parametric model h on phi(w.x), x Gaussian, varies by at most 8 E[phi^2] E|grad h|^2 / N, with N the nearly "
        "orthonormal functions that the class holds, exponentially many, so that a gradient method of lower precision "
        "cannot tell them apart; lattice reduction, which is none, can learn it from labels exact to many digits"
    )
    sizes = _cosine_sizes(X, y, planted, {"dim": d, "samples": n, "harmonics": harmonics})
    theorem = "Theorem 5, extended to nearly orthonormal classes, with the factor 4 of the square loss"
    return X, y, planted, Claim(statement, theorem, "none", sizes)


def _cosine_sizes(X: Inputs, y: NDArray[np.float64], planted: Planted | None, options: Options) -> Sizes:
    network, X = _network(planted, "sine"), _inputs(X, y, options, None)
    amplitudes = _amplitudes(options["harmonics"])
    w = network.W[0] / (2 * np.pi)
    planned = cosine_network(w, amplitudes)
    if network.width != planned.width or not all(
        np.allclose(getattr(network, name), getattr(planned, name), rtol=1e-14, atol=0) for name in ("a", "W", "b")
    ):
        raise InputError(f"the planted network is not that of a wave of {options['harmonics']} harmonics along one w")
    if abs(w @ w - network.dim) > 1e-9 * network.dim:
        raise InputError(f"the planted w must have norm sqrt({network.dim}), found {np.linalg.norm(w):.12g}")
    coefficients = np.concatenate([[0.0], amplitudes / 2])
    log_dimension = log_query_dimension_of_waves(network.dim, coefficients)
    mean_square = float(periodic_gram(w[None], coefficients)[0, 0])
    return {
        "dim": network.dim,
        "samples": len(X),
        "width": network.width,
        "mean_square": mean_square,
        "log_query_dimension": log_dimension,
        "log_gradient_variance_over_energy": float(np.log(8 * mean_square) - log_dimension),
        "barron_bound": spectral_bound(network.a, network.W, network.b),
    }


def _amplitudes(harmonics: Option) -> NDArray[np.float64]:
    """Cosine coefficients of the triangle wave up to its given number of harmonics 1, 3, 5, ..., the first one 1."""
    k = np.arange(1, 2 * whole_number(harmonics, "harmonics"))
    return np.where(k % 2 == 1, 1.0 / k**2, 0.0)


def _relu_labels(planted: Planted, X: Inputs) -> NDArray[np.float64]:
    return _network(planted, "relu")(X)


def _sign_labels(planted: Planted, X: Inputs) -> NDArray[np.float64]:
    return np.where(_relu_labels(planted, X) > 0, 1.0, -1.0)


def _wave_labels(planted: Planted, X: Inputs) -> NDArray[np.float64]:
    return _network(planted, "sine")(X)


def _arrays(network: TwoLayerNetwork) -> Planted:
    return {"a": network.a, "W": network.W, "b": network.b}


def _network(planted: Planted | None, activation: str) -> TwoLayerNetwork:
    if planted is None or set(planted) != {"a", "W", "b"} or not len(planted["a"]):
        raise InputError("the planted network must consist of arrays a, W and b, and have a unit")
    return TwoLayerNetwork(planted["a"], planted["W"], planted["b"], activation)


def _inputs(
    X: Inputs, y: NDArray[np.float64], options: Options, values: tuple[float, float] | None
) -> NDArray[np.float64]:
    """The inputs, if they have the shape and, where these are given, only the values that the family says."""
    X = frozen_array(X, "X", 2)
    shape = (options["samples"], options["dim"])
    if X.shape != shape or np.shape(y) != shape[:1]:
        raise InputError(f"X and y must have shapes {shape} and {shape[:1]}, found {X.shape} and {np.shape(y)}")
    if values is not None and not np.isin(X, values).all():
        raise InputError(f"X must hold {values[0]:g} and {values[1]:g} only")
    return X


def _input_count(d: int) -> int:
    most = 1000  # 2^d is still a float
    d = whole_number(d, "dim")
    if d > most:
        raise InputError(f"dim must be at most {most}, found {d}")
    return d


def _below_limit(value: int, name: str) -> int:
    if value >= LARGEST_INTEGER:
        raise InputError(f"{name} must be below {LARGEST_INTEGER}, found {value}")
    return value


def _planted_shapes(options: Mapping[str, Any]) -> Shapes:
    """Shapes of X, and of the planted W where an option says how many units it has."""
    shapes = {"X": (options["samples"], options["dim"])}
    if "halfspaces" in options:
        shapes["W"] = (2 * options["halfspaces"] + 1, options["dim"])
    if "harmonics" in options:
        shapes["W"] = (options["harmonics"], options["dim"])
    return shapes


def _entries(options: Mapping[str, Any]) -> int:
    """Numbers in X and W."""
    return sum(max(0, rows) * max(0, columns) for rows, columns in _planted_shapes(options).values())


PARITY = Family(
    name="parity",
    summary="A parity on {0,1}^d, as a two-layer ReLU network that is exact on the whole cube.",
    citation=_CITATION,
    defaults={"dim": 40, "samples": 2000},
    source=_draw_parity,
    labels=_relu_labels,
    sizes=_parity_sizes,
    shapes=_planted_shapes,
    entries=_entries,
    explanations={"dim": "Number of inputs d.", "samples": "Number of samples."},
)
HALFSPACES = Family(
    name="halfspaces",
    summary="An intersection of half-spaces on {-1,1}^d, as the sign of a two-layer ReLU network.",
    citation=_CITATION,
    defaults={"dim": 30, "halfspaces": 4, "samples": 2000, "largest_weight": 3, "largest_bias": 2},
    source=_draw_halfspaces,
    labels=_sign_labels,
    sizes=_halfspaces_sizes,
    shapes=_planted_shapes,
    entries=_entries,
    explanations={
        "dim": "Number of inputs d.",
        "halfspaces": "Number K of half-spaces.",
        "samples": "Number of samples.",
        "largest_weight": "Integer weights are uniform from 0 to this.",
        "largest_bias": "Integer biases are uniform from 0 to this.",
    },
)
COSINE = Family(
    name="cosine",
    summary="A periodic neuron cos(2 pi w.x), or more harmonics of the triangle wave, of Gaussian x.",
    citation=_CITATION,
    defaults={"dim": 20, "samples": 2000, "harmonics": 1},
    source=_draw_cosine,
    labels=_wave_labels,
    sizes=_cosine_sizes,
    shapes=_planted_shapes,
    entries=_entries,
    tolerance=1e-9,
    explanations={
        "dim": "Number of inputs d.",
        "samples": "Number of samples.",
        "harmonics": "Number of harmonics 1, 3, 5, ... of the triangle wave; 1 is the cosine.",
    },
)
