"""Thousands of random graphs, compiled, must say what eager code says.

`python -m tests.campaigns.compiled [GRAPHS] [--backend native]`
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from random import Random

from scalargrad.compiler.backend import BACKENDS
from tests.compiler.backends import auto_backend
from tests.compiler.graphs import EVERYWHERE, Kitchen, differing
from tests.compiler.loops import differing_loop
from tests.compiler.test_derivatives import differing as differing_derivatives
from tests.compiler.test_differential import LINEAR, SELECTING, SETTINGS
from tests.compiler.test_sums import differing_sums

KINDS: dict[str, Callable[[Random], list[str]]] = {
    "small": lambda rng: differing(Kitchen(rng=rng, steps=10)),
    "deep": lambda rng: differing(Kitchen(rng=rng, steps=80)),
    "wide": lambda rng: differing(Kitchen(rng=rng, inputs=20, parameters=20, steps=150, outputs=8)),
    "linear": lambda rng: differing(Kitchen(ops=LINEAR, rng=rng, steps=60)),
    "selecting": lambda rng: differing(Kitchen(ops=SELECTING, rng=rng, steps=40)),
    "static_args": lambda rng: differing(Kitchen(ops=SETTINGS, rng=rng, steps=40)),
    "few operations": lambda rng: differing(
        Kitchen(ops=rng.sample(EVERYWHERE, 3), rng=rng, steps=40)
    ),
    "nan and infinities": lambda rng: differing(Kitchen(rng=rng, steps=20), odd=0.2),
    "loops": differing_loop,
    "sums of layers": differing_sums,
    "derivatives": lambda rng: differing_derivatives(rng, steps=12, odd=rng.choice([0.0, 0.2])),
}
"""Sorts of graphs, each with what its programs say otherwise than eager code."""


def main() -> None:
    """Make graphs of all sorts in turn, compare, count."""
    options = read_options()
    start, wrong, counted = time.perf_counter(), Counter[str](), Counter[str]()
    with auto_backend(options.backend):
        for seed in range(options.graphs):
            kind = list(KINDS)[seed % len(KINDS)]
            counted[kind] += 1
            found = KINDS[kind](Random(seed))
            if found:
                wrong[kind] += 1
                print(f"graph {seed} ({kind}) differs in {', '.join(found)}", flush=True)
    for kind, count in counted.items():
        print(f"{kind:20} {count:6,} graphs, {wrong[kind]} that differ")
    seconds = time.perf_counter() - start
    print(f"{options.graphs:,} graphs in {seconds:.0f} s: {wrong.total()} differ")
    sys.exit(wrong.total() > 0)


def read_options() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.campaigns.compiled", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("graphs", nargs="?", type=int, default=11_000, help="how many graphs")
    parser.add_argument("--backend", choices=list(BACKENDS), default="numpy")
    return parser.parse_args()


if __name__ == "__main__":
    main()
