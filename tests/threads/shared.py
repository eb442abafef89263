"""The rows of objects that two threads share: each is made, then both threads ask the same."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import scalargrad as sg
import viz
from scalargrad import Parameter, Value, checkpoint, data, losses, nn, optim, training
from scalargrad.optim import schedules
from tests.threads.at_once import network, points
from tests.threads.pictures import graph, recording

Question = Callable[[], Any]
Make = Callable[[Path], Question]
"""Makes the objects that are shared, and returns what each thread asks of them."""

SHARED: dict[str, tuple[Make, int]] = {}
"""What is shared, and how often each thread asks."""

SAMPLE = [0.5, -1.0]


def _samples() -> Any:
    """Samples with a number each as target."""
    x, y = points(0, 10)
    return x, y[:, 0]


def row(rounds: int = 4) -> Callable[[Make], Make]:
    """Make a function a row, with its name."""

    def add(make: Make) -> Make:
        SHARED[make.__name__] = (make, rounds)
        return make

    return add


@row()
def a_model(_: Path) -> Question:
    model = network()
    return lambda: [model(SAMPLE), model.state_dict(), repr(model), len(model.parameters())]


@row()
def a_model_in_evaluation(_: Path) -> Question:
    model = nn.Sequential(nn.Layer(2, 4, seed=1), nn.Dropout(0.5, seed=1))

    def ask() -> Any:
        with nn.evaluation(model):
            return model(SAMPLE)

    return ask


@row()
def a_model_under_transforms(_: Path) -> Question:
    model = network()
    return lambda: [
        sg.grad(model)(SAMPLE),
        sg.hessian(model)(SAMPLE),
        sg.numerical_gradient(model, SAMPLE),
    ]


@row(2)
def a_model_that_is_compiled(_: Path) -> Question:
    model = network()
    return lambda: sg.compile(lambda x: model(x), model, inputs=(2,))([SAMPLE])


@row(2)
def a_model_that_is_diagnosed(_: Path) -> Question:
    model = network()
    return lambda: str(sg.diagnose(model, *_samples()))


@row()
def a_model_at_other_weights(_: Path) -> Question:
    model = network()
    f = nn.Objective(
        model,
        lambda model: model(SAMPLE).data,
        ["layers.0.neurons.0.bias", "layers.1.neurons.0.bias"],
    )
    weights = f.numbers
    return lambda: [sg.numerical_gradient(f, weights), f(weights)]


@row(2)
def a_model_that_is_drawn(_: Path) -> Question:
    model = nn.Sequential(nn.Layer(2, 3, seed=1), nn.Layer(3, 1, seed=2))
    return lambda: [viz.draw(model).svg(), viz.explore(model).html, model.training]


@row(2)
def samples_of_two_trainings(_: Path) -> Question:
    x, y = _samples()
    rows = x.tolist()

    def ask() -> Any:
        first, second = network(), network()
        return [
            sg.fit(model, given, y, loss="mse", epochs=1, progress=False)
            for model, given in ((first, x), (second, rows))
        ]

    return ask


@row()
def a_graph(_: Path) -> Question:
    y, x = graph()
    return lambda: [
        str(y),
        copy.deepcopy(y),
        pickle.loads(pickle.dumps(y)),
        str(viz.explain(y, x)),
        str(viz.compare(y, y)),
    ]


@row()
def blocks_and_decorators(_: Path) -> Question:
    block, x = sg.no_grad(), Value(2.0)
    tripled = sg.no_grad(lambda: x * 3)

    def ask() -> Any:
        with block:
            inside = x * 2
        return [len(inside.args), len(tripled().args), len((x * 2).args)]

    return ask


@row()
def a_schedule(_: Path) -> Question:
    schedule = schedules.WarmUp(optim.SGD([Parameter(1.0)], 0.5), 3)
    return lambda: [
        [schedule.rate(step) for step in range(6)],
        repr(schedule),
        schedule.state_dict(),
    ]


@row()
def an_optimizer_on_vectors_of_each_thread(_: Path) -> Question:
    optimizer = optim.Adam(network().parameters(), 0.05)
    return lambda: [repr(optimizer), optimizer.trainable(), optimizer.state_dict()]


@row()
def a_loss_and_a_callback(_: Path) -> Question:
    loss, stop = losses.get_loss("huber"), training.EarlyStopping(3)
    return lambda: [loss(Value(0.5), 2.0), stop.state_dict()]


@row()
def a_scaler(_: Path) -> Question:
    x, _y = points(0)
    scaler = data.StandardScaler().fit(x)
    return lambda: [scaler.transform(x), scaler.inverse_transform(x)]


@row()
def a_table(folder: Path) -> Question:
    x, y = points(0)
    path = folder / "shared.csv"
    path.write_text("a,b\n1,2\n3,4\n", encoding="utf-8")
    return lambda: [
        data.split(x, y),
        list(data.batches(x, y, 7, seed=1)),
        data.add_noise(x, 0.1),
        data.read_csv(path),
    ]


@row()
def a_checkpoint(folder: Path) -> Question:
    path = checkpoint.save(folder / "shared.checkpoint", network().state_dict())
    return lambda: checkpoint.load(path).arrays


@row(1)
def a_drawing(_: Path) -> Question:
    drawing = viz.draw(graph()[0])
    return lambda: [drawing.svg(), str(drawing), repr(drawing), drawing._repr_html_()]


@row(2)
def a_drawing_of_neurons(_: Path) -> Question:
    drawing = viz.draw(network(), level="neurons")
    return lambda: [drawing.svg(), drawing.svg("dark"), str(drawing)]


@row(2)
def a_page_of_a_training(_: Path) -> Question:
    film = recording()
    page = viz.explore(film)
    return lambda: [page._repr_html_(), viz.explore(film).html]


@row(1)
def an_animation(_: Path) -> Question:
    animation = viz.animate(graph()[0])
    return lambda: [animation.svg(), animation.still(0.5), repr(animation)]


@row(2)
def an_explanation(_: Path) -> Question:
    explanation = viz.explain(*graph())
    return lambda: [str(explanation), explanation._repr_html_(), explanation.draw().svg()]


@row(2)
def a_diagnosis(_: Path) -> Question:
    diagnosis = sg.diagnose(network(), *_samples())
    return lambda: [str(diagnosis), viz.draw(diagnosis).svg()]
