"""A GPT in plain functions: trained compiled, drawn scalar by scalar, and asked for new names.

The whole of a GPT fits on two pages of plain Python: linear, softmax, rmsnorm, gpt, and a
dictionary of parameters. No module, no array, no batch: the loss of one name is computed from
single numbers, some tens of thousands of them.

Three expressions are not as one would write them at first, so that the same functions can be
recorded before there are numbers: softmax subtracts the largest logit as a Value, and what belongs
to a token is looked up by sg.take. That is all. The longest name there can be is recorded once and
replayed on a batch. Shorter names are padded; as no position sees a later one, it is enough that
the predictions of the padding have no weight in the loss.

The table says what a name takes in this run, loss and gradient: on its graph, and compiled, as one
of the thirty names of a step. Both have the same gradients, to rounding. The names that it learns
from are made up, and vowels and consonants take turns in all of them. Nobody tells it.
"""

from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np

import scalargrad as sg
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
    write_powers,
)
from demos.listing import list_code
from demos.microgpt_model import (
    HEAD_WIDTH,
    LETTERS,
    State,
    document_loss,
    gpt,
    invent,
    linear,
    list_parameters,
    make_state,
    rmsnorm,
    softmax,
    zero_gradients,
)
from demos.microgpt_training import (
    NAMES,
    STEPS,
    compile_loss,
    measure,
    name_loss,
    pad,
    tokens_of,
    train,
)
from scalargrad import Value
from viz.plots import new_axes, plot_bars, plot_loss, save_plot

INVENTED = 20
TEMPERATURE = 0.8
DRAWN = "mira"


def takes_turns(name: str) -> bool:
    """Return whether vowels and consonants take turns in a name of two letters or more."""
    vowels = [letter in "aeiou" for letter in name]
    return len(name) > 1 and all(a != b for a, b in pairwise(vowels))


def invent_names(state: State) -> list[str]:
    """Invent some names, always the same ones from the same parameters."""
    rng = Random(1)
    return [invent(state, rng, TEMPERATURE) for _ in range(INVENTED)]


def draw_step(state: State, folder: Path) -> Value:
    """Draw the graph of one name with its gradients, and return its loss."""
    zero_gradients(state)
    with sg.trace_calls():
        loss = name_loss(DRAWN, state)
    loss.label = "loss"
    loss.backward()
    title = f"One step: the loss of “{DRAWN}”, and its gradient"
    tokens = f".{DRAWN}"
    drawing = viz.draw(loss, title=title, width=ACROSS, tokens=tokens, vocabulary=LETTERS)
    drawing.save(folder / _STEP.file)
    return loss


def look_back(state: State) -> Value:
    """Return how much the first head looks from the first letter back to the dot."""
    zero_gradients(state)
    with sg.trace_calls():
        weight = _first_weight(state)
    weight.label = "weight"
    weight.backward()
    return weight


def _first_weight(state: State) -> Value:
    normed = []
    for position, token in enumerate(tokens_of(DRAWN)[:2]):
        pairs = zip(state["wte"][token], state["wpe"][position], strict=True)
        normed.append(rmsnorm(rmsnorm([a + b for a, b in pairs])))
    query = linear(normed[1], state["attn_wq"][:HEAD_WIDTH])
    keys = [linear(row, state["attn_wk"][:HEAD_WIDTH]) for row in normed]
    scores = [sg.dot(query, key) / HEAD_WIDTH**0.5 for key in keys]
    weight: Value = softmax(scores)[0]
    return weight


def run(folder: Path, quick: bool = False) -> Story:  # noqa: ARG001
    """Measure a step each way, train compiled, draw one step, and invent names.

    Compiled it takes seconds: quick and full are the same.
    """
    state = make_state(42)
    program, recording = timed(lambda: compile_loss(state))
    seconds, difference = measure(state, program)
    before = invent_names(state)
    losses, training = timed(lambda: train(program, pad(NAMES), STEPS))
    after = invent_names(state)
    loss = draw_step(state, folder)
    weight = state["attn_wq"][0][0]
    explained = str(viz.explain(loss, weight))
    say(f"{explained}\n")

    axes = new_axes(2, width=7.1, height=2.9)
    plot_loss(losses, axes[0]).set_title("Loss of the batch")
    written = [duration(each) for each in seconds.values()]
    plot_bars(seconds, axes[1], written, log=True).set_title("Seconds a name")
    write_powers(axes[1].xaxis)
    save_plot(axes[0], folder / _SPEED.file, "Loss and speed", _SPEED.alt)

    eager = seconds["scalar by scalar"]
    numbers = [
        ("parameters", f"{len(list_parameters(state)):,}"),
        ("scalars recorded, in", f"{program.recorded_rows:,}, {duration(recording)}"),
        ("kernels of array code", f"{len(program.kernels)}"),
        ("largest difference of a gradient, graph and compiled", f"{difference:.1e}"),
    ]
    for way, each in seconds.items():
        faster = "" if way == "scalar by scalar" else f", {eager / each:,.0f} times faster"
        numbers.append((f"loss and gradient of a name, {way}", f"{duration(each)}{faster}"))
    numbers += [
        (f"{STEPS} steps of training", duration(training)),
        ("loss, first and last steps", f"{losses[0]:.3f}, {np.mean(losses[-3:]):.3f}"),
        ("vowels and consonants take turns, before", count_turns(before)),
        ("vowels and consonants take turns, after", count_turns(after)),
        ("invented, none of them in the list", ", ".join(new_names(after)[:8])),
        (f"the gradient of a weight, for “{DRAWN}”", explained.partition(":")[0]),
    ]
    say_all(numbers)
    pages = (
        explored(
            loss,
            folder / "microgpt-whole-explore.html",
            f"all scalars of the loss of “{DRAWN}”",
            tokens=f"·{DRAWN}",
            vocabulary=LETTERS.replace(".", "·"),
        ),
        explored(
            look_back(state),
            folder / "microgpt-explore.html",
            f"how much a head looks back from “{DRAWN[0]}”",
            level="blocks",
        ),
    )
    return Story(
        "microgpt",
        "A GPT in plain functions",
        told(__doc__),
        tuple(numbers),
        (_SPEED, _STEP),
        pages,
        list_code(softmax, gpt, document_loss),
    )


def count_turns(names: list[str]) -> str:
    """Say in how many names vowels and consonants take turns."""
    return f"{sum(map(takes_turns, names))} of {len(names)} invented names"


def new_names(names: list[str]) -> list[str]:
    """Return the names that are not in the list, each once, in order."""
    return [name for name in dict.fromkeys(names) if name not in NAMES]


_STEP = Picture(
    "microgpt-step.svg",
    "The GPT for the letters of one name: a band, the residual stream, from the embeddings to the "
    "logits; attention and the two layers of neurons leave it and return; then the probabilities "
    "and the loss of each letter. Strips and maps are colored by gradient, and gray triangles show "
    "where each letter looks.",
    "The graph of one name with its gradients, folded by the functions and lines of the code: the "
    "same scalars are compiled.",
)
_SPEED = Picture(
    "microgpt-speed.svg",
    "Left a falling curve, the loss of the batch; right bars for the time of a name: scalar by "
    "scalar, and compiled.",
    "The loss while it learns; and what a name takes, loss and gradient, on a logarithmic scale.",
)

if __name__ == "__main__":
    run_alone(run, "microgpt")
