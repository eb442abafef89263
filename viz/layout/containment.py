"""A picture as boxes within boxes: what is in which module, what enters it, which sums run on."""

from collections import Counter, defaultdict
from functools import cached_property

from viz.model.picture import Edge, Picture
from viz.model.snapshot import parent_path

CONTINUATION = "continuation"
"""The kind of the nodes that stand for lines which go on in another row."""
_LEAVES = ("input", "parameter", "constant", CONTINUATION)
MIN_RUNNING_SUM = 4
"""Length from which a chain of + runs down in one column, like the sums of an account."""


class Containment:
    """Answers questions about a picture that both the layout and the routes of the edges ask.

    An *item* of a group is the id of a node, or the path of a group, directly inside it.
    """

    def __init__(self, picture: Picture) -> None:
        self.picture = picture

    @cached_property
    def items(self) -> dict[str, list[str]]:
        """The items of each group, "" for the whole picture: groups first."""
        items: dict[str, list[str]] = defaultdict(list)
        for group in self.picture.groups:
            items[group.parent].append(group.path)
        for node in self.picture.nodes:
            items[node.group].append(node.id)
        return items

    @cached_property
    def groups_with_ports(self) -> set[str]:
        """Boxes with single Values: edges from outside enter them by a port on the border."""
        if not self.picture.framed:
            return set()
        values = [node for node in self.picture.nodes if node.kind != "module"]
        return {node.group for node in values if node.group}

    @cached_property
    def ports(self) -> dict[str, dict[str, str]]:
        """For each of these groups the ports by outside node, in the order of the nodes."""
        entering: dict[str, set[str]] = defaultdict(set)
        for edge in self.picture.edges:
            for path in self.groups_entered(edge):
                if path in self.groups_with_ports:
                    entering[path].add(edge.source)

        order = {node.id: i for i, node in enumerate(self.picture.nodes)}
        ports: dict[str, dict[str, str]] = {}
        for path, sources in entering.items():
            ordered = sorted(sources, key=order.__getitem__)
            ports[path] = {source: f"{path}<{source}" for source in ordered}
        return ports

    def group(self, node_id: str) -> str:
        """Return the path of the group that a node is in."""
        return self.picture.by_id[node_id].group

    def groups_entered(self, edge: Edge) -> list[str]:
        """Return the groups that an edge enters, the outermost first."""
        return self._groups_around(self.group(edge.target), self.group(edge.source))

    def groups_left(self, edge: Edge) -> list[str]:
        """Return the groups that an edge leaves, the innermost first."""
        outward = self._groups_around(self.group(edge.source), self.group(edge.target))
        return outward[::-1]

    def common_group(self, edge: Edge) -> str:
        """Return the innermost group around both ends of an edge."""
        entered = self.groups_entered(edge)
        return parent_path(entered[0]) if entered else self.group(edge.target)

    def _groups_around(self, inner: str, outer: str) -> list[str]:
        """Return the groups around `inner` that are not around `outer`, the outermost first."""
        paths: list[str] = []
        path = inner
        # The slashes keep "layers.1" from being taken for the start of "layers.10".
        while path and not (outer + "/").startswith(path + "/"):
            paths.append(path)
            path = parent_path(path)
        return paths[::-1]

    def item(self, node_id: str, path: str) -> str | None:
        """Return the item of the group `path` that holds a node, None if the node is elsewhere."""
        group = self.group(node_id)
        if group == path:
            return node_id
        while group and parent_path(group) != path:
            group = parent_path(group)
        return group or None

    def is_leaf(self, item: str) -> bool:
        """Return whether an item is an input, a parameter or a constant, or stands for a Value.

        The number at the start of a line that comes from another row stands for its source.
        """
        node = self.picture.by_id.get(item)
        return node is not None and node.kind in _LEAVES

    @cached_property
    def running_sums(self) -> dict[str, str]:
        """For each sum in a long chain of sums the one before it."""
        if self.picture.level != "cards":
            return {}
        before: dict[str, str] = {}
        for edge in self.picture.edges:
            source = self.picture.by_id[edge.source]
            target = self.picture.by_id[edge.target]
            are_sums = source.symbol == "+" and target.symbol == "+"
            if are_sums and source.group == target.group:
                before[target.id] = source.id

        # A partial sum that is used elsewhere, too, is more than a step of an account.
        uses = Counter(edge.source for edge in self.picture.edges)
        links = {target: source for target, source in before.items() if uses[source] == 1}
        starts = {target: chain_to(target, links)[0] for target in links}
        lengths = Counter(starts.values())
        min_links = MIN_RUNNING_SUM - 1
        is_long = {target: lengths[start] >= min_links for target, start in starts.items()}
        return {target: source for target, source in links.items() if is_long[target]}


def chain_to(item: str, before: dict[str, str]) -> list[str]:
    """Return the chain that ends in an item, its first member first."""
    members = [item]
    while members[-1] in before:
        members.append(before[members[-1]])
    return members[::-1]
