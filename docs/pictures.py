"""The pictures of the README and of the gallery's page: `python -m docs.pictures` draws them."""

from collections.abc import Callable
from pathlib import Path

import scalargrad as sg
import viz
from demos import moons, neuron
from demos.microgpt_model import LETTERS, make_state
from demos.microgpt_training import name_loss
from scalargrad.nn import MLP
from viz import Drawing

FOLDER = Path(__file__).parent.parent / "demos/pictures"


def draw_neuron() -> Drawing:
    """Draw the worked example of one neuron, every value on a card."""
    return viz.draw(neuron.forward()["L"], level="cards", width=840)


def draw_moons() -> Drawing:
    """Draw the loss of one sample of the network that learns two moons, as neurons."""
    loss, _ = moons.one_sample(MLP(2, [16, 16, 1], activation="relu", seed=0), moons.two_moons())
    return viz.draw(loss, level="neurons", width=840)


def draw_gpt() -> Drawing:
    """Draw the loss of a GPT in plain functions, for one name, as boxes."""
    with sg.trace_calls():
        loss = name_loss("mira", make_state(0))
    loss.backward()
    return viz.draw(loss, level="blocks", width="slide", tokens=".mira", vocabulary=LETTERS)


PICTURES: dict[str, Callable[[], Drawing]] = {
    "neuron-cards.svg": draw_neuron,
    "moons-neurons.svg": draw_moons,
    "microgpt-blocks.svg": draw_gpt,
}

if __name__ == "__main__":
    for name, draw in PICTURES.items():
        print(draw().save(FOLDER / name))
