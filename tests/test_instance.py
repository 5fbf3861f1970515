"""Instances as files: what is made is accepted, and whatever is changed in it is refused, forged digest or not."""

import functools
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from twolayer import InputError, TwoLayerNetwork
from twolayer.instances import files as instance_files
from twolayer.instances import instance_digest, load_instance, save_instance
from twolayer.instances.files import input_arrays
from twolayer.papers import verification
from twolayer.papers.families import FAMILIES, make_instance
from twolayer.papers.verification import verify_instance

SEED = 20


@pytest.fixture(scope="module", params=FAMILIES)
def made(request, tmp_path_factory):
    """The default instance of each family, and its file."""
    instance = make_instance(request.param, SEED)
    path = tmp_path_factory.mktemp("instances") / f"{request.param}.npz"
    save_instance(instance, path)
    return SimpleNamespace(instance=instance, path=path)


@pytest.fixture(autouse=True)
def written_without_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture
def made_once(made, monkeypatch):
    """The same, where verification need not make it again each time; anything else it makes itself."""

    def make(family, seed, **options):
        same = (family, seed, options) == (made.instance.family, SEED, made.instance.options)
        return made.instance if same else make_instance(family, seed, **options)

    monkeypatch.setattr(verification, "make_instance", make)
    return made


def arrays_of(instance):
    planted = {f"planted {name}": array for name, array in (instance.planted or {}).items()}
    return {"y": instance.y, **input_arrays(instance.X), **planted}


# --- what is made is accepted ---


def test_the_default_of_every_family_is_accepted_as_a_file_and_in_memory(made):
    found = verify_instance(made.path)
    assert (found.family, found.digest) == (made.instance.family, instance_digest(made.instance))
    assert len(found.checks) == 5
    assert verify_instance(made.instance).checks == found.checks[1:]


def test_what_is_loaded_is_what_was_saved(made):
    loaded = load_instance(made.path)
    for name in ("family", "options", "seed", "citation", "claim"):
        assert getattr(loaded, name) == getattr(made.instance, name)
    before, after = arrays_of(made.instance), arrays_of(loaded)
    assert before.keys() == after.keys()
    for name, array in before.items():
        assert after[name].dtype == np.asarray(array).dtype
        np.testing.assert_array_equal(after[name], array)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(made, tmp_path):
    save_instance(make_instance(made.instance.family, SEED), tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == made.path.read_bytes()
    assert instance_digest(make_instance(made.instance.family, SEED + 1)) != instance_digest(made.instance)


def test_a_family_says_what_it_is(made):
    family = FAMILIES[made.instance.family]
    claim = made.instance.claim
    assert all((family.summary, family.citation, claim.statement, claim.theorem, claim.assumption, claim.sizes))
    assert made.instance.options == dict(family.defaults)
    assert family.explanations.keys() == family.defaults.keys()
    assert all(text.endswith(".") for text in (family.summary, *family.explanations.values()))
    assert not claim.statement.endswith(".")


def test_another_learner_reads_the_file_with_numpy_alone(made):
    with np.load(made.path, allow_pickle=False) as file:
        if "X" in file:
            X = file["X"]
        else:
            parts = (file["X_data"], file["X_indices"], file["X_indptr"])
            X = sparse.csr_array(parts, shape=tuple(file["X_shape"]))
        assert X.shape == made.instance.X.shape
        assert file["y"].shape == (X.shape[0],)


def test_where_no_planted_network_exists_none_is_in_the_file_and_none_may_be_added(tmp_path):
    scattered = make_instance("sign_cnn", 4, is_scattered=True)
    save_instance(scattered, tmp_path / "scattered.npz")
    assert load_instance(tmp_path / "scattered.npz").planted is None
    assert "no planted network is claimed" in verify_instance(tmp_path / "scattered.npz").checks
    planted = make_instance("sign_cnn", 4).planted
    for forged in (replace(scattered, planted=planted), with_array(scattered, "y", nudged)):
        with pytest.raises(InputError, match=r"planted|its y at 0"):
            verify_instance(forged)


# --- what is changed is refused, by one who computes the digest anew ---


def with_array(instance, name, change):
    """The instance with one of its arrays changed."""
    if name == "y":
        return replace(instance, y=change(instance.y))
    if name.startswith("planted "):
        key = name.removeprefix("planted ")
        return replace(instance, planted={**instance.planted, key: change(np.asarray(instance.planted[key]))})
    if name == "X":
        return replace(instance, X=change(instance.X))
    X = instance.X.copy()
    X.data = change(X.data)
    return replace(instance, X=X)


def nudged(array, place=0):
    """One entry changed: by one if whole, by a millionth of the largest if not."""
    changed = np.array(array)
    flat = changed.reshape(-1)
    if changed.dtype.kind == "f":
        flat[place] += 1e-6 * np.abs(changed).max() or 1e-6
    elif changed.dtype.kind == "b":
        flat[place] = not flat[place]
    elif changed.dtype.kind == "U":
        return np.char.add(changed, "x")
    else:
        flat[place] += 1
    return changed


def swapped_labels(y):
    y = y.copy()
    other = int(np.flatnonzero(y != y[0])[0])
    y[[0, other]] = y[[other, 0]]
    return y


def values_of_inputs(instance):
    return "X_data" if sparse.issparse(instance.X) else "X"


def with_claim(instance, **changes):
    return replace(instance, claim=replace(instance.claim, **changes))


def with_sizes(instance, **changes):
    return with_claim(instance, sizes={**instance.claim.sizes, **changes})


def without_last_sample(instance):
    return replace(instance, X=instance.X[:-1], y=instance.y[:-1])


def planted_otherwise(instance):
    return replace(instance, planted=None if instance.planted else {"W": np.eye(2)})


def with_one_more_array(instance):
    return replace(instance, planted={**(instance.planted or {}), "more": np.zeros(3)})


def other_family(instance):
    return replace(instance, family=next(name for name in FAMILIES if name != instance.family))


def longer_text(name):
    return lambda instance: with_claim(instance, **{name: getattr(instance.claim, name) + " "})


FORGERIES = {
    "first label": (lambda i: with_array(i, "y", nudged), ["y"]),
    "last label": (lambda i: with_array(i, "y", lambda y: nudged(y, -1)), ["y"]),
    "swapped labels": (lambda i: with_array(i, "y", swapped_labels), ["y"]),
    "labels of another type": (lambda i: with_array(i, "y", lambda y: y.astype("f2")), ["y", "float16"]),
    "first input": (lambda i: with_array(i, values_of_inputs(i), nudged), ["X"]),
    "last input": (lambda i: with_array(i, values_of_inputs(i), lambda X: nudged(X, -1)), ["X"]),
    "inputs of another type": (
        lambda i: with_array(i, values_of_inputs(i), lambda X: X.astype("f2")),
        ["X", "float16"],
    ),
    "inputs turned round": (lambda i: with_array(i, values_of_inputs(i), lambda X: -X - 1), ["X"]),
    "a sample less": (without_last_sample, ["X"]),
    "planted or not": (planted_otherwise, ["planted"]),
    "one more array": (with_one_more_array, ["planted"]),
    "statement": (longer_text("statement"), ["statement"]),
    "theorem": (longer_text("theorem"), ["theorem"]),
    "assumption": (longer_text("assumption"), ["assumption"]),
    "citation": (lambda i: replace(i, citation="somebody else"), ["citation", "somebody else"]),
    "a size more": (lambda i: with_sizes(i, proofs=1), ["claim", "proofs"]),
    "no sizes": (lambda i: with_claim(i, sizes={}), ["claim", "size"]),
    "seed": (lambda i: replace(i, seed=SEED + 1), []),
    "family": (other_family, []),
    "unknown family": (lambda i: replace(i, family="unheard of"), ["unheard of", *FAMILIES]),
    "an option more": (lambda i: replace(i, options={**i.options, "ease": 1}), ["ease"]),
    "no options": (lambda i: replace(i, options={}), ["option"]),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forger_who_computes_the_digest_anew_is_refused(made_once, tmp_path, forgery):
    forge, words = FORGERIES[forgery]
    save_instance(forge(made_once.instance), tmp_path / "forged.npz")
    with pytest.raises(InputError) as refusal:
        verify_instance(tmp_path / "forged.npz")
    for word in ["forged.npz", *words]:
        assert word in str(refusal.value)


def test_every_size_of_the_claim_is_looked_at(made_once):
    for name, value in made_once.instance.claim.sizes.items():
        other = value + 1 if isinstance(value, int) else value * (1 + 1e-6) or 1e-6
        with pytest.raises(InputError, match=name):
            verify_instance(with_sizes(made_once.instance, **{name: other}))


def test_every_planted_array_is_looked_at(made_once):
    for name in arrays_of(made_once.instance):
        if name.startswith("planted ") and np.size(made_once.instance.planted[name.removeprefix("planted ")]):
            with pytest.raises(InputError, match=name):
                verify_instance(with_array(made_once.instance, name, nudged))


def is_refused(function, *arguments, **options):
    try:
        function(*arguments, **options)
    except InputError:
        return True
    return False


def test_another_option_is_refused_unless_it_makes_the_very_same_arrays_and_claim(made_once):
    """Some options have no say beside the others, such as a correlation where the law has none."""
    instance, refusals = made_once.instance, 0
    for name, value in instance.options.items():
        other = f"{value}x" if isinstance(value, str) else 2 * value + 1 if not isinstance(value, bool) else not value
        forged = replace(instance, options={**instance.options, name: other})
        is_another = is_refused(make_instance, forged.family, SEED, **forged.options) or (
            instance_digest(make_instance(forged.family, SEED, **forged.options)) != instance_digest(forged)
        )
        assert is_refused(verify_instance, forged) == is_another
        refusals += is_another
    assert refusals >= min(2, len(instance.options))


def test_labels_anywhere_are_looked_at(made_once):
    for place in np.random.default_rng(1).integers(len(made_once.instance.y), size=5):
        with pytest.raises(InputError, match=f"y at {place} "):
            verify_instance(with_array(made_once.instance, "y", lambda y, place=place: nudged(y, place)))


# --- what is changed in the file itself is refused ---


def rewritten(path, change):
    """The archive with its entries changed, the digest left as it is."""
    with np.load(path, allow_pickle=False) as file:
        entries = {name: file[name] for name in file.files}
    np.savez(path, **change(entries))


def appended(path, name, content):
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, content)


def pickled_labels(path):
    rewritten(path, lambda entries: {**entries, "y": entries["y"].astype(object)})


def one_byte_changed(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-50]),
    "cut in half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "one byte": one_byte_changed,
    "bytes behind": lambda path: path.write_bytes(path.read_bytes() + b"more"),
    "bytes before": lambda path: path.write_bytes(b"more" + path.read_bytes()),
    "one more array": lambda path: rewritten(path, lambda entries: {**entries, "Z": np.zeros(2)}),
    "one more text": lambda path: appended(path, "readme.txt", "trust me"),
    "labels twice": pytest.param(
        lambda path: appended(path, "y.npy", b"again"), marks=pytest.mark.filterwarnings("ignore:Duplicate name")
    ),
    "pickled labels": pickled_labels,
    "a label only": lambda path: rewritten(path, lambda entries: {**entries, "y": nudged(entries["y"])}),
    "the digest only": lambda path: rewritten(path, lambda entries: {**entries, "sha256": np.array("0" * 64)}),
    "a digest in capitals": lambda path: rewritten(
        path, lambda entries: {**entries, "sha256": np.char.upper(entries["sha256"])}
    ),
    "no digest": lambda path: rewritten(path, lambda entries: {n: a for n, a in entries.items() if n != "sha256"}),
    "no labels": lambda path: rewritten(path, lambda entries: {n: a for n, a in entries.items() if n != "y"}),
    "no head": lambda path: rewritten(path, lambda entries: {n: a for n, a in entries.items() if n != "head"}),
    "spaces in the head": lambda path: rewritten(
        path, lambda entries: {**entries, "head": np.char.replace(entries["head"], ":", ": ")}
    ),
    "another version": lambda path: rewritten(
        path, lambda entries: {**entries, "head": np.char.replace(entries["head"], '"version":1', '"version":2')}
    ),
    "a head that is no text": lambda path: rewritten(path, lambda entries: {**entries, "head": np.zeros(3)}),
    "a head of another kind": lambda path: rewritten(path, lambda entries: {**entries, "head": np.array("[" * 3000)}),
}


@pytest.mark.parametrize("damage", [p if hasattr(p, "values") else pytest.param(p, id=n) for n, p in DAMAGE.items()])
def test_a_damaged_file_is_refused_before_anything_is_made(made, tmp_path, monkeypatch, damage):
    monkeypatch.setattr(verification, "make_instance", None)
    path = tmp_path / "damaged.npz"
    path.write_bytes(made.path.read_bytes())
    damage(path)
    with pytest.raises(InputError, match=r"damaged\.npz"):
        verify_instance(path)
    with pytest.raises(InputError, match=r"damaged\.npz"):
        load_instance(path)


@pytest.mark.parametrize(
    "spelled",
    [
        lambda head: json.dumps(head),
        lambda head: json.dumps(dict(reversed(head.items())), separators=(",", ":")),
        lambda head: json.dumps(head, sort_keys=True, separators=(",", ":"))[:-1] + ',"seed":7}',
        lambda head: json.dumps(head, sort_keys=True, separators=(",", ":")).replace('"seed":3', '"seed":3.0'),
    ],
)
def test_a_head_spelled_otherwise_is_refused_even_under_its_own_digest(tmp_path, monkeypatch, spelled):
    """Spaces, another order, a key given twice, a number of another type: one instance has one spelling."""
    with monkeypatch.context() as patch:
        patch.setattr(instance_files, "_canonical", spelled)
        save_instance(make_instance("planar", 3, samples=30), tmp_path / "spelled.npz")
    with pytest.raises(InputError, match=r"spelled\.npz.* head"):
        load_instance(tmp_path / "spelled.npz")


def test_the_digest_tells_types_shapes_and_names_apart():
    instance = make_instance("planar", 3, samples=20)
    same_bytes = [
        replace(instance, y=instance.y.view(np.int64)),
        replace(instance, X=instance.X.reshape(10, 40)),
        replace(instance, planted={"A": instance.planted["a"], **instance.planted}),
        replace(instance, planted={**instance.planted, "a": instance.planted["a"][:, None]}),
    ]
    digests = {instance_digest(other) for other in [instance, *same_bytes]}
    assert len(digests) == 5
    swapped = replace(instance, y=instance.y.astype(instance.y.dtype.newbyteorder()))
    assert instance_digest(swapped) == instance_digest(instance)


def test_a_small_file_cannot_expand_into_a_huge_instance_or_network(tmp_path):
    instance = make_instance("parity", 3)
    save_instance(instance, tmp_path / "instance.npz")
    parity = TwoLayerNetwork(*(instance.planted[name] for name in ("a", "W", "b")))
    parity.save(tmp_path / "network.npz")
    for load, name in ((load_instance, "instance.npz"), (TwoLayerNetwork.load, "network.npz")):
        load(tmp_path / name)
        with np.load(tmp_path / name) as file:
            np.savez_compressed(tmp_path / name, **file)
        with pytest.raises(InputError, match=f"{name} would take"):
            load(tmp_path / name)


def test_a_network_file_is_no_instance(tmp_path):
    np.savez(tmp_path / "samples.npz", X=np.eye(3), y=np.ones(3))
    with pytest.raises(InputError, match="not an intact instance file: it has no entry 'head'"):
        verify_instance(tmp_path / "samples.npz")
    with pytest.raises(InputError, match="cannot read"):
        verify_instance(tmp_path / "missing.npz")


@pytest.mark.parametrize("corrupt", ["label", "input", "weight", "truncated", None])
def test_the_command_line_as_a_process_refuses_what_is_changed(tmp_path, corrupt):
    instance = make_instance("planar", 5, samples=50)
    changes = {
        "label": functools.partial(with_array, name="y", change=nudged),
        "input": functools.partial(with_array, name="X", change=nudged),
        "weight": functools.partial(with_array, name="planted W", change=nudged),
    }
    path = tmp_path / "instance.npz"
    save_instance(changes.get(corrupt, lambda instance: instance)(instance), path)
    if corrupt == "truncated":
        DAMAGE["truncated"](path)
    done = subprocess.run(
        [sys.executable, "-m", "twolayer", "instance", "verify", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == (2 if corrupt else 0)
    assert done.stderr.count("\n") == bool(corrupt)
    assert ("accepted" in done.stdout) == (corrupt is None)
