"""Pages whose trainer is in reach of scripts, for tests and for the benchmark."""

import re
from collections.abc import Callable
from typing import Any

import viz
from scalargrad import Value, data, nn
from scalargrad.training import History, fit
from tests.viz.explorer.contents import exchange, inflate
from viz import Page
from viz.explorer.training_data import read_training

Show = Callable[..., Any]

POINTS, CLASSES = data.moons(40, noise=0.1, seed=1)
SIGNS = 2.0 * CLASSES - 1.0
"""Samples of two inputs, with their classes as 0 and 1 or as −1 and 1."""


NAMES = """
globalThis.trainerOfPage = () => session.trainer;
globalThis.sessionOfPage = () => session;
globalThis.momentOfPage = moment;
globalThis.showNumbersOfPage = showNumbers;
globalThis.mapsOfPage = () => maps;
globalThis.paintOfPage = () => announce('training');
globalThis.paceOfPage = { beginFrame, endTurns, isTurnOf };
globalThis.playground = {
  moments: () => lossMoments, openNeuron, chooseWeight, chooseSample, holdOut, removeSample,
};
globalThis.shownOfPage = () => ({ data: dataShown(), gradients: gradientsShown() });
globalThis.selectOfPage = select;
"""
"""What scripts of tests call in the script of the page."""


NAMES_OF_THE_DRAWING = """
globalThis.sceneOfPage = () => scene;
globalThis.viewOfPage = view;
globalThis.sheetOfPage = () => front;
globalThis.graphOfPage = graph;
globalThis.pathOfPage = (i) => pathTo(foldOf[i]);
"""
"""What scripts of tests call in the script of a page that does not train."""


def within_reach(page: Page) -> Page:
    """The same page with names for its trainer and for the numbers that it shows.

    It has no policy for its script, which is not the one that the policy knows.
    """
    program = inflate(page.html, "program")
    end = "})();\n"
    assert program.endswith(end)
    reachable = program.removesuffix(end) + NAMES + end
    return Page(exchange(page.html, "program", reachable), 1, 1, page._still)


def without_policy(page: Page) -> Page:
    """The same page with names for its scene, its view, and its canvas, and without a policy."""
    html = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.html)
    end = "})();\n</script>"
    assert html.count(end) == 1
    html = html.replace(end, NAMES_OF_THE_DRAWING + end)
    return Page(html, 1, 1, page._still)


def squared(prediction: Value, target: Any) -> Value:
    """The squared error as a product: the last digit of a power is that of the C library."""
    error = prediction - target
    return error * error


class InThePage:
    """A page whose trainer is in reach of scripts, and the graph that it trains."""

    def __init__(
        self, show: Show, model: nn.Module, x: Any, y: Any, theme: str = "auto", **options: Any
    ) -> None:
        given = {"loss": "mse", "optimizer": "sgd", "batch_size": 16, "seed": 0} | options
        page = viz.explore(model, data=(x, y), train=True, theme=theme, **given)
        self.model = model
        self.opened = show(within_reach(page))
        self.tab = self.opened.tab
        self.snapshot = read_training(model, (x, y), **given).snapshot
        self.samples, self.given = (x, y), given

    def run(self, script: str, argument: Any = None) -> Any:
        """The result of a function of the trainer and an argument."""
        return self.tab.evaluate(f"(given) => ({script})(trainerOfPage(), given)", argument)

    def numbers(self, model: nn.Module) -> list[float]:
        """The parameters, in the order of the model."""
        numbers = self.run("(trainer) => [...trainer.numbers]")
        return [numbers[self.snapshot.index[parameter]] for parameter in model.parameters()]

    def take_numbers(self, model: nn.Module) -> None:
        """Give a model the parameters of the page."""
        numbers = self.numbers(model)
        model.load_state_dict(dict(zip(model.state_dict(), numbers, strict=True)))

    def fit(self, model: nn.Module, epochs: int, **options: Any) -> History:
        """Train a model by `fit`, with the samples and the options of the page."""
        x, y = self.samples
        given = self.given | options
        return fit(model, x, y, epochs=epochs, progress=False, compiled=False, **given)

    def type_number(self, field: str, text: str) -> None:
        """Type a text into a field of the settings."""
        self.tab.fill(field, text)
        self.tab.press(field, "Enter")
