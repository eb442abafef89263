"""Suggestions for misspelled names, and for names that other libraries use."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache

# Each line holds names of one thing, in this library and elsewhere. It is one text and not a list,
# because only the table of operations may spell names of operations as strings.
_SYNONYMS = """
    half_squared_error l2 l2_loss half_mse
    mse mean_squared_error squared_error quadratic
    mae mean_absolute_error absolute_error l1 l1_loss
    cross_entropy ce xent crossentropy_loss categorical_crossentropy categorical_cross_entropy
        sparse_categorical_crossentropy nll nll_loss negative_log_likelihood
        log_loss logloss softmax_cross_entropy
    binary_cross_entropy bce bce_loss binary_crossentropy log_loss logloss
    binary_cross_entropy_with_logits bce_with_logits bce_with_logits_loss sigmoid_cross_entropy
    huber huber_loss smooth_l1 smooth_l1_loss
    hinge hinge_loss svm multi_margin
    accuracy acc categorical_accuracy accuracy_score
    binary_accuracy binary_acc
    f1 f1_score f_score f_measure
    r2 r2_score r_squared coefficient_of_determination
    precision ppv
    recall sensitivity true_positive_rate tpr
    sgd gradient_descent gd vanilla
    he he_normal he_uniform kaiming kaiming_normal kaiming_uniform
    xavier glorot xavier_normal xavier_uniform
    orthogonal ortho
    zeros zero
    normal gaussian
    silu swish
    sigmoid logistic expit
    identity linear none
    leaky_relu lrelu
    logsigmoid log_sigmoid
    hardswish hard_swish
    neg negative
    log ln
    abs absolute fabs
    asin arcsin
    acos arccos
    atan arctan
    asinh arcsinh
    acosh arccosh
    atanh arctanh
    atan2 arctan2
    remainder mod fmod
    pow power
    max amax
    min amin
    clamp clip
    mean average avg
    sum total add
    none no off raw
    auto default system
    pygraphviz graphviz wheel
    numpy np
    refuse error raise
    drop dropna omit skip
    horizontal horizontally left_right lr
    vertical vertically up_down ud
    layers layer modules
    light white day
    dark black night
"""


def suggestion(choice: object, names: Iterable[str], *, otherwise: str | None = None) -> str:
    """Return the end of an error about an unknown name: the nearest known name, or all of them.

    Case, spaces, hyphens and underscores are ignored. Synonyms in the field lead to the name that
    exists.

    Args:
        choice: What was given as a name.
        names: The names that exist, in the order in which to list them.
        otherwise: The result if no name is near; by default all names are listed.

    Returns:
        A phrase that starts with a semicolon.

    Example:
        >>> suggestion("Rellu", ["relu", "tanh"])
        "; did you mean 'relu'?"
        >>> suggestion("mean squared error", ["huber", "mse"])
        "; did you mean 'mse'?"
        >>> suggestion(3, ["relu", "tanh"])
        '; choose from relu, tanh'
    """
    known = list(names)
    near = nearest(choice, known)
    if near is not None:
        return f"; did you mean {near!r}?"
    return f"; choose from {', '.join(known)}" if otherwise is None else otherwise


def nearest(
    choice: object,
    names: Iterable[str],
    synonyms: Mapping[str, Sequence[str]] | None = None,
    cutoff: float = 0.6,
) -> str | None:
    """Return the name that was probably meant, None if none is near.

    Args:
        choice: What was given as a name.
        names: The names that exist.
        synonyms: For a normalized name, others that mean the same; by default those of the field.
        cutoff: How similar two names must be, from 0 to 1; with 1 only equal ones and synonyms
            count.

    Returns:
        One of the names.

    Example:
        >>> nearest("MSE", ["l1", "mse"]), nearest("acc", ["accuracy"]), nearest("xyz", ["mse"])
        ('mse', 'accuracy', None)
    """
    if not isinstance(choice, str) or not _normalize(choice):
        return None
    # Reversed, so that of two names that are normalized alike the first one wins.
    by_spelling = {_normalize(name): name for name in reversed(list(names))}
    normalized = _normalize(choice)
    if normalized in by_spelling:
        return by_spelling[normalized]

    table = _synonyms_of_the_field() if synonyms is None else synonyms
    for synonym in table.get(normalized, ()):
        if synonym in by_spelling:
            return by_spelling[synonym]

    matches = get_close_matches(normalized, by_spelling, cutoff=cutoff)
    return by_spelling[matches[0]] if matches else None


def parse_synonyms(table: str) -> dict[str, list[str]]:
    """Return for each normalized name those that mean the same, in the order of the table.

    Args:
        table: A line for each meaning, with names separated by spaces.

    Example:
        >>> parse_synonyms("adam Adam_optimizer")["adamoptimizer"]
        ['adam', 'adamoptimizer']
    """
    meanings: dict[str, list[str]] = {}
    for line in table.splitlines():
        group = [_normalize(name) for name in line.split()]
        for name in group:
            meanings.setdefault(name, []).extend(group)
    return meanings


def _normalize(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter not in " -_")


@cache
def _synonyms_of_the_field() -> dict[str, list[str]]:
    return parse_synonyms(_SYNONYMS.replace("\n        ", " "))
