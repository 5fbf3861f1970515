"""What a person asks of a recovery's result: a summary, intervals, predictions with errors, tests, rows to doubt."""

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.errors import InputError
from twolayer.inference.effects import Effect, effect_of
from twolayer.inference.estimates import MOST_PARAMETERS, Estimates, estimates
from twolayer.inference.hypotheses import Test, input_place, input_ratio_test, unit_ratio_test, wald_test
from twolayer.inference.parameters import Layout, Vector, names_of
from twolayer.inference.summary import Summary, frame_of, rows_of, summary_of
from twolayer.inference.suspects import SuspectRow, suspect_rows
from twolayer.inference.told import Row
from twolayer.links import given_link
from twolayer.plain import plain
from twolayer.recover import Result

__all__ = [
    "conf_int",
    "effect",
    "estimates_of",
    "has_bias",
    "likelihood_ratio_test",
    "params",
    "predict",
    "rows_of_fit",
    "summary",
    "suspects",
    "to_dict",
    "wald",
    "weights",
]

_CHANGED = 1e-6  # of the spread of y, beyond what the fit left: rows that leave more are not the ones of the fit


def estimates_of(
    result: Result, covariance: str = "classical", groups: ArrayLike | None = None, *, samples: Any = None
) -> Estimates:
    """Covariances of a result's weights, from the rows of the fit, kept once they were computed.

    Raises
    ------
    InputError
        If the result no longer has its rows, or they are other ones by now, or `estimates` refuses them.
    """
    kept = result.__dict__.get("_estimates")
    if samples is None and covariance == "classical" and kept is not None:
        return kept
    X, y = rows_of_fit(result) if samples is None else samples
    found = estimates(
        result.network,
        X,
        y,
        has_bias=has_bias(result),
        covariance=covariance,
        groups=groups,
        inputs=result.inputs,
        outputs=result.outputs,
    )
    if samples is None and covariance == "classical":
        result.__dict__["_estimates"] = found
    return found


def rows_of_fit(result: Result) -> tuple[NDArray[Any], NDArray[Any]]:
    """The rows that a result was fitted to.

    Raises
    ------
    InputError
        If they are gone (a file or a copy of a result has none), or were changed since.
    """
    if result.samples is None:
        raise InputError("this result has no rows, as it comes from a file or is a copy: give X and y")
    X, y = (np.asarray(part) for part in result.samples)
    y = y.reshape(result.network(X).shape)
    left = float(np.sqrt(np.mean((result.network(X) - y) ** 2)))
    spread = float(np.std(y))
    # copies of rows are left out of a fit, and may double what some rows leave
    if left > (2 * result.certificate.residual + _CHANGED) * spread:
        raise InputError("X and y are no longer what they were when the network was fitted: give them anew")
    return X, y


def has_bias(result: Result) -> bool:
    """Whether biases were fitted, as far as the result tells."""
    errors = result.certificate.standard_errors
    return bool(result.network.has_bias or np.any(errors.b) or np.any(errors.constant))


def weights(
    result: Result, level: float = 0.95, covariance: str = "classical", groups: ArrayLike | None = None
) -> tuple[Row, ...]:
    """Every number of the network with its error and interval: by `estimates_of`, else from the certificate."""
    p = result.certificate.n_parameters
    if (
        covariance == "classical"
        and "_estimates" not in result.__dict__
        and (result.samples is None or p > MOST_PARAMETERS or result.certificate.n_rows <= p)
    ):
        return _weights_of_certificate(result, level)
    found = estimates_of(result, covariance, groups)
    return rows_of(found.layout, found.standard_errors, found.intervals(level), found.p_values(), found.is_unknown)


def _weights_of_certificate(result: Result, level: float) -> tuple[Row, ...]:
    """The same without rows: the linear and the quadratic part have no errors there."""
    network, errors = result.network, result.certificate.standard_errors
    layout = Layout(network, has_bias(result), *_names(result))
    known = [np.ravel(errors.W), np.ravel(errors.b), np.ravel(errors.a), np.ravel(errors.constant)[: layout.sizes[3]]]
    stated = np.concatenate(known).astype(np.float64)
    sizes: Vector = np.full(layout.count, np.nan)
    sizes[: len(stated)] = stated
    unknown = ~np.isfinite(sizes)
    n, p = result.certificate.n_rows, result.certificate.n_parameters
    blank = Estimates(
        layout,
        np.diag(np.where(unknown, 0.0, sizes**2)),
        unknown,
        np.zeros((layout.basis.shape[1], 0)),
        np.ones(layout.basis.shape[1]),
        result.certificate.noise,
        n,
        max(n - p, 1),
        "classical",
    )
    return rows_of(layout, blank.standard_errors, blank.intervals(level), blank.p_values(), unknown)


def _names(result: Result) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return names_of(result.inputs, result.network.dim), names_of(result.outputs, result.network.n_outputs, "y")


def summary(
    result: Result, level: float = 0.95, covariance: str = "classical", groups: ArrayLike | None = None
) -> Summary:
    """The summary of a result."""
    rows = weights(result, level, covariance, groups)
    return summary_of(
        result.network,
        result.status,
        result.certificate,
        rows,
        outputs=_names(result)[1],
        link=result.link,
        level=level,
        kind=None if covariance == "classical" else covariance,
    )


def params(result: Result) -> Any:
    """A DataFrame of all numbers with errors and 95 % intervals."""
    return frame_of(weights(result))


def conf_int(result: Result, level: float = 0.95, covariance: str = "classical", groups: Any = None) -> Any:
    """A DataFrame of lower and upper ends."""
    return frame_of(weights(result, level, covariance, groups))[["lower", "upper"]]


def predict(result: Result, X: ArrayLike, return_std: bool = False) -> Any:
    """Value of the labels at each row, and its standard error.

    Behind a link g, of one output alone, the error is that of the output times the slope of g.

    Raises
    ------
    InputError
        If errors of probabilities of classes are asked for, which depend on each other.
    """
    network, link = result.network, given_link(result.link)
    outputs = network(X)
    if not return_std:
        return link(outputs)
    errors = estimates_of(result).value_errors(X)
    if link.name == "identity":
        return outputs, errors
    if link.name == "softmax":
        raise InputError("probabilities of classes have no errors of their own: take those of the outputs")
    h = 1e-5 * (1 + np.abs(outputs))  # where rounding and the curvature of g matter alike
    slopes = (link(outputs + h) - link(outputs - h)) / (2 * h)
    return link(outputs), np.abs(slopes) * errors


def wald(result: Result, unit: int | None = None, input: str | int | None = None) -> Test:  # noqa: A002
    """Wald test of a unit or an input."""
    return wald_test(estimates_of(result), unit=unit, input=input)


def likelihood_ratio_test(result: Result, unit: int | None = None, input: str | int | None = None) -> Test:  # noqa: A002
    """Likelihood-ratio test of a unit or an input."""
    if (unit is None) == (input is None):
        raise InputError("give one of unit and input")
    X, y = rows_of_fit(result)
    if unit is not None:
        return unit_ratio_test(result.network, X, y, unit)
    inputs, _ = _names(result)
    place = input_place(inputs, input)
    return input_ratio_test(result.network, X, y, place, inputs[place])


def suspects(result: Result, level: float = 0.05) -> tuple[SuspectRow, ...]:
    """Rows whose labels do not fit."""
    X, y = rows_of_fit(result)
    return suspect_rows(estimates_of(result), X, y, level)


def effect(result: Result, input: str | int, points: int = 41, output: int = 0) -> Effect:  # noqa: A002
    """Partial dependence on an input."""
    X, _ = rows_of_fit(result)
    return effect_of(estimates_of(result), X, input, points, output)


def to_dict(result: Result) -> dict[str, Any]:
    """A result as plain values, fit for JSON; the schema is in docs/json.md."""
    network, (inputs, outputs) = result.network, _names(result)
    polynomial = network.polynomial
    return plain(
        {
            "status": result.status.name,
            "is_certified": result.is_certified,
            "advice": result.status.value,
            "inputs": inputs,
            "outputs": outputs,
            "link": result.link,
            "network": {
                "width": network.width,
                "dim": network.dim,
                "n_outputs": network.n_outputs,
                "activation": network.activation.name,
                "a": network.a,
                "W": network.W,
                "b": network.b,
                "polynomial": None
                if polynomial is None
                else {part: getattr(polynomial, part) for part in ("constant", "linear", "quadratic")},
            },
            "weights": [asdict(row) for row in weights(result)],
            "certificate": result.certificate.to_dict(),
        }
    )
