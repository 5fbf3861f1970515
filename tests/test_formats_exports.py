"""Networks written for other programs: each form is run by its own consumer, or by an evaluator of its definition."""

import ast
import ctypes
import importlib.util
import io
import json
import re
import shutil
import subprocess
from xml.etree import ElementTree

import numpy as np
import onnx
import onnxruntime
import pytest
from scipy.special import erf

from networks import SPECS, random_network
from twolayer import ACTIVATIONS, EXPORTS, InputError, Reading, TwoLayerNetwork, export_model, read_model
from twolayer.activation import activation
from twolayer.formats import formulas
from twolayer.formats.formulas import formula
from twolayer.network import Polynomial

X = np.random.default_rng(7).standard_normal((40, 4)) * np.repeat([0.1, 1.0, 3.0, 30.0], 10)[:, None]


def several(spec, degree=1, outputs=3):
    """A network of several outputs."""
    rng = np.random.default_rng(3)
    Q = rng.standard_normal((4, 4, outputs))
    parts = [rng.standard_normal(outputs), rng.standard_normal((4, outputs)), Q + Q.transpose(1, 0, 2)]
    polynomial = Polynomial(*parts[: degree + 1])
    a, W, b = rng.standard_normal((6, outputs)), rng.standard_normal((6, 4)), rng.standard_normal(6)
    return TwoLayerNetwork(a, W, b, spec, polynomial)


def one(spec, degree=None):
    return random_network(spec, np.random.default_rng(1), degree=degree)


KINDS = [one("relu"), one("tanh", 0), one("leaky_relu(0.1)", 1), one("gelu", 2), several("relu"), several("sigmoid", 2)]
kinds = pytest.mark.parametrize("network", KINDS, ids=repr)


def linked(network, link):
    return Reading(network, link)


def assert_computes(values, expected, rtol=1e-12):
    size = np.abs(expected).max()
    np.testing.assert_allclose(np.asarray(values).reshape(np.shape(expected)), expected, rtol=rtol, atol=rtol * size)


def module(path):
    spec = importlib.util.spec_from_file_location("exported", path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def evaluated(text, t):
    """A formula by numpy, in the plainest way."""
    from scipy.special import erf

    names = {"max": np.maximum, "min": np.minimum, "abs": np.abs, "exp": np.exp, "log": np.log, "tanh": np.tanh}
    return eval(text, {"__builtins__": {}}, {**names, "erf": erf, "sin": np.sin, "t": t})  # noqa: S307 - of this library


@pytest.mark.parametrize("spec", [*SPECS, "elu(-0.3)", "scaled(elu(2),3)"])
def test_every_activation_has_a_formula(spec):
    sigma, t = activation(spec), np.r_[np.linspace(-40, 40, 801), -1e3, 1e3]
    assert_computes(np.broadcast_to(evaluated(formula(sigma), t), t.shape), sigma(t), rtol=1e-14)


def test_the_table_of_activations_has_no_other():
    assert {activation(spec).keyword for spec in SPECS} == set(ACTIVATIONS)


# ---------------------------------------------------------------------------------------------------- ONNX


def run_onnx(path, rows):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: rows})[0]


@kinds
def test_onnx_computes_the_network_in_double_precision(tmp_path, network):
    export_model(network, tmp_path / "n.onnx")
    onnx.checker.check_model(onnx.load(tmp_path / "n.onnx"), full_check=True)
    assert_computes(run_onnx(tmp_path / "n.onnx", X), network(X), rtol=1e-6 if uses_erf(network) else 1e-12)


def uses_erf(network):
    """Of which onnxruntime has single precision only."""
    return network.activation.name in ("erf", "gelu")


@pytest.mark.parametrize("spec", SPECS)
def test_onnx_has_every_activation_and_is_read_back(tmp_path, spec):
    network = one(spec, 0)
    export_model(network, tmp_path / "n.onnx")
    near = X[:30]
    assert_computes(run_onnx(tmp_path / "n.onnx", near), network(near), rtol=1e-6 if uses_erf(network) else 1e-12)
    if spec.startswith("polynomial"):
        return  # which is no unit
    found = read_model(tmp_path / "n.onnx")
    assert_computes(found(near), network(near), rtol=1e-9)
    if spec not in ("linear", "leaky_relu(0.1)"):
        assert found.network.width == network.width


@pytest.mark.parametrize("link", ["logistic", "softmax", "tanh", "exp"])
def test_onnx_has_links_and_is_read_back(tmp_path, link):
    network = several("tanh", 0)
    export_model(linked(network, link), tmp_path / "n.onnx")
    expected = linked(network, link)(X)
    assert_computes(run_onnx(tmp_path / "n.onnx", X), expected)
    found = read_model(tmp_path / "n.onnx")
    assert found.link == link
    assert_computes(found(X), expected)


@kinds
def test_onnx_is_read_back_with_its_weights(tmp_path, network):
    export_model(network, tmp_path / "n.onnx")
    found = read_model(tmp_path / "n.onnx").network
    assert found.activation == network.activation
    np.testing.assert_allclose(found.W, network.W, rtol=1e-12)
    np.testing.assert_allclose(found.A, network.A, rtol=1e-9)
    assert_computes(found(X), network(X))


# ---------------------------------------------------------------------------------------------------- files of arrays


@kinds
@pytest.mark.parametrize("form", ["json", "safetensors"])
@pytest.mark.parametrize("link", ["identity", "logistic"])
def test_files_of_arrays_bring_the_same_network_back(tmp_path, network, form, link):
    export_model(linked(network, link), tmp_path / f"n.{form}")
    found = read_model(tmp_path / f"n.{form}")
    assert found.network == network
    assert found.link == link


def test_safetensors_are_read_by_their_own_library(tmp_path):
    load_file = pytest.importorskip("safetensors.numpy").load_file
    network = several("relu")
    export_model(network, tmp_path / "n.safetensors")
    arrays = load_file(tmp_path / "n.safetensors")
    np.testing.assert_array_equal(arrays["W"], network.W)
    np.testing.assert_array_equal(arrays["polynomial_linear"], network.polynomial.linear)


def test_json_is_json(tmp_path):
    network = one("tanh", 1)
    export_model(network, tmp_path / "n.json")
    content = json.loads((tmp_path / "n.json").read_text())
    assert content["activation"] == "tanh"
    assert content["W"] == network.W.tolist()
    assert content["polynomial"]["quadratic"] is None


# ---------------------------------------------------------------------------------------------------- code


@kinds
@pytest.mark.parametrize("link", ["identity", "logistic", "exp", "tanh", "softmax"])
def test_python_computes_the_network(tmp_path, network, link):
    if link == "softmax" and network.n_outputs == 1:
        with pytest.raises(InputError, match="softmax is of several outputs"):
            export_model(linked(network, link), tmp_path / "n.py", "python")
        return
    near = X[:20]
    export_model(linked(network, link), tmp_path / "n.py", "python")
    assert_computes(module(tmp_path / "n.py").predict(near), linked(network, link)(near))


@pytest.mark.parametrize("spec", SPECS)
def test_python_has_every_activation(tmp_path, spec):
    network = one(spec)
    export_model(network, tmp_path / "n.py", "python")
    assert_computes(module(tmp_path / "n.py").predict(X), network(X))


def compiled(path):
    compiler = shutil.which("gcc") or shutil.which("cc") or pytest.skip("no C compiler")
    flags = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-O2", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, str(path), "-o", f"{path}.so", "-lm"], check=True, capture_output=True)
    function = ctypes.CDLL(f"{path}.so").twolayer_predict
    numbers = np.ctypeslib.ndpointer(np.float64, flags="C")
    function.argtypes, function.restype = [numbers, numbers], None

    def predict(rows, outputs):
        values = np.empty((len(rows), outputs))
        for row, value in zip(np.ascontiguousarray(rows), values, strict=True):
            function(row, value)
        return values

    return predict


@kinds
def test_c_compiles_without_a_warning_and_computes_the_network(tmp_path, network):
    export_model(network, tmp_path / "n.c")
    assert_computes(compiled(tmp_path / "n.c")(X, network.n_outputs), network(X))


@pytest.mark.parametrize("spec", SPECS)
def test_c_has_every_activation(tmp_path, spec):
    network = one(spec)
    export_model(network, tmp_path / "n.c")
    assert_computes(compiled(tmp_path / "n.c")(X, 1), network(X))


@pytest.mark.parametrize("link", ["logistic", "exp", "tanh", "softmax"])
def test_c_has_links(tmp_path, link):
    network, near = several("relu", 0), X[:20]
    export_model(linked(network, link), tmp_path / "n.c")
    assert_computes(compiled(tmp_path / "n.c")(near, 3), linked(network, link)(near))


NONE = TwoLayerNetwork(np.zeros(0), np.zeros((0, 4)), None, "relu", Polynomial(0.5, [1, 2, 3, 4]))


@pytest.mark.parametrize("form", ["onnx", "json", "safetensors", "python", "c", "excel", "latex", "sympy", "torch"])
def test_a_network_without_units_is_written_too(tmp_path, form):
    path = tmp_path / f"n.{EXPORTS[form].end}"
    if form == "excel":
        pytest.importorskip("openpyxl")
    export_model(NONE, path, form)
    assert path.stat().st_size > 0
    if form == "onnx":
        assert_computes(run_onnx(path, X), NONE(X))
    if form == "python":
        assert_computes(module(path).predict(X), NONE(X))
    if form == "c":
        assert_computes(compiled(path)(X, 1), NONE(X))


def test_the_name_of_a_c_function_is_one_word():
    from twolayer.formats.exports_text import to_c

    assert "void f(const double" in to_c(one("relu"), name="f")
    with pytest.raises(InputError, match="the name of a function in C is one word, found 'f; system'"):
        to_c(one("relu"), name="f; system")


# ---------------------------------------------------------------------------------------------------- libraries


@kinds
def test_scikit_learn_predicts_what_the_network_computes_or_it_is_said_why_not(tmp_path, network):
    path = tmp_path / "n.py"
    is_relu = network.activation.name == "relu"
    degree = 0 if network.polynomial is None else network.polynomial.degree
    if network.activation.name not in ("relu", "tanh", "sigmoid") or degree == 2 or (degree == 1 and not is_relu):
        with pytest.raises(InputError, match=r"MLPRegressor (has no activation|cannot hold the polynomial part)"):
            export_model(network, path, "sklearn")
        return
    export_model(network, path, "sklearn")
    model = module(path).model
    assert_computes(model.predict(X), network(X))
    assert_computes(read_model(model)(X), network(X))


@kinds
def test_torch_computes_the_network_and_is_saved_without_a_pickle(tmp_path, network):
    torch = pytest.importorskip("torch")
    export_model(network, tmp_path / "n.py", "torch")
    made = module(tmp_path / "n.py").Network()
    assert_computes(made(torch.tensor(X)).detach().numpy(), network(X))
    assert sum(parameter.numel() for parameter in made.parameters()) >= network.W.size


@pytest.mark.parametrize("spec", SPECS)
def test_torch_has_every_activation(tmp_path, spec):
    torch = pytest.importorskip("torch")
    from twolayer.formats import to_torch

    network = one(spec)
    assert_computes(to_torch(network)(torch.tensor(X)).detach().numpy(), network(X))


@pytest.mark.parametrize("network", [one("tanh", 2), one("gelu"), several("relu")], ids=repr)
def test_sympy_has_the_network_as_an_expression(tmp_path, network):
    sympy = pytest.importorskip("sympy")
    export_model(network, tmp_path / "n.py", "sympy")
    held = module(tmp_path / "n.py")
    expressions = held.y if isinstance(held.y, list) else [held.y]
    values = [
        [
            float(expression.subs(dict(zip(sympy.symbols("x1:5", real=True), row, strict=True))))
            for row in X[:3].tolist()
        ]
        for expression in expressions
    ]
    assert_computes(np.transpose(values), network(X[:3]), rtol=1e-11)


# ---------------------------------------------------------------------------------------------------- workbooks


class Sheets:
    """A workbook's formulas, evaluated by their definition: SUMPRODUCT, arithmetic and functions of one cell."""

    def __init__(self, content):
        openpyxl = pytest.importorskip("openpyxl")
        self.book = openpyxl.load_workbook(io.BytesIO(content))

    def value(self, sheet, cell):
        held = self.book[sheet][cell].value
        return self.computed(sheet, held[1:]) if isinstance(held, str) and held.startswith("=") else float(held)

    def area(self, sheet, text):
        name, _, cells = text.rpartition("!")
        name, cells = name or sheet, cells.replace("$", "")
        return [self.value(name, cell.coordinate) for row in self.book[name][cells] for cell in row]

    def computed(self, sheet, text):
        product = r"SUMPRODUCT\(([^,()]+),([^,()]+)\)"
        text = re.sub(
            product, lambda found: repr(float(np.dot(*(self.area(sheet, part) for part in found.groups())))), text
        )
        cell = r"(?:(\w+)!)?\$?([A-Z]{1,3})\$?(\d+)"
        text = re.sub(cell, lambda at: f"({self.value(at[1] or sheet, at[2] + at[3])!r})", text)
        from math import erf

        names = {"MAX": max, "MIN": min, "ABS": abs, "EXP": np.exp, "LN": np.log, "TANH": np.tanh, "SIN": np.sin}
        return float(eval(text, {"__builtins__": {}}, {**names, "ERF": erf}))  # noqa: S307 - of this library


@pytest.mark.parametrize("network", [*(one(spec, 1) for spec in SPECS), several("tanh"), NONE], ids=repr)
def test_a_workbook_computes_the_network(network):
    get_column_letter = pytest.importorskip("openpyxl.utils").get_column_letter
    from twolayer.formats.exports_files import to_excel

    sheets = Sheets(to_excel(network))
    predict = sheets.book["predict"]
    first = network.dim + 2 * network.width + 1
    assert predict.cell(1, first).value == "y1"
    for row in X[10:13]:
        for k, number in enumerate(row, 1):
            predict.cell(2, k).value = float(number)
        values = [sheets.value("predict", f"{get_column_letter(first + j)}2") for j in range(network.n_outputs)]
        assert_computes(values, network(row[None])[0], rtol=1e-11)


def test_what_a_workbook_cannot_hold_is_said():
    pytest.importorskip("openpyxl")
    from twolayer.formats.exports_files import to_excel

    with pytest.raises(InputError, match="a quadratic part is not written as a workbook"):
        to_excel(one("relu", 2))
    wide = TwoLayerNetwork(np.ones(9000), np.ones((9000, 2)))
    with pytest.raises(InputError, match="the network needs 18003 columns, and a sheet has 16384"):
        to_excel(wide)


# ---------------------------------------------------------------------------------------------------- PMML

SPACE = "{http://www.dmg.org/PMML-4_4}"
PMML_FUNCTIONS = {
    "rectifier": lambda z: max(0.0, z),
    "logistic": lambda z: 1 / (1 + np.exp(-z)) if z > -700 else 0.0,
    "tanh": np.tanh,
    "identity": lambda z: z,
    "sine": np.sin,
    "Elliott": lambda z: z / (1 + abs(z)),
    "square": lambda z: z * z,
}


def pmml_predict(content, row):
    """A NeuralNetwork of PMML by the rules of its specification."""
    body = ElementTree.fromstring(content).find(f"{SPACE}NeuralNetwork")
    fields = [field.get("name") for field in body.find(f"{SPACE}MiningSchema") if field.get("usageType") == "active"]
    given = dict(zip(fields, row, strict=True))
    known = {}
    for entry in body.find(f"{SPACE}NeuralInputs"):
        known[entry.get("id")] = given[entry.find(f".//{SPACE}FieldRef").get("field")]
    for layer in body.findall(f"{SPACE}NeuralLayer"):
        function = PMML_FUNCTIONS[layer.get("activationFunction") or body.get("activationFunction")]
        found = {}
        for neuron in layer:
            total = float(neuron.get("bias"))
            total += sum(float(part.get("weight")) * known[part.get("from")] for part in neuron)
            found[neuron.get("id")] = function(total)
        known |= found
    return [known[end.get("outputNeuron")] for end in body.find(f"{SPACE}NeuralOutputs")]


@pytest.mark.parametrize(
    "network",
    [
        one("relu", 1),
        one("tanh", 0),
        one("sigmoid"),
        one("sine", 0),
        one("softsign"),
        one("quadratic"),
        several("relu"),
    ],
    ids=repr,
)
def test_pmml_computes_the_network(tmp_path, network):
    export_model(network, tmp_path / "n.pmml")
    content = (tmp_path / "n.pmml").read_bytes()
    assert_computes([pmml_predict(content, row) for row in X], network(X))


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (one("gelu"), "PMML has no activation gelu"),
        (one("tanh", 1), "PMML cannot hold the polynomial part"),
    ],
)
def test_what_pmml_cannot_hold_is_said(tmp_path, network, words):
    with pytest.raises(InputError, match=words):
        export_model(network, tmp_path / "n.pmml")
    assert not (tmp_path / "n.pmml").exists()


# ---------------------------------------------------------------------------------------------------- LaTeX


def latex_value(text, row):
    """The formula, read as what it says."""
    text = re.sub(r"\\begin\{align\*\}|\\end\{align\*\}|\\!|\\left|\\right|&|\\\\|\{\}", "", text).partition("=")[2]
    text = re.sub(r"x_\{(\d+)\}", lambda at: f"({row[int(at[1]) - 1]!r})", text)
    text = re.sub(r"([\d.]+) \\cdot 10\^\{(-?\d+)\}", r"\1e\2", text)
    text = text.replace(r"\tanh", "TANH").replace(r"\,", "*").replace("\n", " ").replace(") (", ")*(")
    return float(eval(text, {"__builtins__": {}}, {"TANH": np.tanh}))  # noqa: S307 - of this library


def test_latex_says_the_network_to_its_digits(tmp_path):
    network = one("tanh", 2)
    export_model(network, tmp_path / "n.tex")
    text = (tmp_path / "n.tex").read_text()
    for row in X[5:15]:
        value = network(row[None])[0]
        assert latex_value(text, row.tolist()) == pytest.approx(value, abs=1e-4 * (1 + np.abs(value)))
    from twolayer.formats.exports_text import to_latex

    exact = to_latex(network, digits=17)
    assert latex_value(exact, X[12].tolist()) == pytest.approx(network(X[12:13])[0], rel=1e-13)


def test_latex_escapes_what_means_something_to_it():
    from twolayer.formats.exports_text import to_latex

    network = TwoLayerNetwork([-1.0], [[0.0, -2.0]], [0.0], "leaky_relu(0.1)", Polynomial(0.0))
    text = to_latex(network, names=["a", "50% of_x"])
    assert text == (
        "\\begin{align*}\n"
        "f(x) ={}& 0 \\\\\n"
        " & - 1\\,\\operatorname{leaky\\_relu(0.1)}\\!\\left(-2\\,50\\% of\\_x\\right)\n"
        "\\end{align*}\n"
    )


# ---------------------------------------------------------------------------------------------------- paths


def test_the_form_is_that_of_the_name_where_it_says_one(tmp_path):
    network = one("relu")
    for name, words in (
        ("n.py", "n.py does not say in which form it is to be written: one of torch, sklearn, python, sympy"),
        ("n.txt", "n.txt does not say in which form it is to be written: one of onnx, torch, sklearn"),
    ):
        with pytest.raises(InputError, match=words):
            export_model(network, tmp_path / name)
    with pytest.raises(InputError, match="unknown form 'cobol': the known ones are onnx, torch"):
        export_model(network, tmp_path / "n.cob", "cobol")
    with pytest.raises(InputError, match="unknown link 'probit'"):
        export_model(network, tmp_path / "n.c", link="probit")
    with pytest.raises(InputError, match="the form latex has no place for the link logistic"):
        export_model(network, tmp_path / "n.tex", link="logistic")
    with pytest.raises(InputError, match="cannot write"):
        export_model(network, tmp_path / "no" / "n.c")


def test_a_network_and_what_was_read_write_themselves(tmp_path):
    network = one("tanh", 0)
    network.export(tmp_path / "n.json")
    network.export(tmp_path / "n.py", "python")
    assert read_model(tmp_path / "n.json").network == network
    assert_computes(module(tmp_path / "n.py").predict(X), network(X))


@pytest.mark.parametrize("form", EXPORTS)
def test_every_form_says_what_it_is(form):
    entry = EXPORTS[form]
    assert entry.end
    assert entry.summary
    assert ast.get_docstring(ast.parse(f'"""{entry.function.__doc__}"""'))


@pytest.mark.parametrize("spec", SPECS)
def test_a_formula_is_evaluated_by_the_functions_of_any_library(spec):
    t = np.linspace(-4, 4, 41)
    words = {name: getattr(np, name) for name in ("abs", "exp", "log", "tanh", "sin")}
    words |= {"max": np.maximum, "min": np.minimum, "erf": erf}
    sigma = activation(spec)
    np.testing.assert_allclose(formulas.evaluated(formula(sigma), t, words), sigma(t), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("text", ["__import__('os').system('true')", "t.real", "[t for t in t]", "s", "(lambda: t)()"])
def test_nothing_but_a_formula_is_evaluated(text):
    with pytest.raises(InputError, match="a formula has sums, products, numbers and functions of t"):
        formulas.evaluated(text, 1.0, {"exp": np.exp})
