"""Thousands of random functions that mix look-ups, loops and derivatives, compiled, must say what
eager code says.

`python -m tests.campaigns.combinations [FUNCTIONS] [--backend native]`
"""

import argparse
import pickle
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import copy, deepcopy
from functools import partial
from random import Random

import numpy

import viz
from scalargrad.compiler.backend import BACKENDS
from tests.compiler.backends import auto_backend
from tests.compiler.combinations import differing_case, make_case
from tests.compiler.referee import alike, differences

_POOL = ThreadPoolExecutor(8)


def differing_twins(rng: Random) -> list[str]:
    """What copies, pickles, threads and other batches say otherwise than one call."""
    case = make_case(rng, odd=rng.choice([0.0, 0.15]), batch=9)
    program = case.compile()
    expected = [program(*case.data), *program.jacobian(*case.data)]
    twins = {
        "copy": copy(program),
        "deepcopy": deepcopy(program),
        "pickle": pickle.loads(pickle.dumps(program)),
        **{f"thread {i}": program for i in range(8)},
    }
    found = _POOL.map(lambda each: [each(*case.data), *each.jacobian(*case.data)], twins.values())
    wrong = [
        name
        for name, arrays in zip(twins, found, strict=True)
        if not all(map(partial(numpy.array_equal, equal_nan=True), arrays, expected))
    ]
    eager = case.expected()
    for batch in (1, 2, 7, 100):
        rows = [i % 9 for i in range(batch)]
        outputs = program(*[array[rows] for array in case.data])
        if not alike(outputs, eager.outputs[rows], eager.size):
            wrong.append(f"batch of {batch}")
    return wrong


def differing_pictures(rng: Random) -> list[str]:
    """What can't be drawn or printed, and what `load` says otherwise than eager code."""
    case = make_case(rng, batch=1)
    program = case.compile()
    loaded = program.load(*[array[0] for array in case.data])
    texts = (program.explain(), str(program), viz.draw(program).svg(), viz.draw(loaded).svg())
    wrong = [f"text {i}" for i, text in enumerate(texts) if not text]
    outputs = loaded if isinstance(loaded, list) else [loaded]
    eager = case.expected()
    if not alike([x.data for x in outputs], eager.outputs[0], eager.size):
        wrong.append("load")
    return wrong


def differing_pickle(rng: Random) -> list[str]:
    """What an unpickled program says otherwise than eager code."""
    case = make_case(rng, odd=0.15)
    program = pickle.loads(pickle.dumps(case.compile()))
    return differences(program, case.expected(), case.data)


KINDS: dict[str, Callable[[Random], list[str]]] = {
    "ordinary numbers": differing_case,
    "wide": lambda rng: differing_case(rng, lines=20),
    "deep": lambda rng: differing_case(rng, depth=3),
    "nan and infinities": lambda rng: differing_case(rng, odd=0.15),
    "unpickled": differing_pickle,
    "twins and batches": differing_twins,
    "pictures": differing_pictures,
}
"""Sorts of checks, each with what is otherwise than in eager code. JAX is asked seldom: it takes a
second to compile a function."""


def main() -> None:
    """Make functions of all sorts in turn, compare, count."""
    options = read_options()
    start = time.perf_counter()
    wrong = Counter[str]()
    counted = Counter[str]()
    with auto_backend(options.backend):
        for seed in range(options.functions):
            kind = "JAX" if seed % 100 == 99 else list(KINDS)[seed % len(KINDS)]
            counted[kind] += 1
            rng = Random(seed)
            found = differing_case(rng, backend="jax") if kind == "JAX" else KINDS[kind](rng)
            if found:
                wrong[kind] += 1
                print(f"function {seed} ({kind}) differs in {', '.join(found)}", flush=True)
    for kind, count in counted.items():
        print(f"{kind:20} {count:6,} functions, {wrong[kind]} that differ")
    seconds = time.perf_counter() - start
    print(f"{options.functions:,} functions in {seconds:.0f} s: {wrong.total()} differ")
    sys.exit(wrong.total() > 0)


def read_options() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.campaigns.combinations", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("functions", nargs="?", type=int, default=7000, help="how many functions")
    parser.add_argument("--backend", choices=list(BACKENDS), default="numpy")
    return parser.parse_args()


if __name__ == "__main__":
    main()
