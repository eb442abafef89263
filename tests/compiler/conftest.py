"""What modules of tests share: the backend that "auto" chooses."""

from collections.abc import Iterator

import pytest

from tests.compiler.backends import NATIVE, auto_backend


# Of a whole module, because Hypothesis refuses fixtures that are made for each test.
@pytest.fixture(scope="module", params=["numpy", NATIVE])
def default_backend(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let "auto" choose each backend in turn, for all tests of a module."""
    with auto_backend(request.param):
        yield
