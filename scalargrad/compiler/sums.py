"""Passes over sums: chains of + and - become wide sums, and those become dot products.

A residual `w[0] * x[0] + w[1] * x[1] + b + h` is recorded as two products and three sums of two.
These passes find the neuron in it, and leave apart what is added to it:

    (((%w0 · %x0) + (%w1 · %x1)) + %b) + %h          as recorded
    sum(%w0 · %x0, %w1 · %x1, %b, %h)                after `merge_sums`
    sum(sum(%w0 · %x0, %w1 · %x1, %b), %h)           after `split_sums`
    add(dot([%x0, %x1, %b], [%w0, %w1, 1]), %h)      after `form_dot_products`

All of them are array code over the terms of all sums.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy

from scalargrad.core.ops import ADD, DOT, MUL, NEG, SUB, SUM

from .array_types import Mask, Rows
from .program import PARAMETER, Kind, Program
from .rewriting import (
    VARIES,
    are_constant,
    computes,
    count_uses,
    find_owners,
    insert_rows,
    keep_rows,
    mark,
    prepend_constants,
    ranks,
    replace_edges,
    with_kind,
)

__all__ = [
    "form_dot_products",
    "merge_differences",
    "merge_sums",
    "put_higher_rank_first",
    "split_sums",
]

_MIN_DIFFERENCES = 3
"""The length of a chain of differences from which it becomes a sum."""

_MIN_COLUMNS = 8
"""The least number of columns of a matrix that is split off another one."""


def merge_differences(program: Program) -> Program:
    """Turn chains of - into sums of negated terms.

    `((total - a) - b) - c` becomes `((total + -a) + -b) + -c`, which `merge_sums` makes one sum,
    in the same order and so with the same rounding. A chain may contain + as well. Shorter chains
    stay: a difference is one operation, a negation and a sum are two.

    Example:
        >>> from .program import record
        >>> from .tracing import trace
        >>> program = record(trace(lambda x: x[0] - x[1] - x[2] - x[3], [4]))
        >>> print(merge_sums(merge_differences(program)))
        8 rows
        %0 = input[0]
        %1 = input[1]
        %2 = neg(%1)
        %3 = input[2]
        %4 = neg(%3)
        %5 = input[3]
        %6 = neg(%5)
        %7 = sum(%0, %2, %4, %6)
        return %7
    """
    differences = computes(program, SUB.name)
    if numpy.count_nonzero(differences) < _MIN_DIFFERENCES:
        return program
    sums = computes(program, ADD.name) | computes(program, SUM.name)
    owner = find_owners(program)
    is_right = numpy.arange(len(owner)) != program.start[owner]
    continues = (sums | differences) & (count_uses(program) == 1)
    # A chain grows to the left: differences that are added up are no chain.
    inner = continues[program.operands] & (sums | differences)[owner] & ~is_right

    root = _roots(program, owner[inner], program.operands[inner])
    length = numpy.bincount(root[differences], minlength=len(program))
    chosen = numpy.flatnonzero(differences & (length[root] >= _MIN_DIFFERENCES))
    if not len(chosen):
        return program

    extended, moved = insert_rows(program, chosen, Kind(NEG.name))
    now = moved[chosen]
    negated = moved[len(program) :]
    owner = find_owners(extended)
    operands = extended.operands.copy()
    right = extended.start[now] + 1
    owners = numpy.concatenate([owner, negated])
    subtracted = operands[right]
    operands[right] = negated
    operands = numpy.concatenate([operands, subtracted])
    return replace_edges(with_kind(extended, now, Kind(ADD.name)), owners, operands)


def _roots(program: Program, owners: Rows, inner: Rows) -> Rows:
    """The last row of the chain that each row belongs to; `inner` are rows that owners continue."""
    root = numpy.arange(len(program), dtype=numpy.int32)
    root[inner] = owners
    # Pointer jumping: each round doubles the distance, so a chain of n takes log₂(n) rounds.
    while not numpy.array_equal(further := root[owners], owners):
        owners = further
        root[inner] = owners
    return root


def merge_sums(program: Program) -> Program:
    """Merge chains of + into one sum.

    `((a + b) + c) + d` becomes `sum(a, b, c, d)`. A + in between is merged only if nothing else
    uses it, so nothing is computed twice. Each term receives the gradient of the sum, as it did
    through the chain; only the order of the additions may differ, and with it the last digits.

    Example:
        >>> from .program import record
        >>> from .tracing import trace
        >>> print(merge_sums(record(trace(lambda x: x[0] + x[1] + x[2], [3]))))
        4 rows
        %0 = input[0]
        %1 = input[1]
        %2 = input[2]
        %3 = sum(%0, %1, %2)
        return %3
    """
    sums = computes(program, ADD.name) | computes(program, SUM.name)
    owner = find_owners(program)
    used_once = count_uses(program) == 1
    mergeable = sums & used_once
    inner = sums[owner] & mergeable[program.operands]
    if not inner.any():
        return program

    inner_sums = program.operands[inner]
    root = _roots(program, owner[inner], inner_sums)
    roots = root[owner]
    recoded = with_kind(program, roots[inner], Kind(SUM.name))
    terms = ~inner & ~_are_spare_zeros(program, roots, inner)
    wide = replace_edges(recoded, roots[terms], program.operands[terms])

    return keep_rows(wide, ~mark(program, inner_sums))


def _are_spare_zeros(program: Program, root: Rows, inner: Mask) -> Mask:
    """Which operands are a constant 0 in a merged sum that has other terms, too."""
    # Python's `sum` begins with 0. As a term it would keep a sum of products from being a dot.
    in_merged_sum = mark(program, root[inner])[root]
    is_zero = are_constant(program, 0.0)
    zero = is_zero[program.operands] & in_merged_sum

    others = ~inner & ~zero
    other_terms = numpy.bincount(root[others], minlength=len(program))
    has_others = other_terms > 0
    spare: Mask = zero & has_others[root]
    return spare


@dataclass(frozen=True)
class _Terms:
    """The terms of all sums of a program, each as a product of two factors.

    A term that is not a product, or whose product something else uses, is one with the constant 1.

    Attributes:
        n: The number of rows of the program.
        rows: (e,) the sum that each term belongs to.
        terms: (e,) the row of the term itself.
        are_products: (e,) whether it is a product.
        first: (e,) the factor of higher rank, or the term itself.
        second: (e,) the other one, or the constant 1.
        rank: (n,) the rank of each row.
    """

    n: int
    rows: Rows
    terms: Rows
    are_products: Mask
    first: Rows
    second: Rows
    rank: Rows

    def count(self, which: Mask) -> Rows:
        """Return how many of these terms each row has."""
        return numpy.bincount(self.rows[which], minlength=self.n).astype(numpy.int32)

    @cached_property
    def sizes(self) -> Rows:
        """How many terms each row has."""
        return numpy.bincount(self.rows, minlength=self.n).astype(numpy.int32)

    def reduce(self, combine: numpy.ufunc, numbers: Rows) -> Rows:
        """Return for each row the numbers of its terms, combined to one, such as their sum."""
        result = numpy.zeros(self.n, numbers.dtype)
        # Terms are sorted by rows.
        begins = numpy.flatnonzero(numpy.diff(self.rows, prepend=-1))
        if len(begins):
            result[self.rows[begins]] = combine.reduceat(numbers, begins)
        return result

    @cached_property
    def _highest(self) -> Rows:
        """(e,) the highest rank of any factor in the sum that a term belongs to."""
        rank = self.rank[self.first]
        # Products come before other terms: a matrix times constants stays one whatever is added.
        above = numpy.int8(VARIES + 1)
        highest = self.reduce(numpy.maximum, rank + above * self.are_products)
        return highest[self.rows] % above

    @cached_property
    def fixed(self) -> Mask:
        """(e,) the terms of a lower rank than the sum: together they are its bias."""
        lower: Mask = self.rank[self.first] < self._highest
        return lower

    @cached_property
    def weighted(self) -> Mask:
        """(e,) the products of a factor of the rank of the sum and one of lower rank."""
        lower = self.rank[self.second] < self._highest
        products: Mask = self.are_products & ~self.fixed & lower
        return products

    @cached_property
    def quadratic(self) -> Mask:
        """(e,) the products of two factors of the rank of the sum."""
        products: Mask = self.are_products & ~self.fixed & ~self.weighted
        return products


def _find_terms(program: Program, one: int) -> _Terms:
    """Return the terms of all sums; `one` is the row of the constant 1, or any row."""
    owner = find_owners(program)
    sums = computes(program, ADD.name) | computes(program, SUM.name)
    products = computes(program, MUL.name) & (count_uses(program) == 1)
    edges = numpy.flatnonzero(sums[owner])
    terms = program.operands[edges]
    taken = products[terms]

    # Terms that are leaves have no operands: clipping gives them some number, which is not taken.
    left = program.operands.take(program.start[terms], mode="clip")
    right = program.operands.take(program.start[terms] + 1, mode="clip")
    rank = ranks(program)
    first, second = put_higher_rank_first(left, right, rank)
    return _Terms(
        n=len(program),
        rows=owner[edges],
        terms=terms,
        are_products=taken,
        first=numpy.where(taken, first, terms),
        second=numpy.where(taken, second, one),
        rank=rank,
    )


def put_higher_rank_first(first: Rows, second: Rows, rank: Rows) -> tuple[Rows, Rows]:
    """Swap the factors of each pair of which the second has the higher rank."""
    swap = rank[first] < rank[second]
    new_first = numpy.where(swap, second, first)
    new_second = numpy.where(swap, first, second)
    return new_first, new_second


def split_sums(program: Program) -> Program:
    """Split sums into sums of one sort, which `form_dot_products` and `kernels` can read.

    `sum(w·x, v·y, b, 2, h, x·y, y·y)` becomes

        sum(sum(w·x, v·y, sum(b, 2)), sum(x·y, y·y), h)

    That is: products of weights and of what varies by sample, together with the bias of the
    neuron; products of two factors that vary; and what is left. What does not vary is added up
    apart, once for all samples. Only the order of the additions changes.

    Example:
        >>> from scalargrad import Parameter
        >>> from .program import record
        >>> from .tracing import trace
        >>> w, v, b = (Parameter(float(i)) for i in range(3))
        >>> recording = trace(lambda x: w * x[0] + v * x[1] + b + x[2], [3], [w, v, b])
        >>> program = split_sums(merge_sums(record(recording)))
        >>> print(program)
        10 rows
        %0 = parameter[0]
        %1 = input[0]
        %2 = mul(%0, %1)
        %3 = parameter[1]
        %4 = input[1]
        %5 = mul(%3, %4)
        %6 = parameter[2]
        %7 = input[2]
        %8 = sum(%2, %5, %6)
        %9 = add(%8, %7)
        return %9
    """
    unfinished = True
    while unfinished:
        program, unfinished = _split_once(program)
    return program


_REST, _FIXED, _QUADRATIC, _WEIGHTED = range(4)
"""The parts that a sum is split into; from `_WEIGHTED` on, each number is a matrix of its own."""


def _split_once(program: Program) -> tuple[Program, bool]:
    """Return the program with its sums split, and whether some parts may be split further."""
    sums = _find_terms(program, 0)
    if not len(sums.terms):
        return program, False
    part = _choose_parts(program, sums)
    # Each part is a number of its own, over all rows.
    base = int(part.max(initial=0)) + 1
    keys = sums.rows.astype(numpy.int64) * base + part
    parts, group, sizes = numpy.unique(keys, return_inverse=True, return_counts=True)
    del keys, part
    whole = sizes == sums.sizes[parts // base]
    worth = (parts % base != _REST) & (sizes > 1) & ~whole
    if not worth.any():
        return program, False

    # The bias of a neuron may be a sum, and that may hold a matrix times constants.
    several_fixed = numpy.bincount(group[sums.fixed], minlength=len(parts)) > 1
    unfinished = bool((worth & several_fixed).any())
    new_row = numpy.cumsum(worth, dtype=numpy.int32) - 1
    new_row[~worth] = -1
    split = _move_terms(program, sums.rows, sums.terms, new_row[group], parts[worth] // base)
    return split, unfinished


def _move_terms(program: Program, rows: Rows, terms: Rows, target: Rows, before: Rows) -> Program:
    """Insert sums and move terms to them.

    Args:
        program: The program.
        rows: (e,) the sum that each term of the program belongs to.
        terms: (e,) the terms of all sums.
        target: (e,) which of the new sums each term goes to, -1 for none.
        before: (k,) for each new sum, the one that it becomes a term of.
    """
    extended, moved = insert_rows(program, before, Kind(SUM.name))
    inserted = moved[len(program) :]
    owner = numpy.where(target >= 0, inserted[target], moved[rows])

    # A new row is itself a term of the sum, and comes first.
    all_owners = find_owners(extended)
    other = ~mark(extended, moved[rows])[all_owners]
    owners = numpy.concatenate([moved[before], owner, all_owners[other]])
    operands = numpy.concatenate([inserted, moved[terms], extended.operands[other]])
    changed = mark(extended, moved[before]) | mark(extended, inserted)
    return _name_sums(replace_edges(extended, owners, operands), numpy.flatnonzero(changed))


def _name_sums(program: Program, rows: Rows) -> Program:
    """Make these rows sums, and those of two terms additions."""
    sizes = numpy.diff(program.start)[rows]
    program = with_kind(program, rows, Kind(SUM.name))
    pairs = rows[sizes == 2]
    return with_kind(program, pairs, Kind(ADD.name)) if len(pairs) else program


def _choose_parts(program: Program, sums: _Terms) -> Rows:
    """Return the part of its sum that each term belongs to."""
    weighted = sums.weighted & (sums.count(sums.weighted) > 1)[sums.rows]
    quadratic = sums.quadratic & (sums.count(sums.quadratic) > 1)[sums.rows]
    several_fixed = (sums.count(sums.fixed) > 1)[sums.rows]
    has_weighted = sums.count(weighted) > 0

    part = numpy.full(len(sums.rows), _REST, numpy.int32)
    part[sums.fixed] = _FIXED
    part[quadratic] = _QUADRATIC
    part[weighted] = _WEIGHTED + _number_matrices(program, sums, weighted)

    # A bias is a term of its neuron. Where nothing else is left, several terms are added up apart,
    # and the rest of the sum is the neuron.
    joins = (has_weighted & ~_has_bias_of_its_own(sums, part))[sums.rows]
    others = ~sums.fixed & (part != _WEIGHTED)
    is_neuron = joins & (sums.count(others) == 0)[sums.rows]
    part[sums.fixed & joins & ~is_neuron] = _WEIGHTED
    part[is_neuron & ~(sums.fixed & several_fixed)] = _REST
    return part


def _number_matrices(program: Program, sums: _Terms, weighted: Mask) -> Rows:
    """Return for each weighted product which matrix of its sum it belongs to: 0, 1, …

    Where two layers are added, the weights of each lie together among the parameters, and far from
    those of the other. A matrix over both would be a copy of the weights at each call; two are two
    views.
    """
    rows = sums.rows[weighted]
    weights = sums.second[weighted]
    places = program.place[weights].astype(numpy.int64)
    order = numpy.lexsort((places, rows))
    same_row = numpy.diff(rows[order]) == 0
    count = sums.count(weighted)
    # Nearer than that are the weights that a convolution leaves out at an edge.
    far = numpy.diff(places[order]) > count[rows[order][1:]]
    begins = numpy.append(True, ~same_row | far)[: len(rows)]
    segment = numpy.cumsum(begins) - 1

    # Only where all are learned, and no matrix would be tiny.
    learned = program.code[weights[order]] == PARAMETER
    sizes = numpy.bincount(segment)
    fits = learned & (sizes[segment] >= _MIN_COLUMNS)
    spoiled = numpy.bincount(rows[order][~fits], minlength=sums.n) > 0
    first_segment = numpy.full(sums.n, len(segment))
    numpy.minimum.at(first_segment, rows[order], segment)
    number = numpy.where(spoiled[rows[order]], 0, segment - first_segment[rows[order]])
    numbers = numpy.empty(len(rows), int)
    numbers[order] = number
    return numbers


def _has_bias_of_its_own(sums: _Terms, part: Rows) -> Mask:
    """Which sums have the weights of others, and another bias than those.

    That is so of positions that are added to embeddings: the matrix is then one at several places,
    and what is added there is no bias of it.
    """
    has_weights = sums.count(part == _WEIGHTED) > 0
    if not has_weights.any():
        return has_weights

    # Sums of random numbers for the members tell sets of rows apart, in whatever order they come.
    random = numpy.random.default_rng(0).integers(1, 2**62, sums.n)
    products = random[sums.first] * random[sums.second]

    weights = sums.reduce(numpy.add, random[sums.second] * (part == _WEIGHTED))
    bias = sums.reduce(numpy.add, products * sums.fixed)
    pairs = numpy.unique(numpy.column_stack([weights, bias])[has_weights], axis=0)
    shared, counts = numpy.unique(pairs[:, 0], return_counts=True)
    differs: Mask = has_weights & numpy.isin(weights, shared[counts > 1])
    return differs


def form_dot_products(program: Program) -> Program:
    """Turn sums of products into dot products.

    `sum(w·x, v·y, b)` becomes `dot([x, y, b], [w, v, 1])`: a bias is one with the constant 1. Where
    one factor varies by sample and the other does not, the varying one comes first, so that
    `kernels` can read the factors of many dot products as a matrix.

    Which sums are left alone is said at `_are_worth_a_dot`.

    Example:
        >>> from .program import record
        >>> from .tracing import trace
        >>> program = record(trace(lambda x: x[0] * x[1] + x[2] * x[3], [4]))
        >>> print(form_dot_products(program))
        5 rows
        %0 = input[0]
        %1 = input[1]
        %2 = input[2]
        %3 = input[3]
        %4 = dot(%0, %2, %1, %3)
        return %4
    """
    extended = prepend_constants(program, numpy.ones(1))
    sums = _find_terms(extended, 0)
    chosen = _are_worth_a_dot(sums)[sums.rows]
    if not chosen.any():
        return program
    are_products = sums.are_products[chosen]
    products = sums.terms[chosen][are_products]
    rows = sums.rows[chosen]
    first = sums.first[chosen]
    second = sums.second[chosen]
    # As large as the program, and not needed any more.
    del sums, chosen

    with_dots = _replace_by_dots(extended, rows, first, second, products)
    needed = ~mark(with_dots, products)
    needed[0] = not are_products.all()
    return keep_rows(with_dots, needed)


def _are_worth_a_dot(sums: _Terms) -> Mask:
    """Which rows become dot products.

    Those of at least two products of one sort: each with weights, and at most one term that is the
    bias; or each of two factors that vary. A mixture could be neither a matrix nor a product of two
    arrays. A product and a bias become one where several of them are of the same number, as the
    neurons of a layer with one input; otherwise two elementwise operations are as good.
    """
    weighted = sums.count(sums.weighted)
    fixed = sums.count(sums.fixed)
    quadratic = sums.count(sums.quadratic)

    single = (weighted == 1) & (fixed == 1) & (sums.sizes == 2)
    inputs = sums.first[sums.weighted & single[sums.rows]]
    shared = numpy.bincount(inputs, minlength=sums.n) > 1
    is_shared = sums.count(sums.weighted & shared[sums.first]) > 0

    is_neuron = (weighted + fixed == sums.sizes) & (fixed < 2)
    enough = (weighted > 1) | (single & is_shared)
    is_quadratic = (quadratic > 1) & (quadratic == sums.sizes)
    worth: Mask = (is_neuron & enough) | is_quadratic
    return worth


def _replace_by_dots(
    program: Program, rows: Rows, first: Rows, second: Rows, products: Rows
) -> Program:
    """Make dot products of the rows: all first factors, then all second factors.

    The products that these take the place of lose their operands, and nothing uses them.
    """
    owner = find_owners(program)
    changed = mark(program, rows) | mark(program, products)
    untouched = ~changed[owner]
    owners = numpy.concatenate([owner[untouched], rows, rows])
    operands = numpy.concatenate([program.operands[untouched], first, second])
    recoded = with_kind(program, rows, Kind(DOT.name))
    return replace_edges(recoded, owners, operands)
