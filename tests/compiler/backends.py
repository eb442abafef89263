"""The backends that tests run on; one whose library is absent is skipped."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import pytest

from scalargrad.compiler import backend
from scalargrad.compiler.backend import BackendName


def needing(name: BackendName, library: str) -> Any:
    """A backend as a parameter of tests, with the library that it needs."""
    is_absent = find_spec(library) is None
    return pytest.param(name, marks=pytest.mark.skipif(is_absent, reason=f"needs {library}"))


JAX = needing("jax", "jax")
NATIVE = needing("native", "llvmlite")

on_every_backend = pytest.mark.parametrize("default_backend", ["numpy", NATIVE, JAX], indirect=True)
"""Runs one test of a module on JAX, too, where all of its tests run on the others."""

in_native_code = pytest.mark.parametrize("default_backend", [NATIVE], indirect=True)
"""Runs one test of such a module as native code alone."""

once = pytest.mark.parametrize("default_backend", ["numpy"], indirect=True)
"""Runs a test of such a module once: it names its backend itself, or needs none, or would
take too long as native code.
"""


@contextmanager
def auto_backend(name: BackendName) -> Iterator[None]:
    """Let "auto" choose a backend."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "_DEFAULT", name)
        yield
