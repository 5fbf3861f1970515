"""A family of its own: sparse inputs, options of every type, and what its author has got wrong."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from twolayer import InputError
from twolayer.instances import Claim, Family, load_instance, save_instance
from twolayer.papers.daniely2020hardness.instances.laws import WeightLaw
from twolayer.papers.families import FAMILIES, make_instance
from twolayer.papers.verification import verify_instance


def _draw_sparse(rng, *, samples, share, name, dense):
    X = sparse.random_array((samples, 6), density=share, rng=rng, format="csr")
    X = X.toarray() if dense else X
    w = rng.integers(1, 5, 6)
    return X, X @ w, {"w": w}, Claim(f"None of {name}.", "none", "none", {"nonzeros": int((X != 0).sum())})


SPARSE = Family(
    name="sparse",
    summary="Sparse inputs.",
    citation="nobody",
    defaults={"samples": 20, "share": 0.3, "name": "it", "dense": False},
    source=_draw_sparse,
    labels=lambda planted, X: X @ planted["w"],
    sizes=lambda X, *_: {"nonzeros": int((X != 0).sum())},
    tolerance=1e-12,
    explanations={"samples": "How many.", "share": "Of what is not zero.", "name": "Its name.", "dense": "Or not."},
)


@pytest.fixture
def sparse_family(monkeypatch):
    monkeypatch.setitem(FAMILIES, "sparse", SPARSE)


def test_sparse_inputs_stay_sparse(sparse_family, tmp_path):
    instance = make_instance("sparse", 3)
    save_instance(instance, tmp_path / "sparse.npz")
    loaded = load_instance(tmp_path / "sparse.npz")
    assert isinstance(loaded.X, sparse.csr_array)
    np.testing.assert_array_equal(loaded.X.toarray(), instance.X.toarray())
    assert verify_instance(tmp_path / "sparse.npz").family == "sparse"


@pytest.mark.parametrize(
    "change",
    [
        lambda X: X.indices.__setitem__(0, 100),
        lambda X: X.indices.__setitem__(0, -1),
        lambda X: X.indptr.__setitem__(3, 10_000),
        lambda X: X.indptr.__setitem__(0, 1),
        lambda X: X.data.__setitem__(0, np.nan),
        lambda X: X.indices.__setitem__(slice(0, 2), X.indices[1::-1].copy()),
    ],
)
def test_sparse_inputs_that_are_inconsistent_or_moved_are_refused(sparse_family, tmp_path, change):
    instance = make_instance("sparse", 3, share=0.9)
    change(instance.X)
    save_instance(instance, tmp_path / "forged.npz")
    with pytest.raises(InputError, match="X"):
        verify_instance(tmp_path / "forged.npz")


def test_a_sparse_file_that_would_reach_beyond_its_arrays_is_not_even_loaded(sparse_family, tmp_path):
    for change in (lambda X: X.indices.__setitem__(0, 100), lambda X: X.indptr.__setitem__(3, 10_000)):
        instance = make_instance("sparse", 3)
        change(instance.X)
        save_instance(instance, tmp_path / "forged.npz")
        with pytest.raises(InputError, match="its sparse X is inconsistent"):
            load_instance(tmp_path / "forged.npz")


def test_dense_inputs_in_place_of_sparse_ones_are_refused(sparse_family):
    instance = make_instance("sparse", 3)
    with pytest.raises(InputError, match="X"):
        verify_instance(replace(instance, X=instance.X.toarray()))


def test_labels_and_sizes_are_computed_from_the_arrays_whatever_the_seed_says(sparse_family, monkeypatch):
    """A family whose own draw is wrong is found out: what it makes is not what it says of it."""
    wrong_label = replace(SPARSE, labels=lambda planted, X: X @ planted["w"] + 1)
    monkeypatch.setitem(FAMILIES, "sparse", wrong_label)
    with pytest.raises(InputError, match=r"its y at 0 is .* and from the planted network it is"):
        verify_instance(make_instance("sparse", 3))
    wrong_size = replace(SPARSE, sizes=lambda *_: {"nonzeros": 1})
    monkeypatch.setitem(FAMILIES, "sparse", wrong_size)
    with pytest.raises(InputError, match=r"states nonzeros = \d+, and computed from its arrays it is 1"):
        verify_instance(make_instance("sparse", 3))


# --- options ---


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sample": 3}, ["sparse", "'sample'", "samples, share, name, dense"]),
        ({"samples": 3.5}, ["samples must be an integer, found 3.5"]),
        ({"s" * 10_000: 3}, [f"no option '{40 * 's'}';"]),
        ({"samples": True}, ["samples", "True"]),
        ({"share": "half"}, ["share", "'half'"]),
        ({"share": float("nan")}, ["share", "nan"]),
        ({"name": 3}, ["name", "3"]),
        ({"dense": 1}, ["dense", "1"]),
    ],
)
def test_an_option_that_is_unknown_or_of_another_type_is_refused(sparse_family, options, words):
    with pytest.raises(InputError) as refusal:
        make_instance("sparse", 0, **options)
    for word in words:
        assert word in str(refusal.value)


@pytest.mark.parametrize("samples", [10**15, 2**62, 10**30])
def test_an_instance_beyond_every_memory_is_refused(samples):
    with pytest.raises(InputError, match=r"planar needs about .* GB of memory"):
        make_instance("planar", 0, samples=samples)


LARGE = {
    "overcomplete": {"samples": 10**8},
    "haar": {"dim": 10**6, "width": 10**6},
    "sign_cnn": {"samples": 10**8},
    "random_network": {"samples": 10**7},
    "random_cnn": {"samples": 10**8},
    "easy_twin": {"samples": 10**8, "twin": "gaussian_inputs"},
    "planar": {"samples": 10**8, "dim": 100},
    "parity": {"samples": 10**8},
    "halfspaces": {"halfspaces": 10**9},
    "cosine": {"harmonics": 10**9},
}


@pytest.mark.parametrize("family", FAMILIES)
def test_an_instance_beyond_this_memory_is_refused_before_it_is_made(family, monkeypatch):
    monkeypatch.setattr("twolayer.papers.families.memory_bytes", lambda: 1 << 33)
    monkeypatch.setitem(FAMILIES, family, replace(FAMILIES[family], source=lambda *_, **__: None))
    with pytest.raises(InputError, match=f"{family} needs about [0-9.e+]+ GB of memory with these options") as refusal:
        make_instance(family, 0, **LARGE[family])
    assert "\n" not in str(refusal.value)
    with pytest.raises(TypeError):  # the defaults need less, and are asked to be drawn
        make_instance(family, 0)


def test_inputs_that_a_file_only_claims_to_have_are_not_made(monkeypatch):
    """Where nothing is planted, the coordinates that are added have no weights to be drawn."""
    made = make_instance("random_network", 0, is_scattered=True)
    more = 3_571_428
    X = sparse.csr_array((made.X.data, made.X.indices, made.X.indptr), shape=(len(made.y), made.X.shape[1] + more))
    forged = replace(made, X=X, options={**made.options, "added": more})

    def entries(self, shape, rng):
        assert np.prod(shape) < more
        return drawn(self, shape, rng)

    drawn = WeightLaw.entries
    monkeypatch.setattr(WeightLaw, "entries", entries)
    with pytest.raises(InputError, match="its statement is"):
        verify_instance(forged)


@pytest.mark.parametrize(
    ("family", "options", "word"),
    [
        ("planar", {"activation": "polynomial(1,2,3,4,5,6,7,8,1e300)"}, "beyond floating point"),
        ("random_network", {"epsilon": 1e300, "samples": 50}, "a number is too large"),
        ("halfspaces", {"largest_weight": 10**20}, "largest_weight must be below 1099511627776, found 1000"),
        ("halfspaces", {"largest_bias": 2**40}, "largest_bias must be below 1099511627776, found 1099511627776"),
        ("overcomplete", {"a1": float("inf")}, "a1 must be a finite number, found inf"),
        ("overcomplete", {"a1": -float("inf")}, "a1 must be a finite number, found -inf"),
    ],
)
def test_numbers_beyond_floating_point_are_refused(family, options, word):
    with pytest.raises(InputError, match=word):
        make_instance(family, 0, **options)


def test_a_mistake_of_a_family_is_not_taken_for_one_of_its_options(sparse_family, monkeypatch):
    def draw(rng, **options):
        return np.ones(3) + np.ones(4), None, None, None

    monkeypatch.setitem(FAMILIES, "sparse", replace(SPARSE, source=draw))
    with pytest.raises(ValueError, match="broadcast") as mistake:
        make_instance("sparse", 0)
    assert not isinstance(mistake.value, InputError)


def test_options_become_pythons_own_numbers(sparse_family):
    made = make_instance("sparse", np.int64(3), samples=np.int64(10), share=1, dense=np.bool_(True))
    assert [type(value) for value in made.options.values()] == [int, float, str, bool]
    assert (made.seed, type(made.seed), made.X.shape) == (3, int, (10, 6))


def test_a_seed_or_a_family_that_there_is_not_is_refused():
    with pytest.raises(InputError, match="seed must be an integer of at least 0, found -1"):
        make_instance("planar", -1)
    with pytest.raises(InputError, match=f"unknown family 'plnar'; known are {', '.join(FAMILIES)}"):
        make_instance("plnar")
    with pytest.raises(InputError, match=f"^unknown family '{40 * 'x'}'; known"):
        make_instance(10_000 * "x")


def test_numbers_beyond_64_bits_come_back_exactly(sparse_family, monkeypatch, tmp_path):
    def draw(rng, **options):
        X, y, planted, claim = _draw_sparse(rng, **options)
        return X, y, planted, replace(claim, sizes={"count": 3**100, "bound": 1e-300})

    sizes = {"count": 3**100, "bound": 1e-300}
    monkeypatch.setitem(FAMILIES, "sparse", replace(SPARSE, source=draw, sizes=lambda *_: sizes))
    save_instance(make_instance("sparse", 2**70), tmp_path / "big.npz")
    loaded = load_instance(tmp_path / "big.npz")
    assert (loaded.seed, dict(loaded.claim.sizes)) == (2**70, sizes)
    assert verify_instance(tmp_path / "big.npz").family == "sparse"
