"""GIF and MP4 from pictures at moments, each drawn once: what does not change is not drawn again."""

from collections.abc import Callable, Iterator
from importlib import import_module
from io import BytesIO
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scalargrad.errors import OptionError, PictureError
from viz.render.raster import render_png

MOST_FRAMES = 2000

Still = Callable[[float], str]
"""The SVG document at a second."""


def gif(still: Still, seconds: float, rate: float, scale: float) -> bytes:
    """An endless GIF. Raises PictureError where Pillow or the renderer is missing."""
    pillow = _extra("PIL.Image", "GIF")
    images: list[Any] = []
    times: list[int] = []
    shown = 0
    for image, count in _runs(still, seconds, rate, scale):
        shown += count
        images.append(pillow.open(BytesIO(image)).convert("RGB"))
        times.append(
            max(20, 10 * round(100 * shown / rate) - sum(times))
        )  # a GIF counts in hundredths of a second
    palette = _montage(pillow, images).quantize(
        256, method=1
    )  # that one keeps colors as they are: white stays white
    frames = [image.quantize(palette=palette, dither=0) for image in images]
    out = BytesIO()
    frames[0].save(
        out, "GIF", save_all=True, append_images=frames[1:], duration=times, loop=0, optimize=False
    )
    return out.getvalue()


def _montage(pillow: Any, images: list[Any]) -> Any:
    """Some of the pictures below each other: one palette for all, as colors that change from picture to picture would flicker."""
    some = images[:: max(1, len(images) // 8)] + images[-1:]
    whole = pillow.new("RGB", (some[0].width, some[0].height * len(some)))
    for i, image in enumerate(some):
        whole.paste(image, (0, i * some[0].height))
    return whole


def mp4(still: Still, seconds: float, rate: float, scale: float) -> bytes:
    """An MP4 (H.264), as tall and wide as even numbers allow. Raises PictureError where a library is missing."""
    imageio, pillow, numpy = (
        _extra("imageio.v2", "MP4"),
        _extra("PIL.Image", "MP4"),
        import_module("numpy"),
    )
    _extra("imageio_ffmpeg", "MP4")
    with TemporaryDirectory(prefix="scalargrad-") as folder:
        path = Path(folder) / "film.mp4"
        with imageio.get_writer(
            path, format="FFMPEG", fps=rate, codec="libx264", quality=8, macro_block_size=2
        ) as writer:
            for image, count in _runs(still, seconds, rate, scale):
                picture = pillow.open(BytesIO(image)).convert("RGB")
                whole = pillow.new(
                    "RGB", tuple(size + size % 2 for size in picture.size), picture.getpixel((0, 0))
                )
                whole.paste(picture)
                for _ in range(count):
                    writer.append_data(numpy.asarray(whole))
        return path.read_bytes()


_PICTURES = "matplotlib vl-convert-python"
_PACKAGES = {
    "PIL.Image": f"pillow {_PICTURES}",
    "imageio.v2": f"imageio imageio-ffmpeg {_PICTURES}",
    "imageio_ffmpeg": f"imageio-ffmpeg {_PICTURES}",
}
"""What to install for each module, together with what draws the pictures of a film."""


def _extra(module: str, what: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise PictureError(
            f"{what} needs libraries that are missing: pip install {_PACKAGES[module]}"
        ) from error


def _runs(still: Still, seconds: float, rate: float, scale: float) -> Iterator[tuple[bytes, int]]:
    """Each picture as PNG, and for how many frames it stays."""
    if not (isfinite(rate) and 0.5 <= rate <= 60.0):
        raise OptionError(
            f"rate must be a number of pictures in a second, from 0.5 to 60, not {rate!r}"
        )
    total = max(1, round(seconds * rate))
    if total > MOST_FRAMES:
        raise OptionError(
            f"{total:,} frames are too many, {MOST_FRAMES:,} the most: use a smaller rate, or save as .svg"
        )
    before, count = "", 0
    for i in range(total):
        document = still(i / rate)
        if document != before and count:
            yield render_png(before, scale), count
            count = 0
        before, count = document, count + 1
    yield render_png(before, scale), count
