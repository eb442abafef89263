"""A transformer as people write it by hand: functions over lists, and a dictionary of matrices."""

import random
from typing import Any

import scalargrad as sg
from scalargrad import Parameter, Value

LETTERS = "abcdefghijklmnopqrstuvwxyz·"
END = LETTERS.index("·")
WIDTH = 16
HEADS = 4
SIZE = WIDTH // HEADS
POSITIONS = 8


def make_weights(layers: int = 1) -> dict[str, list[list[Parameter]]]:
    """Return labeled matrices of small random numbers."""
    rng = random.Random(3)
    shapes = {"embed": (len(LETTERS), WIDTH), "place": (POSITIONS, WIDTH)}
    for i in range(layers):
        for name in ("query", "key", "value", "out"):
            shapes[f"layer{i}.att_{name}"] = (WIDTH, WIDTH)
        shapes[f"layer{i}.ff_up"] = (4 * WIDTH, WIDTH)
        shapes[f"layer{i}.ff_down"] = (WIDTH, 4 * WIDTH)
    shapes["head"] = (len(LETTERS), WIDTH)
    weights = {}
    for name, (rows, columns) in shapes.items():
        weights[name] = [
            [Parameter(rng.gauss(0, 0.2)) for _ in range(columns)] for _ in range(rows)
        ]
    return sg.label(weights)


def project(x: list[Any], matrix: list[list[Any]]) -> list[Any]:
    return [sum(weight * entry for weight, entry in zip(row, x, strict=True)) for row in matrix]


def share(scores: list[Any]) -> list[Any]:
    largest = max(score.data for score in scores)
    powers = [(score - largest).exp() for score in scores]
    total = sum(powers)
    return [power / total for power in powers]


def normalize(x: list[Any]) -> list[Any]:
    square = sum(entry * entry for entry in x) / len(x)
    scale = (square + 1e-5) ** -0.5
    return [entry * scale for entry in x]


def predict(
    w: dict[str, Any], token: int, position: int, keys: list[Any], values: list[Any]
) -> list[Any]:
    letter = w["embed"][token]
    place = w["place"][position]
    x = [a + b for a, b in zip(letter, place, strict=True)]
    x = normalize(x)
    for i in range(len(keys)):
        skipped = x
        x = normalize(x)
        q = project(x, w[f"layer{i}.att_query"])
        k = project(x, w[f"layer{i}.att_key"])
        v = project(x, w[f"layer{i}.att_value"])
        keys[i].append(k)
        values[i].append(v)
        joined = []
        for head in range(HEADS):
            part = slice(head * SIZE, (head + 1) * SIZE)
            q_head = q[part]
            k_head = [key[part] for key in keys[i]]
            v_head = [value[part] for value in values[i]]
            scores = [sum(q_head[j] * key[j] for j in range(SIZE)) / SIZE**0.5 for key in k_head]
            weights = share(scores)
            mixed = [
                sum(weights[t] * v_head[t][j] for t in range(len(v_head))) for j in range(SIZE)
            ]
            joined.extend(mixed)
        x = project(joined, w[f"layer{i}.att_out"])
        x = [a + b for a, b in zip(x, skipped, strict=True)]
        skipped = x
        x = normalize(x)
        x = project(x, w[f"layer{i}.ff_up"])
        x = [entry.relu() for entry in x]
        x = project(x, w[f"layer{i}.ff_down"])
        x = [a + b for a, b in zip(x, skipped, strict=True)]
    logits = project(x, w["head"])
    return logits  # noqa: RET504 (the variable is the name of the box)


def word_loss(w: dict[str, Any], word: str, layers: int = 1) -> Value:
    """Return the mean loss of the letters of a word, and of its end."""
    tokens = [END, *map(LETTERS.index, word), END]
    keys: list[Any] = [[] for _ in range(layers)]
    values: list[Any] = [[] for _ in range(layers)]
    losses = []
    for position in range(len(tokens) - 1):
        logits = predict(w, tokens[position], position, keys, values)
        probs = share(logits)
        letter_loss = -probs[tokens[position + 1]].log()
        losses.append(letter_loss)
    loss: Value = (1 / len(losses)) * sum(losses)
    return loss
