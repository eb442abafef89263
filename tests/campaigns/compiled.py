"""Thousands of random graphs, compiled, must say what eager code says.

`python -m tests.campaigns.compiled [GRAPHS]`
"""

import sys
import time
from collections import Counter
from random import Random

from scalargrad.core.ops import TABLE
from tests.compiler.graphs import Kitchen, differing
from tests.compiler.test_differential import LINEAR, SELECTING, SETTINGS

EVERYTHING = tuple(op.name for op in TABLE.values() if op.is_public)
KINDS = {
    "small": lambda rng: differing(Kitchen(rng=rng, steps=10)),
    "deep": lambda rng: differing(Kitchen(rng=rng, steps=80)),
    "wide": lambda rng: differing(Kitchen(rng=rng, inputs=20, parameters=20, steps=150, outputs=8)),
    "linear": lambda rng: differing(Kitchen(ops=LINEAR, rng=rng, steps=60)),
    "selecting": lambda rng: differing(Kitchen(ops=SELECTING, rng=rng, steps=40)),
    "static_args": lambda rng: differing(Kitchen(ops=SETTINGS, rng=rng, steps=40)),
    "few operations": lambda rng: differing(
        Kitchen(ops=rng.sample(EVERYTHING, 3), rng=rng, steps=40)
    ),
    "nan and infinities": lambda rng: differing(Kitchen(rng=rng, steps=20), odd=0.2),
}
"""Sorts of graphs, each with what its programs say otherwise than eager code."""


def main(graphs: int) -> None:
    """Make graphs of all sorts in turn, compare, count."""
    start, wrong, counted = time.perf_counter(), Counter[str](), Counter[str]()
    for seed in range(graphs):
        kind = list(KINDS)[seed % len(KINDS)]
        counted[kind] += 1
        found = KINDS[kind](Random(seed))
        if found:
            wrong[kind] += 1
            print(f"graph {seed} ({kind}) differs in {', '.join(found)}")
    for kind, count in counted.items():
        print(f"{kind:20} {count:6,} graphs, {wrong[kind]} that differ")
    print(f"{graphs:,} graphs in {time.perf_counter() - start:.0f} s: {wrong.total()} differ")
    sys.exit(wrong.total() > 0)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
