"""Two threads at once: every public object says from two threads what it says from one."""

import copy
import gc
import importlib
import pickle
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy
import pytest

import scalargrad as sg
import viz
from scalargrad import Parameter, RandomLeaf, Value, checkpoint, nn, training
from scalargrad.core.hooks import HookHandle
from scalargrad.core.modes import current_mode
from scalargrad.errors import MissingLibraryError, TraceError
from scalargrad.losses import mse
from tests.threads import pictures, rows
from tests.threads.at_once import at_once, exactly, flat, in_variant, interrupted, network, points
from tests.threads.shared import SHARED
from tests.threads.table import LINES, Row

ROUNDS = 25
THREADS = 2


@pytest.fixture(autouse=True)
def _many_switches() -> Iterator[None]:
    """Python changes threads after a microsecond, not after five milliseconds."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


# Compiled programs

PROGRAM: dict[str, Callable[[Any, Any, Any], Any]] = {
    "outputs": lambda program, x, y: program(x, y),
    "value_and_grad": lambda program, x, y: program.value_and_grad(x, y),
    "evaluated": lambda program, x, y: program.evaluate_loss([x, y])[:2],
    "inputs_gradient": lambda program, x, y: program.inputs_gradient(x, y),
    "jacobian": lambda program, x, y: program.jacobian(x, y),
    "odd_rows": lambda program, x, y: program.odd_rows([x, y]),
    "draw": lambda program, x, _: program.draw(len(x)),
    "text": lambda program, *_: len(program.explain() + repr(program) + str(program)),
}


@pytest.mark.parametrize(
    "odd",
    [slice(0), slice(3, 4), slice(1, None)],
    ids=["finite", "one sample is nan", "many samples are nan"],
)
@pytest.mark.parametrize("ask", PROGRAM.values(), ids=PROGRAM)
def test_a_program_asked_by_two_threads(ask: Any, odd: slice) -> None:
    model = network()
    program = sg.compile(lambda x, y: mse(model(x), y), model, inputs=(2, 1))
    batches = [points(thread) for thread in range(THREADS)]
    for x, _ in batches:
        x[odd, 0] = numpy.nan
    expected = [flat(ask(program, *batch)) for batch in batches]

    def asking(thread: int) -> Callable[[], None]:
        def run() -> None:
            for _ in range(ROUNDS):
                numpy.testing.assert_array_equal(
                    flat(ask(program, *batches[thread])), expected[thread]
                )

        return run

    at_once(*[asking(thread) for thread in range(THREADS)])


@pytest.mark.parametrize("ask", PROGRAM.values(), ids=PROGRAM)
def test_a_program_asked_for_the_first_time_by_two_threads(ask: Any) -> None:
    model = network()
    batch = points(0)
    fresh = [sg.compile(lambda x, y: mse(model(x), y), model, inputs=(2, 1)) for _ in range(6)]
    expected = flat(ask(fresh.pop(), *batch))
    for program in fresh:
        for found in at_once(*[lambda program=program: ask(program, *batch)] * THREADS):
            assert flat(found) == expected


def test_a_loss_and_its_gradient_belong_together() -> None:
    model = network()
    program = sg.compile(lambda x, y: mse(model(x), y), model, inputs=(2, 1))
    batches = [points(thread) for thread in range(4)]
    expected = [program.value_and_grad(*batch) for batch in batches]

    def asking(thread: int) -> Callable[[], None]:
        def run() -> None:
            for _ in range(4 * ROUNDS):
                loss, gradient = program.value_and_grad(*batches[thread])
                assert loss == expected[thread][0]
                assert numpy.array_equal(gradient, expected[thread][1])

        return run

    at_once(*[asking(thread) for thread in range(4)])


def test_samples_that_are_not_finite_change_nothing_that_another_thread_sees() -> None:
    model = network()
    program = sg.compile(lambda x, y: mse(model(x), y), model, inputs=(2, 1))
    program.parameters[:] = 0.25
    x, y = points(0)
    x[0, 0] = numpy.nan
    before = [(p.data, p.grad) for p in model.parameters()]
    done = threading.Event()

    def asking() -> None:
        for _ in range(ROUNDS):
            program.value_and_grad(x, y)
            program(x, y)
            program.jacobian(x, y)
        done.set()

    def looking() -> None:
        while not done.is_set():
            assert [(p.data, p.grad) for p in model.parameters()] == before

    at_once(asking, looking)


# Compiling while others use the model


def test_one_model_compiled_by_two_threads() -> None:
    model = network()
    x, y = points(0)
    expected = sg.compile(lambda x, y: mse(model(x), y), model, inputs=(2, 1)).value_and_grad(x, y)

    def compiling() -> None:
        for _ in range(5):
            found = sg.compile(lambda x, y: mse(model(x), y), model, inputs=(2, 1)).value_and_grad(
                x, y
            )
            assert found[0] == expected[0]
            assert numpy.array_equal(found[1], expected[1])

    at_once(compiling, compiling)


def test_a_question_is_refused_while_another_thread_ends_its_recording() -> None:
    model = network()
    first = model.parameters()[0]
    one_begun, two_begun, one_ended = threading.Event(), threading.Event(), threading.Event()

    def asks(x: Any) -> Any:
        two_begun.set()
        one_ended.wait()
        return x * first.data

    def waits(x: Any) -> Any:
        one_begun.set()
        two_begun.wait()
        return x * first

    def one() -> None:
        sg.compile(waits, model, inputs=(1,))
        one_ended.set()

    def two() -> None:
        one_begun.wait()
        with pytest.raises(TraceError):
            sg.compile(asks, model, inputs=(1,))

    at_once(one, two)


def test_a_question_is_refused_each_time_whoever_else_records() -> None:
    model = network()
    first = model.parameters()[0]

    def asking() -> None:
        for _ in range(ROUNDS):
            with pytest.raises(TraceError):
                sg.compile(lambda x: model(x) * first.data, model, inputs=(2,))

    at_once(asking, asking)


def test_a_model_used_while_another_thread_compiles_it() -> None:
    model = network()
    for parameter in model.parameters():
        parameter.grad = 7.0
    before = [(type(p), p.data, p.grad, p > 0.0, str(p)) for p in model.parameters()]
    expected = model([0.5, -1.0]).data
    done = threading.Event()

    def compiling() -> None:
        for _ in range(8):
            sg.compile(lambda x: model(x), model, inputs=(2,))
        done.set()

    def using() -> None:
        while not done.is_set():
            assert [
                (type(p), p.data, p.grad, p > 0.0, str(p)) for p in model.parameters()
            ] == before
            assert model([0.5, -1.0]).data == expected

    at_once(compiling, using)


def test_a_dropout_used_while_another_thread_compiles_it() -> None:
    model = nn.Sequential(nn.Dropout(0.5, seed=1))
    ones = [Value(1.0)] * 4
    expected = [flat(model(ones)) for _ in range(60)]
    model = nn.Sequential(nn.Dropout(0.5, seed=1))
    begun, used = threading.Event(), threading.Event()

    def function(x: Any) -> Any:
        begun.set()
        result = model(x)
        used.wait()
        return result

    def using() -> list[Any]:
        begun.wait()
        found = [flat(model(ones)) for _ in range(60)]
        used.set()
        return found

    assert at_once(using, lambda: sg.compile(function, model, inputs=(4,)))[0] == expected


# Every public object, with objects of its own

OWN = {**rows.OWN.rows, **pictures.OWN.rows}


@pytest.mark.parametrize("row", OWN.values(), ids=OWN)
def test_the_same_work_in_two_threads(row: Row, tmp_path: Path) -> None:
    for library in row.needs:
        pytest.importorskip(library)

    folders = [tmp_path / f"{thread}" for thread in range(THREADS)]
    for folder in folders:
        folder.mkdir()
    variants = range(THREADS if row.lines else 1)
    expected = [in_variant(variant, lambda: exactly(row.work(folders[0]))) for variant in variants]

    def working(thread: int) -> Callable[[], None]:
        variant = min(thread, variants[-1])

        def run() -> None:
            for _ in range(row.rounds):
                assert exactly(row.work(folders[thread])) == expected[variant]

        return interrupted(run, thread, variant, row.lines) if row.lines else run

    at_once(*[working(thread) for thread in range(THREADS)])


# Objects that the threads share


@pytest.mark.parametrize(("make", "rounds"), SHARED.values(), ids=SHARED)
def test_the_same_question_to_one_object_from_two_threads(
    make: Any, rounds: int, tmp_path: Path
) -> None:
    expected = exactly(make(tmp_path)())
    ask = make(tmp_path)

    def asking() -> None:
        for _ in range(rounds):
            assert exactly(ask()) == expected

    at_once(*[interrupted(asking, thread, lines=LINES) for thread in range(THREADS)])


# Modes, generators and gradients


def test_blocks_without_the_collector_that_overlap_leave_it_on() -> None:
    one_inside, two_inside, one_outside = threading.Event(), threading.Event(), threading.Event()

    def one() -> None:
        with training.collector_off():
            one_inside.set()
            two_inside.wait()
        one_outside.set()

    def two() -> bool:
        one_inside.wait()
        with training.collector_off():
            two_inside.set()
            one_outside.wait()
            return gc.isenabled()

    assert at_once(one, two)[1] is False
    assert gc.isenabled()


def test_evaluations_that_overlap_leave_a_model_in_training() -> None:
    model = network()
    one_inside, two_inside, one_outside = threading.Event(), threading.Event(), threading.Event()

    def one() -> None:
        with nn.evaluation(model):
            one_inside.set()
            two_inside.wait()
        one_outside.set()

    def two() -> bool:
        one_inside.wait()
        with nn.evaluation(model):
            two_inside.set()
            one_outside.wait()
            return model.layers[0].training

    assert at_once(one, two)[1] is False
    assert all(part.training for _, part in model.named_modules())


def test_an_evaluation_inside_of_another_that_trains_gives_back_both_modes() -> None:
    model = network()
    with nn.evaluation(model):
        model.train()
        with nn.evaluation(model):
            assert not model.training
        assert model.training
        model.eval()
    assert model.training


@pytest.mark.parametrize("look", [viz.draw, viz.explore])
def test_a_model_stays_in_training_while_it_is_drawn(look: Any) -> None:
    class Watched(nn.Module):
        inputs = 1

        def __init__(self) -> None:
            self.layer = nn.Layer(1, 1, seed=1)

        def forward(self, x: Any) -> Any:
            modes.append((self.training, model.training))
            return self.layer(x)

    modes: list[tuple[bool, bool]] = []
    model = Watched()
    look(model)
    assert set(modes) == {(False, True)}


def _filters(seen: list[Any]) -> Callable[[Any, Any], Any]:
    """A loss that notes which warnings would be shown."""

    def loss(prediction: Any, target: Any) -> Any:
        seen.append(list(warnings.filters))
        return mse(prediction, target)

    return loss


def test_warnings_of_other_threads_are_shown_while_a_model_is_examined() -> None:
    seen: list[Any] = []
    sg.diagnose(network(), [[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0], loss=_filters(seen))
    assert seen
    assert all(each == list(warnings.filters) for each in seen)


def test_a_plot_that_is_saved_leaves_the_settings_of_matplotlib() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    before = dict(matplotlib.rcParams)

    def saving() -> None:
        axes = SimpleNamespace(
            figure=importlib.import_module("matplotlib.figure").Figure(figsize=(1, 1))
        )
        for _ in range(100):
            pictures.plots.plot_svg(axes, "an empty plot")

    at_once(saving, saving)
    assert dict(matplotlib.rcParams) == before


def test_tensors_that_lose_their_gradient_are_refused_each_time_and_in_each_thread() -> None:
    pytest.importorskip("torch")

    def comparing() -> None:
        for _ in range(3):
            with pytest.raises(sg.errors.PictureError, match="plain number"):
                viz.compare_with_torch(
                    network(), [[1.0, -2.0]], [0.5], torch_loss=lambda p, t: (p - t) * float(p)
                )

    at_once(comparing, comparing)


def test_a_hook_that_another_thread_takes_away_at_this_moment() -> None:
    class Hooks(list[Any]):
        """Another thread takes all away between a look and what follows."""

        def __contains__(self, item: Any) -> bool:
            found = super().__contains__(item)
            self.clear()
            return found

    hooks = Hooks()
    handle = HookHandle(hooks, lambda gradient: gradient)
    handle.remove()
    assert list(hooks) == []


def test_a_change_of_mode_adds_no_attribute_that_a_copy_made_meanwhile_would_stumble_over() -> None:
    class Line(nn.Module):
        def __init__(self) -> None:
            self.slope = Parameter(2.0)

    for module in (network(), Line(), copy.deepcopy(Line()), pickle.loads(pickle.dumps(network()))):
        before = list(vars(module))
        module.eval()
        assert list(vars(module)) == before


def test_weights_that_two_threads_move_are_given_back() -> None:
    model = network()
    before = model.state_dict()
    loss = nn.Objective(model, lambda model: model([0.5, -1.0]).data)
    bias = nn.Objective(model, lambda model: model([1.0, 1.0]).data, ["layers.0.neurons.0.bias"])
    expected = [loss([0.5] * len(loss.numbers)), bias([2.0])]

    def moving() -> None:
        for _ in range(ROUNDS):
            assert [loss([0.5] * len(before)), bias([2.0])] == expected

    at_once(moving, moving)
    assert model.state_dict() == before


def test_modules_without_a_seed_that_two_threads_make_are_those_that_one_makes() -> None:
    def making(count: int) -> list[tuple[float, ...]]:
        return [tuple(nn.Neuron(2).state_dict().values()) for _ in range(count)]

    sg.manual_seed(5)
    expected = making(100)
    sg.manual_seed(5)
    found = at_once(lambda: making(50), lambda: making(50))
    assert sorted(found[0] + found[1]) == sorted(expected)


def test_a_checkpoint_that_two_threads_write_is_always_one_of_both(tmp_path: Path) -> None:
    path = tmp_path / "both.checkpoint"
    written = [{"weights": numpy.full(500, float(thread))} for thread in range(2)]
    checkpoint.save(path, written[0])
    done = threading.Event()

    def writing(thread: int) -> Callable[[], None]:
        def run() -> None:
            for _ in range(ROUNDS):
                checkpoint.save(path, written[thread], {"thread": thread})
            done.set()

        return run

    def reading() -> None:
        while not done.is_set():
            loaded = checkpoint.load(path)
            numpy.testing.assert_array_equal(
                loaded.arrays["weights"], float(loaded.metadata.get("thread", 0))
            )

    at_once(writing(0), writing(1), reading)
    assert list(tmp_path.iterdir()) == [path]


def test_a_training_saved_by_two_threads_at_one_path_is_one_of_both(tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint"
    models = [nn.MLP(1, [2, 1], seed=seed) for seed in range(2)]

    def learning(model: nn.MLP) -> Callable[[], None]:
        callback = training.SaveCheckpoint(path)
        return lambda: sg.fit(
            model,
            [[1.0], [2.0]],
            [2.0, 4.0],
            loss="mse",
            epochs=10,
            callbacks=[callback],
            progress=False,
        )

    at_once(*map(learning, models))
    loaded = nn.MLP(1, [2, 1])
    training.load_model(loaded, path)
    assert loaded.state_dict() in [model.state_dict() for model in models]


_FIRST_USE = """
import sys, threading
sys.setswitchinterval(1e-6)
import scalargrad as sg
uses = [
    lambda: sg.fit, lambda: sg.compile, lambda: sg.diagnose, lambda: sg.optim.Adam,
    lambda: sg.data.xor,
    lambda: sg.checkpoint.save, lambda: sg.pretraining.pretrain, lambda: __import__("viz").draw,
]
ready, errors = threading.Barrier(len(uses)), []
def run(use):
    ready.wait()
    try:
        use()
    except BaseException as error:
        errors.append(error)
threads = [threading.Thread(target=run, args=(use,)) for use in uses]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit(repr(errors) if errors else 0)
"""


def test_modules_that_are_first_asked_for_by_several_threads() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FIRST_USE],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent.parent,
    )
    assert done.returncode == 0, done.stderr


def test_modes_of_one_thread_are_not_those_of_another() -> None:
    inside, looked = threading.Event(), threading.Event()

    def quiet() -> None:
        with sg.no_grad():
            inside.set()
            looked.wait()

    def loud() -> bool:
        inside.wait()
        recording = current_mode().recording
        looked.set()
        return recording

    assert at_once(quiet, loud)[1] is True


def test_drawn_leaves_share_a_source() -> None:
    class Counter:
        """Counts under a lock, so that every number comes once."""

        def __init__(self) -> None:
            self.count, self.lock = 0.0, threading.Lock()

        def draw(self) -> float:
            with self.lock:
                self.count += 1.0
                return self.count

    source = Counter()
    program = sg.compile(lambda x: x * RandomLeaf(source), inputs=(1,))
    found = at_once(*[lambda: program(numpy.ones(50)).ravel().tolist()] * 2)
    assert sorted(found[0] + found[1]) == [float(i) for i in range(1, 101)]


def test_parameters_of_one_model_in_graphs_of_two_threads_collect_both_gradients() -> None:
    """Backward one graph after the other: only one thread at a time may add to a leaf."""
    weight, lock = Parameter(2.0), threading.Lock()

    def going_back() -> None:
        for _ in range(ROUNDS):
            y = weight * 3.0
            with lock:
                y.backward()

    at_once(going_back, going_back)
    assert weight.grad == 3.0 * 2 * ROUNDS


# Nothing public is left out

PUBLIC = (
    "scalargrad",
    "scalargrad.checkpoint",
    "scalargrad.compiler",
    "scalargrad.data",
    "scalargrad.doctor",
    "scalargrad.errors",
    "scalargrad.interop",
    "scalargrad.losses",
    "scalargrad.nn",
    "scalargrad.optim",
    "scalargrad.pretraining",
    "scalargrad.optim.clipping",
    "scalargrad.optim.penalties",
    "scalargrad.optim.schedules",
    "scalargrad.core.seeds",
    "scalargrad.training",
    "viz",
    "viz.plots.tables",
    "viz.plots.regions",
    "viz.plots.curves",
    "viz.plots",
    "viz.plots",
)

WITHOUT_A_ROW = {
    "scalargrad.inf": "a number",
    "scalargrad.nan": "a number",
    "scalargrad.losses": "a module, whose names have rows",
    "scalargrad.nn": "a module, whose names have rows",
    "scalargrad.manual_seed": "is of the whole process; modules without a seed have their own test",
    "scalargrad.core.seeds.manual_seed": "the same",
    "scalargrad.core.seeds.PROCESS": "the same",
    "scalargrad.collector_off": "is of the whole process, and has tests of its own",
    "scalargrad.training.collector_off": "is of the whole process, and has tests of its own",
}


def public(module: ModuleType) -> list[str]:
    """The names of `__all__`; where there is none, the module's own functions and classes."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    own = [
        name
        for name, thing in vars(module).items()
        if getattr(thing, "__module__", None) == module.__name__
    ]
    return [name for name in own if not name.startswith("_")]


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_object_is_in_a_row(module: str) -> None:
    home = importlib.import_module(module)
    covered = [thing for table in (rows.OWN, pictures.OWN) for thing in table.covered]
    left_out = []
    for name in public(home):
        try:
            thing = getattr(home, name)
        except MissingLibraryError:
            continue
        raised = isinstance(thing, type) and issubclass(thing, Exception)
        if (
            not raised
            and not any(thing is each for each in covered)
            and f"{module}.{name}" not in WITHOUT_A_ROW
        ):
            left_out.append(name)
    assert left_out == []


def test_every_module_that_says_what_is_public_is_looked_through() -> None:
    assert {f"scalargrad.{name}" for name in sg._MODULES} <= set(PUBLIC)


@pytest.mark.parametrize("name", WITHOUT_A_ROW)
def test_what_has_no_row_is_there(name: str) -> None:
    module, _, own = name.rpartition(".")
    assert hasattr(importlib.import_module(module), own)


OF_ALL_THREADS = {
    "catch_warnings",
    "chdir",
    "filterwarnings",
    "resetwarnings",
    "setlocale",
    "setrecursionlimit",
    "seterr",
    "simplefilter",
}
"""What changes a setting of the whole process, and puts it back too late or too soon for others."""


def _code() -> Iterator[str]:
    """Every line of both packages that is no example, but for commands, which own their process."""
    for package in (sg, viz):
        for path in Path(package.__path__[0]).rglob("*.py"):
            if path.name == "__main__.py":
                continue
            yield from (
                line
                for line in path.read_text(encoding="utf-8").splitlines()
                if not line.lstrip().startswith((">>>", "..."))
            )


def test_no_setting_of_the_whole_process_is_changed() -> None:
    calls = re.compile(rf"\b({'|'.join(OF_ALL_THREADS)})\(")
    assert list(filter(calls.search, _code())) == []


def test_no_function_is_decorated_with_errstate() -> None:
    """Before NumPy 2 such a decorator is one object, with the settings of the last thread."""
    assert [line for line in _code() if line.lstrip().startswith("@") and "errstate" in line] == []
