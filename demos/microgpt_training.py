"""Names for a GPT to learn from, its training, compiled, and what a name takes each way."""

from functools import partial
from importlib.util import find_spec
from time import process_time

import numpy as np
from numpy.typing import NDArray

import scalargrad as sg
from demos.gallery import timed
from demos.microgpt_model import (
    LETTERS,
    LONGEST,
    State,
    document_loss,
    list_parameters,
    zero_gradients,
)
from scalargrad import Value
from scalargrad.compiler import Compiled
from scalargrad.compiler.backend import BackendName

LISTED = """
ada alora amiro arelo bano belira benola calimo darelo delimar delino dimora elano elira emano erola
falira felino galeno galenor galimo helora ilano imora irelo jalo jamira kalino kelira lamiro lena
lenora limano lorena malira marelo melino mirano nalora nemiro nila olena olira oramo palino rameno
relora rimano salorin selino simara tamino telora timelan ulano valino velora yelora zalena zumiran
"""
NAMES = LISTED.split()
STEPS = 100
RATE = 0.01
BATCH = 30
BY_HAND = 6
"""Names of a step, and those that are computed scalar by scalar to be compared."""

Array = NDArray[np.float64]
Documents = tuple[NDArray[np.int64], Array]


def tokens_of(name: str) -> list[int]:
    """Return the tokens of a name, the dots at both ends included."""
    return [LETTERS.index(letter) for letter in f".{name}."]


def pad(names: list[str]) -> Documents:
    """Return names as arrays, padded to the longest name there can be.

    Returns:
        The tokens, (names, LONGEST + 2), and the weights of the predictions, one fewer a name.
    """
    tokens = np.zeros((len(names), LONGEST + 2), int)
    shares = np.zeros((len(names), LONGEST + 1))
    for i, name in enumerate(names):
        tokens[i, : len(name) + 2] = tokens_of(name)
        shares[i, : len(name) + 1] = 1.0 / (len(name) + 1)
    return tokens, shares


def compile_loss(state: State, backend: BackendName = "auto") -> Compiled:
    """Compile the loss of one document, as long as one can be."""
    return sg.compile(
        partial(document_loss, state=state),
        state,
        inputs=[("token", LONGEST + 2), LONGEST + 1],
        backend=backend,
    )


def train(program: Compiled, documents: Documents, steps: int) -> list[float]:
    """Train by Adam with a rate that falls to 0, and return the losses."""
    tokens, shares = documents
    mean = np.zeros_like(program.parameters)
    square = np.zeros_like(program.parameters)
    losses = []
    for step in range(steps):
        # Every other name: the list is in the order of the alphabet.
        batch = np.arange(step % 2, len(tokens), 2)
        loss, gradient = program.value_and_grad(tokens[batch], shares[batch])
        mean += 0.15 * (gradient - mean)
        square += 0.01 * (gradient**2 - square)
        # Both averages began at 0: what is missing since then is made up for.
        change = mean / (1.0 - 0.85 ** (step + 1))
        scale = square / (1.0 - 0.99 ** (step + 1))
        rate = RATE * (1.0 - step / steps)
        program.parameters[:] -= rate * change / (np.sqrt(scale) + 1e-8)
        losses.append(loss)
    program.write_back()
    return losses


def eager_gradient(state: State, names: list[str]) -> Array:
    """Return the gradient of the mean loss of names, each on a graph of its own."""
    zero_gradients(state)
    for name in names:
        name_loss(name, state).backward(1.0 / len(names))
    return np.array([parameter.grad for parameter in list_parameters(state)])


def name_loss(name: str, state: State) -> Value:
    """Return the loss of a name as it is, without padding."""
    count = len(name) + 1
    return document_loss(tokens_of(name), [1.0 / count] * count, state)


def measure(state: State, program: Compiled) -> tuple[dict[str, float], float]:
    """Return the seconds of a name each way, and the largest difference of two gradients."""
    some = NAMES[:: len(NAMES) // BY_HAND]
    # Other programs interrupt what takes long; a median of short times leaves them out.
    gradient, eager = timed(lambda: eager_gradient(state, some), process_time)
    compiled = program.value_and_grad(*pad(some))[1]
    seconds = {
        "scalar by scalar": eager / len(some),
        "compiled, NumPy": time_step(program) / BATCH,
    }
    if find_spec("llvmlite"):
        native = compile_loss(state, "native")
        seconds["compiled, native"] = time_step(native) / BATCH
    return seconds, float(np.abs(gradient - compiled).max())


def time_step(program: Compiled) -> float:
    """Return the median of the seconds of some steps; the first one writes the code."""
    tokens, shares = pad(NAMES[::2])
    program.value_and_grad(tokens, shares)
    times = [timed(lambda: program.value_and_grad(tokens, shares))[1] for _ in range(30)]
    return float(np.median(times))
