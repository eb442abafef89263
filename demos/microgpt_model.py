"""A GPT in plain functions over a dictionary of numbers, without modules and arrays.

It is the algorithm of GPT-2 with RMS norm for layer norm, relu for gelu, and no biases. Three
expressions are written so that `sg.compile` can record them, which has no numbers yet: the largest
logit of `softmax` is a Value, and what is looked up at a token is looked up by `sg.take`.
"""

from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Any, TypeAlias

import scalargrad as sg
from scalargrad import Parameter, Value

Vector: TypeAlias = Sequence[Any]
Matrix: TypeAlias = list[list[Any]]
State: TypeAlias = dict[str, Matrix]

LETTERS = ".abcdefghijklmnopqrstuvwxyz"
"""The tokens: the dot stands before and after every name."""
LONGEST = 7
"""Letters of a name at most."""
WIDTH = 16
HEADS = 4
HEAD_WIDTH = WIDTH // HEADS


def make_state(seed: int) -> State:
    """Draw the parameters, by the names that are theirs in a GPT."""
    rng = Random(seed)

    def matrix(outputs: int, inputs: int) -> Matrix:
        return [[rng.gauss(0.0, 0.08) for _ in range(inputs)] for _ in range(outputs)]

    state: State = sg.parameters(
        {
            "wte": matrix(len(LETTERS), WIDTH),
            "wpe": matrix(LONGEST + 1, WIDTH),
            "attn_wq": matrix(WIDTH, WIDTH),
            "attn_wk": matrix(WIDTH, WIDTH),
            "attn_wv": matrix(WIDTH, WIDTH),
            "attn_wo": matrix(WIDTH, WIDTH),
            "mlp_fc1": matrix(4 * WIDTH, WIDTH),
            "mlp_fc2": matrix(WIDTH, 4 * WIDTH),
            "lm_head": matrix(len(LETTERS), WIDTH),
        }
    )
    return state


def list_parameters(state: State) -> list[Parameter]:
    """Return the parameters one by one."""
    return [parameter for matrix in state.values() for row in matrix for parameter in row]


def zero_gradients(state: State) -> None:
    """Set all gradients to 0, which a backward pass adds to."""
    for parameter in list_parameters(state):
        parameter.grad = 0.0


def linear(x: Vector, w: Matrix) -> Vector:
    """Return the sums of products of a vector with each row of a matrix."""
    return [sum(a * b for a, b in zip(row, x, strict=True)) for row in w]


def softmax(logits: Vector) -> Vector:
    """Return probabilities: positive, and 1 together."""
    largest = sg.stop_gradient(sg.max(logits))
    powers = [sg.exp(logit - largest) for logit in logits]
    total = sum(powers)
    return [power / total for power in powers]


def rmsnorm(x: Vector) -> Vector:
    """Return a vector over the root of the mean of its squares."""
    mean_square = sum(a * a for a in x) / len(x)
    scale = (mean_square + 1e-5) ** -0.5
    return [a * scale for a in x]


def gpt(
    token: Any, position: int, state: State, keys: list[Vector], values: list[Vector]
) -> Vector:
    """Return a logit for each token that may come next.

    Args:
        token: The token at this position.
        position: The number of tokens before it.
        state: The parameters.
        keys: What the positions before can be found by; that of this one is appended.
        values: What can be read there; likewise.
    """
    pairs = zip(sg.take(state["wte"], token), state["wpe"][position], strict=True)
    embedded = [a + b for a, b in pairs]
    x = rmsnorm(embedded)

    # Each head reads the values of all positions so far, weighted by how well their keys fit.
    normed = rmsnorm(x)
    query = linear(normed, state["attn_wq"])
    key = linear(normed, state["attn_wk"])
    value = linear(normed, state["attn_wv"])
    keys.append(key)
    values.append(value)
    joined: list[Value] = []
    for start in range(0, WIDTH, HEAD_WIDTH):
        head = slice(start, start + HEAD_WIDTH)
        scores = [sg.dot(query[head], key[head]) / HEAD_WIDTH**0.5 for key in keys]
        weights = softmax(scores)
        columns = zip(*[value[head] for value in values], strict=True)
        read = [sg.dot(weights, column) for column in columns]
        joined += read
    attended = linear(joined, state["attn_wo"])
    x = [a + b for a, b in zip(x, attended, strict=True)]

    # Two layers of neurons, for each position alone.
    normed = rmsnorm(x)
    hidden = [sg.relu(a) for a in linear(normed, state["mlp_fc1"])]
    output = linear(hidden, state["mlp_fc2"])
    x = [a + b for a, b in zip(x, output, strict=True)]
    return linear(x, state["lm_head"])


def document_loss(tokens: Vector, shares: Vector, state: State) -> Value:
    """Return the loss of a document: how much of a surprise each next token is.

    Args:
        tokens: Its n + 1 tokens, with the dots at both ends.
        shares: The weights of the n predictions, 1 together; 0 for those that don't count.
        state: The parameters.
    """
    keys: list[Vector] = []
    values: list[Vector] = []
    losses = []
    for position, (token, following) in enumerate(pairwise(tokens)):
        logits = gpt(token, position, state, keys, values)
        probabilities = softmax(logits)
        surprise = -sg.log(sg.take(probabilities, following))
        losses.append(surprise)
    loss: Value = sg.dot(shares, losses)
    return loss


def invent(state: State, rng: Random, temperature: float) -> str:
    """Invent a name, letter by letter; the lower the temperature, the likelier the letters."""
    name = ""
    token = 0
    keys: list[Vector] = []
    values: list[Vector] = []
    for position in range(LONGEST):
        with sg.no_grad():
            logits = gpt(token, position, state, keys, values)
            probabilities = softmax([logit / temperature for logit in logits])
        (token,) = rng.choices(range(len(LETTERS)), [share.data for share in probabilities])
        if token == 0:
            break
        name += LETTERS[token]
    return name
