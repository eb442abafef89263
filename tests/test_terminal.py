"""Output that the terminal can't encode is written with look-alikes; what is saved stays UTF-8."""

import io
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalargrad
from scalargrad.core.ops import TABLE
from scalargrad.terminal import encodable, for_terminal, printable, replace_unencodable

ROOT = Path(__file__).parent.parent
ENCODINGS = ["ascii", "cp1252", "latin-1", "cp437", "shift_jis", "utf-8"]

PRINT_ALL = r"""
import sys
import scalargrad as sg, scalargrad.errors, viz
from scalargrad import Value, nn
from scalargrad.losses import mse
from scalargrad.training import History

model = nn.MLP(2, [3, 1], "tanh")
network = nn.Sequential(nn.Conv(1, 2, 2), nn.MaxPool(2), nn.Flatten(), nn.Layer(2, 1))
x, w = Value(2.0, label="größe"), Value(-3.0, label="∂w₁ → 日本")
loss = (x * w + 1) ** 2
loss.label = "Λ"
loss.backward()
program = sg.compile(lambda x, y: mse(model(x), y), model, inputs=(2, 1))
things = [
    x, w, loss, model, model.summary(), network,
    nn.LSTMCell(1, 2), nn.RNNCell(1, 2), nn.LayerNorm(2), nn.Embedding(2, 3),
    nn.GRUCell(1, 2), nn.Attention(4, 2), nn.PositionEmbedding(2, 3), nn.RMSNorm(2),
    viz.explain(loss, w), viz.chain_rule(loss, w), viz.formula(loss),
    viz.draw(loss), viz.explore(loss), viz.animate(loss),
    viz.compare(loss, {"größe": 3.0}), viz.explain(loss, w).paths[0],
    sg.diagnose(model, [[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0], loss="mse"),
    program, program.program, program.explain(),
    sg.gradcheck(lambda x: x[0] * x[0], [2.0]),
]
for encoding in sys.argv[2:] or [sys.stdout.encoding]:
    sys.stdout.reconfigure(encoding=encoding)
    for thing in things:
        print(thing)
        print(repr(thing) if not isinstance(thing, str) else thing)
    for call in (
        lambda: nn.Layer(2, 1, "no → such"),
        lambda: viz.draw(loss, level="∂"),
        lambda: History()["λ"],
    ):
        try:
            call()
        except sg.errors.ScalargradError as error:
            print(error)
viz.draw(loss).save(sys.argv[1])
print("the end")
"""


def run(arguments: list[str], **environment: str) -> subprocess.CompletedProcess[bytes]:
    inherited = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("LC_", "LANG", "PYTHON")) or name == "PYTHONPYCACHEPREFIX"
    }
    paths = {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        check=False,
        env=inherited | paths | environment,
        cwd=ROOT,
    )


C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
SETTINGS = {name: {"PYTHONIOENCODING": name} for name in ENCODINGS} | {"C": C_LOCALE}


def printed(folder: Path, name: str, encodings: Sequence[str] = ()) -> bytes:
    """Print everything in a process in each of the encodings, and return the picture it saved."""
    file = folder / "print_all.py"
    file.write_text(PRINT_ALL, encoding="utf-8")
    picture = folder / f"{name}.svg"
    done = run([str(file), str(picture), *encodings], **SETTINGS[name])
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    assert done.stdout.rstrip().endswith(b"the end")
    return picture.read_bytes()


def test_everything_can_be_printed_in_every_encoding(tmp_path: Path) -> None:
    printed(tmp_path, "ascii", ENCODINGS)


def test_everything_can_be_printed_in_the_c_locale(tmp_path: Path) -> None:
    printed(tmp_path, "C")


def test_what_is_saved_does_not_depend_on_the_terminal(tmp_path: Path) -> None:
    saved = printed(tmp_path, "ascii")
    assert saved == printed(tmp_path, "utf-8")
    assert "日本" in saved.decode("utf-8")


DEMO = ["-m", "demos", "neuron", "--quick", "--out"]


@pytest.mark.parametrize("name", ["ascii", "latin-1", "cp1252", "C"])
def test_a_demo_runs(tmp_path: Path, name: str) -> None:
    pytest.importorskip("sklearn")
    done = run([*DEMO, str(tmp_path)], **SETTINGS[name])
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    assert (tmp_path / "index.html").is_file()
    assert b"dL" in done.stdout


def test_a_demo_that_is_run_alone(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    done = run(["-m", "demos.neuron", "--quick", "--out", str(tmp_path)], PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")


@pytest.mark.parametrize("arguments", [["--help"], ["nueron"]])
def test_help_and_complaints(arguments: list[str]) -> None:
    done = run(["-m", "demos", *arguments], PYTHONIOENCODING="ascii")
    assert b"Traceback" not in done.stderr
    assert b"neuron" in done.stdout + done.stderr


@given(st.text(), st.sampled_from(ENCODINGS))
def test_any_text_becomes_encodable(text: str, encoding: str) -> None:
    encodable(text, encoding).encode(encoding)


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_ascii_stays_as_it_is(text: str) -> None:
    assert encodable(text, "ascii") == text


@pytest.mark.parametrize(
    "symbol", sorted({op.symbol for op in TABLE.values() if not op.symbol.isascii()})
)
def test_every_symbol_of_an_operation_has_a_look_alike(symbol: str) -> None:
    assert "?" not in encodable(symbol, "ascii")


def test_a_stream_without_encoding_takes_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (io.StringIO(), None):
        monkeypatch.setattr(sys, "stdout", stream)
        assert for_terminal("∂") == "∂"


def test_an_encoding_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stream:
        encoding = "no such encoding"

    monkeypatch.setattr(sys, "stdout", Stream())
    assert for_terminal("∂") == "∂"


def test_the_stream_of_the_moment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="cp1252"))
    assert repr(scalargrad.nn.Layer(2, 3)).startswith("Layer(2 -> 3")


def test_the_choice_of_a_user_stays() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="backslashreplace")
    replace_unencodable(stream)
    assert stream.errors == "backslashreplace"


def test_what_is_no_stream_of_python_is_left_alone() -> None:
    replace_unencodable(io.StringIO())
    replace_unencodable(None)


def test_printable_keeps_what_can_be_read() -> None:
    assert printable("MLP(2 → 3), größer") == "MLP(2 → 3), größer"
