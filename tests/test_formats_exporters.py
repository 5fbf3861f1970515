"""What the exporters of other libraries write, and their own objects: read as what they compute. Where installed."""

import warnings

import numpy as np
import onnxruntime
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from twolayer.formats import read_model

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of other libraries, which warn of themselves

X = np.random.default_rng(0).standard_normal((200, 4))
Y = np.tanh(X @ [1, 0.5, -1, 0.3]) + 0.1 * X[:, 0] ** 2


def torch_modules():
    torch = pytest.importorskip("torch")
    nn = torch.nn

    class Written(nn.Module):
        def __init__(self, function):
            super().__init__()
            self.first, self.last, self.function = nn.Linear(4, 6), nn.Linear(6, 1), function

        def forward(self, x):
            return self.last(self.function(self.first(x)))

    kinds = {
        **{
            name: nn.Sequential(nn.Linear(4, 6), getattr(nn, name)(), nn.Linear(6, 2))
            for name in ("ReLU", "Tanh", "Sigmoid", "Softplus", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "ReLU6")
        },
        **{
            name: nn.Sequential(nn.Linear(4, 6), getattr(nn, name)(), nn.Linear(6, 1))
            for name in ("Hardtanh", "Hardsigmoid", "Hardswish", "Softsign", "LeakyReLU", "PReLU")
        },
        "slopes": nn.Sequential(nn.Linear(4, 6), nn.PReLU(6), nn.Linear(6, 1)),
        "steep softplus": nn.Sequential(nn.Linear(4, 6), nn.Softplus(beta=3), nn.Linear(6, 1)),
        "normalised before": nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 1)),
        "normalised after": nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.BatchNorm1d(6), nn.Linear(6, 1)),
        "normalised inputs": nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 1)),
        "dropout": nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 1)),
        "no biases": nn.Sequential(nn.Linear(4, 6, bias=False), nn.ReLU(), nn.Linear(6, 1, bias=False)),
        "large": nn.Sequential(nn.Linear(4, 300), nn.ReLU(), nn.Linear(300, 1)),
        "classes": nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3), nn.Softmax(dim=-1)),
        "probability": nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 1), nn.Sigmoid()),
        "clamped": Written(lambda t: t.clamp(min=0)),
        "maximum": Written(lambda t: torch.maximum(t, torch.zeros_like(t))),
        "written silu": Written(lambda t: t * torch.sigmoid(t)),
        "functional": Written(torch.nn.functional.gelu),
        "absolute": Written(torch.abs),
        "scaled tanh": Written(lambda t: 1.7159 * torch.tanh(2 / 3 * t)),
    }
    torch.manual_seed(0)
    for module in kinds.values():
        for part in module.modules():
            if isinstance(part, nn.BatchNorm1d):
                part.running_mean.normal_()
                part.running_var.uniform_(0.5, 2)
                part.weight.data.normal_()
        module.eval()
    return torch, kinds


NAMES = ["ReLU", "Tanh", "Sigmoid", "Softplus", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "ReLU6", "Hardtanh"]
NAMES += ["Hardsigmoid", "Hardswish", "Softsign", "LeakyReLU", "PReLU", "slopes", "steep softplus", "normalised before"]
NAMES += ["normalised after", "normalised inputs", "dropout", "no biases", "large", "classes", "probability", "clamped"]
NAMES += ["maximum", "written silu", "functional", "absolute", "scaled tanh"]


@pytest.mark.parametrize("is_dynamo", [False, True], ids=["legacy", "dynamo"])
@pytest.mark.parametrize("name", NAMES)
def test_what_torch_exports_is_read(tmp_path, name, is_dynamo):
    if is_dynamo:
        pytest.importorskip("onnxscript")
    torch, kinds = torch_modules()
    path, module = tmp_path / "m.onnx", kinds[name]
    rows = torch.tensor(X, dtype=torch.float32)
    options = {"dynamo": True} if is_dynamo else {"dynamo": False, "dynamic_axes": {"x": {0: "n"}}}
    if is_dynamo:
        options["dynamic_shapes"] = ({0: torch.export.Dim("n")},)
    torch.onnx.export(module, (rows,), str(path), input_names=["x"], output_names=["y"], **options)
    expected = module(rows).detach().numpy().astype(float)
    found = read_model(path)
    off = np.abs(found(X.astype("f4").astype(float)).reshape(len(X), -1) - expected).max()
    assert off <= 3e-6 * max(1.0, np.abs(expected).max())


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NAMES[-7:-1] or name == "functional"])
def test_a_torch_module_is_read(name):
    torch, kinds = torch_modules()
    if name == "scaled tanh":
        pytest.skip("its forward is no chain of calls")
    module = kinds[name].double()
    found = read_model(module)
    expected = module(torch.tensor(X)).detach().numpy()
    np.testing.assert_allclose(found(X).reshape(len(X), -1), expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("before", [None, StandardScaler, MinMaxScaler])
@pytest.mark.parametrize("dtype", ["FloatTensorType", "DoubleTensorType"])
def test_what_skl2onnx_exports_is_read(tmp_path, activation, before, dtype):
    skl2onnx = pytest.importorskip("skl2onnx")
    from skl2onnx.common import data_types

    mlp = MLPRegressor(hidden_layer_sizes=(7,), activation=activation, max_iter=50, random_state=0)
    model = (mlp if before is None else make_pipeline(before(), mlp)).fit(X, Y)
    initial = [("x", getattr(data_types, dtype)([None, 4]))]
    path = tmp_path / "m.onnx"
    path.write_bytes(skl2onnx.convert_sklearn(model, initial_types=initial).SerializeToString())
    rtol = 1e-5 if dtype.startswith("Float") else 1e-11
    np.testing.assert_allclose(read_model(path)(X), model.predict(X), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("zipmap", [True, False])
def test_classifiers_by_skl2onnx_are_read(tmp_path, classes, zipmap):
    skl2onnx = pytest.importorskip("skl2onnx")
    from skl2onnx.common.data_types import FloatTensorType

    y = np.digitize(Y, np.quantile(Y, np.arange(1, classes) / classes))
    model = MLPClassifier(hidden_layer_sizes=(7,), max_iter=50, random_state=0).fit(X, y)
    path = tmp_path / "m.onnx"
    options = {id(model): {"zipmap": zipmap}}
    onx = skl2onnx.convert_sklearn(model, initial_types=[("x", FloatTensorType([None, 4]))], options=options)
    path.write_bytes(onx.SerializeToString())
    expected = model.predict_proba(X)
    found = read_model(path)(X)
    np.testing.assert_allclose(found, expected[:, 1] if classes == 2 else expected, atol=1e-5)


@pytest.mark.parametrize("end", ["keras", "h5"])
@pytest.mark.parametrize("functional", [False, True])
def test_what_keras_saves_is_read(tmp_path, monkeypatch, end, functional):
    pytest.importorskip("h5py")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    pytest.importorskip("torch")
    keras = pytest.importorskip("keras")
    layers, seen = keras.layers, X * [1, 10, 0.1, 3]
    normalised = layers.Normalization()
    normalised.adapt(seen)
    for function in ("relu", "tanh", "sigmoid", "elu", "gelu", "silu", "hard_sigmoid", "relu6", "leaky_relu", "selu"):
        parts = [
            normalised,
            layers.Dense(6, activation=function),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(2),
        ]
        if functional:
            value = start = keras.Input((4,))
            for part in parts:
                value = part(value)
            model = keras.Model(start, value)
        else:
            model = keras.Sequential([keras.Input((4,)), *parts])
        for weight in model.weights:
            if "moving" in weight.path or "gamma" in weight.path:
                weight.assign(np.random.default_rng(1).uniform(0.5, 1.5, weight.shape))
        path = tmp_path / f"{function}.{end}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.save(path)
        expected = np.asarray(model.predict(seen, verbose=0), float)
        found = read_model(path)
        np.testing.assert_allclose(found(seen), expected, rtol=1e-4, atol=1e-5)


def test_a_state_dict_saved_as_safetensors_is_read(tmp_path):
    torch, kinds = torch_modules()
    save_file = pytest.importorskip("safetensors.torch").save_file
    save_file(kinds["Tanh"].state_dict(), tmp_path / "m.safetensors")
    expected = kinds["Tanh"](torch.tensor(X, dtype=torch.float32)).detach().numpy()
    np.testing.assert_allclose(read_model(tmp_path / "m.safetensors", activation="tanh")(X), expected, atol=1e-5)


def test_what_onnxruntime_quantises_is_read_but_for_its_rounding(tmp_path):
    torch, kinds = torch_modules()
    quantization = pytest.importorskip("onnxruntime.quantization")
    rows = torch.tensor(X, dtype=torch.float32)
    plain, path = tmp_path / "m.onnx", tmp_path / "q.onnx"
    torch.onnx.export(kinds["ReLU"], (rows,), str(plain), input_names=["x"], dynamo=False, dynamic_axes={"x": {0: "n"}})

    class Rows(quantization.CalibrationDataReader):
        def __init__(self):
            self.rows = iter([{"x": X.astype("f4")}])

        def get_next(self):
            return next(self.rows, None)

    quantization.quantize_static(plain, path, Rows())
    found = read_model(path)
    expected = onnxruntime.InferenceSession(path).run(None, {"x": X.astype("f4")})[0]
    assert "rounds on the way" in " ".join(found.notes)
    assert found.network.width == 6
    assert np.abs(found(X) - expected).max() < 0.05 * np.abs(expected).max()
