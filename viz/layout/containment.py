"""A picture as boxes within boxes: what stands in which module, what enters it, which sums run on."""

from collections import Counter, defaultdict
from functools import cached_property

from viz.model.picture import Edge, Picture
from viz.model.snapshot import parent_path

LONG_SUM = 4
"""Chains of so many + run down in one column, as an account does."""


class Containment:
    """Questions about a picture that both the layout and the routes of the edges ask."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture

    @cached_property
    def items(self) -> dict[str, list[str]]:
        """What stands directly in each group: ids of nodes, paths of groups."""
        items: dict[str, list[str]] = defaultdict(list)
        for group in self.picture.groups:
            items[group.parent].append(group.path)
        for node in self.picture.nodes:
            items[node.group].append(node.id)
        return items

    @cached_property
    def units(self) -> set[str]:
        """Groups that hold single Values: what enters them from outside passes a port on their border."""
        return {
            node.group
            for node in self.picture.nodes
            if node.group and node.kind != "module" and self.picture.framed
        }

    @cached_property
    def ports(self) -> dict[str, dict[str, str]]:
        """For each unit the port of each node outside that it uses."""
        entering: dict[str, dict[str, str]] = defaultdict(dict)
        for edge in self.picture.edges:
            for path in self.entered(edge):
                if path in self.units:
                    entering[path].setdefault(edge.source, f"{path}<{edge.source}")
        return {
            path: {source: ports[source] for source in sorted(ports, key=self._order.__getitem__)}
            for path, ports in entering.items()
        }

    @cached_property
    def _order(self) -> dict[str, int]:
        return {node.id: i for i, node in enumerate(self.picture.nodes)}

    def group(self, node_id: str) -> str:
        """The path of the group that a node stands in."""
        return self.picture.by_id[node_id].group

    def entered(self, edge: Edge) -> list[str]:
        """The groups that an edge enters, the outermost first."""
        return self._around(self.group(edge.target), self.group(edge.source))

    def left(self, edge: Edge) -> list[str]:
        """The groups that an edge leaves, the innermost first."""
        return self._around(self.group(edge.source), self.group(edge.target))[::-1]

    def common(self, edge: Edge) -> str:
        """The innermost group around both ends of an edge."""
        entered = self.entered(edge)
        return parent_path(entered[0]) if entered else self.group(edge.target)

    def _around(self, inner: str, outer: str) -> list[str]:
        """The groups around `inner` that are not around `outer`, the outermost first."""
        found: list[str] = []
        path = inner
        while path and not (outer + "/").startswith(path + "/"):
            found.append(path)
            path = parent_path(path)
        return found[::-1]

    def item(self, node_id: str, path: str) -> str | None:
        """The item of the group `path` that holds a node, None if it stands elsewhere."""
        group = self.group(node_id)
        if group == path:
            return node_id
        while group and parent_path(group) != path:
            group = parent_path(group)
        return group or None

    def is_leaf(self, item: str) -> bool:
        """Whether an item is an input, a parameter or a constant."""
        return item in self.picture.by_id and self.picture.by_id[item].kind in (
            "input",
            "parameter",
            "constant",
        )

    @cached_property
    def running(self) -> dict[str, str]:
        """For each sum in a long chain of sums the one before it: such a chain runs down in one column, as an account does."""
        if self.picture.level != "cards":
            return {}
        before: dict[str, str] = {}
        for edge in self.picture.edges:
            if (
                self._is_sum(edge.source)
                and self._is_sum(edge.target)
                and self.group(edge.source) == self.group(edge.target)
            ):
                before[edge.target] = edge.source
        uses = Counter(edge.source for edge in self.picture.edges)
        links = {target: source for target, source in before.items() if uses[source] == 1}
        lengths = Counter(chain(target, links)[0] for target in links)
        return {
            target: source
            for target, source in links.items()
            if lengths[chain(target, links)[0]] >= LONG_SUM - 1
        }

    def _is_sum(self, node_id: str) -> bool:
        return self.picture.by_id[node_id].symbol == "+"


def chain(item: str, before: dict[str, str]) -> list[str]:
    """The chain that ends in an item, its first member first."""
    members = [item]
    while members[-1] in before:
        members.append(before[members[-1]])
    return members[::-1]
