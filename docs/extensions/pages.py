"""The examples of a page: its Python sessions, and what its directives show, as one doctest.

A page runs from top to bottom in one namespace, as its reader would type it. Where it has a
directive `picture` or `live`, the expression after the directive's name is evaluated at that place.
"""

import doctest
import re
import textwrap
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scalargrad import manual_seed
from scalargrad.core.custom_operations import own_operations, remove_operation

DOCS = Path(__file__).parent.parent

FENCE = re.compile(
    r"^( *)```(?:python|\{(picture|live)\} ([^\n]+))\n(.*?)^\1```$", re.MULTILINE | re.DOTALL
)
"""A session, or a directive: its indentation, its name, what it shows, and what is inside."""

OPTION = re.compile(r"^:(\w+): (.+)$", re.MULTILINE)


def list_pages() -> list[Path]:
    """Return the Markdown files of the documentation, sorted."""
    return sorted(DOCS.rglob("*.md"))


def read_examples(text: str, name: str, show: Callable[[Any], None]) -> doctest.DocTest:
    """Return a doctest of all examples in a page.

    Args:
        text: The page, in Markdown.
        name: Its name in reports.
        show: Called with each picture, animation or page that a directive shows, in order.
    """
    examples = []
    parser = doctest.DocTestParser()
    for fence in FENCE.finditer(text):
        line = text.count("\n", 0, fence.start(4))
        if fence[2]:
            examples += [
                doctest.Example(f"__show__({expression})", "", lineno=line)
                for expression in list_expressions(fence)
            ]
        else:
            for example in parser.get_examples(textwrap.dedent(fence[4]), name):
                example.lineno += line
                examples.append(example)
    globs = {"__name__": "__main__", "__show__": show}
    return doctest.DocTest(examples, globs, name, name, 0, text)


def list_expressions(fence: re.Match[str]) -> list[str]:
    """Return what a directive shows: its expression, and what is shown in its place on a phone."""
    options = dict(OPTION.findall(fence[4]))
    in_its_place = options.get("picture") or for_phones(fence[3])
    return [fence[3], in_its_place] if in_its_place else [fence[3]]


def for_phones(expression: str) -> str:
    """Return what draws a picture for phones; empty if its width is not that of a column."""
    in_column = 'width="column"'
    return expression.replace(in_column, 'width="phone"') if in_column in expression else ""


def run_examples(test: doctest.DocTest) -> str:
    """Run a page in a folder of its own, and return the report, empty if all is as it says."""
    report: list[str] = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    manual_seed(0)
    before = set(own_operations())
    with TemporaryDirectory() as folder, chdir(folder):
        runner.run(test, out=report.append)
    # Operations that a page adds are not for other pages, which list all of them.
    for name in set(own_operations()) - before:
        remove_operation(name)
    return "".join(report)
