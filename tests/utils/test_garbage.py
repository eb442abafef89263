"""What is kept for long is kept out of the collections of young objects."""

import gc
from collections.abc import Iterator

import pytest

from scalargrad import Value, compile
from scalargrad.utils.garbage import expect_long_life


@pytest.fixture
def nothing_is_frozen() -> Iterator[None]:
    was_frozen = gc.get_freeze_count() > 0
    gc.unfreeze()
    yield
    if was_frozen:
        gc.freeze()


@pytest.mark.usefixtures("nothing_is_frozen")
def test_a_recorded_graph_is_not_walked_over_with_young_objects() -> None:
    program = compile(lambda x: [x * float(i) for i in range(10_000)], inputs=(1,))
    young = gc.get_objects(generation=0) + gc.get_objects(generation=1)
    assert not [thing for thing in young if issubclass(type(thing), Value)]
    assert program.recorded_rows > 10_000


@pytest.mark.usefixtures("nothing_is_frozen")
def test_what_a_user_froze_stays_frozen() -> None:
    gc.freeze()
    before = gc.get_freeze_count()
    expect_long_life()
    assert gc.get_freeze_count() >= before


def test_a_small_program_does_not_count_what_a_user_froze(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting takes as long as there are frozen objects: milliseconds for a large process."""
    calls: list[None] = []
    monkeypatch.setattr(gc, "get_freeze_count", lambda: calls.append(None) or 0)
    compile(lambda x: x * 2.0, inputs=(1,))
    assert not calls
