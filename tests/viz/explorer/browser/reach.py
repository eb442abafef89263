"""Pages whose trainer is in reach of scripts, for tests and for the benchmark."""

import re
from collections.abc import Callable
from typing import Any

import viz
from scalargrad import nn
from tests.viz.explorer.contents import exchange, inflate
from viz import Page
from viz.explorer.training_data import read_training

Show = Callable[..., Any]


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


class InThePage:
    """A page whose trainer is in reach of scripts, and the graph that it trains."""

    def __init__(self, show: Show, model: nn.Module, x: Any, y: Any, **options: Any) -> None:
        given = {"loss": "mse", "optimizer": "sgd", "batch_size": 16, "seed": 0} | options
        page = viz.explore(model, data=(x, y), train=True, **given)
        self.model = model
        self.opened = show(within_reach(page))
        self.tab = self.opened.tab
        self.snapshot = read_training(model, (x, y), **given).snapshot

    def run(self, script: str, argument: Any = None) -> Any:
        """The result of a function of the trainer and an argument."""
        return self.tab.evaluate(f"(given) => ({script})(trainerOfPage(), given)", argument)

    def numbers(self, model: nn.Module) -> list[float]:
        """The parameters, in the order of the model."""
        numbers = self.run("(trainer) => [...trainer.numbers]")
        return [numbers[self.snapshot.index[parameter]] for parameter in model.parameters()]
