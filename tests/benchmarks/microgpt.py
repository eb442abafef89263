"""Rows of the table for microgpt, a GPT in one file of plain Python: the gradient of one document,
and of 32 at once.

The file is the user's, given as `--microgpt PATH`. Its model is run as it is, with our Parameter
for its Value. One line differs: softmax subtracts the largest logit within the graph, because a
function that is recorded has no numbers yet.
"""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

import scalargrad
from scalargrad import Parameter
from scalargrad.compiler.backend import BackendName
from tests.benchmarks.contest import (
    Contest,
    Row,
    alike,
    first_call,
    installed,
    medians,
    note_fallback,
)

Array = NDArray[numpy.float64]
Tokens = NDArray[numpy.int64]
Weights = dict[str, Any]
Step = Callable[[], tuple[float, Array]]
LETTERS = 26
LISTED = """
jacqueline ada alan grace barbara leslie donald edsger john margaret niklaus kathleen dennis ken
bjarne guido anders frances sophie radia shafi silvio vint tim andrew judea geoffrey yoshua yann
ronald adi leonard
"""
NAMES = LISTED.split()
CONSTANT_MAXIMUM = "max(val.data for val in logits)"
"""The one expression of the file that asks a Value for its number."""


class Documents(NamedTuple):
    """Documents as arrays (documents, positions), padded to the length of the longest.

    tokens   what each position reads
    targets  what comes next
    weights  of the losses: they are 1 together in each document, and 0 where it is padded
    """

    tokens: Tokens
    targets: Tokens
    weights: Array


def read_names(names: Sequence[str]) -> Documents:
    """The documents that these names are, with a sign before and after the letters."""
    longest = 1 + max(map(len, names))
    tokens = numpy.full((len(names), longest), LETTERS)
    targets = numpy.full((len(names), longest), LETTERS)
    weights = numpy.zeros((len(names), longest))
    for i, name in enumerate(names):
        letters = [ord(letter) - ord("a") for letter in name]
        tokens[i, 1 : 1 + len(name)] = letters
        targets[i, : len(name)] = letters
        weights[i, : 1 + len(name)] = 1.0 / (1 + len(name))
    return Documents(tokens, targets, weights)


DOCUMENT = read_names(NAMES[:1])
TOGETHER = read_names(NAMES)
GOALS: dict[str, dict[str, tuple[float, float]]] = {
    "numpy": {
        "NumPy by hand": (3.0, 0.0),
        "microgpt's scalars": (0.0, 400.0),
        "PyTorch by hand": (0.7, 0.0),
    },
    "native": {
        "NumPy by hand": (1.0, 0.0),
        "microgpt's scalars": (0.0, 1000.0),
        "PyTorch by hand": (0.2, 0.0),
    },
}
"""What ours / theirs may be at most, and theirs / ours at least, for one document."""


def microgpt(path: Path, rounds: int, backend: BackendName = "numpy") -> list[Row]:
    """One document of eleven tokens, beside NumPy, PyTorch and microgpt's own scalars."""
    source = path.read_text(encoding="utf-8")
    space = run_model(source, Parameter, "stop_gradient(maximum(logits))")
    model = space["state_dict"]

    def compiled() -> Any:
        program = scalargrad.compile(lambda: document_loss(space, DOCUMENT), model, backend=backend)
        program.value_and_grad()
        return program

    work = f"microgpt, one document of {DOCUMENT.tokens.size} tokens"
    program = compiled()
    note_fallback(work, program)
    expected = program.value_and_grad()
    weights = numbers_of(space)
    steps: dict[str, tuple[Step, int]] = {
        "NumPy by hand": (by_hand(weights, DOCUMENT), 10),
        "microgpt's scalars": (own_scalars(source, DOCUMENT), 1),
    }
    if installed("torch", work, "PyTorch by hand"):
        steps["PyTorch by hand"] = (by_torch(weights), 10)

    same = {name: alike(expected, step()) for name, (step, _) in steps.items()}
    contest: Contest = {"ours": (program.value_and_grad, 10), **steps}
    seconds = medians(contest, rounds)
    goals = GOALS[backend]
    rows = [
        Row(work, name, seconds["ours"], seconds[name], *goals[name], same=same[name])
        for name in steps
    ]
    return [*rows, first_call(work, compiled, rounds)]


def documents(path: Path, rounds: int, backend: BackendName) -> list[Row]:
    """Documents of different lengths in one step: what one of them costs."""
    source = path.read_text(encoding="utf-8")
    space = run_model(source, Parameter, "stop_gradient(maximum(logits))")
    model = dict(space["state_dict"])
    weights = numbers_of(space)
    space["state_dict"]["wte"] = LookUp(space["state_dict"]["wte"])
    count, length = TOGETHER.tokens.shape

    def loss(tokens: Any, targets: Any, weights: Any) -> Any:
        losses = position_losses(space, tokens, targets)
        return scalargrad.dot(weights, losses)

    def compiled() -> Any:
        inputs = [("token", length), ("token", length), length]
        program = scalargrad.compile(loss, model, inputs, backend)
        program.value_and_grad(*TOGETHER)
        return program

    work = f"microgpt, {count} documents a step, per document"
    program = compiled()
    note_fallback(work, program)
    steps: dict[str, tuple[Step, int]] = {
        "NumPy by hand": (one_after_another([by_hand(weights, each) for each in alone()]), 1),
        "NumPy by hand, padded": (by_hand(weights, TOGETHER), 1),
        "microgpt's scalars": (
            one_after_another([own_scalars(source, each) for each in alone()]),
            1,
        ),
    }
    goals = {
        "NumPy by hand": (0.4, 0.0),
        "NumPy by hand, padded": (0.4, 0.0),
        "microgpt's scalars": (0.0, 4000.0),
    }
    expected = program.value_and_grad(*TOGETHER)
    same = {name: alike(expected, step()) for name, (step, _) in steps.items()}
    slow = {"microgpt's scalars": steps.pop("microgpt's scalars")}
    seconds = medians({"ours": (lambda: program.value_and_grad(*TOGETHER), 5), **steps}, rounds)
    seconds |= medians(slow, min(rounds, 3))
    ours = seconds["ours"] / count
    rows = [
        Row(work, name, ours, seconds[name] / count, *goals[name], same=same[name])
        for name in goals
    ]
    return [*rows, first_call(f"microgpt, {count} documents", compiled, rounds)]


def alone() -> list[Documents]:
    """Each document by itself, without padding."""
    return [read_names([name]) for name in NAMES]


def one_after_another(steps: Sequence[Step]) -> Step:
    """The mean of several losses, and its gradient."""

    def step() -> tuple[float, Array]:
        found = [each() for each in steps]
        loss = sum(loss for loss, _ in found) / len(found)
        return loss, numpy.mean([gradient for _, gradient in found], axis=0)

    return step


def numbers_of(space: dict[str, Any]) -> Weights:
    """The matrices of the model as arrays."""
    return {
        name: numpy.array([[parameter.data for parameter in row] for row in rows])
        for name, rows in space["state_dict"].items()
    }


class LookUp(list[Any]):
    """A table whose rows are taken at integers that a compiled function is given."""

    def __getitem__(self, index: Any) -> Any:
        return scalargrad.take(list(self), index)


def run_model(source: str, value: Any, largest: str) -> dict[str, Any]:
    """Return the names that the file defines from its parameters up to its optimizer.

    Args:
        source: The text of the file.
        value: What its Value is.
        largest: What its softmax subtracts.
    """
    start = source.index("# Initialize the parameters")
    end = source.index("# Let there be Adam")
    model = source[start:end].replace(CONSTANT_MAXIMUM, largest)
    space = {
        "Value": value,
        "random": random.Random(42),
        "vocab_size": LETTERS + 1,
        "print": lambda *_: None,
        "stop_gradient": scalargrad.stop_gradient,
        "maximum": scalargrad.max,
    }
    exec(model, space)
    return space


def position_losses(space: dict[str, Any], tokens: Any, targets: Any) -> list[Any]:
    """The loss of each position, as the file computes it for a document."""
    layers = range(space["n_layer"])
    keys: list[list[Any]] = [[] for _ in layers]
    values: list[list[Any]] = [[] for _ in layers]
    losses = []
    for position, (token, target) in enumerate(zip(tokens, targets, strict=True)):
        logits = space["gpt"](token, position, keys, values)
        probabilities = LookUp(space["softmax"](logits))
        losses.append(-probabilities[target].log())
    return losses


def document_loss(space: dict[str, Any], document: Documents) -> Any:
    """The mean loss of all positions of the one document."""
    losses = position_losses(space, document.tokens[0].tolist(), document.targets[0].tolist())
    return (1 / len(losses)) * sum(losses)


def own_scalars(source: str, document: Documents) -> Step:
    """Loss and gradient of one document by the Value of the file itself."""
    engine: dict[str, Any] = {}
    start = source.index("# Let there be Autograd")
    exec("import math\n" + source[start : source.index("# Initialize the parameters")], engine)
    space = run_model(source, engine["Value"], CONSTANT_MAXIMUM)

    def step() -> tuple[float, Array]:
        for parameter in space["params"]:
            parameter.grad = 0.0
        loss = document_loss(space, document)
        loss.backward()
        return loss.data, numpy.array([parameter.grad for parameter in space["params"]])

    return step


# By hand: all positions at once, with the names of the file


def normalize(x: Array) -> tuple[Array, Array]:
    """Return x over its root mean square, and the scale of each row."""
    scale = 1.0 / numpy.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-5)
    return x * scale, scale


def normalize_back(gradient: Array, y: Array, scale: Array) -> Array:
    """Return the gradient of x from that of y = normalize(x)."""
    return scale * (gradient - y * (gradient * y).mean(axis=1, keepdims=True))


def softmax(x: Array) -> Array:
    """Return the softmax along the last axis."""
    powers = numpy.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def split(x: Array, documents: int) -> Array:
    """Return (documents, heads, positions, 4) for (documents × positions, 16)."""
    return x.reshape(documents, -1, 4, 4).transpose(0, 2, 1, 3)


def join(x: Array) -> Array:
    """Return (documents × positions, 16) for (documents, heads, positions, 4)."""
    return x.transpose(0, 2, 1, 3).reshape(-1, 16)


def by_hand(weights: Weights, documents: Documents) -> Step:
    """Loss and gradient in NumPy, forward and backward written out."""
    w = {name.removeprefix("layer0."): matrix for name, matrix in weights.items()}
    count, n = documents.tokens.shape
    rows = numpy.arange(count * n)
    tokens, targets = documents.tokens.ravel(), documents.targets.ravel()
    shares = documents.weights.ravel() / count
    later = numpy.triu(numpy.full((n, n), -numpy.inf), 1)

    def step() -> tuple[float, Array]:
        embedded = w["wte"][tokens].reshape(count, n, -1) + w["wpe"][:n]
        x0, scale0 = normalize(embedded.reshape(count * n, -1))
        x1, scale1 = normalize(x0)
        q, k, v = (split(x1 @ w[name].T, count) for name in ("attn_wq", "attn_wk", "attn_wv"))
        attention = softmax(q @ k.swapaxes(2, 3) * 0.5 + later)
        heads = join(attention @ v)
        x2 = heads @ w["attn_wo"].T + x0
        x3, scale3 = normalize(x2)
        hidden = numpy.maximum(x3 @ w["mlp_fc1"].T, 0.0)
        x4 = hidden @ w["mlp_fc2"].T + x2
        probabilities = softmax(x4 @ w["lm_head"].T)
        loss = -(shares @ numpy.log(probabilities[rows, targets]))

        d = {}
        probabilities[rows, targets] -= 1.0
        d_logits = probabilities * shares[:, None]
        d["lm_head"] = d_logits.T @ x4
        d_x4 = d_logits @ w["lm_head"]
        d["mlp_fc2"] = d_x4.T @ hidden
        d_hidden = (d_x4 @ w["mlp_fc2"]) * (hidden > 0.0)
        d["mlp_fc1"] = d_hidden.T @ x3
        d_x2 = d_x4 + normalize_back(d_hidden @ w["mlp_fc1"], x3, scale3)
        d["attn_wo"] = d_x2.T @ heads
        d_heads = split(d_x2 @ w["attn_wo"], count)
        d_attention = d_heads @ v.swapaxes(2, 3)
        inner = (d_attention * attention).sum(axis=-1, keepdims=True)
        d_scores = attention * (d_attention - inner) * 0.5
        d_q = join(d_scores @ k)
        d_k = join(d_scores.swapaxes(2, 3) @ q)
        d_v = join(attention.swapaxes(2, 3) @ d_heads)
        d_x1 = numpy.zeros_like(x1)
        for name, part in (("attn_wq", d_q), ("attn_wk", d_k), ("attn_wv", d_v)):
            d[name] = part.T @ x1
            d_x1 += part @ w[name]
        d_x0 = normalize_back(d_x2 + normalize_back(d_x1, x1, scale1), x0, scale0)
        d["wte"] = numpy.zeros_like(w["wte"])
        numpy.add.at(d["wte"], tokens, d_x0)
        d["wpe"] = numpy.zeros_like(w["wpe"])
        d["wpe"][:n] = d_x0.reshape(count, n, -1).sum(axis=0)
        return float(loss), numpy.concatenate([d[name].ravel() for name in w])

    return step


def by_torch(weights: Weights) -> Callable[[], tuple[float, Array]]:
    """Loss and gradient in PyTorch on one thread, all positions at once."""
    import torch

    torch.set_num_threads(1)
    functional = torch.nn.functional
    learned = {
        name.removeprefix("layer0."): torch.tensor(matrix, requires_grad=True)
        for name, matrix in weights.items()
    }
    tokens = torch.tensor(DOCUMENT.tokens[0])
    targets = torch.tensor(DOCUMENT.targets[0])
    n = len(tokens)

    def norm(x: Any) -> Any:
        return x * torch.rsqrt((x * x).mean(dim=1, keepdim=True) + 1e-5)

    def heads(x: Any, name: str) -> Any:
        return functional.linear(x, learned[name]).view(n, 4, -1).transpose(0, 1)

    def step() -> tuple[float, Array]:
        x = norm(learned["wte"][tokens] + learned["wpe"][:n])
        y = norm(x)
        q, k, v = (heads(y, name) for name in ("attn_wq", "attn_wk", "attn_wv"))
        attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        joined = attended.transpose(0, 1).reshape(n, -1)
        x = x + functional.linear(joined, learned["attn_wo"])
        hidden = torch.relu(functional.linear(norm(x), learned["mlp_fc1"]))
        x = x + functional.linear(hidden, learned["mlp_fc2"])
        loss = functional.cross_entropy(functional.linear(x, learned["lm_head"]), targets)
        gradients = torch.autograd.grad(loss, list(learned.values()))
        return float(loss.detach()), torch.cat([part.ravel() for part in gradients]).numpy()

    return step
