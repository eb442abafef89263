"""What tests and examples share: each begins with the generator of the process as a program finds it."""

import pytest

from scalargrad import manual_seed


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Make the numbers of a test independent of the tests that ran before it."""
    manual_seed(0)
