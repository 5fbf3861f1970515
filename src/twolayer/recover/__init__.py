"""From samples to a network and a certificate: one method, one file."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from twolayer.activation import Activation
from twolayer.activation import activation as parse_activation
from twolayer.arrays import random_generator, whole_number
from twolayer.errors import InputError
from twolayer.evidence.columns import notes_on_columns
from twolayer.methods import RECOVERIES
from twolayer.recover.bias import with_bias_decided
from twolayer.recover.linked import with_link
from twolayer.recover.result import RecoveryError, Result, Step
from twolayer.rows.threads import threads_over_rows
from twolayer.samples import Samples
from twolayer.search.choosing import recover_unknown
from twolayer.search.conclusion import concluded
from twolayer.search.shared_choosing import recover_outputs

__all__ = ["RECOVERIES", "RecoveryError", "Result", "Step", "recover"]


def recover(
    X: ArrayLike,
    y: ArrayLike,
    width: int | Literal["auto"] = "auto",
    activation: str | Activation | Callable[..., Any] = "auto",
    *,
    bias: bool | Literal["auto"] | None = None,
    link: str = "identity",
    method: str = "auto",
    rng: np.random.Generator | int | None = None,
    progress: Callable[[str, int, float], None] | None = None,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
) -> Result:
    r"""Recover the two-layer network that made the samples, with a certificate.

    .. math:: y = \sum_{i=1}^m a_i\, \sigma(w_i\cdot x + b_i) + c

    is solved for a, W and, if asked for, b and c; with q outputs, the a_i and c are vectors and all outputs share the
    units. The signs of a are not given. The answer is exact where the labels
    are noiseless, and has standard errors where they are not. It is certified only if nothing of the inputs is left
    in the residual, the rows are enough to tell, and no other network near it fits.

    Parameters
    ----------
    X : array, shape (n, d)
        Inputs. The theory wants them standard Gaussian; the refinement takes any, and whitens for itself.
    y : array, shape (n,), (n, 1) or (n, q)
        Labels, of several outputs perhaps.
    width : int or "auto"
        The m. ``"auto"`` looks for the least that explains the rows.
    activation : str or Activation
        The σ. ``"auto"`` compares those of the table that need no arguments and are no polynomials.
    bias : bool, "auto" or None
        Whether the units have biases (and the network a constant). ``"auto"`` fits them, and leaves them out where none
        differs from zero by more than 6 standard errors and a network without them is certified. None is ``"auto"``
        where width or activation is to be found too, and else no biases.
    link : str
        A key of `LINKS`: labels are that function of the network's outputs, probabilities for instance. The network
        found is that behind the link; rows that the link saturates are left out. Of softmax, the outputs have the
        sum 0. ``"auto"`` tries those that the range of y allows, and takes the first that is certified.
    method : str
        A key of `RECOVERIES`; of several outputs, ``"auto"``.
    rng : Generator, int or None
        Of the random starts.
    progress : callable, optional
        Called with (stage, step, relative loss) as the work goes on.
    inputs, outputs : sequence of str, optional
        What the columns of X and y are called; by default as a data frame or a series says.

    Returns
    -------
    Result
        ``.network``, ``.status`` (its value is the advice), ``.certificate``, ``.history``, and ``.unwrap()``.

    Raises
    ------
    InputError
        If the samples are not finite numbers of matching shapes, or too large or too small to be squared, y is
        constant, the rows are not more than the parameters (the least number is named), or the activation, the width or
        the method is none.

    Notes
    -----
    Where width or activation is ``"auto"``, the certificate has the choice, what was tried beside it, and how much
    that leaves; the status is ``UNCLEAR_CHOICE`` where another activation explains the rows as well (under noise,
    softplus with large weights beside relu), or another width without more parameters. Two activations that write
    the same functions cannot be told apart (tanh and sigmoid, beside a constant): the one that needs no constant is
    chosen, and the other is named. An unknown width costs some 10 starts, an unknown activation some 30.

    A row that is a copy of another, label and all, is left out, unless some inputs come with several labels: then these
    were measured more than once. Of samples in single precision, a residual as small as its rounding is taken for that
    (twice the machine epsilon, of the spread of y), and not tested further.

    A start costs some 30 to 100 steps of O(n m d) multiply-adds each (times about 20), with at most 10 rows a
    parameter; the others are passed over a few times. Memory beyond the samples is O(n m), and that of the rows
    searched on. Orders of the samples needed, noiseless: 2 rows a parameter for squared ReLU, 4 for ReLU with many
    units.

    References
    ----------
    zhong2017recovery (setting, moments, conditioning); the lift and the exchange of units are this library's own.
    """
    units_given, sigma = given_width(width), given_activation(activation)
    if not isinstance(method, str) or method not in RECOVERIES:
        raise InputError(f"method must be one of {', '.join(RECOVERIES)}, found {method!r}")
    is_open = units_given is None or sigma is None
    has_biases = given_bias(bias, is_open=is_open)
    _require_automatic(method, is_open, link)
    generator = random_generator(rng)
    names_given: dict[str, Any] = {"inputs": inputs, "outputs": outputs}
    options: dict[str, Any] = {"method": method, "rng": generator, "progress": progress}
    if link != "identity":
        options["bias"] = bias
        result = with_link(lambda inner, labels: recover(inner, labels, width, activation, **options), X, y, link)
        dims = (result.network.dim, result.network.n_outputs)
        named = _names(X, inputs, dims[0], "inputs"), _names(y, outputs, dims[1], "outputs")
        return replace(result, inputs=named[0], outputs=named[1])
    if has_biases is None:

        def attempt(has_bias: bool, units: int | None = units_given, shape: Activation | None = sigma) -> Result:
            return recover(X, y, units or "auto", shape or "auto", bias=has_bias, **options, **names_given)

        return with_bias_decided(attempt)
    samples = Samples.of(X, y, has_biases, units_given or 1, sigma or parse_activation("relu"))
    if samples.n_outputs > 1 and method != "auto":
        raise InputError(f"the method {method} takes one output, found {samples.n_outputs}: the method auto takes them")
    began, history = time.perf_counter(), []

    def report(stage: str, step: int, loss: float) -> None:
        history.append(Step(stage, step, loss, time.perf_counter() - began))
        if progress is not None:
            progress(stage, step, loss)

    # trial points far out overflow: they are passed over, and nobody needs to hear of it
    with threads_over_rows(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if samples.n_outputs > 1:
            verdict = recover_outputs(samples, units_given, sigma, rng=generator, report=report)
        elif units_given is None or sigma is None:
            verdict = recover_unknown(samples, units_given, sigma, rng=generator, report=report)
        else:
            found = RECOVERIES[method](samples, units_given, sigma, rng=generator, report=report)
            verdict = concluded(found, report, samples.coordinates)
    network, status, certificate = verdict
    if samples.n_rows < samples.n_given:
        copies = samples.n_given - samples.n_rows
        note = f"Of the {samples.n_given} rows given, {copies} are copies of others, label and all, and do not count."
        certificate = replace(certificate, notes=(*certificate.notes, note))
    names = _names(X, inputs, samples.dim, "inputs"), _names(y, outputs, samples.n_outputs, "outputs")
    if not status.is_certified:
        notes = notes_on_columns(np.asarray(X), samples.has_bias, names[0])
        certificate = replace(certificate, notes=(*certificate.notes, *notes))
    return Result(network, status, certificate, tuple(history), *names, (X, y))


def _names(given: ArrayLike, said: Sequence[str] | None, count: int, kind: str) -> tuple[str, ...] | None:
    """What the columns of an array, a data frame or a series are called."""
    if said is None:
        said = getattr(given, "columns", None)
    if said is None:
        name = getattr(given, "name", None)
        said = None if name is None else [name]
    names = None if said is None else tuple(str(name) for name in said)
    if names is not None and len(names) != count:
        raise InputError(f"there must be {count} names of {kind}, found {len(names)}")
    return names


def given_bias(bias: bool | str | None, *, is_open: bool) -> bool | None:
    """Whether there are biases; None where that is to be decided: asked for, or not said of what is open."""
    if bias is None:
        return None if is_open else False
    if isinstance(bias, str) and bias == "auto":
        return None
    if not isinstance(bias, bool | np.bool_):
        raise InputError(f"bias must be True, False or 'auto', found {bias!r}")
    return bool(bias)


def _require_automatic(method: str, is_open: bool, link: str) -> None:
    """Refuse a method of a paper where only the default knows what to do."""
    if method != "auto" and is_open:
        raise InputError(f"the method {method} needs a width and an activation, only the method auto can choose them")
    if method != "auto" and link != "identity":
        raise InputError(f"the method {method} knows no link: give the outputs themselves, or the method auto")


def given_width(width: int | str) -> int | None:
    """The width, None for ``"auto"``; refuses what is neither."""
    if isinstance(width, str):
        if width != "auto":
            raise InputError(f"width must be a whole number of at least 1, or 'auto', found {width!r}")
        return None
    return whole_number(width, "width")


def given_activation(activation: str | Activation | Callable[..., Any]) -> Activation | None:
    """The activation, None for ``"auto"``."""
    if isinstance(activation, str) and activation == "auto":
        return None
    if isinstance(activation, str) and re.search(r"\bauto\b", activation):
        raise InputError(
            f"'auto' stands alone, found {activation!r}: give the activation, as in scaled(tanh,2), or 'auto' only"
        )
    try:
        return parse_activation(activation)
    except InputError as refusal:
        raise InputError(f"{refusal}; 'auto' lets the samples choose") from None
