"""Memory between pages that must not be touched, for native code to run in.

An access beyond an array ends the process, so what uses this runs in a process of its own:
`python -m tests.compiler.native.guarded [NETWORKS] [SEED]`.
"""

import ctypes
import mmap
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy
import pytest

from scalargrad.compiler.native import backend, calls, writer
from tests.compiler.native.networks import differing_backends, make_network

_NUMBER = 8
"""The bytes of a number."""

_PAGE = mmap.PAGESIZE

_NO_ACCESS = 0
"""PROT_NONE: no reading and no writing."""

BATCHES = (1, 3, 5, 9, 33, 70, 140)


def _find_start(memory: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def _forbid(address: int) -> None:
    """Let any access to a page end the process."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(_PAGE), _NO_ACCESS):
        raise OSError(ctypes.get_errno(), "mprotect")


def _pages(count: int) -> int:
    """How many bytes of whole pages hold so many numbers."""
    return -(-max(count, 1) * _NUMBER // _PAGE) * _PAGE


class GuardedParts:
    """Parts that each end where a forbidden page begins; another one is before the first.

    Args:
        sizes: How many numbers each part holds.

    Attributes:
        starts: Where each part begins, in numbers from the first possible address on.
        address: That address.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        lengths = [_pages(size) for size in sizes]
        self.memory = mmap.mmap(-1, _PAGE + sum(lengths) + _PAGE * len(sizes))
        self.address = _find_start(self.memory)
        self.starts = []
        _forbid(self.address)
        place = _PAGE
        for size, length in zip(sizes, lengths, strict=True):
            self.starts.append((place + length - size * _NUMBER) // _NUMBER)
            _forbid(self.address + place + length)
            place += length + _PAGE

    def array(self, part: int, size: int) -> Any:
        """A part as an array."""
        offset = self.starts[part] * _NUMBER
        return numpy.frombuffer(self.memory, float, size, offset)


def guard(array: Any) -> Any:
    """A copy of an array that ends where a forbidden page begins."""
    flat = numpy.ascontiguousarray(array, dtype=float)
    guarded = GuardedParts([flat.size]).array(0, flat.size)
    guarded[:] = flat.ravel()
    return guarded.reshape(flat.shape)


class GuardedWorkspace(calls.Workspace):
    """A workspace whose parts don't touch."""

    def __init__(self, size: int) -> None:
        super().__init__(0)
        self.parts = GuardedParts(_layouts[size])
        self.memory = numpy.frombuffer(self.parts.memory, float)


_layouts: dict[int, list[int]] = {}
"""The sizes of the parts of workspaces, by a number that stands for their whole size."""


class GuardedWriter(writer.FunctionWriter):
    """Writes functions for such workspaces."""

    @property
    def size(self) -> int:
        """A number that stands for the layout."""
        number = len(_layouts)
        _layouts[number] = self._exact_sizes()
        return number

    def _exact_sizes(self) -> list[int]:
        storage = self.storage
        sizes = {name: storage.size[name] for name in ("s", "h")}
        sizes |= {name: storage.size[name] * storage.numbers_each for name in ("w", "g", "seeds")}
        sizes |= storage.scratch
        return [sizes.get(name, 0) for name in self._starts]

    def _set_starts(self) -> None:
        parts = GuardedParts(self._exact_sizes())
        for start, place in zip(self._starts.values(), parts.starts, strict=True):
            start.initializer = self.emitter.index(place)


@contextmanager
def guarded_memory() -> Iterator[None]:
    """Let native code run in guarded memory alone."""
    arrays = SimpleNamespace(**vars(numpy))
    arrays.empty = lambda shape, *rest: guard(numpy.empty(shape))
    arrays.zeros = lambda shape, *rest: guard(numpy.zeros(shape))
    arrays.ascontiguousarray = lambda array, **rest: guard(array)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "numpy", arrays)
        patch.setattr(backend, "FunctionWriter", GuardedWriter)
        patch.setattr(calls, "Workspace", GuardedWorkspace)
        yield


def guard_fixed(program: Any) -> None:
    """Put the parameters and the constants of a program into guarded memory."""
    backend = program._backend
    backend.fixed = {name: guard(array) for name, array in backend.fixed.items()}
    backend.parameters = next(iter(backend.fixed.values()))


def main(networks: int, seed: int) -> None:
    """Run networks, and compare what they compute."""
    wrong = 0
    with guarded_memory():
        for number in range(seed, seed + networks):
            network = make_network(Random(number), drawn=number % 5 == 4)
            program = network.compile("native")
            guard_fixed(program)
            other = network.compile("numpy")
            for batch in BATCHES:
                found = differing_backends(program, other, network, batch)
                wrong += bool(found)
                if found:
                    print(f"network {number}, batch of {batch} differs in {', '.join(found)}")
    print(f"{networks} networks in guarded memory: {wrong} differ")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:] or (20,)), *(() if len(sys.argv) > 2 else (0,)))
