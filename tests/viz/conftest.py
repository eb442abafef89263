"""What all tests of pictures share: no code of viz may ask a Value whether it is true.

A Value of 0 is false, so `if value` where `if value is not None` is meant loses exactly the zeros.
"""

import sys

import pytest

from scalargrad import Value


@pytest.fixture(autouse=True)
def no_truth_of_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the truth value of a Value an error where a frame of viz asks for it."""
    plain = Value.__bool__

    def checked(value: Value) -> bool:
        asking = str(sys._getframe(1).f_globals.get("__name__"))
        if asking.partition(".")[0] == "viz":
            raise AssertionError(f"{asking} asks a Value whether it is true")
        return plain(value)

    monkeypatch.setattr(Value, "__bool__", checked)
