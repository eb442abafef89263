"""`python -m demos`: all demos quickly, or those named in full, and a gallery of their pictures."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path

from demos.gallery import (
    Demo,
    add_data_option,
    path_of,
    require_extras,
    say,
    takes_data,
    with_data,
    write_gallery,
)

DEMOS = {
    "neuron": "one neuron, every factor of the chain rule",
    "moons": "a network that learns to tell two moons apart",
    "digits": "handwritten digits, and why one of them was misread",
    "lines": "a line, three variables and a cubic against least squares; then a network that bends",
    "quadrants": (
        "two layers, softmax and losses by hand, then a network that learns from four points"
    ),
    "overfitting": "thirty points learned by heart, and which cures help how often",
    "defaults": "activations, initialization, remedies, optimizers: the usual advice, measured",
    "descent": "three ways down: all samples at once, ten, or one at a time",
    "numerical": (
        "gradients by moving one weight after the other, against backpropagation, "
        "and what they cost"
    ),
    "hundred": "a hundred steps of one picture each, and why the network says one digit to all",
    "tape": "gradients on demand: x², a matrix, the worked neuron, and gradients of gradients",
    "operation": "an operation of your own: defined, checked, drawn, and run at array speed",
    "curves": (
        "from a line to any curve: random functions of lines and sigmoids, and a film of them"
    ),
    "houses": (
        "house prices from rooms: four scalars that learn nothing at first, then beat the line"
    ),
    "dictionary": (
        "a graph in a dictionary: sorted, computed, and read backwards as the chain rule"
    ),
    "engine": "a framework in sixty lines, equal to scalargrad to the last bit",
    "sparrow": "a small network explodes or ends as a constant: how often, why, and what helps",
    "logic": "xor, parity and a comparator: whole truth tables in a few neurons",
    "recursion": "a cell that learns to carry, and adds numbers longer than any it has seen",
    "doctor": "three networks that can't learn: what the doctor finds, and how to fix it",
    "convolution": "six small windows that move over a digit, and what they see when it is moved",
    "names": "a character model that guesses the next letter and invents names",
    "attention": "where a small transformer looks to reverse six digits, and to sort them",
    "microgpt": "a GPT in plain functions: drawn scalar by scalar, trained at array speed",
    "physics": "a network finds out how a spring swings, from the law alone",
    "compiled": (
        "a thousand scalars become seven array operations, with the same losses at array speed"
    ),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the demos that the command line asks for, and write their gallery."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # The help has signs, too, that a terminal may not be able to show.
            stream.reconfigure(errors="replace")

    options = _parser().parse_args(arguments)
    if options.data and len(options.demo) != 1:
        raise SystemExit(
            "--data is for one demo: name it, as in `python -m demos NAME --data FILE`"
        )

    names = list(dict.fromkeys(options.demo)) or list(DEMOS)
    folder = options.out or Path("gallery", *(names if len(names) == 1 else ()))

    # Before the demos are imported: each of them imports what may be missing.
    require_extras()
    demos = [_load_demo(name, options.data) for name in names]

    # All demos in full take long, so full is only for those that were asked for by name.
    quick = options.quick or not options.demo
    page = write_gallery(demos, folder, quick=quick)
    say(f"Open this page in a browser; it leads to all the others:\n{page.resolve()}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demos",
        description=(
            "Run all demos in a quick setting, or those named in full, and write a gallery of "
            "their pictures."
        ),
        epilog="\n".join(f"{name:11} {what}" for name, what in DEMOS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "demo",
        nargs="*",
        type=_name,
        help=f"which to run in full: {', '.join(DEMOS)} (default: all, quickly)",
    )
    parser.add_argument(
        "--out",
        type=path_of,
        metavar="FOLDER",
        help="where to write (default: gallery, or gallery/DEMO for one demo)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="the quick setting for named demos, too"
    )
    add_data_option(parser)
    return parser


def _name(name: str) -> str:
    if name in DEMOS:
        return name
    raise argparse.ArgumentTypeError(f"there is no demo {name!r}{_nearest(name)}")


def _nearest(name: str) -> str:
    # The import below needs NumPy.
    require_extras()
    from scalargrad.utils.spelling import suggestion

    return suggestion(name, DEMOS)


def _load_demo(name: str, data: Path | None) -> Demo:
    demo = import_module(f"demos.{name}").run
    if data and not takes_data(demo):
        raise SystemExit(f"the demo {name} has numbers of its own: it takes no --data")
    return with_data(demo, data)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(
            "\nStopped. The gallery's page was not written; pictures that were finished are kept."
        )
