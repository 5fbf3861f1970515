"""Networks read out of the files and objects of other libraries, against what those compute."""

import io
import json
import struct
import subprocess
import sys
import warnings
import zipfile

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, PolynomialFeatures, RobustScaler, StandardScaler

from twolayer import InputError, TwoLayerNetwork
from twolayer.formats import READERS, read_model
from twolayer.network import Polynomial


def MLPRegressor(sizes, **options):  # noqa: N802
    return neural_network.MLPRegressor(hidden_layer_sizes=sizes, **options)


def MLPClassifier(sizes, **options):  # noqa: N802
    return neural_network.MLPClassifier(hidden_layer_sizes=sizes, **options)


RNG = np.random.default_rng(0)
X = RNG.standard_normal((150, 4)) * [1, 10, 0.1, 3] + [0, 5, 1, -2]
Y = np.tanh(X @ [1, 0.1, 2, 0.3])


def fitted(model, y=Y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("targets", [1, 3])
def test_an_mlp_regressor_is_read_as_what_it_predicts(activation, targets):
    y = Y if targets == 1 else np.column_stack([Y, Y**2, -Y])
    model = fitted(MLPRegressor((7,), activation=activation, max_iter=50, random_state=0), y)
    found = read_model(model)
    np.testing.assert_allclose(found(X), model.predict(X), rtol=1e-11, atol=1e-11)
    assert found.network.n_outputs == targets
    assert found.network.width == (0 if activation == "identity" else 7)


def test_a_classifier_is_read_with_its_link():
    two = fitted(MLPClassifier((5,), max_iter=30, random_state=0), Y > 0)
    found = read_model(two)
    assert found.link == "logistic"
    np.testing.assert_allclose(found(X), two.predict_proba(X)[:, 1], rtol=1e-11)
    three = fitted(MLPClassifier((5,), max_iter=30, random_state=0), np.digitize(Y, [-0.5, 0.5]))
    found = read_model(three)
    assert found.link == "softmax"
    np.testing.assert_allclose(found(X), three.predict_proba(X), rtol=1e-11)


@pytest.mark.parametrize(
    "scaler",
    [
        StandardScaler(),
        StandardScaler(with_mean=False),
        MinMaxScaler((-1, 2)),
        MaxAbsScaler(),
        RobustScaler(),
        RobustScaler(with_scaling=False),
        PCA(3),
        PCA(2, whiten=True),
        "passthrough",
    ],
    ids=str,
)
def test_what_stands_before_the_network_in_a_pipeline_is_folded_in(scaler):
    model = fitted(make_pipeline(scaler, MLPRegressor((6,), max_iter=50, random_state=0)))
    found = read_model(model)
    assert found.network.dim == 4
    np.testing.assert_allclose(found(X), model.predict(X), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (MLPRegressor((5,)), "it is not fitted; fit it first"),
        (
            fitted(MLPRegressor((5, 4), max_iter=5)),
            "at its layer 2, a function of what two layers give",
        ),
        (
            fitted(make_pipeline(PolynomialFeatures(2), MLPRegressor((5,), max_iter=5))),
            "its step PolynomialFeatures is",
        ),
        (object(), "an MLPRegressor, MLPClassifier, Pipeline or torch module was expected"),
        ({"coefs_": [[[1.0]]], "intercepts_": []}, "must be lists of one array a layer"),
        ({"coefs_": [[[np.nan]], [[1]]], "intercepts_": [[0], [0]], "activation": "relu"}, "not finite"),
        ({"coefs_": [[[1, 2]], [[1]]], "intercepts_": [[0, 1], [0]], "activation": "relu"}, "weights (1, 1) for 2"),
        (
            {"coefs_": [[[1]], [[1]]], "intercepts_": [[0], [0]], "activation": "step"},
            "the function 'step'",
        ),
    ],
)
def test_objects_of_another_kind_are_refused(model, words):
    with pytest.raises(InputError) as caught:
        read_model(model)
    assert words in str(caught.value)


def test_what_a_fit_of_this_library_holds_is_read():
    network = TwoLayerNetwork([1.0], [[1.0, 2.0]], [0.5], "tanh")

    class Fitted:
        network_ = network

    assert read_model(Fitted()).network is network
    assert read_model(network).network is network


# ----------------------------------------------------------------------------------------------------------------- JSON


def test_lists_of_weights_in_json_are_read(tmp_path):
    model = fitted(MLPRegressor((5,), activation="tanh", max_iter=20, random_state=0))
    content = {
        "coefs_": [W.tolist() for W in model.coefs_],
        "intercepts_": [b.tolist() for b in model.intercepts_],
        "activation": "tanh",
        "out_activation_": "identity",
    }
    (tmp_path / "m.json").write_text(json.dumps(content))
    np.testing.assert_allclose(read_model(tmp_path / "m.json")(X), model.predict(X), rtol=1e-11)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not a JSON file, or is damaged"),
        ("{", "is not a JSON file, or is damaged"),
        ("[" * 100_000, "is not a JSON file, or is damaged"),
        ("[1]", "it is no object with the weights of a network"),
        ('{"format": "twolayer.network", "activation": "relu", "a": [1], "W": [[1]], "b": [1], "link": 3}', "link '3'"),
        ("{}", "it has neither 'format' nor 'coefs_'"),
        ('{"coefs_": [[[NaN]]], "intercepts_": [[0]]}', "it holds NaN"),
        ('{"coefs_": 1, "intercepts_": 1}', "must be lists of one array a layer"),
        ('{"coefs_": [[["a"]]], "intercepts_": [[0]]}', "weights that are no numbers"),
        ('{"format": "twolayer.network", "a": [1]}', "it has no 'activation'"),
        (
            '{"format": "twolayer.network", "activation": "relu", "a": [1], "W": [[1]], "b": [1, 2]}',
            "agree on the units",
        ),
        ('{"format": "twolayer.network", "activation": "x", "a": [1], "W": [[1]], "b": [1]}', "unknown activation 'x'"),
        (
            '{"format": "twolayer.network","activation":"abs", "a": [1], "W": [[1]], "b": [1],"polynomial": {"x": 1}}',
            "unexpected keyword",
        ),
    ],
)
def test_json_of_another_kind_is_refused_in_a_sentence(tmp_path, text, words):
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(InputError) as caught:
        read_model(tmp_path / "m.json")
    assert words in str(caught.value)


# ---------------------------------------------------------------------------------------------------------- safetensors


def packed(arrays, told=None, header=None):
    """A safetensors file, by its definition."""
    entries, data = {}, b""
    for name, (kind, shape, content) in arrays.items():
        entries[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    if told is not None:
        entries["__metadata__"] = told
    head = json.dumps(entries).encode() if header is None else header
    return struct.pack("<Q", len(head)) + head + data


W1, B1, W2, B2 = (
    RNG.standard_normal((6, 4)),
    RNG.standard_normal(6),
    RNG.standard_normal((2, 6)),
    RNG.standard_normal(2),
)


def state(dtype="<f8", kind="F64", turn=False, names=("0.weight", "0.bias", "2.weight", "2.bias")):
    arrays = [W1.T if turn else W1, B1, W2.T if turn else W2, B2]
    return {name: (kind, list(a.shape), a.astype(dtype).tobytes()) for name, a in zip(names, arrays, strict=True)}


@pytest.mark.parametrize(
    ("arrays", "rtol"),
    [
        (state(), 1e-13),
        (state("<f4", "F32"), 1e-6),
        (state("<f2", "F16"), 1e-2),
        (state(turn=True, names=("dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias")), 1e-13),
        (state(names=("layers.9.weight", "layers.9.bias", "layers.11.weight", "layers.11.bias")), 1e-13),
    ],
    ids=["double", "single", "half", "kernels", "numbers in order"],
)
def test_the_arrays_of_two_layers_are_read(tmp_path, arrays, rtol):
    path = tmp_path / "m.safetensors"
    path.write_bytes(packed(arrays))
    expected = np.maximum(X @ W1.T + B1, 0) @ W2.T + B2
    found = read_model(path, activation="relu")
    np.testing.assert_allclose(found(X), expected, rtol=rtol, atol=rtol * np.abs(expected).max())
    with pytest.raises(InputError, match=r"does not say which activation .*; give it with --activation"):
        read_model(path)


def test_halves_of_single_precision_are_read_as_what_they_are(tmp_path):
    upper = (np.float32([1.5, -2.25]).view("<u4") >> 16).astype("<u2").tobytes()
    arrays = {"0.weight": ("BF16", [1, 2], upper), "1.weight": ("F32", [1, 1], np.float32(3).tobytes())}
    (tmp_path / "m.safetensors").write_bytes(packed(arrays, {"activation": "relu"}))
    network = read_model(tmp_path / "m.safetensors").network
    np.testing.assert_array_equal(network.W, [[1.5, -2.25]])
    np.testing.assert_array_equal(network.a, [3.0])


GOOD = state()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a safetensors file"),
        (b"\xff" * 8, "its header does not fit"),
        (packed(GOOD)[:200], "is not a safetensors file"),
        (packed(GOOD)[:-8], "is not where it is said to be"),
        (packed(GOOD, header=b"{]"), "is not a safetensors file"),
        (packed(GOOD, header=b'{"0.weight": 3}'), "is not a safetensors file"),
        (packed({"w": ("F64", [3], bytes(16))}), "is of another size than is said"),
        (packed({"w": ("F64", [10**18, 10**18], bytes(16))}), "is of another size than is said"),
        (packed({"w": ("I64", [2], bytes(16))}), "floating-point numbers were expected"),
        (packed({"w": ("F64", [1, 2], bytes(16))}), "it has 1 matrices of weights"),
        (packed(GOOD | {"1.running_mean": ("F64", [1], bytes(8))}), "of no dense layer, such as '1.running_mean'"),
    ],
)
def test_a_damaged_safetensors_file_is_refused(tmp_path, content, words):
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_model(path, activation="relu")
    assert words in str(caught.value)


# ---------------------------------------------------------------------------------------------------------------- Keras


def keras_file(path, layers, weights, shape=(4,)):
    """A .keras file, by its layout: the architecture, and in HDF5 the weights of each layer by its kind."""
    h5py = pytest.importorskip("h5py")
    first = {"class_name": "InputLayer", "config": {"batch_shape": [None, *shape], "name": "input"}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [first, *layers]}}
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        for place, arrays in weights.items():
            group = file.create_group(f"layers/{place}/vars")
            for i, array in enumerate(arrays):
                group.create_dataset(str(i), data=array)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", held.getvalue())
    return path


def dense(units, activation="linear", name="dense"):
    return {"class_name": "Dense", "config": {"name": name, "units": units, "activation": activation}}


def test_dense_layers_and_what_is_between_them_are_read(tmp_path):
    mean, variance = np.array([0.0, 5, 1, -2]), np.array([1.0, 100, 0.01, 9])
    g, s, m, v = (RNG.uniform(0.5, 1.5, 6) for _ in range(4))
    layers = [
        {"class_name": "Normalization", "config": {"name": "n", "axis": [-1]}},
        dense(6),
        {"class_name": "BatchNormalization", "config": {"name": "b", "epsilon": 1e-3}},
        {"class_name": "LeakyReLU", "config": {"name": "l", "negative_slope": 0.3}},
        {"class_name": "Dropout", "config": {"name": "d", "rate": 0.5}},
        dense(2, "softmax", "dense_1"),
    ]
    weights = {
        "normalization": [mean, variance, 3],
        "dense": [W1.T, B1],
        "batch_normalization": [g, s, m, v],
        "dense_1": [W2.T, B2],
    }
    found = read_model(keras_file(tmp_path / "m.keras", layers, weights))
    t = ((X - mean) / np.sqrt(variance)) @ W1.T + B1
    t = (t - m) / np.sqrt(v + 1e-3) * g + s
    z = np.where(t > 0, t, 0.3 * t) @ W2.T + B2
    expected = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    assert (found.link, found.network.width) == ("softmax", 6)
    np.testing.assert_allclose(found(X), expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (
            [{"class_name": "Lambda", "config": {"name": "f", "function": "x"}}],
            "of the kind Lambda (it holds code",
        ),
        ([{"class_name": "LSTM", "config": {"name": "r"}}], "its layer 'r' is of the kind LSTM"),
        ([dense(6, "relu"), dense(6, "relu", "dense_1"), dense(1, name="dense_2")], "third layer"),
        ([dense(6, "relu"), dense(1, "relu", "dense_1")], "third layer"),
        ([dense(6, "binary_step")], "the function 'binary_step' of its layer 'dense' is no activation"),
    ],
)
def test_a_keras_model_of_other_layers_is_refused(tmp_path, layers, words):
    weights = {"dense": [W1.T, B1], "dense_1": [np.eye(6)], "dense_2": [np.ones((6, 1))]}
    with pytest.raises(InputError) as caught:
        read_model(keras_file(tmp_path / "m.keras", layers, weights))
    assert words in str(caught.value)


def test_a_keras_file_that_names_other_files_is_not_followed(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["w"] = W1.T
    (tmp_path / "raw").write_bytes(W1.T.tobytes())

    def written(make):
        path = keras_file(tmp_path / "m.keras", [dense(6, "relu")], {})
        with zipfile.ZipFile(path) as archive:
            config = archive.read("config.json")
        held = io.BytesIO()
        with h5py.File(held, "w") as file:
            make(file.create_group("layers/dense/vars"))
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", config)
            archive.writestr("model.weights.h5", held.getvalue())
        return path

    def linked(group):
        group["0"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/w")

    def outside(group):
        group.create_dataset("0", (4, 6), "f8", external=[(str(tmp_path / "raw"), 0, h5py.h5f.UNLIMITED)])

    def virtual(group):
        layout = h5py.VirtualLayout((4, 6), "f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "w", (4, 6))
        group.create_virtual_dataset("0", layout)

    def expanding(group):
        group.create_dataset("0", (30_000, 6_000), "f8", chunks=(100, 6_000), compression="gzip")

    for make in (linked, outside, virtual):
        with pytest.raises(InputError, match="not opened"):
            read_model(written(make))
    with pytest.raises(InputError, match="would take 1440000000 bytes in memory, and holds 0"):
        read_model(written(expanding))


def test_a_keras_file_that_is_none_is_refused(tmp_path):
    pytest.importorskip("h5py")
    for content in (b"", b"PK\x03\x04", bytes(1000)):
        (tmp_path / "m.keras").write_bytes(content)
        with pytest.raises(InputError, match="is not a Keras model, or is damaged"):
            read_model(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(InputError, match=r"it has no config.json and model.weights.h5"):
        read_model(tmp_path / "m.keras")


# ---------------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("name", ["m.pt", "m.pth", "m.pkl", "m.joblib", "m.ckpt"])
def test_a_pickle_is_never_opened(tmp_path, name):
    (tmp_path / name).write_bytes(b"cos\nsystem\n(S'touch loaded'\ntR.")
    with pytest.raises(InputError, match=r"is a pickle, which can run anything .*: save the model as ONNX"):
        read_model(tmp_path / name)


def test_what_is_not_of_a_known_kind_or_is_absent_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"is not of a kind that is read: .onnx, .keras, .h5"):
        read_model(tmp_path / "m.txt")
    with pytest.raises(InputError, match="says itself which activation"):
        read_model(tmp_path / "m.json", activation="relu")
    for kind in READERS:
        with pytest.raises(InputError):
            read_model(tmp_path / f"absent.{kind}")


def test_a_network_of_this_library_is_read(tmp_path):
    network = TwoLayerNetwork([1.0], [[1.0, 2.0]], [0.5], "tanh", Polynomial(0.3))
    network.save(tmp_path / "n.npz")
    assert read_model(tmp_path / "n.npz").network == network


def test_nothing_of_other_libraries_is_imported_to_read_their_objects():
    code = (
        "import sys; from twolayer.formats import read_model; "
        "read_model({'coefs_': [[[1.0]], [[1.0]]], 'intercepts_': [[0], [0]], 'activation': 'relu'}); "
        "print(sorted({'torch', 'onnx', 'h5py', 'sklearn', 'keras'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


JUNK = [None, 1, -1, 1e300, "x", [], {}, [1], {"a": 1}, True, [[1, 2], [3]], 10**30, [None]]


def changed(content, rng):
    """A description with one part of it taken out, or something else in its place."""
    content = json.loads(json.dumps(content))
    inside, parts = content, [content]
    while parts:
        inside = parts[rng.integers(len(parts))]
        keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
        if not keys:
            return content
        key = keys[rng.integers(len(keys))]
        if isinstance(inside[key], dict | list) and inside[key] and rng.random() < 0.7:
            parts = [inside[key]]
            continue
        if rng.random() < 0.3:
            del inside[key]
        else:
            inside[key] = JUNK[rng.integers(len(JUNK))]
        return content
    return content


OWN = {"format": "twolayer.network", "activation": "relu", "a": [1.0, 2.0], "W": [[1.0, 2.0], [3.0, 4.0]], "b": [0, 1]}
OWN |= {"polynomial": {"constant": 1.0, "linear": [1.0, 2.0], "quadratic": None}, "link": "identity"}
LISTS = {"coefs_": [[[1.0, 2.0]], [[1.0], [2.0]]], "intercepts_": [[0.0, 1.0], [0.0]], "activation": "relu"}


def test_whatever_is_changed_in_a_description_is_read_or_refused_in_a_sentence(tmp_path):
    rng = np.random.default_rng(0)
    pytest.importorskip("h5py")
    path = keras_file(
        tmp_path / "k.keras", [dense(6, "relu"), dense(2, name="dense_1")], {"dense": [W1.T, B1], "dense_1": [W2.T, B2]}
    )
    with zipfile.ZipFile(path) as archive:
        config, weights = json.loads(archive.read("config.json")), archive.read("model.weights.h5")
    whole = packed(GOOD)
    (size,) = struct.unpack("<Q", whole[:8])
    header, data = json.loads(whole[8 : 8 + size]), whole[8 + size :]
    said = []
    for _ in range(150):
        for name in ("own.json", "lists.json", "m.safetensors", "m.keras"):
            path = tmp_path / name
            if name == "m.keras":
                with zipfile.ZipFile(path, "w") as archive:
                    archive.writestr("config.json", json.dumps(changed(config, rng)))
                    archive.writestr("model.weights.h5", weights)
            elif name == "m.safetensors":
                head = json.dumps(changed(header, rng)).encode()
                path.write_bytes(struct.pack("<Q", len(head)) + head + data)
            else:
                path.write_text(json.dumps(changed(OWN if name == "own.json" else LISTS, rng)))
            try:
                read_model(path, activation="relu" if name == "m.safetensors" else None)
            except InputError as refusal:
                said.append(str(refusal))
    assert 100 < len(said) < 600
    assert not any("\n" in sentence for sentence in said)
