"""GIF and MP4 from still documents. What does not change from frame to frame is drawn once."""

from collections.abc import Callable, Iterator
from importlib import import_module
from io import BytesIO
from itertools import groupby
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scalargrad.errors import OptionError, PictureError
from viz.render.raster import render_png

MAX_FRAMES = 2000

Still = Callable[[float], str]
"""Returns the SVG document at a second."""
_CELL = 8
"""Steps of a color channel that Pillow takes for one when it looks up a color."""


def gif(still: Still, seconds: float, rate: float, scale: float) -> bytes:
    """Return an endless GIF.

    Args:
        still: Returns the document at a second.
        seconds: How long one round takes.
        rate: Frames per second.
        scale: Pixels for each pixel of the SVG.

    Raises:
        OptionError: The rate is impossible, or gives too many frames.
        PictureError: Pillow or the renderer is not installed.
    """
    pillow = _import_extra("PIL.Image", "GIF")
    images: list[Any] = []
    durations: list[int] = []
    frames_so_far = 0
    for image, count in _runs(still, seconds, rate, scale):
        images.append(pillow.open(BytesIO(image)).convert("RGB"))
        frames_so_far += count
        # A GIF counts in hundredths of a second. Rounding the end of each image, not its duration,
        # keeps the errors from adding up.
        end = 10 * round(100 * frames_so_far / rate)
        # Browsers play shorter ones at a tenth of a second instead.
        durations.append(max(20, end - sum(durations)))
    # Method 1, maximum coverage, keeps colors as they are: white stays white.
    palette = _montage(pillow, images).quantize(256, method=1)
    palette.putpalette(_without_neighbors(palette.getpalette(), images[0].getpixel((0, 0))))
    frames = [image.quantize(palette=palette, dither=0) for image in images]
    out = BytesIO()
    frames[0].save(
        out,
        "GIF",
        save_all=True,
        append_images=frames[1:],
        duration=durations,
        loop=0,
        optimize=False,
    )
    return out.getvalue()


def _montage(pillow: Any, images: list[Any]) -> Any:
    """Return some images below each other, to take one palette for all from.

    With a palette for each image, colors would flicker.
    """
    step = max(1, len(images) // 8)
    some = images[::step] + images[-1:]
    width, height = some[0].size
    montage = pillow.new("RGB", (width, height * len(some)))
    for i, image in enumerate(some):
        montage.paste(image, (0, i * height))
    return montage


def _without_neighbors(palette: list[int], page: tuple[int, int, int]) -> list[int]:
    """Return a palette in which colors that are nearly that of the page are that of the page.

    Pillow looks colors up in cells of several, and would take a neighbor for the page itself.
    """
    colors: list[int] = []
    for i in range(0, len(palette), 3):
        color = palette[i : i + 3]
        is_near = all(abs(a - b) < _CELL for a, b in zip(color, page, strict=True))
        colors += page if is_near else color
    return colors


def mp4(still: Still, seconds: float, rate: float, scale: float) -> bytes:
    """Return an MP4 (H.264). Its height and width are made even, as the format demands.

    Args:
        still: Returns the document at a second.
        seconds: How long the whole takes.
        rate: Frames per second.
        scale: Pixels for each pixel of the SVG.

    Raises:
        OptionError: The rate is impossible, or gives too many frames.
        PictureError: A library is not installed.
    """
    imageio = _import_extra("imageio.v2", "MP4")
    pillow = _import_extra("PIL.Image", "MP4")
    numpy = import_module("numpy")
    _import_extra("imageio_ffmpeg", "MP4")
    with TemporaryDirectory(prefix="scalargrad-") as folder:
        path = Path(folder) / "animation.mp4"
        with imageio.get_writer(
            path, format="FFMPEG", fps=rate, codec="libx264", quality=8, macro_block_size=2
        ) as writer:
            for image, count in _runs(still, seconds, rate, scale):
                picture = pillow.open(BytesIO(image)).convert("RGB")
                even = tuple(side + side % 2 for side in picture.size)
                frame = pillow.new("RGB", even, picture.getpixel((0, 0)))
                frame.paste(picture)
                for _ in range(count):
                    writer.append_data(numpy.asarray(frame))
        return path.read_bytes()


_PICTURES = "matplotlib vl-convert-python"
_PACKAGES = {
    "PIL.Image": f"pillow {_PICTURES}",
    "imageio.v2": f"imageio imageio-ffmpeg {_PICTURES}",
    "imageio_ffmpeg": f"imageio-ffmpeg {_PICTURES}",
}
"""What to install for each module, together with what draws the pictures."""


def _import_extra(module: str, what: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise PictureError(
            f"{what} needs libraries that are missing: pip install {_PACKAGES[module]}"
        ) from error


def _runs(still: Still, seconds: float, rate: float, scale: float) -> Iterator[tuple[bytes, int]]:
    """Yield each picture as PNG, with the number of frames that it stays for."""
    if not (isfinite(rate) and 0.5 <= rate <= 60.0):
        raise OptionError(
            f"rate must be a number of pictures in a second, from 0.5 to 60, not {rate!r}"
        )
    total = max(1, round(seconds * rate))
    if total > MAX_FRAMES:
        raise OptionError(
            f"{total:,} frames are too many, {MAX_FRAMES:,} the most: use a smaller rate, "
            "or save as .svg"
        )
    documents = (still(i / rate) for i in range(total))
    for document, frames in groupby(documents):
        yield render_png(document, scale), sum(1 for _ in frames)
