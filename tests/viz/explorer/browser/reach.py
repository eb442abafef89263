"""Pages whose trainer is in reach of scripts, for tests and for the benchmark."""

import re
from collections.abc import Callable
from typing import Any

import viz
from scalargrad import nn
from viz import Page
from viz.explorer.training_data import read_training

Show = Callable[..., Any]


def within_reach(page: Page) -> Page:
    """The same page with names for its trainer and for the numbers that it shows."""
    return _with_names(
        page, "globalThis.trainerOfPage = () => trainer;\nglobalThis.momentOfPage = moment;\n"
    )


def without_policy(page: Page) -> Page:
    """The same page with names for its scene, its view, and its canvas."""
    return _with_names(
        page,
        "globalThis.sceneOfPage = () => scene;\nglobalThis.viewOfPage = view;\n"
        "globalThis.sheetOfPage = () => front;\nglobalThis.graphOfPage = graph;\n"
        "globalThis.pathOfPage = (i) => pathTo(foldOf[i]);\n",
    )


def _with_names(page: Page, names: str) -> Page:
    # There is no policy for the script, which is not the one that the policy knows.
    html = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.html)
    end = "})();\n</script>"
    assert html.count(end) == 1
    html = html.replace(end, names + end)
    return Page(html, 1, 1, page._still)


class InThePage:
    """A page whose trainer is in reach of scripts, and the graph that it trains."""

    def __init__(self, show: Show, model: nn.Module, x: Any, y: Any, **options: Any) -> None:
        given = {"loss": "mse", "optimizer": "sgd", "batch_size": 16, "seed": 0} | options
        page = viz.explore(model, data=(x, y), train=True, **given)
        self.tab = show(within_reach(page)).tab
        self.snapshot = read_training(model, (x, y), **given).snapshot

    def run(self, script: str, argument: Any = None) -> Any:
        """The result of a function of the trainer and an argument."""
        return self.tab.evaluate(f"(given) => ({script})(trainerOfPage(), given)", argument)

    def numbers(self, model: nn.Module) -> list[float]:
        """The parameters, in the order of the model."""
        numbers = self.run("(trainer) => [...trainer.numbers]")
        return [numbers[self.snapshot.index[parameter]] for parameter in model.parameters()]
