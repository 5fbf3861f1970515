"""A network as text: JSON, Python, C, LaTeX and sympy."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from twolayer.errors import InputError
from twolayer.formats.formulas import formula, in_words, link_formula
from twolayer.network import TwoLayerNetwork
from twolayer.plain import plain
from twolayer.polynomial import Polynomial

__all__ = ["arrays_of", "to_c", "to_json", "to_latex", "to_python", "to_sympy", "to_torch_code"]

_C = {
    "max": "fmax",
    "min": "fmin",
    "abs": "fabs",
    "exp": "exp",
    "log": "log",
    "tanh": "tanh",
    "erf": "erf",
    "sin": "sin",
}
_NUMPY = {
    **{name: f"np.{name}" for name in ("abs", "exp", "log", "tanh", "sin")},
    "max": "np.maximum",
    "min": "np.minimum",
    "erf": "np.vectorize(math.erf, otypes=[float])",
}
_SYMPY = {name: name for name in ("exp", "log", "tanh", "erf", "sin")} | {"max": "Max", "min": "Min", "abs": "Abs"}


def to_json(network: TwoLayerNetwork, link: str = "identity") -> str:
    """The network as a JSON object: format, activation, a, W, b, polynomial and link, each number as it reads back."""
    polynomial = network.polynomial
    parts = (
        None
        if polynomial is None
        else {name: getattr(polynomial, name) for name in ("constant", "linear", "quadratic")}
    )
    content = {
        "format": "twolayer.network",
        "activation": network.activation.name,
        "a": network.a,
        "W": network.W,
        "b": network.b,
        "polynomial": parts,
        "link": link,
    }
    return json.dumps(plain(content), allow_nan=False, indent=1) + "\n"


def to_python(network: TwoLayerNetwork, link: str = "identity") -> str:
    """A Python module with one function ``predict(X)`` from rows (n, d) to values (n,) or (n, q); it needs numpy."""
    lines = [
        f'"""A network of {network.width} {network.activation.name} units: predict(X) gives its values at rows."""',
        "",
        *(["import math", ""] if "erf" in formula(network.activation) else []),
        "import numpy as np",
        "",
        *_python_arrays(network, "np.array({})"),
        "",
        "",
        "def predict(X):",
        f'    """Values at the rows of X, (n, {network.dim})."""',
        "    X = np.asarray(X, dtype=float)",
        "    t = X @ W.T + b",
        f"    y = ({in_words(formula(network.activation), 't', _NUMPY)}) @ a",
        *_python_polynomial(network, "np.einsum"),
        *_python_link(link, "np", _NUMPY, "axis=1, keepdims=True", "np.max"),
    ]
    return "\n".join(lines) + "\n"


def to_torch_code(network: TwoLayerNetwork, link: str = "identity") -> str:
    """A Python module with ``Network``, a ``torch.nn.Module`` of double precision with the weights in it."""
    torch = {
        **{name: f"torch.{name}" for name in ("abs", "exp", "log", "tanh", "sin", "erf")},
        "max": "_maximum",
        "min": "_minimum",
    }
    text = formula(network.activation)
    names = [name for name, _ in arrays_of(network)]
    lines = [
        f'"""A network of {network.width} {network.activation.name} units: Network()(X) gives its values."""',
        "",
        "import torch",
        "",
        *_python_arrays(network, "torch.tensor({}, dtype=torch.float64)"),
        "",
        *(["", "def _maximum(t, bound):", "    return torch.clamp(t, min=bound)", ""] if "max(" in text else []),
        *(["", "def _minimum(t, bound):", "    return torch.clamp(t, max=bound)", ""] if "min(" in text else []),
        "",
        "class Network(torch.nn.Module):",
        f'    """Values (n,) or (n, q) at rows of X, (n, {network.dim})."""',
        "",
        "    def __init__(self):",
        "        super().__init__()",
        *(f"        self.{name} = torch.nn.Parameter({name}.clone())" for name in names),
        "",
        "    def forward(self, X):",
        f"        {', '.join(names)} = {', '.join(f'self.{name}' for name in names)}",
        "        t = X @ W.T + b",
        f"        y = ({in_words(text, 't', torch)}) @ a",
        *(f"    {line}" for line in _python_polynomial(network, "torch.einsum")),
        *(f"    {line}" for line in _python_link(link, "torch", torch, "dim=1, keepdim=True", "torch.amax")),
    ]
    return "\n".join(lines) + "\n"


def to_c(network: TwoLayerNetwork, link: str = "identity", name: str = "twolayer_predict") -> str:
    """A C function ``void twolayer_predict(const double *x, double *y)`` from d inputs to q outputs, in C99 and math.h.

    Raises
    ------
    InputError
        If the activation or link is not written in C, or the name is none in C.
    """
    if not name.isidentifier() or not name.isascii():
        raise InputError(f"the name of a function in C is one word, found {name!r}")
    d, m, q = network.dim, network.width, network.n_outputs
    parts = {"a": network.A.T, "W": network.W, "b": network.b[None]} if m else {}
    polynomial = network.polynomial
    if polynomial is not None:
        parts["c"] = np.reshape(polynomial.constant, (1, q))
        if polynomial.linear is not None:
            parts["u"] = np.reshape(polynomial.linear, (d, q)).T
        if polynomial.quadratic is not None:
            parts["Q"] = np.moveaxis(np.reshape(polynomial.quadratic, (d, d, q)), 2, 0).reshape(q * d, d)
    constant = "c[0][j]" if "c" in parts else "0.0"
    lines = [
        f"/* A network of {m} {network.activation.name} units: y = {name}(x). */",
        "#include <math.h>",
        "",
        f"enum {{ INPUTS = {d}, UNITS = {m}, OUTPUTS = {q} }};",
        "",
        *[_c_array(key, value) for key, value in parts.items()],
        "",
        *(
            [f"static double activated(double t) {{ return {in_words(formula(network.activation), 't', _C)}; }}", ""]
            if m
            else []
        ),
        f"void {name}(const double *x, double *y);",
        "",
        f"void {name}(const double *x, double *y) {{",
        "    int i, j, k;",
        f"    for (j = 0; j < OUTPUTS; j++) y[j] = {constant};",
    ]
    if m:
        lines += [
            "    for (i = 0; i < UNITS; i++) {",
            "        double t = b[0][i], h;",
            "        for (k = 0; k < INPUTS; k++) t += W[i][k] * x[k];",
            "        h = activated(t);",
            "        for (j = 0; j < OUTPUTS; j++) y[j] += a[j][i] * h;",
            "    }",
        ]
    if "u" in parts:
        lines += ["    for (j = 0; j < OUTPUTS; j++)", "        for (k = 0; k < INPUTS; k++) y[j] += u[j][k] * x[k];"]
    if "Q" in parts:
        lines += [
            "    for (j = 0; j < OUTPUTS; j++)",
            "        for (i = 0; i < INPUTS; i++)",
            "            for (k = 0; k < INPUTS; k++) y[j] += Q[j * INPUTS + i][k] * x[i] * x[k];",
        ]
    lines += _c_link(link)
    unused = [word for word in "ik" if not any(f"{word}++" in line for line in lines)]
    lines += [f"    (void){word};" for word in unused]
    return "\n".join(lines).replace("int i, j, k;", "int i = 0, j, k = 0;") + "\n}\n"


def to_latex(network: TwoLayerNetwork, digits: int = 6, names: Sequence[str] | None = None) -> str:
    r"""The network as one ``align*`` of LaTeX, a unit a line, each number to so many digits."""
    inputs = [f"x_{{{k}}}" for k in range(1, network.dim + 1)] if names is None else [_escaped(name) for name in names]
    blocks = []
    for j in range(network.n_outputs):
        one = network.output(j)
        left = "f(x)" if network.n_outputs == 1 else f"f_{{{j + 1}}}(x)"
        terms = []
        for a, w, b in zip(one.a, one.W, one.b, strict=True):
            argument = _latex_sum([*zip(w, inputs, strict=True), (b, "")], digits)
            terms.append((a, rf"\,{_latex_activation(network)}\!\left({argument}\right)"))
        polynomial = one.polynomial or Polynomial()
        rest: list[tuple[float, str]] = [(polynomial.constant, "")]
        if polynomial.linear is not None:
            rest += [(u, name) for u, name in zip(polynomial.linear, inputs, strict=True)]
        if polynomial.quadratic is not None:
            pairs = [(k, other) for k in range(one.dim) for other in range(k + 1)]
            Q = polynomial.quadratic
            rest += [(Q[k, i] * (1 if k == i else 2), f"{inputs[k]} {inputs[i]}") for k, i in pairs]
        lines = [f"{left} ={{}}& {_latex_sum(rest, digits)}"]
        lines += [rf" & {'-' if a < 0 else '+'} {_latex_number(abs(a), digits)}{unit}" for a, unit in terms]
        blocks.append(" \\\\\n".join(lines))
    return "\\begin{align*}\n" + " \\\\\n".join(blocks) + "\n\\end{align*}\n"


def to_sympy(network: TwoLayerNetwork, link: str = "identity") -> str:
    """A Python module in which ``y`` is the network as an expression of sympy, or a list of them, in x1, x2, ..."""
    symbols = [f"x{k}" for k in range(1, network.dim + 1)]
    values = []
    for j in range(network.n_outputs):
        one = network.output(j)
        terms = []
        for a, w, b in zip(one.a, one.W, one.b, strict=True):
            t = " + ".join([f"{_float(number)}*{name}" for number, name in zip(w, symbols, strict=True)] + [_float(b)])
            terms.append(f"{_float(a)}*({in_words(formula(network.activation), f'({t})', _SYMPY)})")
        polynomial = one.polynomial or Polynomial()
        terms.append(_float(polynomial.constant))
        if polynomial.linear is not None:
            terms += [f"{_float(u)}*{name}" for u, name in zip(polynomial.linear, symbols, strict=True)]
        if polynomial.quadratic is not None:
            Q = polynomial.quadratic
            terms += [
                f"{_float(Q[i, k])}*{symbols[i]}*{symbols[k]}"
                for i in range(one.dim)
                for k in range(one.dim)
                if Q[i, k]
            ]
        values.append(in_words(link_formula(link), "(" + "\n    + ".join(terms) + ")", _SYMPY))
    value = values[0] if len(values) == 1 else "[\n    " + ",\n    ".join(values) + ",\n]"
    lines = [
        f'"""A network of {network.width} {network.activation.name} units, as an expression y of sympy."""',
        "",
        "from sympy import Abs, Max, Min, erf, exp, log, sin, symbols, tanh",
        "",
        f"{', '.join(symbols)}{',' if len(symbols) == 1 else ''} = symbols({' '.join(symbols)!r}, real=True, seq=True)",
        f"y = {value}",
    ]
    return "\n".join(lines) + "\n"


def arrays_of(network: TwoLayerNetwork) -> list[tuple[str, Any]]:
    """What defines the network, by the names in which it is written."""
    polynomial = network.polynomial
    arrays: list[tuple[str, Any]] = [("a", network.a), ("W", network.W), ("b", network.b)]
    if polynomial is not None:
        arrays.append(("c", np.asarray(polynomial.constant)))
        arrays += [("u", polynomial.linear)] if polynomial.linear is not None else []
        arrays += [("Q", polynomial.quadratic)] if polynomial.quadratic is not None else []
    return arrays


def _python_arrays(network: TwoLayerNetwork, written: str) -> list[str]:
    lines = []
    for name, value in arrays_of(network):
        text = written.format(np.asarray(value).tolist())
        lines.append(f"{name} = {text}" if value.size else f"{name} = {text}.reshape({value.shape})")
    return lines


def _python_polynomial(network: TwoLayerNetwork, einsum: str) -> list[str]:
    names = [name for name, _ in arrays_of(network)]
    outputs = "n" if network.n_outputs == 1 else "nq"
    quadratic = "ij" if network.n_outputs == 1 else "ijq"
    return [
        *(["    y = y + c"] if "c" in names else []),
        *(["    y = y + X @ u"] if "u" in names else []),
        *([f'    y = y + {einsum}("ni,{quadratic},nj->{outputs}", X, Q, X)'] if "Q" in names else []),
    ]


def _python_link(link: str, library: str, names: dict[str, str], along: str, largest: str) -> list[str]:
    if link != "softmax":
        return [f"    return {in_words(link_formula(link), 'y', names)}"]
    return [
        f"    powers = {library}.exp(y - {largest}(y, {along}))",
        f"    return powers / {library}.sum(powers, {along})",
    ]


def _c_array(name: str, value: Any) -> str:
    rows = ",\n".join("    {" + ", ".join(_float(number) for number in row) + "}" for row in value)
    return f"static const double {name}[{value.shape[0]}][{value.shape[1]}] = {{\n{rows}}};"


def _c_link(link: str) -> list[str]:
    if link == "identity":
        return []
    if link != "softmax":
        return [f"    for (j = 0; j < OUTPUTS; j++) y[j] = {in_words(link_formula(link), 'y[j]', _C)};"]
    return [
        "    {",
        "        double largest = y[0], total = 0.0;",
        "        for (j = 1; j < OUTPUTS; j++) largest = fmax(largest, y[j]);",
        "        for (j = 0; j < OUTPUTS; j++) total += (y[j] = exp(y[j] - largest));",
        "        for (j = 0; j < OUTPUTS; j++) y[j] /= total;",
        "    }",
    ]


def _float(number: float) -> str:
    return repr(float(number))


_LATEX = {"tanh": r"\tanh", "sine": r"\sin", "linear": "", "sigmoid": r"\operatorname{sigmoid}"}


def _latex_activation(network: TwoLayerNetwork) -> str:
    name = network.activation.name
    return _LATEX.get(name, rf"\operatorname{{{_escaped(name)}}}")


def _latex_sum(terms: Sequence[tuple[float, str]], digits: int) -> str:
    """A sum with its signs between the terms; those that are zero are left out."""
    text = ""
    for number, name in terms:
        if number == 0:
            continue
        sign = "-" if number < 0 else "+"
        size = _latex_number(abs(number), digits)
        term = rf"{size}\,{name}" if name else size
        text += f" {sign} {term}" if text else f"{'-' if number < 0 else ''}{term}"
    return text or "0"


def _latex_number(number: float, digits: int) -> str:
    mantissa, _, exponent = f"{float(number):.{digits}g}".partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def _escaped(name: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(letter, f"\\{letter}" if letter in "#$%&_{}" else letter) for letter in name)
