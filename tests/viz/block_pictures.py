"""Pictures of blocks made by hand: a small GPT, chains, diamonds, frames in frames, odd names."""

import random
from dataclasses import replace
from itertools import pairwise

from viz.model.block_card import Block, BlockParameter, Grid
from viz.model.heatmap import Map, map_rows
from viz.model.layer_card import Bar
from viz.model.picture import Edge, Group, Node, Picture

LETTERS = tuple("abcdefghijklmnopqrstuvwxyz·")
WORD = "·emma"
NEXT = "emma·"


class Numbers:
    """Random numbers, the same in every run."""

    def __init__(self, seed: int = 7) -> None:
        self.random = random.Random(seed)

    def map(self, rows: int, columns: int, size: float = 0.1, name: str = "grad") -> Map:
        numbers = [self.random.gauss(0.0, size) for _ in range(rows * columns)]
        return Map(name, rows, columns, tuple(numbers))


class Builder:
    """Collects the boxes and lines of a picture."""

    def __init__(self, seed: int = 7) -> None:
        self.numbers = Numbers(seed)
        self.blocks: list[Block] = []
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self.groups: list[Group] = []

    def box(self, id: str, title: str = "", group: str = "", **more: object) -> str:
        block = Block(id, title=title, **more)  # type: ignore[arg-type]
        root = block.kind == "root"
        node = Node(
            id,
            "operation",
            symbol="mean" if root else "+",
            label=title,
            data=2.23 if root else None,
            grad=1.0 if root else None,
            group=group,
            root=root,
            name=f"{group}/{title}" if group else title,
        )
        self.blocks.append(block)
        self.nodes.append(node)
        return id

    def strip(self, rows: int = 5, columns: int = 16, size: float = 0.1) -> dict[str, object]:
        return {"strip": self.numbers.map(rows, columns, size), "norm": size}

    def linear(
        self, id: str, title: str, group: str, name: str, inputs: int = 16, outputs: int = 16
    ) -> str:
        wide, high = max(inputs, outputs), min(inputs, outputs)
        weights = BlockParameter(name, self.numbers.map(high, wide), 0.38)
        return self.box(
            id,
            title,
            group,
            line=f"linear {inputs} → {outputs}",
            values=2 * inputs * outputs * 5,
            calls=5,
            parameters=(weights,),
            **self.strip(5, outputs),
        )

    def plain(self, id: str, title: str, group: str = "", line: str = "16 → 16") -> str:
        return self.box(id, title, group, line=line, values=255, calls=5, **self.strip())

    def edge(self, source: str, target: str, count: int = 80, flow: float | None = 0.1) -> None:
        self.edges.append(Edge(source, target, flow=flow, count=count))

    def chain(self, *ids: str, count: int = 80) -> None:
        for source, target in pairwise(ids):
            self.edge(source, target, count)

    def picture(self, title: str = "", stream: tuple[str, ...] = (), **more: object) -> Picture:
        return Picture(
            "blocks",
            tuple(self.nodes),
            tuple(self.edges),
            tuple(self.groups),
            title=title,
            blocks=tuple(self.blocks),
            stream=stream,
            total=sum(block.values for block in self.blocks),
            **more,  # type: ignore[arg-type]
        )


def gpt_picture(panels: int = 2, has_head: bool = True) -> Picture:
    """A GPT of one layer, five letters and 4 heads, with as many panels as asked for."""
    build = Builder()
    build.groups.append(Group("gpt", "gpt", calls=5, detail="one call for each letter"))
    letters = tuple(Bar(letter, float(i), None) for i, letter in enumerate(WORD))
    build.box("n0", "token_id", kind="input", bars=letters, values=5)
    tables = (
        BlockParameter("wte", build.numbers.map(27, 16), 1.1),
        BlockParameter("wpe", build.numbers.map(16, 16), 1.1),
    )
    build.box(
        "n1",
        "t + p",
        "gpt",
        line="tok_emb + pos_emb",
        values=80,
        calls=5,
        parameters=tables,
        **build.strip(size=0.3),
    )
    build.plain("n2", "rmsnorm", "gpt")
    build.chain("n0", "n1", "n2")
    stream = ["n2"]
    for panel in range(panels):
        if panel % 2 == 0:
            stream.append(_add_attention(build, stream[-1], panel))
        else:
            stream.append(_add_mlp(build, stream[-1], panel))
    if has_head:
        stream.append("logits")
        _add_head(build, stream[-2])
    return build.picture(
        "microgpt, one training step",
        tuple(stream),
        notes=("43 021 values, the 38 051 computed ones folded by function call into 20 boxes",),
    )


def _add_attention(build: Builder, stream: str, number: int) -> str:
    path = f"gpt/attention{number}"
    title = "attention" if number == 0 else f"attention {number}"
    build.groups.append(Group(path, title, "gpt", is_panel=True))
    key = f"a{number}"
    norm = build.plain(f"{key}norm", "rmsnorm", path)
    q, k, v = (
        build.linear(f"{key}{name}", name, path, f"attn_w{name}") for name in ("q", "k", "v")
    )
    logits = build.box(
        f"{key}logits", "attn_logits", path, line="q·k / √4", values=540, calls=5, norm=0.061
    )
    weights = build.box(
        f"{key}weights",
        "attn_weights",
        path,
        line="softmax: row sees column",
        values=240,
        calls=5,
        grids=tuple(_triangle(build, f"h{head}") for head in range(4)),
    )
    out = build.plain(f"{key}out", "head_out", path, "Σ weight · v")
    linear = build.linear(f"{key}linear", "linear", path, "attn_wo")
    total = build.box(f"{key}sum", "+", "gpt", kind="sum", values=80)
    build.edge(stream, norm)
    for name in (q, k, v):
        build.edge(norm, name)
    build.edge(q, logits)
    build.edge(k, logits)
    build.edge(logits, weights, 60)
    build.edge(weights, out, 60)
    build.edge(v, out)
    build.chain(out, linear, total)
    build.edge(stream, total)
    return total


def _triangle(build: Builder, title: str) -> Grid:
    rows = []
    for i in range(5):
        numbers = [build.numbers.random.random() for _ in range(i + 1)]
        rows.append([x / sum(numbers) for x in numbers])
    shown = map_rows("attention", rows)
    return Grid(replace(shown, labels=tuple(WORD)), title, tuple(WORD))


def _add_mlp(build: Builder, stream: str, number: int) -> str:
    path = f"gpt/mlp{number}"
    build.groups.append(
        Group(path, "mlp" if number == 1 else f"mlp {number}", "gpt", is_panel=True)
    )
    key = f"m{number}"
    norm = build.plain(f"{key}norm", "rmsnorm", path)
    first = build.linear(f"{key}fc1", "linear", path, "mlp_fc1", 16, 64)
    relu = build.box(
        f"{key}relu",
        "relu",
        path,
        values=320,
        calls=5,
        note="274 of 320 are 0",
        **build.strip(5, 64, 0.2),
    )
    second = build.linear(f"{key}fc2", "linear", path, "mlp_fc2", 64, 16)
    total = build.box(f"{key}sum", "+", "gpt", kind="sum", values=80)
    build.edge(stream, norm)
    build.edge(norm, first)
    build.edge(first, relu, 320)
    build.edge(relu, second, 320)
    build.edge(second, total)
    build.edge(stream, total)
    return total


def _add_head(build: Builder, stream: str) -> None:
    names = tuple(f"{a}›{b}" for a, b in zip(WORD, NEXT, strict=True))
    weights = BlockParameter("lm_head", build.numbers.map(16, 27, 0.2), 1.7)
    build.box(
        "logits",
        "logits",
        "gpt",
        line="linear 16 → 27",
        values=4320,
        calls=5,
        parameters=(weights,),
        columns=LETTERS,
        **build.strip(5, 27),
    )
    shown = build.numbers.map(5, 27, 0.2)
    shown = replace(shown, numbers=tuple(abs(x) for x in shown.numbers), labels=names)
    framed = tuple(27 * i + LETTERS.index(letter) for i, letter in enumerate(NEXT))
    build.box(
        "probs",
        "probs",
        line="softmax; framed: the letter that follows",
        values=410,
        calls=5,
        grids=(Grid(shown, "", LETTERS, framed),),
    )
    losses = zip(names, (3.13, 2.85, 3.46, 1.18, 0.556), strict=True)
    build.box(
        "loss_t",
        "loss_t",
        line="−log of the probability in the frame",
        values=10,
        calls=5,
        bars=tuple(Bar(name, loss, None) for name, loss in losses),
    )
    build.box("loss", "loss", kind="root", line="mean", values=1)
    build.edge(stream, "logits")
    build.edge("logits", "probs", 135, 0.39)
    build.edge("probs", "loss_t", 5, 0.5)
    build.edge("loss_t", "loss", 5, 0.6)


def chain_picture(count: int = 4) -> Picture:
    """Boxes one after the other."""
    build = Builder()
    ids = [build.plain(f"n{i}", f"step {i}") for i in range(count)]
    build.box("loss", "loss", kind="root", values=1)
    build.chain(*ids, "loss")
    return build.picture("a chain")


def diamond_picture() -> Picture:
    """One box that two others use, which a fourth joins."""
    build = Builder()
    for id in "abcd":
        build.plain(id, id)
    for source, target in ("ab", "ac", "bd", "cd", "ad"):
        build.edge(source, target)
    return build.picture("a diamond")


def nested_picture() -> Picture:
    """Two frames, one inside the other, and a box outside of both."""
    build = Builder()
    build.groups += [Group("net", "net", calls=3), Group("net/block", "block", "net", calls=2)]
    build.plain("a", "embed", "net")
    build.plain("b", "up", "net/block")
    build.plain("c", "down", "net/block")
    build.plain("d", "out", "net")
    build.box("e", "loss", kind="root", values=1)
    build.chain("a", "b", "c", "d", "e")
    build.edge("a", "d")
    return build.picture("frames in frames")


def cycle_picture() -> Picture:
    """Calls that depend on each other."""
    build = Builder()
    build.groups.append(Group("cell", "cell", calls=5))
    for id in ("gate", "state", "out"):
        build.plain(id, id, "cell")
    build.plain("x", "x")
    build.plain("y", "y")
    build.chain("x", "gate", "state", "out", "y")
    build.edge("state", "gate")
    build.edge("state", "state")
    return build.picture("a recurrence")


def random_picture(seed: int, count: int, density: float = 1.4) -> Picture:
    """Boxes joined at random, some in frames."""
    build = Builder(seed)
    choose = build.numbers.random
    paths = ["", "f", "f/g"]
    build.groups += [Group("f", "f", calls=2), Group("f/g", "g", "f")]
    for i in range(count):
        group = choose.choice(paths)
        if choose.random() < 0.3:
            build.linear(f"n{i}", f"linear {i}", group, f"w{i}")
        else:
            build.plain(f"n{i}", f"box {i}", group)
    pairs = set()
    for _ in range(int(count * density)):
        source, target = sorted(choose.sample(range(count), 2))
        pairs.add((source, target))
    for source, target in sorted(pairs):
        build.edge(f"n{source}", f"n{target}", choose.randrange(1, 400), choose.random())
    used = {f"n{i}" for pair in pairs for i in pair}
    build.blocks = [block for block in build.blocks if block.id in used]
    build.nodes = [node for node in build.nodes if node.id in used]
    return build.picture(f"{count} boxes at random")


def without_gradients(picture: Picture) -> Picture:
    """The same before `backward`."""
    blocks = []
    for block in picture.blocks:
        parameters = tuple(replace(parameter, norm=None) for parameter in block.parameters)
        blocks.append(replace(block, norm=None, parameters=parameters))
    edges = tuple(replace(edge, flow=None) for edge in picture.edges)
    nodes = tuple(replace(node, grad=None) for node in picture.nodes)
    return replace(picture, blocks=tuple(blocks), edges=edges, nodes=nodes, colors="data")
