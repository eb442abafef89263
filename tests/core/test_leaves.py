"""Leaves that are neither fed nor learned: buffers and drawn numbers, and how they are copied."""

import pickle
from copy import deepcopy
from random import Random

from scalargrad import Buffer, Constant, Parameter, RandomLeaf, Value


class Dice:
    def __init__(self, seed: int) -> None:
        self.generator = Random(seed)

    def draw(self) -> float:
        return self.generator.random()


def test_a_drawn_leaf_draws_once_and_can_draw_again() -> None:
    dice, referee = Dice(1), Random(1)
    leaf = RandomLeaf(dice, label="mask")
    assert (leaf.data, leaf.data, leaf.label, leaf.kind) == (
        (first := referee.random()),
        first,
        "mask",
        "constant",
    )
    assert leaf.source.draw() == referee.random()


def test_both_take_part_in_graphs_as_constants_do() -> None:
    x, mask, mean = Parameter(3.0), RandomLeaf(Dice(0)), Buffer(2.0, label="mean")
    ((x - mean) * mask).backward()
    assert x.grad == mask.data
    assert isinstance(mask, Constant)
    assert isinstance(mean, Constant)


def test_copies_go_on_drawing_by_themselves_and_as_the_original_would() -> None:
    leaf = RandomLeaf(Dice(5))
    graph = Value(2.0) * leaf
    for twin in (deepcopy(graph), pickle.loads(pickle.dumps(graph))):
        copied = twin.args[1]
        assert copied.data == leaf.data
        assert isinstance(copied, RandomLeaf)
        assert copied.source is not leaf.source
        assert copied.source.draw() == deepcopy(leaf.source).draw()


def test_copies_keep_whether_a_parameter_may_be_trained() -> None:
    frozen = Parameter(1.0, label="w")
    frozen.trainable = False
    for twin in (
        deepcopy(frozen),
        pickle.loads(pickle.dumps(frozen)),
        deepcopy(frozen * 2).args[0],
    ):
        assert isinstance(twin, Parameter)
        assert (twin.data, twin.label, twin.trainable) == (1.0, "w", False)
