"""Loop source: the functions of a loop, put together from the lines of its step."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from .kernels import Scan
from .loop_lines import CARRY, ENTRY, SHARED, LoopLines, WriteKernel, write_lines

__all__ = ["LoopSource", "write_loop"]

_INDENT = "    "


@dataclass(frozen=True)
class LoopSource:
    """The functions of a loop.

    Attributes:
        outputs: The source of a function that computes the last carry and all results.
        forward: The same, where gradients are wanted: it also returns what `backward` needs.
        backward: The source of a function that returns the gradients of all that the loop takes;
            empty where none is wanted.
        names: The objects that they name.
        loops: The source of the loops within a step.
    """

    outputs: str
    forward: str
    backward: str
    names: dict[str, object]
    loops: list[str]


def write_loop(
    scan: Scan, wanted: Collection[str], write_forward: WriteKernel, write_backward: WriteKernel
) -> LoopSource:
    """Write the functions of a loop.

    Args:
        scan: The loop.
        wanted: Which gradients are wanted: of the carry x0, the entries x1, what is shared x2, the
            weights p.
        write_forward: Writes the lines that compute a kernel.
        write_backward: Writes the lines of its gradients.
    """
    lines = write_lines(scan, set(wanted), write_forward, write_backward)
    functions = _Functions(lines, carries=len(scan.carry) > 0)
    forward = ""
    backward = ""
    if wanted:
        forward = functions.forward()
        backward = functions.backward(scan.step.parameters)
    return LoopSource(functions.outputs(), forward, backward, lines.names, lines.loops)


class _Functions:
    """Puts lines together.

    The same variable holds the numbers of all steps outside of the loop, and those of one step
    inside. Besides it, `each_v3` lists v3 step by step, and `all_v3` has all of it while the loop
    runs.

    Args:
        lines: The lines.
        carries: Whether anything is carried: if not, all steps are computed at once.
    """

    def __init__(self, lines: LoopLines, carries: bool) -> None:
        self.lines = lines
        self.carries = carries
        self.inside = _assigned(lines.during)
        self.inside.add(CARRY)
        self.outside = _assigned(lines.before)
        self.outside.update((ENTRY, SHARED))

        # What the way back needs: inside of its loop step by step, elsewhere of all steps. Nothing
        # else is kept, so that what a step computes on its way is freed at once.
        in_loop = _used(lines.back_during)
        apart = _used(lines.back_after) | _used(lines.weights) | _used(lines.back_before)
        self.kept_by_step = sorted(self.inside & in_loop)
        kept = self.outside & in_loop
        for computed in (self.outside, self.inside, _assigned(lines.after)):
            kept |= computed & apart
        self.kept_together = sorted(kept)

    def outputs(self) -> str:
        """Return the source of a function that runs the loop, and keeps nothing."""
        together = self._needed_after()
        body = self._run(sorted(together), together)
        body.append(f"return last, {self.lines.results}")
        return self._function("outputs(n, steps, x0, x1, x2, p)", body)

    def forward(self) -> str:
        """Return the source of a function that runs the loop, and keeps what the way back needs."""
        together = self._needed_after()
        together |= self.inside.intersection(self.kept_together)
        listed = together.union(self.kept_by_step)
        body = self._run(sorted(listed), together)
        results = self.lines.results
        body.append(f"return last, {results}, {self._kept}")
        return self._function("forward(n, steps, x0, x1, x2, p)", body)

    def _needed_after(self) -> set[str]:
        """Return the variables of a step that are needed of all steps after the loop."""
        used = _used(self.lines.after)
        used |= _used([self.lines.results])
        return self.inside & used

    def _run(self, listed: Sequence[str], together: set[str]) -> list[str]:
        """Return the lines that run the loop.

        Args:
            listed: Variables of which the numbers of each step are kept in a list.
            together: Those of them that are then joined.
        """
        lines = self.lines
        loaded = self.outside & _used([*lines.during, lines.next_carry]) - lines.fixed
        inside = list(lines.during)
        for name in listed:
            inside.append(f"each_{name}.append({name})")
        inside.append(f"{CARRY} = {lines.next_carry}")

        body = list(lines.before)
        for name in listed:
            body.append(f"each_{name} = []")
        body += self._loop("range(steps)", inside, sorted(loaded), [])
        body.append(f"last = {CARRY}")
        for name in sorted(together):
            body.append(_join(name, f"each_{name}"))
        return body + lines.after

    def backward(self, weights: int) -> str:
        """Return the source of a function that returns the gradients of all that is taken.

        Args:
            weights: The number of weights.
        """
        lines = self.lines
        # The loop changes what these hold, and the lines after it want all of it again.
        both = sorted(set(self.kept_by_step).intersection(self.kept_together))
        collected = self._collected()

        body: list[str] = []
        if self.kept_by_step or self.kept_together:
            body.append(f"{self._kept} = kept")
        body.append(f"g_p = zeros({weights})")
        body += lines.back_after
        for name in collected:
            body.append(f"new_{name} = []")
        for name in both:
            body.append(f"all_{name} = {name}")
        body += self._loop_back(collected)
        for name in both:
            body.append(f"{name} = all_{name}")
        for name in collected:
            joined = _join(name, f"new_{name}[::-1]")
            body.append(f"{name} = sum(new_{name})" if name in lines.fixed else joined)
        body += lines.weights
        body += lines.back_before

        of_entry = self._gradient_or_none(ENTRY)
        of_shared = self._gradient_or_none(SHARED)
        body.append(f"return g_carry, {of_entry}, {of_shared}, g_p")
        return self._function("backward(n, steps, p, g_carry, g_results, kept)", body)

    def _gradient_or_none(self, name: str) -> str:
        """Return source of the gradient of an input, None where nothing flows back to it."""
        gradient = f"g_{name}"
        return gradient if gradient in self.lines.gradients else "None"

    def _collected(self) -> list[str]:
        """Return the gradients that the loop of the way back leaves for all steps."""
        later = _used(self.lines.weights)
        later |= _used(self.lines.back_before)
        later.update((f"g_{ENTRY}", f"g_{SHARED}"))
        in_loop = _updated(self.lines.back_during)
        in_loop |= self._begun()
        # A gradient that all steps add to is whole when the loop is over.
        in_loop -= self.lines.fixed & self.lines.begun
        return sorted(in_loop & later)

    def _begun(self) -> set[str]:
        """Return the gradients of all steps that the loop of the way back adds to."""
        in_loop = _used(self.lines.back_during)
        begun = self.lines.begun & (in_loop | {f"g_{CARRY}"})
        return begun - self.lines.fixed

    def _loop_back(self, collected: Sequence[str]) -> list[str]:
        """Return the lines of the loop of the way back."""
        lines = self.lines
        gradient = f"g_{CARRY}"
        begun = self._begun()
        inside = list(lines.back_during)
        for name in collected:
            inside.append(f"new_{name}.append({name})")
        if gradient in _updated(lines.back_during) | begun:
            inside.append(f"g_carry = {gradient}")
        else:
            inside.append("g_carry = zeros(g_carry.shape)")

        loaded = self.outside & _used(lines.back_during) - lines.fixed
        viewed = sorted(loaded) + sorted(begun)
        return self._loop("reversed(range(steps))", inside, viewed, self.kept_by_step)

    def _loop(
        self, steps: str, inside: Iterable[str], viewed: Sequence[str], listed: Sequence[str]
    ) -> list[str]:
        """Return the lines of a loop, and those that take apart what it reads step by step.

        Args:
            steps: The range of the loop.
            inside: What it does.
            viewed: Variables of all steps that it reads.
            listed: Variables of which there is a list already.
        """
        if not self.carries:
            return []
        # Kernels are written for n samples: of one step in here, of all steps around it.
        body = ["n = one_step"]
        for name in viewed:
            body.append(f"all_{name} = {name}")
            body.append(f"each_{name} = by_step({name}, steps)")
        body.append(f"for k in {steps}:")
        for name in (*viewed, *listed):
            body.append(f"{_INDENT}{name} = each_{name}[k]")
        for line in inside:
            body.append(_INDENT + line)
        body.append("n = steps * one_step")
        for name in viewed:
            body.append(f"{name} = all_{name}")
        return body

    @property
    def _kept(self) -> str:
        """What goes from `forward` to `backward`, as a tuple."""
        lists = [f"each_{name}" for name in self.kept_by_step]
        names = [*lists, *self.kept_together]
        items = [f"{name}, " for name in names]
        return f"({''.join(items)})"

    def _function(self, head: str, body: Sequence[str]) -> str:
        """Return a function as source. Outside of the loop n counts the samples of all steps."""
        used = _used(body)
        lines = [f"def {head}:"]
        for name, source in self.lines.hoisted.items():
            if name in used:
                lines.append(f"{_INDENT}{name} = {source}")
        all_lines = ("one_step = n", "n = steps * one_step", *body)
        for line in all_lines:
            lines.append(_INDENT + line)
        return "\n".join(lines) + "\n"


def _join(name: str, arrays: str) -> str:
    """Return the line that joins the arrays of all steps."""
    # The lists that an operation goes over have their items along the first axis.
    axis = ", 1" if name.startswith("iv") else ""
    return f"{name} = concatenate({arrays}{axis})"


# What is alive is read from the lines themselves: the rules that write them know nothing of loops.
# Names of functions are found, too, but no variable has their names.
_NAME = re.compile(r"[a-z]\w*")
_TARGET = re.compile(r"([a-z]\w*)(?:, ([a-z]\w*))? = ")
_UPDATE = re.compile(r"([a-z]\w*)(?:\[.*?\])? \+?= |scatter\(([a-z]\w*),")


def _used(lines: Iterable[str]) -> set[str]:
    """Return all names in the lines."""
    names: set[str] = set()
    for line in lines:
        names.update(_NAME.findall(line))
    return names


def _assigned(lines: Iterable[str]) -> set[str]:
    """Return the variables that lines assign, but for those that only the next lines use."""
    names: set[str] = set()
    for line in lines:
        match = _TARGET.match(line)
        # A writer calls these t0, t1, …
        if match and not match[1].startswith("t"):
            names.update(name for name in match.groups() if name)
    return names


def _updated(lines: Iterable[str]) -> set[str]:
    """Return the variables that lines assign, or change in place."""
    names: set[str] = set()
    for line in lines:
        match = _UPDATE.match(line)
        if match:
            names.add(match[1] or match[2])
    return names
