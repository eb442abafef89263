"""`python -m viz FILE.py:NAME`: draw, or make a page of, what a script builds."""

import argparse
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from scalargrad.core.labels import label_unnamed
from scalargrad.errors import OptionError, ScalargradError
from scalargrad.nn import Module
from scalargrad.terminal import for_terminal, printable
from scalargrad.utils.spelling import suggestion
from viz import Animation, Comparison, Drawing, Explanation, Page, animate, draw, explore
from viz.drawing import FORMATS, check_path
from viz.explorer.page import ENDINGS as PAGES
from viz.look.legend import LEVELS
from viz.model import target_types
from viz.model.target_types import is_named

MOVING = (".gif", ".mp4")
OPTIONS = {
    "level": f"level of detail: {', '.join(LEVELS)}",
    "expand": "the path of a module to open, such as layers.1, or * for all; may be repeated",
    "show": "what colors and lines show: gradient, data or weights",
    "width": "pixels, or slide, column or phone: long graphs wrap, so that the text is readable",
    "rankdir": "which way the graph runs: LR, TB, RL or BT",
    "theme": "auto, light, dark or transparent",
    "title": "a heading",
}
Maker = tuple[Callable[..., Any], tuple[str, ...], str]
"""What makes a picture of a target, which options it takes, and what the picture is called."""
PICTURE: Maker = (draw, tuple(OPTIONS), "a picture")
ANIMATION: Maker = (animate, ("level", "expand", "width", "theme", "title"), "an animation")
PAGE: Maker = (explore, ("theme", "title"), "a page")
FINISHED = (Animation, Drawing, Page)
"""What is saved as it is."""

EPILOG = """\
NAME is a Value or a list of Values, a module, a compiled program, a recording, a dictionary of
names, a Drawing, Page or Animation, or a function without arguments that returns one of them.
The script runs in its folder and is not __main__, so the code under
`if __name__ == "__main__":` does not run. Values without labels get the names of its variables.

  python -m viz neuron.py:loss -o neuron.html
  python -m viz train.py:model -o model.svg --level neurons --width slide
"""


class ScriptError(Exception):
    """A script that can't be run, or has nothing to draw under a name."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for.

    Args:
        arguments: The words after `python -m viz`; by default those of this process.

    Returns:
        The exit code: 0, or 2 where something was wrong; why is on standard error.
    """
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except (ScriptError, ScalargradError, OSError) as error:
        print(for_terminal(f"python -m viz: error: {error}"), file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m viz",
        description="Draw what a script builds, or make a page to explore it in.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("target", metavar="FILE.py:NAME", help="a script, and a name in it")
    extensions = " ".join((*FORMATS, *MOVING))
    parser.add_argument(
        "-o",
        "--out",
        metavar="PATH",
        help=f"the file to write ({extensions}); without it the browser opens",
    )
    for name, what in OPTIONS.items():
        action = "append" if name == "expand" else "store"
        parser.add_argument(f"--{name}", action=action, help=what)
    return parser


def _run(options: argparse.Namespace) -> None:
    script, name = _split_target(options.target)
    # Both paths are those of the folder that the command was given in, and checked before a script
    # that may take long.
    out = None
    if options.out is not None:
        out = check_path(options.out, (*FORMATS, *PAGES, *MOVING), "a picture").absolute()
    given = {key: getattr(options, key) for key in OPTIONS if getattr(options, key) is not None}
    if "width" in given:
        given["width"] = _as_width(given["width"])

    module = _execute(script)
    target = _find_target(module, name, script)
    picture = _make_picture(target, out, given, vars(module))
    if out is None:
        picture.show()
    else:
        print(for_terminal(str(picture.save(out))))


def _split_target(text: str) -> tuple[Path, str]:
    path, colon, name = text.rpartition(":")
    # The colon of a drive, as in C:\net.py, comes before no name.
    if not colon or not name.isidentifier():
        raise ScriptError(
            f"{printable(text)} has no name of what to draw: write FILE.py:NAME, such as "
            "neuron.py:loss"
        )
    script = Path(path).absolute()
    if not script.is_file():
        raise ScriptError(f"there is no file {printable(path)}")
    if script.suffix != ".py":
        raise ScriptError(f"{printable(path)} is not a Python script: its name must end in .py")
    return script, name


def _as_width(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


# The script


def _execute(script: Path) -> ModuleType:
    """Run a script in its folder, as a module of its name."""
    spec = spec_from_file_location(script.stem, script)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    # Classes of the script are looked up there when they are pickled or copied. A script that is
    # called like a module in use, such as random.py, must not take its place.
    sys.modules.setdefault(script.stem, module)
    # `python -m` puts the current folder first; a script expects its own there.
    sys.path.insert(0, str(script.parent))
    sys.argv = [str(script)]
    os.chdir(script.parent)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        _explain_failure(error, script, script.name)
    return module


def _explain_failure(error: BaseException, script: Path, what: str) -> NoReturn:
    """Say in one sentence what the script raised, and on which of its lines."""
    line = None
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == str(script):
            line = frame.lineno
    if isinstance(error, SyntaxError) and error.filename == str(script):
        line = error.lineno
    where = "" if line is None else f" at line {line}"
    if isinstance(error, SystemExit):
        raise ScriptError(f"{what} ended itself{where}, by sys.exit or the like") from error
    reason = str(error.args[0] if isinstance(error, SyntaxError) else error)
    raise ScriptError(f"{what} raised {type(error).__name__}{where}: {reason}") from error


def _find_target(module: ModuleType, name: str, script: Path) -> Any:
    """Return what a name of the script stands for; a function is called."""
    names = vars(module)
    if name not in names:
        public = [each for each in names if not each.startswith("_")]
        raise ScriptError(f"{script.name} has no {name}{suggestion(name, public)}")
    thing = names[name]
    if not callable(thing) or isinstance(thing, Module) or is_named(thing, target_types.COMPILED):
        return thing
    try:
        inspect.signature(thing).bind()
    except (TypeError, ValueError):
        raise ScriptError(
            f"{name} of {script.name} takes arguments: name a function without, or what it returns"
        ) from None
    try:
        made = thing()
    except (Exception, SystemExit) as error:
        _explain_failure(error, script, f"{name} of {script.name}")
    if made is None:
        raise ScriptError(f"{name} of {script.name} returned None: return what is to be drawn")
    return made


# The picture


def _make_picture(
    target: Any, out: Path | None, given: Mapping[str, Any], names: Mapping[str, Any]
) -> Any:
    """Return what draws the target and can be saved at the path, or shown where there is none."""
    if isinstance(target, (Comparison, Explanation)):
        target = target.draw()
    if isinstance(target, FINISHED):
        _check_options(given, (), "a finished picture")
        return target
    if is_named(target, target_types.RECORDER):
        target = target.recording
    label_unnamed(names)
    make, takes, what = _choose_maker(target, out)
    _check_options(given, takes, what)
    return make(target, **given)


def _choose_maker(target: Any, out: Path | None) -> Maker:
    extension = "" if out is None else out.suffix.lower()
    if extension in ("", *PAGES):
        return PAGE
    is_film = extension == ".svg" and is_named(target, target_types.RECORDING)
    if is_film or extension in MOVING:
        return ANIMATION
    return PICTURE


def _check_options(given: Mapping[str, Any], takes: Sequence[str], what: str) -> None:
    for name in given:
        if name not in takes:
            allowed = " ".join(f"--{each}" for each in takes) or "no options"
            raise OptionError(f"{what} takes {allowed}, and not --{name}")


if __name__ == "__main__":
    sys.exit(main())
