"""Labels for all Values of a nest at once, and Parameters from a nest of numbers."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, TypeVar, overload

from scalargrad.errors import DataError, OptionError

from .conversion import as_float
from .nested import Tree, copy_tree, is_array, map_tree
from .value import Parameter, Value

Thing = TypeVar("Thing")


def label(tree: Thing, name: str = "") -> Thing:
    """Label all Values of nested lists, tuples, dicts and arrays by where they are.

    The item 3 of `wte` is labeled `wte[3]`, and the one with the key "wq" of a dict `layer` is
    labeled `layer.wq`. Without a name for the dict its keys are the names.

    Args:
        tree: A Value, or a nest of Values. Numbers and anything else in it are left as they are.
        name: The name of the whole, which only a dict with names for keys may do without.

    Returns:
        The nest that was given.

    Raises:
        OptionError: If the name is missing, or is not a string.
        DataError: If there is no Value in the nest, or it contains itself.

    Example:
        >>> wte = label([[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]], "wte")
        >>> wte[1][0].label
        'wte[1][0]'
        >>> state = label({"wq": [Value(1.0)], "layer": {"b": Value(2.0)}})
        >>> state["wq"][0].label, state["layer"]["b"].label
        ('wq[0]', 'layer.b')
    """
    _check_name("label", tree, name)
    if not _label_values(tree, name):
        raise DataError(f"label found no Value in the {type(tree).__name__} that it was given")
    return tree


def label_unnamed(names: Mapping[str, Any]) -> None:
    """Label the Values among variables, and in their lists and dicts, that have no label yet.

    Of several names of one Value that of a variable comes first. Names with an underscore in front
    are left out, and so are the lists in which notebooks keep what was run.

    Args:
        names: What `locals()` returns: variables by their names.

    Raises:
        OptionError: If it is no mapping with strings for keys.

    Example:
        >>> x = Value(1.0)
        >>> label_unnamed({"row": [x], "x": x})
        >>> x.label
        'x'
    """
    if not isinstance(names, Mapping) or not all(isinstance(name, str) for name in names):
        raise OptionError(
            "names must be a dict of variables by their names, as locals() returns, not "
            f"{type(names).__name__}"
        )
    variables = {name: thing for name, thing in names.items() if _is_variable(name)}
    singles = {name: thing for name, thing in variables.items() if isinstance(thing, Value)}
    for name, thing in (singles | variables).items():
        # The keys of a dict of parameters are their names.
        prefix = "" if _has_names(thing) else name
        # A list that contains itself is no business of whoever draws another graph.
        with suppress(DataError):
            for path, value in _name_values(thing, prefix, ()):
                value.label = value.label or path


def _is_variable(name: str) -> bool:
    return not name.startswith("_") and name not in ("In", "Out")


@overload
def parameters(tree: float | Value, name: str = "") -> Parameter: ...


@overload
def parameters(tree: Any, name: str = "") -> Any: ...


def parameters(tree: Tree, name: str = "") -> Any:
    """Make Parameters of the numbers in nested lists, tuples, dicts and arrays.

    `sg.compile`, the optimizers, the penalties and clipping take what this returns as it is.

    Args:
        tree: A number or a Value, or a nest of them.
        name: The name of the whole; Parameters are labeled by where they are, as `label` does.
            Without a name only those in a dict are, by its keys; others keep the labels they have.

    Returns:
        The same nest, in new containers, with a Parameter for each number. A Parameter stays the
        same object, and a Value that is there twice becomes one Parameter.

    Raises:
        DataError: For anything but real numbers and Values, and for a nest that contains itself.
        OptionError: If the name is not a string.

    Example:
        >>> state = parameters({"wq": [[0.1, 0.2], [0.3, 0.4]], "b": 0.0})
        >>> state["wq"][1][0]
        Parameter(data=0.3, grad=0.0, label='wq[1][0]')
    """
    if not isinstance(name, str):
        raise OptionError(f"parameters needs a string as the name, not {type(name).__name__}")
    made: dict[Value, Parameter] = {}

    def convert(leaf: Any) -> Parameter:
        if isinstance(leaf, Parameter):
            return leaf
        if not isinstance(leaf, Value):
            return Parameter(as_float(leaf, "a number for parameters"))
        if leaf not in made:
            made[leaf] = Parameter(leaf.data, label=leaf.label)
        return made[leaf]

    nest = map_tree(convert, copy_tree(tree, "the nest given to parameters"))
    if name or _has_names(nest):
        _label_values(nest, name)
    return nest


def _label_values(tree: object, name: str) -> bool:
    """Label the Values of a nest by the first place of each, and return whether there are any."""
    names: dict[Value, str] = {}
    for path, value in _name_values(tree, name, ()):
        names.setdefault(value, path)
    for value, path in names.items():
        value.label = path
    return bool(names)


def _check_name(function: str, tree: object, name: object) -> None:
    if not isinstance(name, str):
        raise OptionError(f"{function} needs a string as the name, not {type(name).__name__}")
    if not name and not _has_names(tree):
        raise OptionError(
            f'{function} needs a name, as in {function}(rows, "wte"): only a dict with strings for '
            "keys has names"
        )


def _has_names(tree: object) -> bool:
    return isinstance(tree, dict) and all(isinstance(key, str) for key in tree)


def _name_values(tree: object, name: str, around: tuple[int, ...]) -> Iterator[tuple[str, Value]]:
    """Yield the Values of a nest, each with the name of its place.

    Args:
        tree: The nest.
        name: Its name.
        around: The containers that it is in, by id().
    """
    if isinstance(tree, Value):
        yield name, tree
        return
    if id(tree) in around:
        raise DataError(f"{name} is a {type(tree).__name__} that contains itself, and so no end")
    for key, part in _parts(tree):
        if isinstance(part, Value) or _parts(part):
            yield from _name_values(part, _name_part(name, key), (*around, id(tree)))


def _parts(tree: Any) -> Iterable[tuple[object, object]]:
    """Return the parts of a container by their keys or positions; of anything else none."""
    if isinstance(tree, dict):
        return tree.items()
    if isinstance(tree, list | tuple):
        return enumerate(tree)
    # Arrays of numbers may be large, and hold no Value.
    return enumerate(tree) if is_array(tree) and tree.dtype == object else ()


def _name_part(name: str, key: object) -> str:
    if not isinstance(key, str):
        return f"{name}[{key!r}]"
    return f"{name}.{key}" if name else key
