"""Animation: the backward pass, or a training, as a picture that moves by itself."""

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

from scalargrad.core.value import Value
from scalargrad.errors import OptionError, PictureError
from scalargrad.training.recorder import Recording
from scalargrad.utils.calls import explain_calls, explain_class
from scalargrad.utils.files import write
from viz.drawing import Drawing, check_path
from viz.gradients.explanation import Explanation
from viz.layout.layered import PlacedPicture
from viz.look.text import clean, hint
from viz.look.theme import checked_theme
from viz.render.svg_document import as_image, render_document
from viz.render.svg_writer import SvgWriter
from viz.showing import as_page, show

from . import video
from .backward_pass import Wave, wave_of
from .timeline import Clock
from .training import film_of_drawings, film_of_recording, film_of_values, playable_pictures

_FOOT = 40.0
FORMATS = (".svg", ".gif", ".mp4")


class Scene(Protocol):
    """What an animation plays."""

    seconds: float

    @property
    def placed(self) -> PlacedPicture:
        """The picture at the end, with positions."""

    def body(self, sheet: SvgWriter, clock: Clock) -> str:
        """The picture."""

    def foot(self, wide: float, sheet: SvgWriter, clock: Clock) -> str:
        """What stands below it."""

    def moments(self) -> list[float]:
        """Seconds that are worth a look."""


class Animation:
    """A picture that moves. It shows itself in a notebook and saves itself as .svg, .gif or .mp4.

    The SVG plays in a plain `<img>`, without script, over and over, and stands still at its last frame for readers who asked their
    system for less motion.

    seconds  how long one round takes
    """

    def __init__(self, scene: Scene, theme: str = "auto") -> None:
        self.scene, self.theme, self.seconds = scene, checked_theme(theme), scene.seconds

    def svg(self, theme: str | None = None) -> str:
        """The document that plays."""
        return self._document(theme or self.theme, None)

    def still(self, second: float, theme: str | None = None) -> str:
        """The document at one moment, without motion.

        >>> from scalargrad import Value
        >>> product = Value(2.0) * 3; product.backward()
        >>> "animation" in animate(product).still(1.0)
        False
        """
        return self._document(theme or self.theme, float(second))

    def _document(self, theme: str, moment: float | None) -> str:
        sheet, clock = SvgWriter(theme), Clock(self.seconds, moment)
        body = self.scene.body(sheet, clock)
        return render_document(
            self.scene.placed,
            sheet,
            body,
            lambda wide: (self.scene.foot(wide, sheet, clock), _FOOT),
            clock.style,
        )

    def save(self, path: str | PathLike[str], *, rate: float = 10.0, scale: float = 1.0) -> Path:
        """Write it to a file; the ending says in which format: .svg .gif .mp4.

        rate   pictures in a second, for .gif and .mp4; each that differs from the one before takes about a tenth of a second to draw
        scale  their pixels for each pixel of the SVG

        Raises OptionError for another ending, rate or scale; PictureError where a library for these is not installed. A file is written
        whole or not at all.
        """
        target = check_path(path, FORMATS)
        ending = target.suffix.lower()
        light = "light" if self.theme == "auto" else self.theme
        if ending == ".svg":
            write(target, self.svg())
        else:
            make = video.gif if ending == ".gif" else video.mp4
            write(target, make(lambda second: self.still(second, light), self.seconds, rate, scale))
        return target

    def show(self) -> None:
        """Play it in the browser; in a notebook, display it there."""
        show(self, as_page(self.svg(), self.scene.placed.picture.title or repr(self)[1:-1]))

    def __repr__(self) -> str:
        picture = self.scene.placed.picture
        return f"<Animation of {picture.total:,} values as {picture.level}, {self.seconds:.1f} seconds>"

    def _repr_html_(self) -> str:
        return as_image(self.svg(), self.scene.placed.picture.title or repr(self)[1:-1])

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:  # noqa: ARG002
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}


@explain_calls
def animate(
    target: Any,
    *,
    level: str | None = None,
    expand: str | Iterable[str] | None = None,
    colors: str = "gradient",
    frames: int = 24,
    pace: float | None = None,
    theme: str = "auto",
    title: str = "",
) -> Animation:
    """The backward pass, wave by wave; or a training, frame by frame.

    target   a Value after `backward()`, or a Drawing: gradients appear from the output to the leaves, each when all its users have
             sent their share. A Recording: its frames. A list of Drawings, or of Values with graphs built alike: those are the frames
    level    "cards", "chips" or "neurons"; by default the finest of them that can be read
    expand   paths of modules to open, as for `viz.draw`
    colors  "gradient"; or "weight", at level "neurons": what the network has learned
    frames   how many of a Recording are shown at most, evenly spread, the first and the last included
    pace     seconds for each wave or frame; by default as many as the whole can take
    theme    "auto" (light, and dark for readers who prefer it), "light" or "dark"
    title    a heading

    Raises PictureError for what can't be played, such as frames of different graphs; OptionError for an impossible setting.

    >>> from scalargrad.nn import MLP
    >>> loss = (MLP(2, [3, 1], seed=0)([1.0, -2.0]) - 1.0) ** 2; loss.backward()
    >>> animate(loss)
    <Animation of 39 values as cards, 21.8 seconds>
    """
    if pace is not None and not (isinstance(pace, (int, float)) and 0.01 <= pace <= 60.0):
        raise OptionError(f"pace must be a number of seconds between 0.01 and 60, not {pace!r}")
    if isinstance(frames, bool) or not isinstance(frames, int) or frames < 2:
        raise OptionError(f"frames must be a whole number of at least 2, not {frames!r}")
    if colors not in ("gradient", "weight"):
        raise OptionError(
            f"colors must be 'gradient' or 'weight', not {colors!r}{hint(colors, ('gradient', 'weight'))}"
        )
    heading = clean(title, 120)
    return Animation(_scene(target, level, expand, colors, frames, pace, heading), theme)


def _scene(
    target: Any,
    level: str | None,
    expand: str | Iterable[str] | None,
    colors: str,
    frames: int,
    pace: float | None,
    title: str,
) -> Scene:
    if isinstance(target, Recording):
        return film_of_recording(target, level, expand, colors, frames, pace, title)
    if (
        isinstance(target, (list, tuple))
        and target
        and all(isinstance(item, Drawing) for item in target)
    ):
        return film_of_drawings(list(target), pace, title)
    if (
        isinstance(target, (list, tuple))
        and target
        and all(isinstance(item, Value) for item in target)
    ):
        return film_of_values(list(target), level, expand, colors, pace, title)
    return _wave(target, level, expand, pace, title)


def _wave(
    target: Any,
    level: str | None,
    expand: str | Iterable[str] | None,
    pace: float | None,
    title: str,
) -> Wave:
    drawing = target.draw() if isinstance(target, Explanation) else target
    if not isinstance(drawing, Drawing):
        if not isinstance(target, Value):
            raise PictureError(
                f"animate takes a Value, a Drawing, a Recording or a list of frames, not {type(target).__name__} {clean(repr(target))}"
            )
        drawing = Drawing(playable_pictures(target, level, expand))
    return wave_of(drawing, pace, title)


explain_class(Animation, "save")
