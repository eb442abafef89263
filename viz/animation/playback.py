"""The backward pass, or training, as an animated picture."""

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

from scalargrad.core.checks import checked_int
from scalargrad.core.value import Value
from scalargrad.errors import OptionError, PictureError
from scalargrad.utils.calls import explain_calls, explain_class
from scalargrad.utils.files import write
from viz.drawing import Drawing, check_path, checked_width
from viz.gradients.explanation import Explanation
from viz.layout.placed import PlacedPicture
from viz.look.text import clean, hint
from viz.look.theme import checked_theme
from viz.model import target_types
from viz.model.target_types import is_named
from viz.render.svg_document import as_image, render_document
from viz.render.svg_writer import SvgWriter
from viz.showing import as_page, show

from . import video
from .backward_pass import BackwardPass, backward_scene
from .timeline import Clock
from .training import (
    PlaySettings,
    playable_pictures,
    scene_from_drawings,
    scene_from_recording,
    scene_from_values,
)

FORMATS = (".svg", ".gif", ".mp4")


class Scene(Protocol):
    """What an animation plays."""

    seconds: float

    @property
    def placed(self) -> PlacedPicture:
        """The picture at the end, with positions."""

    def body(self, writer: SvgWriter, clock: Clock) -> str:
        """Return the picture."""

    def foot(self, wide: float, writer: SvgWriter, clock: Clock) -> tuple[str, float]:
        """Return what is below it, and its height."""

    def moments(self) -> list[float]:
        """Return seconds that are worth a look."""


class Animation:
    """A picture that moves. It displays itself in notebooks and saves itself as SVG, GIF or MP4.

    The SVG plays in a plain `<img>`, without script, over and over. For readers who asked their
    system for less motion it stays at its last frame.

    Attributes:
        scene: What is played.
        theme: "auto", "light" or "dark".
        seconds: How long one round takes.
    """

    def __init__(self, scene: Scene, theme: str = "auto") -> None:
        self.scene = scene
        self.theme = checked_theme(theme)
        self.seconds = scene.seconds

    def svg(self, theme: str | None = None) -> str:
        """Return the document that plays."""
        return self._document(theme or self.theme, None)

    def still(self, second: float, theme: str | None = None) -> str:
        """Return the document at one moment, without motion.

        Example:
            >>> from scalargrad import Value
            >>> product = Value(2.0) * 3
            >>> product.backward()
            >>> "animation" in animate(product).still(1.0)
            False
        """
        return self._document(theme or self.theme, float(second))

    def _document(self, theme: str, moment: float | None) -> str:
        writer = SvgWriter(theme)
        clock = Clock(self.seconds, moment)

        def foot(wide: float) -> tuple[str, float]:
            return self.scene.foot(wide, writer, clock)

        # The clock knows what moves, and so its style, only once everything is written.
        body = self.scene.body(writer, clock)
        return render_document(self.scene.placed, writer, body, foot, clock.style)

    def save(self, path: str | PathLike[str], *, rate: float = 10.0, scale: float = 1.0) -> Path:
        """Write it to a file, whole or not at all.

        For GIF and MP4, each picture that differs from the one before takes about a tenth of a
        second to draw.

        Args:
            path: A file name with the extension .svg, .gif or .mp4.
            rate: Pictures per second, for .gif and .mp4.
            scale: Their pixels for each pixel of the SVG.

        Returns:
            The path.

        Raises:
            OptionError: There is no such extension, rate or scale.
            PictureError: A library for GIF or MP4 is not installed.
        """
        target = check_path(path, FORMATS)
        if target.suffix.lower() == ".svg":
            write(target, self.svg())
            return target
        # A GIF or MP4 cannot follow the preference of its reader, and has a page.
        theme = "dark" if self.theme == "dark" else "light"
        encode = video.gif if target.suffix.lower() == ".gif" else video.mp4

        def still(second: float) -> str:
            return self.still(second, theme)

        write(target, encode(still, self.seconds, rate, scale))
        return target

    def show(self) -> None:
        """Play it in the browser; in a notebook, display it there."""
        show(self, as_page(self.svg(), self._title))

    @property
    def _title(self) -> str:
        return self.scene.placed.picture.title or repr(self)[1:-1]

    def __repr__(self) -> str:
        picture = self.scene.placed.picture
        size = f"{picture.total:,} values as {picture.level}"
        return f"<Animation of {size}, {self.seconds:.1f} seconds>"

    def _repr_html_(self) -> str:
        return as_image(self.svg(), self._title)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:  # noqa: ARG002
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}


@explain_calls
def animate(
    target: Any,
    *,
    level: str | None = None,
    expand: str | Iterable[str] | None = None,
    colors: str | None = None,
    data: Any = None,
    frames: int = 24,
    pace: float | None = None,
    width: float | str | None = None,
    theme: str = "auto",
    title: str = "",
) -> Animation:
    """Animate the backward pass step by step, or training frame by frame.

    Args:
        target: A Value after `backward()`, or a Drawing: gradients appear from the output to the
            leaves, each when all its users have sent their share. A Recording: its frames. A list
            of Drawings, or of Values with graphs that are built alike: those are the frames.
        level: "cards", "chips" or "neurons"; by default the finest of them that can be read.
        expand: Paths of modules to open, as for `viz.draw`.
        colors: "gradient"; or "weight", at level "neurons", for what the network has learned, which
            is the default for a Recording of a network.
        data: The samples and their targets, (X, y), for a Recording: they are drawn beside the
            graph, on the decision regions of a network of two inputs or the curve of one.
        frames: How many frames of a Recording to show at most, evenly spread, the first and the
            last included.
        pace: Seconds for each step or frame; by default as many as keep the whole short.
        width: The width in pixels that it will be shown at, or "slide", "column" or "phone", as
            for `viz.draw`: what would be wider has more rows, and panels are below the graph. By
            default it has its natural size, or the width of the Drawing.
        theme: "auto" (light, and dark for readers who prefer it), "light", "dark" or "transparent".
        title: A heading.

    Raises:
        PictureError: The target can't be played, such as frames of different graphs.
        OptionError: A setting is impossible.

    Example:
        >>> from scalargrad.nn import MLP
        >>> loss = (MLP(2, [3, 1], seed=0)([1.0, -2.0]) - 1.0) ** 2
        >>> loss.backward()
        >>> animate(loss)
        <Animation of 39 values as cards, 21.8 seconds>
    """
    is_number = isinstance(pace, (int, float))
    if pace is not None and not (is_number and 0.01 <= pace <= 60.0):
        raise OptionError(f"pace must be a number of seconds between 0.01 and 60, not {pace!r}")
    frames = checked_int(frames, "frames", 2)
    if colors not in (None, "gradient", "weight"):
        suggestion = hint(colors, ("gradient", "weight"))
        raise OptionError(f"colors must be 'gradient' or 'weight', not {colors!r}{suggestion}")
    if data is not None and not is_named(target, target_types.RECORDING):
        raise OptionError("data of animate is only for a Recording")
    pixels = checked_width(width)
    settings = PlaySettings(level, expand, colors, frames, pace, clean(title, 120), data, pixels)
    return Animation(_make_scene(target, settings), theme)


def _make_scene(target: Any, settings: PlaySettings) -> Scene:
    if is_named(target, target_types.RECORDING):
        return scene_from_recording(target, settings)
    if _is_list_of(target, Drawing):
        return scene_from_drawings(list(target), settings)
    if _is_list_of(target, Value):
        return scene_from_values(list(target), settings)
    return _backward_scene(target, settings)


def _is_list_of(target: Any, kind: type) -> bool:
    if not isinstance(target, (list, tuple)) or not target:
        return False
    return all(isinstance(item, kind) for item in target)


def _backward_scene(target: Any, settings: PlaySettings) -> BackwardPass:
    drawing = target
    if isinstance(target, Explanation):
        drawing = target.draw()
    if not isinstance(drawing, Drawing):
        if not isinstance(target, Value):
            raise PictureError(
                "animate takes a Value, a Drawing, a Recording or a list of frames, "
                f"not {type(target).__name__} {clean(repr(target))}"
            )
        drawing = Drawing(playable_pictures(target, settings.level, settings.expand))
    return backward_scene(drawing, settings.pace, settings.title, settings.width)


explain_class(Animation, "save")
