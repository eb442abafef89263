"""Trees of numbers: nested arguments that are flattened, unflattened and multiplied in one order.

A tree is made of containers (list, tuple, named tuple, dict; None is an empty one) and of leaves:
single numbers and whole NumPy arrays. Flattening it lists its numbers, those of an array row by
row. NumPy is never imported here: where no array came in, it is not needed.
"""

import sys
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from scalargrad.errors import DataError, LengthError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Tree = Any
"""Containers around leaves, or a leaf alone."""

Leaf = Any
"""A number (a float, a Value, a placeholder for one) or an array."""

ArrayMaker = Callable[[Sequence[Any], tuple[int, ...]], "Array"]
"""Makes an array from a flat list and a shape: `object_array` or `float_array`."""

_SEQUENCES = (list, tuple)
_CONTAINERS = (dict, list, tuple)
_NUMBERS = frozenset([bool, int, float])


def is_tree(thing: object) -> bool:
    """Return whether `thing` is a container or an array, not a number or another object."""
    return thing is None or isinstance(thing, _CONTAINERS) or is_array(thing)


def is_array(thing: object) -> "TypeGuard[Array]":
    """Return whether `thing` is a NumPy array with a dimension; a 0-d array is a number."""
    return _is_ndarray(thing) and getattr(thing, "shape", ()) != ()


def _is_ndarray(thing: object) -> "TypeGuard[Array]":
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(thing, numpy.ndarray)


def tree_leaves(tree: Tree) -> list[Leaf]:
    """List the numbers and the arrays of a tree, in order.

    Example:
        >>> tree_leaves({"a": 1.0, "b": [2.0, (3.0, None)]})
        [1.0, 2.0, 3.0]
    """
    if isinstance(tree, _CONTAINERS):
        leaves: list[Leaf] = []
        parts = tree.values() if isinstance(tree, dict) else tree
        for part in parts:
            leaves += tree_leaves(part)
        return leaves

    if tree is None:
        return []
    if is_array(tree) or not _is_ndarray(tree):
        return [tree]
    # A 0-d array is one number.
    return [tree.item()]


def flatten(tree: Tree) -> list[Leaf]:
    """List the numbers of a tree, those in arrays included, in order."""
    # Most trees are samples, and those are long lists of numbers.
    if type(tree) is list and _NUMBERS.issuperset(map(type, tree)):
        return tree.copy()
    numbers: list[Leaf] = []
    for leaf in tree_leaves(tree):
        numbers += _numbers(leaf)
    return numbers


def _numbers(leaf: Leaf) -> list[Leaf]:
    return leaf.ravel().tolist() if is_array(leaf) else [leaf]


def replace_leaves(tree: Tree, leaves: Iterable[Leaf]) -> Tree:
    """Build the same containers around other leaves, which are taken in order."""
    return _replace_leaves(tree, iter(leaves))


def _replace_leaves(tree: Tree, leaves: Iterator[Leaf]) -> Tree:
    if isinstance(tree, dict):
        replaced = {key: _replace_leaves(part, leaves) for key, part in tree.items()}
        return dict_like(tree, replaced)
    if isinstance(tree, _SEQUENCES):
        items = [_replace_leaves(part, leaves) for part in tree]
        return sequence_like(tree, items)
    if tree is None:
        return None
    return next(leaves)


def sequence_like(sequence: Tree, items: Iterable[Tree]) -> Tree:
    """Build a list or tuple of the type of `sequence` with other items."""
    kind = type(sequence)
    # A named tuple takes its fields one by one; its _make takes them in a list.
    make: Callable[[Iterable[Tree]], Tree] = getattr(kind, "_make", kind)
    return make(items)


def dict_like(mapping: dict[Hashable, Tree], items: dict[Hashable, Tree]) -> Tree:
    """Build a dict of the type of `mapping` with other items under the same keys.

    A defaultdict keeps its factory and an OrderedDict its methods: the function that is given the
    new dict may use them.
    """
    if type(mapping) is dict:
        return items
    twin = copy(mapping)
    # Not update(), which adds in a Counter.
    for key, item in items.items():
        twin[key] = item
    return twin


def unflatten(tree: Tree, numbers: Iterable[Leaf], array: ArrayMaker | None = None) -> Tree:
    """Put other numbers into the structure of a tree: its containers and the shapes of its arrays.

    Args:
        tree: The tree that gives the structure.
        numbers: The numbers, in the order of `flatten`.
        array: What makes the arrays: `object_array` (the default) or `float_array`.

    Example:
        >>> unflatten([1.0, (2.0, 3.0)], "abc")
        ['a', ('b', 'c')]
    """
    remaining = iter(numbers)
    make = object_array if array is None else array
    leaves = [_unflatten_leaf(leaf, remaining, make) for leaf in tree_leaves(tree)]
    return replace_leaves(tree, leaves)


def _unflatten_leaf(leaf: Leaf, numbers: Iterator[Leaf], array: ArrayMaker) -> Leaf:
    if not is_array(leaf):
        return next(numbers)
    items = [next(numbers) for _ in range(leaf.size)]
    return array(items, leaf.shape)


def map_tree(function: Callable[[Leaf], Leaf], tree: Tree) -> Tree:
    """Apply `function` to each number of a tree; arrays become arrays of objects."""
    return unflatten(tree, map(function, flatten(tree)))


def object_array(items: Sequence[Leaf], shape: tuple[int, ...]) -> "Array":
    """Make a NumPy array of objects."""
    numpy = sys.modules["numpy"]
    array: Array = numpy.empty(len(items), dtype=object)
    # One by one: NumPy would look into items that are sequences.
    for index, item in enumerate(items):
        array[index] = item
    return array.reshape(shape)


def float_array(items: Sequence[float], shape: tuple[int, ...]) -> "Array":
    """Make a NumPy array of float64."""
    numpy = sys.modules["numpy"]
    array: Array = numpy.array(items, dtype=float)
    return array.reshape(shape)


def outer(
    rows: Tree,
    columns: Tree,
    matrix: Sequence[Sequence[Leaf]],
    array: ArrayMaker | None = None,
) -> Tree:
    """Arrange a matrix as the tree product of two trees, as `jax.jacobian` arranges its result.

    Each number of `rows` becomes a copy of `columns`, filled from one row of the matrix. An array
    in `rows` keeps the containers of `columns` outside: each leaf in them becomes an array, with
    the shape of the array in `rows` followed by the shape of the leaf.

    Args:
        rows: A tree with a number for each row of the matrix.
        columns: A tree with a number for each column.
        matrix: The rows.
        array: What makes the arrays: `object_array` (the default) or `float_array`.

    Example:
        >>> outer([1.0, 2.0], (3.0, 4.0), [["a", "b"], ["c", "d"]])
        [('a', 'b'), ('c', 'd')]
    """
    make = object_array if array is None else array
    remaining = iter(matrix)
    products = []
    for leaf in tree_leaves(rows):
        part = [next(remaining) for _ in _numbers(leaf)]
        products.append(_outer_leaf(leaf, columns, part, make))
    return replace_leaves(rows, products)


def _outer_leaf(
    row_leaf: Leaf, columns: Tree, matrix: list[Sequence[Leaf]], array: ArrayMaker
) -> Tree:
    if not is_array(row_leaf):
        return unflatten(columns, matrix[0], array)

    products = []
    start = 0
    for leaf in tree_leaves(columns):
        stop = start + len(_numbers(leaf))
        items = [item for row in matrix for item in row[start:stop]]
        inner_shape = leaf.shape if is_array(leaf) else ()
        products.append(array(items, row_leaf.shape + inner_shape))
        start = stop
    return replace_leaves(columns, products)


def flatten_like(tree: Tree, other: Tree, names: tuple[str, str]) -> list[Leaf]:
    """List the numbers of `other` in the order of `tree`; the items of dicts are matched by key.

    Args:
        tree: The tree that gives the order.
        other: A tree of the same structure.
        names: What to call the two in an error.

    Raises:
        LengthError: If the structures differ.
    """
    pairs = _pair_parts(tree, other)
    if pairs is not None:
        numbers: list[Leaf] = []
        for part, other_part in pairs:
            numbers += flatten_like(part, other_part, names)
        return numbers

    first = _structure(tree)
    second = _structure(other)
    # Dicts with the keys 1 and "1" are described alike, but differ.
    if first != second or isinstance(tree, _CONTAINERS):
        raise LengthError(
            f"{names[0]} and {names[1]} must have one structure: "
            f"{first} in {names[0]}, {second} in {names[1]}"
        )
    return flatten(other)


def _pair_parts(tree: Tree, other: Tree) -> list[tuple[Tree, Tree]] | None:
    """Pair the parts of two containers; None if they do not match or are none."""
    if isinstance(tree, dict) and isinstance(other, dict):
        if tree.keys() != other.keys():
            return None
        # The order of their keys may differ.
        return [(part, other[key]) for key, part in tree.items()]

    if isinstance(tree, _SEQUENCES) and isinstance(other, _SEQUENCES):
        if len(tree) != len(other):
            return None
        return list(zip(tree, other, strict=True))
    return None


def _structure(tree: Tree) -> str:
    """Describe the outermost container or the leaf."""
    if isinstance(tree, dict):
        return f"dict with keys {', '.join(map(str, tree))}"
    if isinstance(tree, _SEQUENCES):
        return f"{type(tree).__name__} of {len(tree)}"
    if is_array(tree):
        return f"array of shape {tree.shape}"
    if tree is None:
        return "None"
    return "one number"


def tree_paths(tree: Tree, name: str) -> list[str]:
    """List how Python would write each number of a tree that is called `name`.

    Example:
        >>> tree_paths([1.0, {"w": 2.0}], "x")
        ['x[0]', "x[1]['w']"]
    """
    paths: list[str] = []
    if tree is None:
        return paths
    if is_array(tree):
        numpy = sys.modules["numpy"]
        for index in numpy.ndindex(tree.shape):
            place = ", ".join(map(str, index))
            paths.append(f"{name}[{place}]")
        return paths
    if not isinstance(tree, _CONTAINERS):
        return [name]

    parts = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, part in parts:
        paths += tree_paths(part, f"{name}[{key!r}]")
    return paths


def copy_tree(tree: Tree, what: object) -> Tree:
    """Copy the containers and arrays of a tree, so that the original can change.

    Numbers are not copied. A container that appears twice becomes two: each number of a tree is a
    separate argument, as it is for finite differences. What NumPy can read as an array (a pandas
    Series or DataFrame, a tensor) becomes an array.

    Args:
        tree: The tree.
        what: Its name in errors.

    Returns:
        Containers of the same types around the same numbers.

    Raises:
        DataError: For a container that contains itself, an array of anything but real numbers, a
            masked array, a `numpy.matrix` or another subclass of arrays, or a dataclass.

    Example:
        >>> row = [1.0, 2.0]
        >>> copies = copy_tree([row, row], "x")
        >>> copies[0] is copies[1], copies
        (False, [[1.0, 2.0], [1.0, 2.0]])
    """
    return _copy_tree(tree, what, ())


def _copy_tree(tree: Tree, what: object, around: tuple[int, ...]) -> Tree:
    # Nearly every leaf is a float, and needs none of the checks below.
    if type(tree) is float:
        return tree

    if isinstance(tree, _CONTAINERS):
        if id(tree) in around:
            kind = type(tree).__name__
            raise DataError(f"{what} has a {kind} that contains itself, and so no end")
        inside = (*around, id(tree))
        if isinstance(tree, dict):
            items = {key: _copy_tree(part, what, inside) for key, part in tree.items()}
            return dict_like(tree, items)
        parts = [_copy_tree(part, what, inside) for part in tree]
        return sequence_like(tree, parts)

    if is_dataclass(tree) and not isinstance(tree, type):
        raise DataError(
            f"{what} holds a {type(tree).__name__}, and a dataclass is not a tree of numbers: "
            "give its numbers as a dict, and make the dataclass inside the function"
        )
    if _is_ndarray(tree) or _reads_as_array(tree):
        return _copy_array(tree, what)
    return tree


def _reads_as_array(thing: object) -> bool:
    """Whether NumPy reads it as an array with a dimension: a Series, a tensor, but not a scalar."""
    if "numpy" not in sys.modules or not hasattr(thing, "__array__"):
        return False
    return getattr(thing, "shape", ()) != ()


_KINDS = "biufO"
_KIND_NAMES = {"c": "complex numbers", "U": "text", "S": "text", "M": "dates", "m": "spans of time"}


def _copy_array(thing: object, what: object) -> "Array":
    """Make a plain NumPy array of numbers, or of objects, which are checked later."""
    numpy = sys.modules["numpy"]
    if hasattr(thing, "mask") and hasattr(thing, "filled"):
        remedy = "fill the masked entries with x.filled(…), or leave them out"
        raise DataError(f"{what} holds a masked array: {remedy}")
    if _is_ndarray(thing) and type(thing) not in (numpy.ndarray, numpy.memmap):
        # A numpy.matrix has its own product, and a quantity would lose its unit in an array.
        kind = type(thing).__name__
        rules = "whose rules are not those of an array: give numpy.asarray(x)"
        raise DataError(f"{what} holds a {kind}, {rules}")

    try:
        # First asarray, because numpy.array can't copy a tensor.
        array: Array = numpy.array(numpy.asarray(thing), order="C")
    except Exception as error:  # a tensor on a GPU, or one that requires gradients, raises its own
        kind = type(thing).__name__
        raise DataError(f"{what} holds a {kind} that NumPy can't read: {error}") from error

    if array.dtype.kind not in _KINDS:
        held = _KIND_NAMES.get(array.dtype.kind, f"items of type {array.dtype}")
        raise DataError(f"{what} holds an array of {held}, where only real numbers belong")
    return array
