"""Change one thing in the source, and see whether a test notices.

`python -m tests.campaigns.mutants [FILE ...] [--count 17] [--seed 0] [--jobs 2]`

A mutant that survives is either a gap in the tests or a change that makes no difference (a faster
way, a message): each is printed with its line, to be looked at.
"""

import argparse
import ast
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).parent.parent.parent
SECONDS = 200
"""A mutant that runs longer than this hangs, which counts as noticed."""

TESTS = {
    "scalargrad/core/value.py": [
        "tests/core/test_micrograd_code.py",
        "tests/core/test_conversions.py",
        "tests/core/test_hooks.py",
        "tests/core/test_missing.py",
        "tests/core/test_functions.py",
        "tests/core/test_not_finite.py",
        "tests/core/test_modes.py",
        "tests/core/test_floor_division.py",
        "tests/core/test_backward.py",
        "tests/core/test_leaves.py",
        "tests/test_promises.py",
        "tests/core/test_copying.py",
        "tests/core/test_numpy_interplay.py",
        "tests/utils/test_calls.py",
    ],
    "scalargrad/core/operations.py": [
        "tests/core/test_micrograd_code.py",
        "tests/core/test_conversions.py",
        "tests/core/test_hooks.py",
        "tests/core/test_missing.py",
        "tests/core/test_functions.py",
        "tests/core/test_not_finite.py",
        "tests/core/test_modes.py",
        "tests/core/test_floor_division.py",
        "tests/core/test_backward.py",
        "tests/core/test_leaves.py",
        "tests/test_promises.py",
        "tests/core/test_copying.py",
        "tests/core/test_numpy_interplay.py",
    ],
    "scalargrad/core/ops.py": [
        "tests/core/test_conformance.py",
        "tests/core/test_functions.py",
        "tests/core/test_floor_division.py",
        "tests/core/test_not_finite.py",
        "tests/core/test_every_op.py",
        "tests/core/test_every_op_arrays.py",
        "tests/core/test_every_op_kinks.py",
        "tests/core/test_every_op_curvature.py",
        "tests/core/test_numpy_interplay.py",
    ],
    "scalargrad/core/backprop.py": [
        "tests/compiler/test_tracing.py",
        "tests/core/test_hooks.py",
        "tests/core/test_not_finite.py",
        "tests/core/test_micrograd_code.py",
        "tests/core/test_backward.py",
        "tests/autodiff/test_tape.py",
        "tests/autodiff/test_placeholders.py",
        "tests/autodiff/test_transforms.py",
        "tests/test_promises.py",
        "tests/core/test_every_op_curvature.py",
    ],
    "scalargrad/autodiff/tape.py": [
        "tests/autodiff/test_tape.py",
        "tests/autodiff/test_placeholders.py",
    ],
    "scalargrad/autodiff/transforms.py": [
        "tests/autodiff/test_placeholders.py",
        "tests/autodiff/test_transforms_with_scipy.py",
        "tests/autodiff/test_transforms.py",
    ],
    "scalargrad/autodiff/placeholders.py": [
        "tests/autodiff/test_placeholders.py",
        "tests/autodiff/test_tape.py",
        "tests/autodiff/test_transforms.py",
    ],
    "scalargrad/core/evaluation.py": ["tests/core/test_evaluation.py"],
    "scalargrad/core/checks.py": ["tests/core/test_checks.py", "tests/core/test_conversions.py"],
    "scalargrad/core/nested.py": [
        "tests/core/test_nested.py",
        "tests/autodiff/test_finite_differences.py",
        "tests/autodiff/test_checking.py",
        "tests/autodiff/test_tape.py",
        "tests/autodiff/test_placeholders.py",
    ],
    "scalargrad/core/hooks.py": ["tests/core/test_hooks.py", "tests/compiler/test_tracing.py"],
    "scalargrad/core/copying.py": [
        "tests/core/test_copying.py",
        "tests/core/test_micrograd_code.py",
    ],
    "scalargrad/core/conversion.py": [
        "tests/core/test_conversions.py",
        "tests/core/test_numpy_interplay.py",
        "tests/core/test_functions.py",
        "tests/autodiff/test_placeholders.py",
        "tests/test_losses.py",
        "tests/core/test_backward.py",
        "tests/compiler/test_tracing.py",
    ],
    "scalargrad/core/modes.py": [
        "tests/core/test_modes.py",
        "tests/utils/test_decorators.py",
        "tests/core/test_conversions.py",
        "tests/test_threads.py",
        "tests/autodiff/test_tape.py",
        "tests/compiler/test_tracing.py",
    ],
    "scalargrad/core/floats.py": [
        "tests/core/test_floats.py",
        "tests/core/test_conformance.py",
        "tests/core/test_every_op.py",
    ],
    "scalargrad/core/graph.py": ["tests/core/test_graph.py", "tests/core/test_backward.py"],
    "scalargrad/autodiff/checking.py": [
        "tests/autodiff/test_checking.py",
        "tests/autodiff/test_finite_differences.py",
    ],
    "scalargrad/checkpoint.py": ["tests/test_checkpoint.py", "tests/training/test_resuming.py"],
    "scalargrad/nn/tensors.py": ["tests/test_checkpoint.py"],
    "scalargrad/training/resuming.py": ["tests/training/test_resuming.py"],
    "scalargrad/core/compat.py": [
        "tests/core/test_micrograd_code.py",
        "tests/compiler/test_tracing.py",
    ],
    "scalargrad/utils/files.py": ["tests/utils/test_files.py", "tests/test_checkpoint.py"],
    "scalargrad/losses.py": ["tests/test_losses.py"],
    "scalargrad/optim/rules.py": ["tests/optim/test_rules.py"],
    "scalargrad/optim/optimizer.py": ["tests/optim/test_rules.py"],
    "scalargrad/optim/schedules.py": ["tests/optim/test_schedules.py"],
    "scalargrad/core/seeds.py": ["tests/core/test_seeds.py", "tests/data/test_generators.py"],
    "scalargrad/utils/spelling.py": ["tests/utils/test_spelling.py"],
    "scalargrad/core/missing.py": ["tests/core/test_missing.py"],
    "scalargrad/utils/calls.py": ["tests/utils/test_calls.py", "tests/nn/test_calls.py"],
    "scalargrad/compiler/passes.py": [
        "tests/compiler/test_passes.py",
        "tests/compiler/test_kernels.py",
    ],
    "scalargrad/compiler/sums.py": [
        "tests/compiler/test_sums.py",
        "tests/compiler/test_passes.py",
        "tests/compiler/test_kernels.py",
    ],
    "scalargrad/compiler/padding.py": ["tests/compiler/test_sums.py"],
    "scalargrad/compiler/rewriting.py": [
        "tests/compiler/test_passes.py",
        "tests/compiler/test_sums.py",
    ],
    "scalargrad/compiler/schedule.py": [
        "tests/compiler/test_schedule.py",
        "tests/compiler/test_kernels.py",
        "tests/compiler/test_sums.py",
    ],
    "scalargrad/compiler/codegen.py": [
        "tests/compiler/test_numpy_backend.py",
        "tests/compiler/test_kernels.py",
        "tests/compiler/test_compiled.py",
        "tests/compiler/test_models.py",
    ],
    "scalargrad/compiler/writer.py": [
        "tests/compiler/test_numpy_backend.py",
        "tests/compiler/test_kernels.py",
        "tests/compiler/test_compiled.py",
        "tests/compiler/test_models.py",
    ],
    "scalargrad/compiler/tracing.py": [
        "tests/compiler/test_tracing.py",
        "tests/compiler/test_guards.py",
    ],
    "scalargrad/training/metrics.py": ["tests/training/test_metrics.py"],
    "scalargrad/compiler/guards.py": [
        "tests/compiler/test_guards.py",
        "tests/compiler/test_tracing.py",
    ],
    "scalargrad/compiler/indices.py": [
        "tests/compiler/test_lookups.py",
        "tests/compiler/test_combinations.py",
    ],
    "scalargrad/compiler/batch_replay.py": ["tests/compiler/test_batch_replay.py"],
    "scalargrad/compiler/nonfinite.py": [
        "tests/compiler/test_compiled.py",
        "tests/compiler/test_batch_replay.py",
    ],
    "scalargrad/compiler/recorded_graph.py": ["tests/compiler/test_compiled.py"],
    "scalargrad/compiler/replay.py": [
        "tests/compiler/test_compiled.py",
        "tests/compiler/test_conformance.py",
    ],
    "scalargrad/compiler/program.py": [
        "tests/compiler/test_program.py",
        "tests/compiler/test_tracing.py",
    ],
    "scalargrad/compiler/kernels.py": [
        "tests/compiler/test_kernels.py",
        "tests/compiler/test_strides.py",
        "tests/compiler/test_models.py",
    ],
    "scalargrad/compiler/numpy_backend.py": [
        "tests/compiler/test_numpy_backend.py",
        "tests/compiler/test_compiled.py",
        "tests/compiler/test_models.py",
    ],
    "scalargrad/compiler/compiling.py": [
        "tests/compiler/test_compiled.py",
        "tests/compiler/test_backends.py",
        "tests/compiler/test_tracing.py",
    ],
    "scalargrad/compiler/compiled.py": [
        "tests/compiler/test_compiled.py",
        "tests/compiler/test_guards.py",
        "tests/compiler/test_backends.py",
        "tests/compiler/test_tracing.py",
        "tests/viz/views/test_program.py",
        "tests/compiler/test_jax.py",
    ],
    "scalargrad/training/checks.py": ["tests/training/test_checks.py"],
    "scalargrad/training/inputs.py": [
        "tests/training/test_inputs.py",
        "tests/training/test_checks.py",
        "tests/training/test_sample_weights.py",
    ],
    "scalargrad/training/targets.py": [
        "tests/training/test_targets.py",
        "tests/training/test_checks.py",
        "tests/training/test_diverging.py",
    ],
    "scalargrad/training/thresholds.py": [
        "tests/training/test_thresholds.py",
        "tests/training/test_metrics.py",
    ],
    "scalargrad/training/scores.py": ["tests/training/test_metrics.py"],
    "scalargrad/training/sample_weights.py": ["tests/training/test_sample_weights.py"],
    "scalargrad/training/samples.py": [
        "tests/training/test_samples.py",
        "tests/training/test_sample_weights.py",
        "tests/training/test_checks.py",
    ],
    "scalargrad/training/steps.py": [
        "tests/training/test_steps.py",
        "tests/training/test_diverging.py",
        "tests/training/test_sample_weights.py",
    ],
    "scalargrad/training/compiled_steps.py": [
        "tests/training/test_steps.py",
        "tests/training/test_sample_weights.py",
        "tests/training/test_diverging.py",
        "tests/training/test_compiled_steps.py",
        "tests/training/test_checks.py",
    ],
    "scalargrad/training/history.py": ["tests/training/test_history.py"],
    "scalargrad/data/reading.py": ["tests/data/test_reading.py"],
    "scalargrad/data/table.py": ["tests/data/test_reading.py"],
    "scalargrad/data/lines.py": ["tests/data/test_reading.py"],
    "scalargrad/data/cells.py": ["tests/data/test_reading.py"],
    "scalargrad/nn/layers.py": [
        "tests/nn/test_layers.py",
        "tests/nn/test_module.py",
        "tests/nn/test_normalization.py",
    ],
    "scalargrad/nn/dropout.py": ["tests/nn/test_dropout.py"],
    "scalargrad/nn/recurrent.py": ["tests/nn/test_recurrent.py"],
    "scalargrad/nn/normalization.py": ["tests/nn/test_normalization.py"],
    "scalargrad/nn/initializers.py": ["tests/nn/test_initializers.py"],
    "viz/look/text.py": ["tests/viz/look/test_text.py"],
    "viz/views/samples.py": ["tests/viz/views/test_samples.py"],
    "viz/views/dictionary.py": ["tests/viz/views/test_dictionary.py"],
    "viz/views/scalars.py": ["tests/viz/views/test_scalars.py", "tests/viz/views/test_choose.py"],
    "viz/look/theme.py": ["tests/viz/look/test_theme.py"],
    "viz/gradients/path_sums.py": [
        "tests/viz/gradients/test_explanation.py",
        "tests/viz/gradients/test_path_sums.py",
    ],
}
"""The source files that are tried, each with the tests that should notice, the quickest first."""

EQUIVALENT = {
    (
        "scalargrad/core/copying.py",
        "return (_Prelude, (), None, _announce(topological([self.root])[:-1]))",
        "1  →  (2)",
    ): "one operand is saved when its result is, not before",
    (
        "scalargrad/data/lines.py",
        "self.row_line = 0",
        "0  →  (1)",
    ): "a row begins before anybody asks where",
    (
        "scalargrad/data/lines.py",
        "raw = stream.readline(MAX_LINE_BYTES + 1)",
        "1  →  (2)",
    ): "one byte more than is allowed is too many, and two are, too",
    (
        "scalargrad/data/lines.py",
        "return stream.peek(64)[:64]",
        "64  →  (65)",
    ): "more bytes than any sign of a format has",
    (
        "scalargrad/data/table.py",
        "self._width = 0",
        "0  →  (1)",
    ): "the first row sets it",
    (
        "scalargrad/data/table.py",
        "return 0.0",
        "0.0  →  (1.0)",
    ): "nobody reads the number in the place of a word",
    (
        "scalargrad/compiler/numpy_backend.py",
        "@lru_cache(maxsize=8)",
        "8  →  (9)",
    ): "one array more may be kept",
    (
        "scalargrad/compiler/replay.py",
        "numbers = [0.0] * len(self.program)",
        "0.0  →  (1.0)",
    ): "every row receives its number before it is read",
    (
        "scalargrad/utils/files.py",
        "_LONGEST_NAME = 100",
        "100  →  (101)",
    ): "there is room for a letter more",
    (
        "scalargrad/utils/files.py",
        'return re.sub(r"[^A-Za-z0-9-]", "-", name)[:60] + namespace',
        "60  →  (61)",
    ): "there is room for a letter more",
    (
        "scalargrad/utils/files.py",
        'flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)',
        "0  →  (1)",
    ): "1 is O_WRONLY, which is set already",
    (
        "scalargrad/utils/files.py",
        "if len(name) <= _LONGEST_NAME:",
        "len(name) <= _LONGEST_NAME  →  (len(name) < _LONGEST_NAME)",
    ): "the shortened name of a temporary file serves as well",
    (
        "scalargrad/core/floats.py",
        "return -inf if x < 0.0 and y % 2.0 == 1.0 else inf",
        "x < 0.0  →  (x <= 0.0)",
    ): "no power of 0 overflows",
    (
        "scalargrad/core/floats.py",
        "return nan if x == 0.0 or x != x else copysign(inf, x) * copysign(1.0, y)",
        "1.0  →  (2.0)",
    ): "twice an infinity is an infinity",
    (
        "scalargrad/core/floats.py",
        "return nan if x == 0.0 or x != x else copysign(inf, x) * copysign(1.0, y)",
        "copysign(inf, x) * copysign(1.0, y)  →  (copysign(inf, x) / copysign(1.0, y))",
    ): "times or by 1 or -1 is the same",
    (
        "scalargrad/core/ops.py",
        "lambda m, x: m.where(x <= -3.0, 0.0, x * m.hardsigmoid(x)),",
        "x <= -3.0  →  (x < -3.0)",
    ): "at the border itself both are 0",
    (
        "scalargrad/core/modes.py",
        'def __init__(self, name: str, kind: str, parent: "Scope | None", identity: int = 0) -> None:',
        "0  →  (1)",
    ): "no module is at either address",
    (
        "scalargrad/nn/initializers.py",
        "for unit in basis * 2:",
        "2  →  (3)",
    ): "a third round finds nothing to remove",
    (
        "scalargrad/autodiff/checking.py",
        "if abs(seen - expected) <= allowed:",
        "abs(seen - expected) <= allowed  →  (abs(seen - expected) < allowed)",
    ): "the bound is an estimate of rounding, which is never met to the last bit",
    (
        "scalargrad/autodiff/checking.py",
        "slopes = [abs(each.analytic) + abs(each.numeric) for each in report.comparisons]",
        "abs(each.analytic) + abs(each.numeric)  →  (abs(each.analytic) - abs(each.numeric))",
    ): "the function is called once more, and is seen to look at its argument",
    (
        "scalargrad/autodiff/placeholders.py",
        "self._known.update(dict.fromkeys(seen, False))",
        "self._known.update(dict.fromkeys(seen, False))  →  pass",
    ): "what is known already need not be looked for again, which only saves time",
    (
        "scalargrad/autodiff/transforms.py",
        "argnums: Positions = 0",
        "0  →  (1)",
    ): "where primals is no tuple, an error follows before the positions are used",
    (
        "scalargrad/training/checks.py",
        "chosen = list(range(min(2, len(samples))))",
        "2  →  (3)",
    ): "three samples show as well as two what a batch of a few gives",
    (
        "scalargrad/training/compiled_steps.py",
        "return 0",
        "0  →  (1)",
    ): "an odd one is always found, or there were no error",
    (
        "scalargrad/training/history.py",
        "super().__init__()",
        "super().__init__()  →  pass",
    ): "a dict that is given nothing begins empty",
    (
        "scalargrad/training/inputs.py",
        "if array.dtype.itemsize > 8:",
        "8  →  (9)",
    ): "no number of NumPy has 9 bytes",
    (
        "viz/gradients/path_sums.py",
        "self.order = nodes_between(output, leaf) if order is None else order",
        "nodes_between(output, leaf) if order is None else order  →  (nodes_between(output, leaf))",
    ): "an order that is given saves the walk to find it",
    (
        "viz/gradients/path_sums.py",
        "port: int = 0",
        "0  →  (1)",
    ): "no step leads to the output, so nobody asks for its operand",
    (
        "viz/gradients/path_sums.py",
        "above = {(node, 0): 1.0}",
        "0  →  (1)",
    ): "any number serves: where paths are folded their edges have no operand",
    (
        "viz/gradients/path_sums.py",
        "self.rest = self._sum_others() if self.count > len(self.largest) else 0.0",
        "self._sum_others() if self.count > len(self.largest) else 0.0  →  (self._sum_others())",
    ): "where no path is left over, their sum is 0 as well, which takes a walk",
    (
        "viz/gradients/path_sums.py",
        "self.rest = self._sum_others() if self.count > len(self.largest) else 0.0",
        "self.count > len(self.largest)  →  (self.count >= len(self.largest))",
    ): "where no path is left over, their sum is 0 as well, which takes a walk",
    (
        "viz/look/theme.py",
        "stops = theme.positive if step >= 0 else theme.negative",
        "step >= 0  →  (step > 0)",
    ): "both scales begin with the same color",
    (
        "viz/look/theme.py",
        "stops = theme.positive if step >= 0 else theme.negative",
        "0  →  (1)",
    ): "both scales begin with the same color",
    (
        "viz/look/theme.py",
        'return "#000000" if (light + 0.05) / 0.05 >= 1.05 / (light + 0.05) else "#ffffff"',
        "(light + 0.05) / 0.05 >= 1.05 / (light + 0.05)  →  ((light + 0.05) / 0.05 > 1.05 / (light + 0.05))",
    ): "no color contrasts with black as much as with white",
    (
        "viz/look/theme.py",
        "if channel <= 0.03928:",
        "channel <= 0.03928  →  (channel < 0.03928)",
    ): "no channel of 8 bits is at the border",
    (
        "viz/look/text.py",
        "TIP = 700",
        "700  →  (701)",
    ): "a tooltip may as well be one sign longer",
    (
        "viz/look/text.py",
        "@lru_cache(maxsize=4096)",
        "4096  →  (4097)",
    ): "how many widths are kept",
    (
        "viz/look/text.py",
        "raw = raw[: 20 * longest]",
        "20  →  (21)",
    ): "a bound on the work, far above what is shown",
}
"""The mutants that change nothing a person cares about: file, line and change, and the reason."""

OPPOSITES: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


@dataclass(frozen=True)
class Mutant:
    """A source file with one change.

    Attributes:
        path: The file, from the root of the project.
        line: Where the change is.
        change: What was changed into what.
        source: The whole file after the change.
    """

    path: str
    line: int
    change: str
    source: str


def mutants(path: str, source: str) -> Iterator[Mutant]:
    """Yield every mutant of a file but the equivalent ones, in the order of its syntax tree."""
    starts = _line_starts(source)
    text = source.encode()
    lines = source.splitlines()
    for node in _code(ast.parse(source)):
        for changed in _changes(node):
            start = starts[node.lineno - 1] + node.col_offset
            end = starts[node.end_lineno - 1] + node.end_col_offset
            before = text[start:end].decode()
            after = changed if isinstance(changed, str) else f"({ast.unparse(changed)})"
            whole = text[:start] + after.encode() + text[end:]
            change = f"{' '.join(before.split())}  →  {after}"
            line = lines[node.lineno - 1].strip()
            if (path, line, change) not in EQUIVALENT:
                yield Mutant(path, node.lineno, change, whole.decode())


def _line_starts(source: str) -> list[int]:
    """Return where each line begins, in bytes, as the syntax tree counts."""
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def _code(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that run: no annotations, no messages, no claims about the code itself."""
    for field, value in ast.iter_fields(tree):
        if field in ("annotation", "returns", "exc"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not (_is_words(child) or _is_claim(child)):
                yield child
                yield from _code(child)


def _is_words(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _is_claim(node: ast.AST) -> bool:
    """Whether a node is an option that changes nothing in code that is right, as an assertion."""
    return isinstance(node, ast.keyword) and node.arg in ("strict", "frozen")


def _changes(node: ast.AST) -> Iterator[ast.AST | str]:
    """Yield what could stand in the place of a node."""
    match node:
        case ast.Compare(left, [operator], [right]) if type(operator) in OPPOSITES:
            yield ast.Compare(left, [OPPOSITES[type(operator)]()], [right])
        case ast.BinOp(left, operator, right) if type(operator) in OPPOSITES:
            yield ast.BinOp(left, OPPOSITES[type(operator)](), right)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(OPPOSITES[type(operator)](), values)
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield operand
        case ast.Constant(bool() as truth):
            yield ast.Constant(not truth)
        case ast.Constant(int() | float() as number):
            yield ast.Constant(number + 1)
        case ast.IfExp(_, chosen, other):
            yield chosen
            yield other
        case ast.Expr(ast.Call()):
            yield "pass"


class Copy:
    """A copy of the project in which one file at a time is changed."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        ignored = shutil.ignore_patterns(".git", ".*_cache", "__pycache__", "gallery")
        shutil.copytree(ROOT, self.root, ignore=ignored)

    def notices(self, mutant: Mutant) -> bool:
        """Whether a test fails with the mutant in place."""
        file = self.root / mutant.path
        original = file.read_text(encoding="utf-8")
        file.write_text(mutant.source, encoding="utf-8")
        try:
            return not self.passes(mutant.path)
        finally:
            file.write_text(original, encoding="utf-8")

    def passes(self, path: str) -> bool:
        """Whether the tests of a file pass, its own examples included."""
        tests = [path, *(test for test in TESTS[path] if (self.root / test).exists())]
        options = ["-n0", "-x", "-q", "-p", "no:cacheprovider", "--hypothesis-profile=no-shrinking"]
        command = [sys.executable, "-B", "-m", "pytest", *options, *tests]
        try:
            done = subprocess.run(
                command, cwd=self.root, capture_output=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0


def chosen_mutants(paths: list[str], count: int, seed: int) -> list[Mutant]:
    """Draw `count` mutants of each file, those of one file in the order of their lines."""
    rng = random.Random(seed)
    found: list[Mutant] = []
    for path in paths:
        every = list(mutants(path, (ROOT / path).read_text(encoding="utf-8")))
        drawn = rng.sample(every, min(count, len(every)))
        found += sorted(drawn, key=lambda mutant: mutant.line)
    return found


def require_passing(paths: list[str]) -> None:
    """Exit with a message where tests fail without any change: they would notice every mutant."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(Path(folder))
        for path in paths:
            if not copy.passes(path):
                sys.exit(f"the tests of {path} fail without any change")


def survivors(tried: list[Mutant], jobs: int) -> list[Mutant]:
    """Run the tests on every mutant and return those that none of them noticed."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        copies: Queue[Copy] = Queue()
        for number in range(jobs):
            copies.put(Copy(Path(folder, str(number))))

        def survives(mutant: Mutant) -> bool:
            copy = copies.get()
            try:
                return not copy.notices(mutant)
            finally:
                copies.put(copy)

        lived = []
        for mutant, alive in zip(tried, pool.map(survives, tried), strict=True):
            if alive:
                lived.append(mutant)
                print(f"lives: {mutant.path}:{mutant.line}  {mutant.change}", flush=True)
        return lived


def main() -> None:
    """Try the mutants of the files named, or of all that are known, and print the figures."""
    parser = argparse.ArgumentParser(
        description="Change one thing in the source, and see whether a test notices."
    )
    parser.add_argument("files", nargs="*", default=[], choices=[*TESTS, []], metavar="FILE")
    parser.add_argument("--count", type=int, default=17, help="mutants of each file")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of mutants")
    parser.add_argument("--jobs", type=int, default=2, help="how many are tried at a time")
    options = parser.parse_args()
    paths = options.files or [path for path in TESTS if (ROOT / path).exists()]
    tried = chosen_mutants(paths, options.count, options.seed)
    require_passing(paths)
    lived = survivors(tried, options.jobs)
    for path in paths:
        total = sum(mutant.path == path for mutant in tried)
        alive = sum(mutant.path == path for mutant in lived)
        print(f"{path:36} {total - alive} of {total} noticed")
    print(f"{len(tried) - len(lived)} of {len(tried)} mutants were noticed")


if __name__ == "__main__":
    main()
