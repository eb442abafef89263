"""What all tests share: Hypothesis draws the same examples in every run, without a deadline."""

from hypothesis import Phase, register_random, settings

from scalargrad.core.seeds import PROCESS

settings.register_profile("scalargrad", derandomize=True, deadline=None)
settings.register_profile(
    "no-shrinking",  # for the campaign of mutants, which asks only whether a test fails
    parent=settings.get_profile("scalargrad"),
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("scalargrad")

# every example begins with the same generator, so one that fails fails again
register_random(PROCESS.random)
