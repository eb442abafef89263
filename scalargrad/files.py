"""Writing a file whole or not at all."""

import os
import secrets
from contextlib import suppress
from os import PathLike
from pathlib import Path

from .errors import PathError


def write(path: str | PathLike[str], content: bytes | str) -> Path:
    """Write `content` to a file under a temporary name beside it, then rename: whatever fails, an older file stays as it was.

    path     the file; its folder must exist
    content  bytes, or text that is written as UTF-8

    Returns the path. Raises PathError where the folder is missing, or where the path is a folder or no possible name;
    OSError where the file can't be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(Path(folder) / "a.txt", "−1").read_text(encoding="utf-8")
    '−1'
    """
    target = _target(path)
    raw = content.encode("utf-8") if isinstance(content, str) else content
    temporary = target.parent / f".{secrets.token_hex(8)}.part"
    try:
        with temporary.open("xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    return target


def _target(path: str | PathLike[str]) -> Path:
    given = os.fspath(path)
    if not given or "\0" in given:
        raise PathError(f"{given!r} is no possible name of a file: give one such as 'picture.svg'")
    # A link keeps pointing where it points: what it leads to is replaced.
    target = Path(os.path.realpath(given)) if Path(given).is_symlink() else Path(given)
    if given.endswith(_SEPARATORS) or target.is_dir():
        raise PathError(f"{given!r} is a folder: give the name of a file in it")
    if not target.parent.is_dir():
        raise PathError(f"there is no folder {str(target.parent)!r} to write {target.name!r} to: create it first")
    return target


_SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))
