r"""The random M that turns a sign-CNN, whatever its filter, into a random network (daniely2020hardness, section 4).

With W the matrix of a sign-CNN and :math:`x' = (M^\top)^{-1}x`, :math:`W' = MW`, every preactivation stays what it was,
and the labels with them. The law of M is such that W' has the law wanted: a filter of ±1 only flips signs of M's
symmetric entries. Here W has units as rows, so that W' is ``(k, n)``.

In the fully connected case M consists of k × k diagonal blocks of size t. Put in the order of the coordinates within a
patch, it falls apart into t matrices M_r of size k × k, and those are what is inverted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from twolayer.arrays import frozen_array, whole_number
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.one_line import in_one_line
from twolayer.papers.daniely2020hardness.instances.formula import Seed
from twolayer.papers.daniely2020hardness.instances.laws import Matrix, WeightLaw

__all__ = ["ConvolutionalTransform", "FullyConnectedTransform", "convolutional_transform", "fully_connected_transform"]

_LARGEST_CONDITION = 1e9  # of a block: beyond it, labels would be off by more than 1e-6
_MOST_ENTRIES = 1 << 27  # of M and of the coordinates added: a GiB


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class FullyConnectedTransform:
    r"""One draw of M for a fully connected network.

    Attributes
    ----------
    law : WeightLaw
    blocks : array, shape (t, k, k)
        :math:`(M_r)_{ij} = z^{ij}_r`.
    draw_fresh : callable
        Draws `fresh`, which nothing but `weights` needs.
    inverse : scipy.sparse.csr_array, shape (kt, n)
        The map :math:`x^\top \mapsto x'^\top`, n = kt + e.
    least_singular_value : float
        s_min(M), the least over the blocks, before weights are coloured by √Σ.
    redraws : int
        How many singular blocks were drawn anew.
    """

    law: WeightLaw
    blocks: NDArray[np.float64]
    draw_fresh: Callable[[], Matrix]
    inverse: sparse.csr_array
    least_singular_value: float
    redraws: int

    @cached_property
    def fresh(self) -> Matrix:
        """Independent entries (k, e) for e coordinates that are added as zeros."""
        return self.draw_fresh()

    def inputs(self, X: sparse.csr_array) -> sparse.csr_array:
        """Inputs of the sign-CNN (m, kt) → inputs of the random network (m, n), with at most k times the non-zeros."""
        return _mapped(X, self.inverse)

    def weights(self, w: ArrayLike) -> Matrix:
        """Make the random network's weights (k, n) of the filter (t,) of a sign-CNN."""
        t, k, _ = self.blocks.shape
        signs = _checked_filter(w, t)
        own = (self.blocks * signs[:, None, None]).transpose(2, 1, 0).reshape(k, k * t)
        entries = np.concatenate([own, self.fresh], axis=1)
        return entries if self.law.covariance is None else self.law.units(entries)


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class ConvolutionalTransform:
    r"""One draw of :math:`\operatorname{diag}(z)` for a convolutional network.

    Attributes
    ----------
    law : WeightLaw
    entries : array, shape (t,)
        The z.
    inverse : scipy.sparse.csr_array, shape (t, t)
        The map of a patch as a row.
    least_singular_value : float
        min |z_r|, before weights are coloured by √Σ.
    redraws : int
        How many entries that were too small were drawn anew.
    """

    law: WeightLaw
    entries: NDArray[np.float64]
    inverse: sparse.csr_array
    least_singular_value: float
    redraws: int

    def inputs(self, X: sparse.csr_array) -> sparse.csr_array:
        """Inputs of the sign-CNN (m, kt) → inputs of the random CNN (m, kt), patch by patch."""
        (m, n), t = X.shape, len(self.entries)
        if n % t:
            raise InputError(f"patches of {t} coordinates do not divide inputs of {n}")
        row = np.repeat(np.arange(m), np.diff(X.indptr))
        occupied, patch = np.unique(row * (n // t) + X.indices // t, return_inverse=True)  # spare patches stay zero
        moved = sparse.csr_array((X.data, (patch, X.indices % t)), shape=(len(occupied), t)) @ self.inverse
        owner = np.repeat(occupied, np.diff(moved.indptr))
        row, column = owner // (n // t), owner % (n // t) * t + moved.indices
        image = sparse.csr_array((moved.data, (row, column)), shape=(m, n))
        image.sort_indices()
        return image

    def weights(self, w: ArrayLike) -> NDArray[np.float64]:
        """Make the random filter (t,) of the filter (t,) of a sign-CNN."""
        entries = self.entries * _checked_filter(w, len(self.entries))
        return entries if self.law.covariance is None else self.law.units(entries[None])[0]


def fully_connected_transform(
    law: WeightLaw, patch_size: int, n_patches: int, n_added: int = 0, rng: Seed = None
) -> FullyConnectedTransform:
    r"""Draw M for a fully connected network of k units.

    Parameters
    ----------
    law : WeightLaw
        Of the units. A covariance has dimension kt + e.
    patch_size, n_patches : int
        The t and k of the sign-CNN.
    n_added : int
        Coordinates e added to the inputs as zeros: how the paper reaches the norm n^ε. None with "sphere", where a unit
        must have all its length in M.
    rng : numpy.random.Generator or int or None

    Returns
    -------
    FullyConnectedTransform

    Raises
    ------
    InputError
        If coordinates are added with "sphere", the covariance has another dimension, or M more than 2^27 entries, see
        `require_entries`; or if blocks stay singular.

    Notes
    -----
    A block with condition number above 1e9 counts as singular and is drawn anew, so that the law is the one of M given
    that it can be inverted: singular blocks of ±r are frequent for small k. Time O(tk³), memory O(tk²).
    """
    t, k = whole_number(patch_size, "the size of a patch"), whole_number(n_patches, "the number of patches")
    added = whole_number(n_added, "the number of added coordinates", least=0)
    require_entries(t, k, added)
    n = k * t + added
    if law.name == "sphere" and added:
        raise InputError(f"no coordinates can be added with the law 'sphere', found {added}; nearest allowed: 0")
    if law.covariance is not None and law.covariance.dim != n:
        raise InputError(f"the covariance must have dimension {n}, found {law.covariance.dim}")
    rng = np.random.default_rng(rng)
    blocks, redraws = _invertible_blocks(law, t, k, rng)
    if law.name == "sphere":
        blocks *= law.scale / np.sqrt((blocks**2).sum(axis=(0, 1)))
    least = float(np.linalg.svd(blocks, compute_uv=False)[:, -1].min())
    inverse = _scattered_blocks(np.linalg.inv(blocks), n)
    if law.covariance is not None:
        inverse = inverse @ law.covariance.inverse_factor
    draw_fresh = partial(law.entries, (k, added), rng.spawn(1)[0])
    return FullyConnectedTransform(law, blocks, draw_fresh, inverse, least, redraws)


def require_entries(patch_size: int, n_patches: int, n_added: int) -> None:
    """Refuse a fully connected transform of more than 2^27 entries, tk² of M and ke of the coordinates added.

    Raises
    ------
    InputError
        Which names the nearest number allowed.
    """
    t, k, added = patch_size, n_patches, n_added
    own = t * k * k
    if own + k * added <= _MOST_ENTRIES:
        return
    if own > _MOST_ENTRIES:
        nearest = f"{isqrt(_MOST_ENTRIES // t)} patches" if t <= _MOST_ENTRIES else f"patches of {_MOST_ENTRIES}"
    else:
        nearest = f"{(_MOST_ENTRIES - own) // k} added coordinates"
    raise InputError(
        f"M has {t} blocks of size {k} and {added} added coordinates, {own + k * added} entries, and at most"
        f" {_MOST_ENTRIES} are allowed; nearest allowed: {nearest}"
    )


def convolutional_transform(law: WeightLaw, patch_size: int, rng: Seed = None) -> ConvolutionalTransform:
    r"""Draw z for a random filter: patches are divided by z, and the filter multiplied by it.

    Parameters
    ----------
    law : WeightLaw
        Of the filter. A covariance has dimension t.
    patch_size : int
        The t.
    rng : numpy.random.Generator or int or None

    Returns
    -------
    ConvolutionalTransform

    Raises
    ------
    InputError
        If the covariance has another dimension.

    Notes
    -----
    An entry below 1e-9 of the largest counts as singular, as in `fully_connected_transform`.
    """
    t = whole_number(patch_size, "the size of a patch")
    if law.covariance is not None and law.covariance.dim != t:
        raise InputError(f"the covariance must have dimension {t}, found {law.covariance.dim}")
    rng = np.random.default_rng(rng)
    z, redraws = law.entries((t,), rng), 0
    small = np.flatnonzero(np.abs(z) <= np.abs(z).max() / _LARGEST_CONDITION)
    while len(small):
        redraws += len(small)
        z[small] = law.entries((len(small),), rng)
        small = np.flatnonzero(np.abs(z) <= np.abs(z).max() / _LARGEST_CONDITION)
    if law.name == "sphere":
        z = law.units(z[None])[0]
    inverse = sparse.csr_array(sparse.diags_array(1 / z))
    if law.covariance is not None:
        inverse = inverse @ law.covariance.inverse_factor
    return ConvolutionalTransform(law, z, inverse, float(np.abs(z).min()), redraws)


def _invertible_blocks(law: WeightLaw, t: int, k: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], int]:
    """Blocks (t, k, k) of independent entries, the singular ones drawn anew, and how often."""
    most_rounds = 10_000  # of redrawing; a block of random signs is singular at most one time in two
    blocks, redraws = law.entries((t, k, k), rng), 0
    suspect = np.arange(t)
    for _ in range(most_rounds):
        values = np.linalg.svd(blocks[suspect], compute_uv=False)
        suspect = suspect[values[:, -1] * _LARGEST_CONDITION <= values[:, 0]]
        if not len(suspect):
            return blocks, redraws
        redraws += len(suspect)
        blocks[suspect] = law.entries((len(suspect), k, k), rng)
    raise InputError(f"{len(suspect)} blocks of size {k} stayed singular over {most_rounds} draws")


def _scattered_blocks(inverses: NDArray[Any], n: int) -> sparse.csr_array:
    r"""Put k × k matrices (t, k, k) into the map of rows: row (i, r) has :math:`(M_r^{-1})_{ij}` in column (j, r)."""
    t, k, _ = inverses.shape
    columns = np.arange(t, dtype=np.int32)[:, None] + t * np.arange(k, dtype=np.int32)
    indices = np.broadcast_to(columns, (k, t, k)).reshape(-1)
    ends = np.arange(k * t + 1, dtype=np.int32) * k
    return sparse.csr_array((inverses.transpose(1, 0, 2).reshape(-1), indices, ends), shape=(k * t, n))


def _mapped(X: sparse.csr_array, inverse: sparse.csr_array) -> sparse.csr_array:
    if X.shape[1] != inverse.shape[0]:
        raise InputError(f"inputs must have {inverse.shape[0]} coordinates, found {X.shape[1]}")
    image = sparse.csr_array(X @ inverse)
    image.sort_indices()
    return image


def _checked_filter(w: ArrayLike, t: int) -> NDArray[np.float64]:
    signs = frozen_array(w, "the filter", ndim=1)
    if signs.shape != (t,) or not np.isin(signs, (-1, 1)).all():
        raise InputError(f"the filter must consist of {t} numbers −1 or 1, found shape {signs.shape}")
    return signs
