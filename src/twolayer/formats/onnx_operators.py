"""ONNX operators that act on whole tensors: layers, shapes, and what is folded into them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.formats.onnx_functions import FUNCTIONS
from twolayer.formats.steps import Step, against
from twolayer.formats.values import (
    BATCH,
    Combination,
    Elementwise,
    Inputs,
    Labels,
    Linked,
    NotTwoLayers,
    Value,
    check_size,
)

__all__ = ["OPERATORS"]

Array = NDArray[Any]


# --------------------------------------------------------------------------------------------------------------- layers


def _matmul(step: Step) -> Value:
    one, other = step.inputs
    if isinstance(other, np.ndarray):
        if isinstance(one, Inputs) and len(one.shape) == 1 and one.shape == other.shape[:1]:
            return one.layer(other)
        value = step.model.combination(one)
        if not value.shape or value.shape[-1] != other.shape[0 if other.ndim == 1 else -2] or other.ndim > 2:
            raise NotTwoLayers(f"it multiplies {value.shape} by {other.shape}")
        return value.mapped(lambda stack: stack @ other, mixes=True)
    if isinstance(one, np.ndarray):
        value = step.model.combination(other)
        if len(value.shape) < 2:
            raise NotTwoLayers("it multiplies from the left, across the rows")
        return value.mapped(lambda stack: one @ stack, mixes=True)
    raise NotTwoLayers("it multiplies two values that both depend on the inputs")


def _gemm(step: Step) -> Value:
    options = step.options
    value, weights = step.get(0), step.constant(1, "weights")
    if options.get("transA"):
        raise NotTwoLayers("it takes its rows as columns")
    value = value if isinstance(value, Inputs) else step.combination()
    weights = options.get("alpha", 1.0) * (weights.T if options.get("transB") else weights)
    if len(value.shape) != 1 or weights.ndim != 2 or value.shape[0] != weights.shape[0]:
        raise NotTwoLayers(f"it multiplies {value.shape} by {weights.shape}")
    if isinstance(value, Inputs):
        result = value.layer(weights)
    else:
        result = value.mapped(lambda stack: stack @ weights, mixes=True)
    if step.get(2) is None:
        return result
    return result.plus(against(options.get("beta", 1.0) * step.constant(2, "bias"), result))


def _by_reference(step: Step) -> Value:
    """An operator that is linear in its first input, run on the coefficients as if they were rows."""
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    value = step.combination()
    weights = [step.constant(place, "weights") for place in range(1, min(len(step.inputs), 2))]
    names = [f"i{place}" for place in range(1 + len(weights))]
    node = helper.make_node(step.operator, names, ["y"], **step.options)
    run: Any = ReferenceEvaluator(node)
    fed: dict[str, Any] = dict(zip(names[1:], weights, strict=True))
    result = value.mapped(lambda stack: run.run(None, {**fed, "i0": stack})[0], mixes=True)
    if step.get(2) is not None:
        bias = step.constant(2, "bias")
        result = result.plus(bias.reshape(len(bias), *(1,) * (len(result.shape) - 1)))
    return result


def _batch_normalization(step: Step) -> Value:
    if step.options.get("training_mode"):
        raise NotTwoLayers("it normalises by the rows that are asked for, as in training")
    names = ("scale", "bias", "mean", "variance")
    scale, bias, mean, variance = (step.constant(place, name) for place, name in enumerate(names, 1))
    factor = scale / np.sqrt(variance + step.options.get("epsilon", 1e-5))
    return _moved_and_stretched(step, factor, bias - mean * factor, channels=True)


def _scaler(step: Step) -> Value:
    offset, scale = (
        np.asarray(step.options.get(name, default), float) for name, default in (("offset", 0.0), ("scale", 1.0))
    )
    return _moved_and_stretched(step, scale, -offset * scale)


def _moved_and_stretched(step: Step, factor: Array, shift: Array, *, channels: bool = False) -> Value:
    value = step.get(0)
    rank = len(value.shape)
    if channels and rank > 1:
        factor, shift = (each.reshape(-1, *(1,) * (rank - 1)) for each in (factor, shift))
    if isinstance(value, Elementwise):
        return value.after(lambda t: factor * t + shift, step.operator)
    value = value if isinstance(value, Inputs) else step.model.combination(value)
    return value.times(factor).plus(np.asarray(shift))


def _quantize(step: Step) -> Value:
    """To levels and back: the steps are left out, and where they end is kept if it is a ramp."""
    value = step.get(0)
    scale, zero = step.constant(1, "scale"), step.get(2)
    zero = np.zeros(1, np.uint8) if zero is None else zero
    if zero.dtype.kind not in "iu":
        raise NotTwoLayers("it rounds to numbers of a kind that is not read")
    kept = step.model
    kept.note(f"The file rounds on the way, to steps such as {float(np.max(scale)):.3g}; the network does not.")
    is_raw = isinstance(value, Combination | Inputs) and (not value.is_mixed or value.has_units)
    begins_at_zero = int(np.max(zero)) == np.iinfo(zero.dtype).min
    if begins_at_zero and not is_raw:
        return kept.elementwise(value).after(lambda t: np.maximum(t, 0), step.operator)
    return value


# --------------------------------------------------------------------------------------------------------------- shapes


def _same(step: Step) -> Value:
    return step.get(0)


def _cast(step: Step) -> Value:
    value = step.get(0)
    if step.options.get("to") not in (1, 9, 10, 11, 16) and not isinstance(value, Labels):
        raise NotTwoLayers("it rounds to whole numbers")
    return value


def _in_shape(step: Step, shape: tuple[int, ...]) -> Value:
    value = step.get(0)
    if isinstance(value, Labels):
        return value
    if int(np.prod(shape, dtype=int)) != int(np.prod(value.shape, dtype=int)):
        raise NotTwoLayers(f"it makes {shape} of {value.shape} in each row")
    return value.reshaped(shape)


def _reshape(step: Step) -> Value:
    value = step.get(0)
    if isinstance(value, Labels):
        return value
    target = [int(size) for size in step.constant(1, "shape").ravel()]
    if not target:
        raise NotTwoLayers("it makes one number of all rows")
    size = int(np.prod(value.shape, dtype=int))
    first, rest = target[0], target[1:]
    rest = [value.shape[i] if one == 0 and i < len(value.shape) else one for i, one in enumerate(rest)]
    if -1 in rest:
        others = int(np.prod([one for one in rest if one != -1], dtype=int))
        if others == 0 or size % others:
            raise NotTwoLayers(f"it makes {target} of {value.shape} in each row")
        rest[rest.index(-1)] = size // others
    if first not in (0, -1, BATCH, step.rows or BATCH) or any(one < 0 for one in rest):
        raise NotTwoLayers(f"it mixes rows, making {target} of {value.shape} in each row")
    return _in_shape(step, tuple(rest))


def _flatten(step: Step) -> Value:
    value = step.get(0)
    axis = step.options.get("axis", 1)
    axis += (1 + len(value.shape)) if axis < 0 else 0
    if axis < 1:
        raise NotTwoLayers("it mixes rows")
    before = int(np.prod(value.shape[: axis - 1], dtype=int))
    if before != 1:
        raise NotTwoLayers("it mixes rows with what is in them")
    return _in_shape(step, (int(np.prod(value.shape, dtype=int)),))


def _axes(step: Step, rank: int) -> list[int]:
    """Axes of a tensor of so many (that of rows included), by an input or an attribute, without that of rows."""
    given = step.options.get("axes", step.options.get("axis")) if step.get(1) is None else step.constant(1, "axes")
    axes = [int(axis) + rank * (int(axis) < 0) for axis in np.ravel(np.asarray([] if given is None else given))]
    if any(not 1 <= axis < rank for axis in axes):
        raise NotTwoLayers("it takes an axis that is that of the rows, or none")
    return axes


def _squeeze(step: Step) -> Value:
    value = step.get(0)
    if isinstance(value, Labels):
        return value
    axes = _axes(step, 1 + len(value.shape))
    kept = [size for i, size in enumerate(value.shape, 1) if (i not in axes if axes else size != 1)]
    return _in_shape(step, tuple(kept))


def _unsqueeze(step: Step) -> Value:
    value = step.get(0)
    given = np.asarray(step.options.get("axes") if step.get(1) is None else step.constant(1, "axes"))
    rank = 1 + len(value.shape) + np.size(given)
    shape = list(value.shape)
    for axis in sorted(int(one) + rank * (int(one) < 0) for one in np.ravel(given)):
        if not 1 <= axis <= len(shape) + 1:
            raise NotTwoLayers("it puts an axis before that of the rows")
        shape.insert(axis - 1, 1)
    return _in_shape(step, tuple(shape))


def _transpose(step: Step) -> Value:
    value = step.get(0)
    rank = 1 + len(value.shape)
    order = list(step.options.get("perm", range(rank)[::-1]))
    if order[0] != 0:
        raise NotTwoLayers("it takes its rows as columns")
    if isinstance(value, Linked):
        raise NotTwoLayers("it turns what the last function gives")
    return value.moved(tuple(axis - 1 for axis in order[1:]))


def _concat(step: Step) -> Value:
    links = [value for value in step.inputs if isinstance(value, Linked)]
    shapes = [value.shape for value in step.inputs if not isinstance(value, np.ndarray)]
    axis = step.options.get("axis", 1)  # the operator of columns has none
    axis += (1 + len(shapes[0])) if axis < 0 else 0
    if axis < 1:
        raise NotTwoLayers("it puts rows below rows")
    if links:
        if len(links) < len(step.inputs) or {one.link for one in links} != {"logistic"}:
            raise NotTwoLayers("it puts together what different functions give")
        return Linked(_beside([one.inner for one in links], axis), "logistic")
    parts = [each for each in step.inputs if not isinstance(each, np.ndarray)]
    if len(parts) < len(step.inputs):
        raise NotTwoLayers("it puts a constant beside values")
    return _beside([step.model.combination(part) for part in parts], axis)


def _beside(parts: list[Combination], axis: int) -> Combination:
    size = max(len(part.stack) for part in parts)
    check_size(size, (len(parts), max(int(np.prod(part.shape)) for part in parts)))
    stacks = [np.concatenate([part.stack, np.zeros((size - len(part.stack), *part.shape))]) for part in parts]
    try:
        stack = np.concatenate(stacks, axis=axis)
    except ValueError:
        raise NotTwoLayers("it puts entries together that do not fit") from None
    return Combination(stack, parts[0].dim, any(part.is_mixed for part in parts))


def _gather(step: Step) -> Value:
    value, places = step.get(0), step.constant(1, "indices")
    axis = step.options.get("axis", 0)
    if isinstance(value, Labels | np.ndarray):
        raise NotTwoLayers("it looks up by what it computes")
    axis += (1 + len(value.shape)) if axis < 0 else 0
    if axis < 1:
        raise NotTwoLayers("it chooses rows")
    check_size(1 + step.model.dim + len(step.model.rows), (*value.shape, places.size))
    return _part(step, lambda stack: np.take(stack, places.astype(int), axis=axis))


def _columns(step: Step) -> Value:
    """Columns by their numbers, of the operators for tables."""
    value, places = step.get(0), step.get(1)
    if isinstance(value, np.ndarray) or isinstance(places, Labels):
        return Labels()  # names of classes, looked up
    return _part(step, lambda stack: np.take(stack, np.ravel(places).astype(int), axis=-1))


def _part(step: Step, chosen: Callable[[Array], Array]) -> Value:
    value = step.get(0)
    if isinstance(value, Linked):
        if value.link == "softmax":
            raise NotTwoLayers("it takes some of the outputs after they were normalised")
        return Linked(value.inner.mapped(chosen), value.link)
    try:
        return step.model.combination(value).mapped(chosen)
    except IndexError:
        raise NotTwoLayers("it takes entries that there are not") from None


def _slice(step: Step) -> Value:
    rank = 1 + len(step.get(0).shape)
    names = ("starts", "ends", "axes", "steps")
    given = [
        step.options.get(name) if step.get(place) is None else step.constant(place, name)
        for place, name in enumerate(names, 1)
    ]
    starts, ends = (np.ravel(np.asarray(each)).astype(int) for each in given[:2])
    axes = np.arange(len(starts)) if given[2] is None else np.ravel(given[2]).astype(int)
    steps = np.ones(len(starts), int) if given[3] is None else np.ravel(given[3]).astype(int)
    cuts = [slice(None)] * rank
    for start, end, axis, by in zip(starts, ends, axes % rank, steps, strict=True):
        is_all = axis == 0 and start == 0 and by == 1 and end >= np.iinfo(np.int32).max
        if axis == 0 and not is_all:
            raise NotTwoLayers("it chooses rows")
        if not is_all:
            backwards_to_the_first = by < 0 and end < -_size(step, int(axis))
            cuts[axis] = slice(start, None if backwards_to_the_first else end, by)
    return _part(step, lambda stack: stack[tuple(cuts)])


def _size(step: Step, axis: int) -> int:
    """The size of an axis of the first input, that of rows being 0."""
    return int(step.get(0).shape[axis - 1])


def _split(step: Step) -> tuple[Value, ...]:
    value = step.combination()
    axis = step.options.get("axis", 0)
    axis += (1 + len(value.shape)) if axis < 0 else 0
    if axis < 1:
        raise NotTwoLayers("it parts rows from rows")
    sizes = step.options.get("split") if step.get(1) is None else step.constant(1, "sizes").tolist()
    count = step.outputs
    edges = np.cumsum(sizes)[:-1] if sizes is not None else np.arange(1, count) * -(-value.shape[axis - 1] // count)
    parts = np.split(value.stack, edges, axis=axis)
    return tuple(Combination(part, value.dim, value.is_mixed) for part in parts)


def _reduced(step: Step) -> Value:
    value = step.combination()
    axes = _axes(step, 1 + len(value.shape)) or list(range(1, 1 + len(value.shape)))
    if step.get(1) is None and "axes" not in step.options:
        raise NotTwoLayers("it sums over the rows")
    function = np.sum if step.operator == "ReduceSum" else np.mean
    keeps = bool(step.options.get("keepdims", 1))
    return value.mapped(lambda stack: function(stack, axis=tuple(axes), keepdims=keeps), mixes=True)


def _shape(step: Step) -> Array:
    value = step.get(0)
    shape = np.array([step.rows or BATCH, *value.shape], np.int64)
    return shape[step.options.get("start", 0) : step.options.get("end", len(shape))]


def _labels(_: Step) -> Value:
    return Labels()


OPERATORS: dict[str, Callable[[Step], Any]] = {
    **FUNCTIONS,
    "MatMul": _matmul,
    "Gemm": _gemm,
    "Conv": _by_reference,
    "AveragePool": _by_reference,
    "GlobalAveragePool": _by_reference,
    "BatchNormalization": _batch_normalization,
    "Scaler": _scaler,
    "QuantizeLinear": _quantize,
    "DequantizeLinear": _same,
    "Identity": _same,
    "Dropout": _same,
    "ZipMap": _same,
    "Cast": _cast,
    "CastLike": _same,
    "Neg": lambda step: FUNCTIONS["Mul"](Step(step.model, "Neg", [step.get(0), np.array(-1.0)], {})),
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Concat": _concat,
    "FeatureVectorizer": _concat,
    "Gather": _gather,
    "ArrayFeatureExtractor": _columns,
    "Slice": _slice,
    "Split": _split,
    "ReduceSum": _reduced,
    "ReduceMean": _reduced,
    "Shape": _shape,
    "ArgMax": _labels,
    "LabelEncoder": _labels,
    "Binarizer": _labels,
}
"""What each operator makes of its inputs."""
