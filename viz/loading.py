"""Pictures that were saved as JSON, back as drawings."""

from os import PathLike, fspath
from pathlib import Path

from scalargrad.errors import OptionError, PictureError
from scalargrad.utils.calls import explain_calls

from .drawing import Drawing
from .look.text import clean
from .render.picture_json import MAX_BYTES, read_json


@explain_calls
def load(path: str | PathLike[str]) -> Drawing:
    """Return the drawing that was saved as a JSON file.

    The picture has the same positions, numbers and theme, so that it renders to the same SVG, and
    it can be saved in the other formats. The Values that it shows are not in the file. Files from
    others are safe to load: nothing is executed, and a file that is not a whole picture is
    rejected.

    Args:
        path: A file that `drawing.save("a.json")` wrote.

    Returns:
        A Drawing.

    Raises:
        OptionError: The path does not end in .json.
        PictureError: The file does not hold a picture, or one of another version.
        FileNotFoundError: There is no such file.

    Example:
        >>> import tempfile
        >>> import viz
        >>> from scalargrad import Value
        >>> drawing = viz.draw(Value(2.0, label="x") * 3)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = drawing.save(f"{folder}/picture.json")
        ...     viz.load(path).svg() == drawing.svg()
        True
    """
    target = Path(fspath(path)).expanduser()
    if target.suffix.lower() != ".json":
        raise OptionError(
            f"load takes a .json file that Drawing.save wrote, not {clean(target.name)}"
        )
    if target.stat().st_size > MAX_BYTES:
        raise PictureError(
            f"{clean(target.name)} is larger than {MAX_BYTES:,} bytes, the most that is read"
        )
    placed, theme = read_json(_read_text(target))
    drawing = Drawing([placed.picture], theme, width=placed.shown_width)
    drawing.placed = placed
    _check_drawable(drawing, target)
    return drawing


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PictureError(f"{clean(path.name)} is not a text in UTF-8") from error


def _check_drawable(drawing: Drawing, path: Path) -> None:
    """Refuse a picture that passes every check and still can't be drawn, before it is returned."""
    try:
        drawing.svg()
    except Exception as error:  # whatever a part of a picture that is not whole leads to
        raise PictureError(f"the picture in {clean(path.name)} can't be drawn") from error
