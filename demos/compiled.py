"""Compiled: a scalar network is recorded once and trained at the speed of arrays.

The loss of one sample is written in scalars: neuron by neuron, number by number. Recorded once,
this graph is turned into array code: sums of products become matrix products, equal operations side
by side become one operation on many numbers, and the samples of a batch become an axis. What is
left is a handful of lines of NumPy, forward and back, which the demo prints.

It stays the same graph. Trained in both ways from the same initial weights, the losses agree up to
rounding in every step. And any sample can be put back into the recorded numbers, to look at each of
them with its gradient, after training that never touched a single number.
"""

from copy import deepcopy
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import viz
from demos.gallery import (
    ACROSS,
    Picture,
    Story,
    duration,
    explored,
    run_alone,
    say,
    say_all,
    timed,
    told,
)
from demos.listing import list_code
from scalargrad.compiler import Compiled, compile
from scalargrad.compiler.kernels import Matrix
from scalargrad.data import StandardScaler, moons
from scalargrad.losses import mse
from scalargrad.nn import MLP

FULL = (100, 20)
QUICK = (40, 4)
"""Samples, and steps of descent both ways."""
FURTHER = 1000
RATE = 0.1

Array = NDArray[np.float64]


def samples(count: int) -> tuple[Array, Array]:
    """Return points of two moons, standardized, and ±1 for the moon."""
    points, sides = moons(count, noise=0.1, seed=1)
    scaled = StandardScaler().fit(points).transform(points)
    return scaled, np.array(2.0 * sides - 1.0, float)


def compiled(model: MLP) -> Compiled:
    """Compile the mean squared error of one sample."""
    return compile(lambda x, y: mse(model(x), y), model, inputs=(2, 1))


def descend(model: MLP, points: Array, targets: Array, steps: int) -> list[float]:
    """Descend on the graph itself, sample by sample, and return the losses."""
    losses = []
    for _ in range(steps):
        model.zero_grad()
        pairs = zip(points.tolist(), targets.tolist(), strict=True)
        each = [mse(model(point), side) for point, side in pairs]
        # Gradients add up: each sample starts with 1/n, so the sum is the gradient of the mean.
        for loss in each:
            loss.backward(1.0 / len(each))
        for parameter in model.parameters():
            parameter.data -= RATE * parameter.grad
        losses.append(sum(loss.data for loss in each) / len(each))
    return losses


def descend_compiled(program: Compiled, points: Array, targets: Array, steps: int) -> list[float]:
    """Descend by the compiled program, the whole batch at once, and return the losses."""
    losses = []
    for _ in range(steps):
        loss, gradient = program.value_and_grad(points, targets)
        program.parameters[:] -= RATE * gradient
        losses.append(loss)
    return losses


def run(folder: Path, quick: bool = False) -> Story:
    """Record, print and draw the program; train both ways; put one sample back."""
    count, steps = QUICK if quick else FULL
    points, targets = samples(count)
    model = MLP(2, [16, 16, 1], seed=1)
    program, recording = timed(lambda: compiled(model))
    say(program.explain())
    say(f"\n{program}")
    viz.draw(program, title="What the compiler found", width=ACROSS).save(
        folder / "compiled-program.svg"
    )

    # Both ways start with the same numbers, so each has a model of its own.
    twin = deepcopy(model)
    slow, eager = timed(lambda: descend(twin, points, targets, steps))
    # A program writes its code when it is first needed: that is not part of the measured steps.
    program.value_and_grad(points, targets)
    fast, quickly = timed(lambda: descend_compiled(program, points, targets, steps))

    # A thousand steps: on the graph they would take minutes.
    last = descend_compiled(program, points, targets, FURTHER)[-1]

    odd = int(program(points, targets).argmax())
    loss = program.load(points[odd], targets[odd])
    sample = viz.draw(loss, title="The sample it is worst at, in the same scalars", width=ACROSS)
    sample.save(folder / "compiled-sample.svg")
    explorer = explored(loss, folder / "compiled-explore.html", "the sample it is worst at")

    matrices = sum(isinstance(kernel, Matrix) for kernel in program.kernels)
    difference = max(abs(a - b) for a, b in zip(slow, fast, strict=True))
    numbers = (
        ("scalars recorded, in", f"{program.recorded_rows:,}, {duration(recording)}"),
        ("array operations, of them matrices", f"{len(program.kernels)}, {matrices}"),
        (f"loss after {steps} steps, both ways", f"{slow[-1]:.6f}, {fast[-1]:.6f}"),
        ("largest difference of a loss", f"{difference:.1e}"),
        (f"a step with {count} samples, scalar by scalar", duration(eager / steps)),
        ("the same step compiled", duration(quickly / steps)),
        ("times faster, in this run", f"{eager / quickly:,.0f}"),
        (f"loss after {steps + FURTHER:,} compiled steps", f"{last:.6f}"),
    )
    say_all(numbers)
    return Story(
        "compiled",
        "Compiled: single numbers at the speed of arrays",
        told(__doc__),
        numbers,
        _PICTURES,
        (explorer,),
        list_code(compiled, descend_compiled),
    )


_PICTURES = (
    Picture(
        "compiled-program.svg",
        "The program as cards from left to right: the input and the weights of a layer go into a "
        "matrix product, its result into a relu, and so on through three layers; then the "
        "difference to the target, and its square.",
        "All that is left of about a thousand scalars. Every matrix carries the name of the layer "
        "that it was found in.",
    ),
    Picture(
        "compiled-sample.svg",
        "The network as columns of neurons for one sample, with the gradient that flows back "
        "through each connection.",
        "One sample, put back into the recorded numbers after training: the picture of the "
        "compiled step is that of the scalar graph.",
    ),
)

if __name__ == "__main__":
    run_alone(run, "compiled")
