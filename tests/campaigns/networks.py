"""Random networks as native code must compute what NumPy and eager code compute.

`python -m tests.campaigns.networks [NETWORKS] [--width 4]`;
`python -m tests.compiler.native.guarded` runs them between pages of memory that are forbidden.
"""

import argparse
import math
import sys
import time
from collections import Counter
from random import Random

import numpy
import pytest

from scalargrad.compiler.native import backend, emitter
from tests.compiler.native.networks import BATCHES, Network, differing_backends, make_network
from tests.compiler.referee import differences, eager

_ODD = (math.nan, math.inf, -math.inf, 0.0, 1e300, 5e-324, -1e-310)


def differing_from_numpy(network: Network) -> list[str]:
    """What native code says otherwise than NumPy, for batches of many sizes."""
    native, other = (network.compile(backend) for backend in ("native", "numpy"))
    return [
        f"{name} of {batch}"
        for batch in BATCHES
        for name in differing_backends(native, other, network, batch)
    ]


def differing_from_eager(network: Network, rng: Random, odd: float) -> list[str]:
    """What native code says otherwise than eager code; `odd` is the share of odd numbers."""
    data = network.data(3)
    for array in data:
        for i in range(array.size):
            if rng.random() < odd:
                array.flat[i] = rng.choice(_ODD)
    expected = eager(network.function, network.model, data)
    return differences(network.compile("native"), expected, data)


def differing(seed: int) -> list[str]:
    """What native code says otherwise of a network; eager code, which is slow, is asked seldom."""
    rng = Random(seed)
    drawn = seed % 5 == 4
    network = make_network(rng, drawn)
    found = differing_from_numpy(network)
    if seed % 3 == 0 and not drawn:
        found += differing_from_eager(network, rng, odd=0.0)
        found += differing_from_eager(network, rng, odd=0.15)
    return found


def main() -> None:
    """Make networks, compare, count."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.campaigns.networks", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("networks", nargs="?", type=int, default=1000, help="how many networks")
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--width", type=int, help="numbers in a vector; that of the machine")
    options = parser.parse_args()
    start = time.perf_counter()
    wrong = Counter[str]()
    with pytest.MonkeyPatch.context() as patch:
        if options.width:
            for module in (emitter, backend):
                patch.setattr(module, "vector_width", lambda: options.width)
        with numpy.errstate(all="ignore"):
            for seed in range(options.seed, options.seed + options.networks):
                found = differing(seed)
                if found:
                    wrong[str(seed)] += 1
                    print(f"network {seed} differs in {', '.join(found)}", flush=True)
    seconds = time.perf_counter() - start
    print(f"{options.networks:,} networks in {seconds:.0f} s: {wrong.total()} differ")
    sys.exit(wrong.total() > 0)


if __name__ == "__main__":
    main()
