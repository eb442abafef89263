"""The doctor: three networks that can't learn, what is wrong with each, and how to fix it.

A network that does not learn gives no error. The doctor sends samples forward and back through a
copy of it, and says which layer or unit is flagged, by which number, for which sample, and what to
try.

Three networks see the same two moons. In a chain of sigmoids the gradient shrinks to less than a
quarter with each layer. Weights that are too large drive tanh to its flat ends. One step that is
far too long leaves relu units behind that no sample can reach.

Each is fixed by what the doctor advised, diagnosed again, and trained as long as the broken one.
The chain has a second fix, which leaves its sigmoids as they are: with batch normalization before
each of them the gradient reaches the first layer, and the doctor finds nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import viz
from demos.gallery import ACROSS, Picture, Story, explored, run_alone, say, told
from demos.listing import list_code
from scalargrad import Value, data, diagnose, nn
from scalargrad.doctor import Diagnosis
from scalargrad.optim import SGD
from scalargrad.training import fit

SAMPLES = 30
STEPS = 150
QUICK = 30
"""Training steps."""


@dataclass(frozen=True)
class Case:
    """A network that can't learn, its learning rate, and the network with the fix.

    Attributes:
        name: A word for the names of files.
        problem: What is wrong with it.
        broken: Builds it.
        rate: The learning rate of both.
        fix: What is changed.
        fixed: Builds the network with the fix.
    """

    name: str
    problem: str
    broken: Callable[[], nn.MLP]
    rate: float
    fix: str
    fixed: Callable[[], nn.MLP]


CHAIN = Case(
    "chain",
    "eight layers of sigmoids",
    lambda: nn.MLP(2, [5] * 8 + [1], activation="sigmoid", initializer="xavier", seed=0),
    0.02,
    "elu and He's initialization",
    lambda: nn.MLP(2, [5] * 8 + [1], activation="elu", initializer="he", seed=0),
)
LOUD = Case(
    "loud",
    "weights of size 15 before a tanh",
    lambda: nn.MLP(2, [8, 8, 8, 1], activation="tanh", initializer=nn.normal(15.0), seed=0),
    0.1,
    "Xavier's initialization",
    lambda: nn.MLP(2, [8, 8, 8, 1], activation="tanh", initializer="xavier", seed=0),
)
# A rate that suits the network: what is wrong must come from the first step alone.
HASTY = Case(
    "hasty",
    "a first step with a rate of 3",
    lambda: after_one_step(nn.MLP(2, [8, 8, 1], seed=0), 3.0),
    0.005,
    "no such step",
    lambda: nn.MLP(2, [8, 8, 1], seed=0),
)


def points() -> tuple[Any, Any]:
    """Return the two moons, standardized, with 0 and 1 as targets."""
    found, answers = data.moons(SAMPLES, noise=0.1, seed=1)
    return data.StandardScaler().fit(found).transform(found), answers


def diagnose_case(model: nn.Module, rate: float) -> Diagnosis:
    """Diagnose a network that is to be trained with this rate."""
    return diagnose(model, *points(), optimizer=SGD(model.parameters(), rate))


def train(model: nn.Module, rate: float, steps: int) -> float:
    """Train on all samples at once, and return the mean squared error before the last step."""
    optimizer = SGD(model.parameters(), rate)
    history = fit(
        model,
        *points(),
        loss="mse",
        optimizer=optimizer,
        epochs=steps,
        batch_size=None,
        progress=False,
    )
    return history["loss"][-1]


def after_one_step(model: nn.MLP, rate: float) -> nn.MLP:
    """Train the network for one step that the doctor warns of."""
    say(f"\nbefore the first step: {diagnose_case(model, rate).of('rate')[0]}")
    train(model, rate, 1)
    return model


def compare(case: Case, folder: Path, steps: int) -> tuple[str, float, float]:
    """Diagnose, draw and train a network without and with the fix.

    Returns:
        The kinds of findings, and the losses without and with the fix.
    """
    broken = case.broken()
    fixed = case.fixed()
    diagnosis = diagnose_case(broken, case.rate)
    clean = diagnose_case(fixed, case.rate)
    say(f"\n{case.problem}\n{diagnosis}")
    say(f"with the fix, {case.fix}: {len(clean.findings) or 'no'} findings")

    # Drawn before the training, which changes both networks.
    title = f"{case.problem[0].upper()}{case.problem[1:]}"
    viz.draw(diagnosis, title=title, width=ACROSS).save(folder / f"doctor-{case.name}.svg")
    # One picture of a network without findings is enough.
    if case is HASTY:
        viz.draw(clean, title=f"No findings: {case.fix}", width=ACROSS).save(
            folder / "doctor-clean.svg"
        )

    without = train(broken, case.rate, steps)
    with_fix = train(fixed, case.rate, steps)
    say(
        f"after {steps} steps with a rate of {case.rate:g}: loss {without:.3g} as it was, "
        f"{with_fix:.3g} with the fix"
    )
    kinds = dict.fromkeys(finding.kind for finding in diagnosis.findings)
    return ", ".join(kinds), without, with_fix


def normalized_chain() -> nn.Sequential:
    """Build the chain of sigmoids with batch normalization before each of them."""
    rng = Random(0)
    steps: list[nn.Module] = []
    for before, after in pairwise([2] + [5] * 8):
        steps.append(nn.Layer(before, after, None, "xavier", rng))
        steps.append(nn.BatchNorm(after, activation="sigmoid"))
    return nn.Sequential(*steps, nn.Layer(5, 1, None, "xavier", rng), _first)


def _first(outputs: list[Value]) -> Value:
    return outputs[0]


def first_gradients(broken: Diagnosis) -> tuple[str, str]:
    """Compare the gradients of the chain's first layer: with batch normalization, and without."""
    clean = diagnose_case(normalized_chain(), CHAIN.rate)
    without, with_it = (each.layers[0].gradient or 0.0 for each in (broken, clean))
    findings = f"{len(clean.findings) or 'no'} findings"
    return (
        "the chain with batch normalization, gradient of its first layer",
        f"{with_it:.2g} instead of {without:.2g}, {findings}",
    )


def run(folder: Path, quick: bool = False) -> Story:
    """Diagnose, fix and train all three."""
    numbers = list[tuple[str, str]]()
    for case in (CHAIN, LOUD, HASTY):
        kinds, without, with_fix = compare(case, folder, QUICK if quick else STEPS)
        numbers.append((case.problem, kinds))
        numbers.append(
            (f"with {case.fix}, the loss goes to", f"{with_fix:.3g} instead of {without:.3g}")
        )
    numbers.append(first_gradients(diagnose_case(CHAIN.broken(), CHAIN.rate)))
    say(": ".join(numbers[-1]))
    explorer = explored(
        CHAIN.broken(),
        folder / "doctor-explore.html",
        "the gradient that vanishes in eight layers of sigmoids",
    )
    return Story(
        "doctor",
        "The doctor: why a network does not learn",
        told(__doc__),
        tuple(numbers),
        _PICTURES,
        (explorer,),
        list_code(diagnose_case, after_one_step),
    )


_PICTURES = (
    Picture(
        "doctor-chain.svg",
        "Eight layers of sigmoids from left to right. The lines between the layers fade from "
        "strong at the right to nearly nothing at the left, where the small print says that the "
        "gradient vanishes.",
        "The norm of the gradient is under each heading. What reaches the first layer can't "
        "teach it anything.",
    ),
    Picture(
        "doctor-loud.svg",
        "Three layers of tanh units. Those that are saturated have a red ring and the word.",
        "Ringed units are at the flat ends of tanh for (nearly) all samples.",
    ),
    Picture(
        "doctor-hasty.svg",
        "Two layers of relu units after one step with a rate of 3. In the second one several have "
        "a red ring and the word dead.",
        "After one step that was too long: no gradient comes through the ringed units, whatever "
        "the sample.",
    ),
    Picture(
        "doctor-clean.svg",
        "The same network as before its step, without any ring; the line below says that the "
        "doctor found nothing.",
        "The same network before that step, with a rate that suits it: nothing found.",
    ),
)

if __name__ == "__main__":
    run_alone(run, "doctor")
