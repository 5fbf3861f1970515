"""ONNX operators on single entries: activations, and the arithmetic of which exporters write them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.formats.steps import Step, against, aligned, joined, linear_or_on_top
from twolayer.formats.values import Combination, Elementwise, Linked, NotTwoLayers, Value

__all__ = ["FUNCTIONS"]

Array = NDArray[Any]
Function = Callable[[Array], Array]


def _expit(t: Array) -> Array:
    from scipy.special import expit

    return np.asarray(expit(t))


def _erf(t: Array) -> Array:
    from scipy.special import erf

    return np.asarray(erf(t))


def _normal(t: Array) -> Array:
    from scipy.special import ndtr

    return np.asarray(ndtr(t))


def _softplus(t: Array) -> Array:
    return np.logaddexp(0, t)


def _elu(t: Array, alpha: float) -> Array:
    return np.where(t > 0, t, alpha * np.expm1(np.minimum(t, 0)))


# Of one entry and no option: the function, and the activation of the table that it is.
_PLAIN: dict[str, tuple[Function, str]] = {
    "Relu": (lambda t: np.maximum(t, 0), ""),
    "Tanh": (np.tanh, "tanh"),
    "Sigmoid": (_expit, "sigmoid"),
    "Erf": (_erf, "erf"),
    "Softplus": (_softplus, "softplus"),
    "Softsign": (lambda t: t / (1 + np.abs(t)), "softsign"),
    "HardSwish": (lambda t: t * np.clip(t / 6 + 0.5, 0, 1), "hardswish"),
    "Mish": (lambda t: t * np.tanh(_softplus(t)), "mish"),
    "Abs": (np.abs, ""),
    "Exp": (np.exp, ""),
    "Log": (np.log, ""),
    "Sqrt": (np.sqrt, ""),
    "Sin": (np.sin, "sine"),
    "Cos": (np.cos, ""),
    "Reciprocal": (lambda t: 1 / t, ""),
    "Not": (np.logical_not, ""),
}

# What may stand on top of the outputs, and the name of it as a link.
_LINKS = {"Sigmoid": "logistic", "Tanh": "tanh", "Exp": "exp"}


def _plain(step: Step) -> Value:
    function, hint = _PLAIN[step.operator]
    return _of_entries(step, function, *([hint] if hint else []))


def _of_entries(step: Step, function: Function, *hints: str, marks: Array | float | None = None) -> Value:
    value = step.get(0)
    if isinstance(value, Combination) and value.has_units:
        if step.operator in _LINKS:
            return Linked(value, _LINKS[step.operator])
        raise NotTwoLayers("a function of what two layers give is a third layer")
    return step.model.elementwise(value).after(function, step.operator, *hints, marks=marks)


def _leaky(step: Step) -> Value:
    alpha = step.options.get("alpha", 0.01)
    return _of_entries(step, lambda t: np.where(t > 0, t, alpha * t))


def _prelu(step: Step) -> Value:
    slope = against(step.constant(1, "slope"), step.model.elementwise(step.get(0)))
    return _of_entries(step, lambda t: np.where(t > 0, t, slope * t))


def _exponential(step: Step) -> Value:
    alpha = step.options.get("alpha", 1.0)
    return _of_entries(step, lambda t: _elu(t, alpha), *([f"elu({alpha!r})"] if alpha else []))


def _celu(step: Step) -> Value:
    alpha = step.options.get("alpha", 1.0)
    value = _of_entries(step, lambda t: alpha * _elu(t / alpha, 1.0), "elu(1)")
    assert isinstance(value, Elementwise)
    return Elementwise(value.base, value.function, value.hints, (*value.scales, alpha), value.marks, value.operators)


def _selu(step: Step) -> Value:
    alpha, gamma = step.options.get("alpha", 1.67326319217681884765625), step.options.get("gamma", 1.05070102214813232)
    return _of_entries(step, lambda t: gamma * _elu(t, alpha), "selu", f"elu({alpha!r})")


def _gelu(step: Step) -> Value:
    if step.options.get("approximate", b"none") == b"tanh":
        inner = np.sqrt(2 / np.pi)
        return _of_entries(step, lambda t: t / 2 * (1 + np.tanh(inner * (t + 0.044715 * t**3))), "gelu_tanh")
    return _of_entries(step, lambda t: t * _normal(t), "gelu")


def _swish(step: Step) -> Value:
    alpha = step.options.get("alpha", 1.0)
    value = _of_entries(step, lambda t: t * _expit(alpha * t), "silu")
    assert isinstance(value, Elementwise)
    return Elementwise(value.base, value.function, value.hints, (*value.scales, alpha), value.marks, value.operators)


def _hard_sigmoid(step: Step) -> Value:
    alpha, beta = step.options.get("alpha", 0.2), step.options.get("beta", 0.5)
    marks = np.array([-beta / alpha, (1 - beta) / alpha]) if alpha else None
    return _of_entries(step, lambda t: np.clip(alpha * t + beta, 0, 1), marks=marks)


def _clip(step: Step) -> Value:
    low, high = step.options.get("min", -np.inf), step.options.get("max", np.inf)
    low = step.constant(1, "lower bound") if step.get(1) is not None else np.asarray(low)
    high = step.constant(2, "upper bound") if step.get(2) is not None else np.asarray(high)
    bounds = np.array([bound for bound in (float(low), float(high)) if np.abs(bound) < np.finfo(np.float32).max])
    lowest, highest = (
        float(bound) if abs(float(bound)) < 3.4e38 else np.copysign(np.inf, float(bound)) for bound in (low, high)
    )
    return _of_entries(step, lambda t: np.clip(t, lowest, highest), marks=bounds if len(bounds) else None)


def _softmax(step: Step) -> Value:
    value = step.combination()
    if step.options.get("axis", -1) not in (-1, len(value.shape)):
        raise NotTwoLayers("it normalises over another axis than the last")
    return Linked(value, "softmax")


def _plus(step: Step) -> Value:
    return _sum(step, 1.0)


def _minus(step: Step) -> Value:
    return _sum(step, -1.0)


def _sum(step: Step, sign: float) -> Value:
    one, other = step.inputs
    if isinstance(one, np.ndarray):
        if isinstance(other, Linked) and other.link == "logistic" and sign < 0 and (one == 1).all():
            return Linked(other.inner.times(np.array(-1.0)), "logistic")  # 1 - g(z) = g(-z)
        constant = against(one, other)
        turned = linear_or_on_top(
            other, lambda v: v.times(np.array(sign)), lambda t: sign * t, step.operator, np.array(1.0), step.model
        )
        return linear_or_on_top(
            turned, lambda v: v.plus(constant), lambda t: t + constant, step.operator, constant, step.model
        )
    if isinstance(other, np.ndarray):
        constant = sign * against(other, one)
        return linear_or_on_top(
            one, lambda v: v.plus(constant), lambda t: t + constant, step.operator, constant, step.model
        )
    if isinstance(one, Elementwise) or isinstance(other, Elementwise):
        try:
            return joined(step.model, one, other, lambda a, b: a + sign * b, step.operator)
        except NotTwoLayers:
            pass  # units and something else beside them
    return step.model.combination(one).added(step.model.combination(other).times(np.array(sign)))


def _times(step: Step) -> Value:
    one, other = step.inputs
    if isinstance(one, np.ndarray):
        one, other = other, one
    if isinstance(other, np.ndarray):
        constant = against(other, one)
        return linear_or_on_top(
            one, lambda v: v.times(constant), lambda t: t * constant, step.operator, constant, step.model
        )
    return joined(step.model, one, other, np.multiply, step.operator)


def _over(step: Step) -> Value:
    one, other = step.inputs
    if isinstance(other, np.ndarray):
        constant = against(other, one)
        return linear_or_on_top(
            one, lambda v: v.times(1 / constant), lambda t: t / constant, step.operator, constant, step.model
        )
    return _pairwise(step, np.divide)


def _power(step: Step) -> Value:
    return _pairwise(step, np.power)


def _pairwise(step: Step, function: Callable[[Array, Array], Array]) -> Value:
    """A function of two values, or of a value and a constant, entry by entry."""
    one, other = step.inputs[:2]
    if isinstance(other, np.ndarray):
        constant = against(other, step.model.elementwise(one))
        return _of_entries(step, lambda t: function(t, constant), marks=_finite(constant))
    if isinstance(one, np.ndarray):
        constant = against(one, step.model.elementwise(other))
        value = step.model.elementwise(other)
        return value.after(lambda t: function(constant, t), step.operator, marks=_finite(constant))
    return joined(step.model, one, other, function, step.operator)


def _finite(constant: Array) -> Array | None:
    numbers = np.asarray(constant, float).ravel()
    numbers = numbers[np.isfinite(numbers)]
    return numbers if len(numbers) else None


# Of two entries, or of any number of them in turn.
_PAIRS: dict[str, Callable[[Array, Array], Array]] = {
    "Max": np.maximum,
    "Min": np.minimum,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "And": np.logical_and,
    "Or": np.logical_or,
}


def _pair(step: Step) -> Value:
    function = _PAIRS[step.operator]
    value = step.inputs[0]
    if len(step.inputs) == 1:
        return value
    for other in step.inputs[1:]:
        value = _pairwise(Step(step.model, step.operator, [value, other], step.options), function)
    return value


def _where(step: Step) -> Value:
    """A choice between two, by a condition on the same entry."""
    if isinstance(step.inputs[0], np.ndarray):
        raise NotTwoLayers("it chooses by a constant")
    condition = step.model.elementwise(step.inputs[0])
    yes, no = (_as_branch(step, condition, branch) for branch in step.inputs[1:])
    return Elementwise(
        condition.base,
        lambda t: np.where(condition.function(t), yes.function(t), no.function(t)),
        yes.hints + no.hints,
        tuple(dict.fromkeys(condition.scales + yes.scales + no.scales)),
        condition.marks + yes.marks + no.marks,
        (*condition.operators, *yes.operators, *no.operators, step.operator),
    )


def _as_branch(step: Step, condition: Elementwise, branch: Value | Array) -> Elementwise:
    if isinstance(branch, np.ndarray):
        constant = against(branch, condition)
        return Elementwise(condition.base, lambda t: np.broadcast_to(constant, t.shape))
    return aligned(step.model, condition, step.model.elementwise(branch))


FUNCTIONS: dict[str, Callable[[Step], Value]] = {
    **dict.fromkeys(_PLAIN, _plain),
    **dict.fromkeys(_PAIRS, _pair),
    "LeakyRelu": _leaky,
    "PRelu": _prelu,
    "Elu": _exponential,
    "Celu": _celu,
    "Selu": _selu,
    "Gelu": _gelu,
    "Swish": _swish,
    "HardSigmoid": _hard_sigmoid,
    "Clip": _clip,
    "Softmax": _softmax,
    "Add": _plus,
    "Sub": _minus,
    "Mul": _times,
    "Div": _over,
    "Pow": _power,
    "Where": _where,
}
"""What each operator on single entries makes of its inputs."""
