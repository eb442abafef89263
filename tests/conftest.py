"""What all tests share: Hypothesis draws the same examples in every run, and takes the time it needs."""

from hypothesis import settings

settings.register_profile("scalargrad", derandomize=True, deadline=None)
settings.load_profile("scalargrad")
