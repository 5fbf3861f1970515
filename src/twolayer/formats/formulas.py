"""Activations and links as formulas, in the words of any language that has max, exp, tanh and the like."""

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from twolayer.activation import Activation
from twolayer.errors import InputError

__all__ = ["evaluated", "formula", "in_words", "link_formula"]

_HALF_ROOT = repr(0.5**0.5)
_ROOT = (2 / math.pi) ** 0.5

# Of t, by max, min, abs, exp, log, tanh, erf and sin: none of them overflows or cancels where the activation does not.
_FORMULAS = {
    "relu": "max(t, 0.0)",
    "squared_relu": "max(t, 0.0) * max(t, 0.0)",
    "abs": "abs(t)",
    "sigmoid": "0.5 + 0.5 * tanh(0.5 * t)",
    "tanh": "tanh(t)",
    "erf": "erf(t)",
    "softplus": "max(t, 0.0) + log(1.0 + exp(-abs(t)))",
    "gelu": f"0.5 * t * (1.0 + erf({_HALF_ROOT} * t))",
    "gelu_tanh": f"0.5 * t * (1.0 + tanh({_ROOT!r} * (t + 0.044715 * t * t * t)))",
    "silu": "t * (0.5 + 0.5 * tanh(0.5 * t))",
    "hardswish": "t * max(min(t + 3.0, 6.0), 0.0) / 6.0",
    "mish": "t * tanh(max(t, 0.0) + log(1.0 + exp(-abs(t))))",
    "hardtanh": "max(min(t, 1.0), -1.0)",
    "softsign": "t / (1.0 + abs(t))",
    "sine": "sin(t)",
    "linear": "t",
    "quadratic": "t * t",
}


def formula(sigma: Activation) -> str:
    """The value of σ at t, as an expression of Python by max, min, abs, exp, log, tanh, erf and sin.

    Raises
    ------
    InputError
        If no formula is known of it.
    """
    kind = sigma.keyword
    if kind in _FORMULAS:
        return _FORMULAS[kind]
    if kind == "leaky_relu":
        return f"max(t, 0.0) + {_number(sigma.slope)} * min(t, 0.0)"  # type: ignore[attr-defined]
    if kind in ("elu", "selu"):
        alpha, factor = _number(sigma.alpha), _number(sigma.factor)  # type: ignore[attr-defined]
        return f"{factor} * (max(t, 0.0) + {alpha} * (exp(min(t, 0.0)) - 1.0))"
    if kind == "scaled":
        inner = f"({_number(sigma.factor)} * t)"  # type: ignore[attr-defined]
        return re.sub(r"\bt\b", inner, formula(sigma.base))  # type: ignore[attr-defined]
    if kind == "polynomial":
        coefficients = sigma.coefficients  # type: ignore[attr-defined]
        text = _number(coefficients[-1])
        for coefficient in coefficients[-2::-1]:
            text = f"({text}) * t + {_number(coefficient)}"
        return text
    raise InputError(f"no formula is known of the activation {sigma.name}")


def link_formula(link: str) -> str:
    """The value of a link at t, as an expression: of all but softmax, which takes all outputs."""
    known = {"identity": "t", "logistic": _FORMULAS["sigmoid"], "tanh": "tanh(t)", "exp": "exp(t)"}
    if link not in known:
        raise InputError(f"the link {link!r} is not written here: export the network without it")
    return known[link]


def in_words(expression: str, argument: str, names: Mapping[str, str]) -> str:
    """The expression in another language: t is the argument, and functions have its names."""
    return re.sub(r"[a-z]+\d*\b(?!\.)", lambda word: _word(word, expression, argument, names), expression)


_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.USub: operator.neg,
}


def evaluated(expression: str, t: Any, functions: Mapping[str, Callable[..., Any]]) -> Any:
    """The value of an expression of this module at t, an array of any library, with that library's functions.

    Only sums, differences, products, quotients, numbers, t and calls of these functions are known: nothing else of the
    text is run.
    """

    def value(node: ast.AST) -> Any:
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.UnaryOp) and type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](value(node.operand))
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name) and node.id == "t":
            return t
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions:
            return functions[node.func.id](*map(value, node.args))
        raise InputError(f"a formula has sums, products, numbers and functions of t, found {ast.dump(node)[:60]}")

    return value(ast.parse(expression, mode="eval").body)


def _word(word: "re.Match[str]", expression: str, argument: str, names: Mapping[str, str]) -> str:
    if word.start() and expression[word.start() - 1] in "0123456789.":
        return word.group()  # the exponent of a number
    return argument if word.group() == "t" else names[word.group()]


def _number(value: float) -> str:
    """A number as it reads back exactly, in parentheses where it is negative."""
    text = repr(float(value))
    assert isinstance(ast.literal_eval(text), float)
    return f"({text})" if text.startswith("-") else text
