"""Writing a file whole or not at all."""

import errno
import os
import re
import secrets
import stat
from contextlib import suppress
from functools import cache
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import IO

from scalargrad.errors import DataError, PathError

_SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))
_LONGEST_NAME = 100
"""Bytes of the target's name that go into that of a temporary file, which may have 255 in all."""

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

_unfinished: set[str] = set()
"""Temporary files that threads of this process are writing now."""


def write(path: str | PathLike[str], content: bytes | str) -> Path:
    """Write a file under a temporary name, then rename it: whatever fails, the old file stays.

    Only regular files are written. A symbolic link keeps pointing where it points: its target is
    replaced. The permissions of an older file hold from the first byte. The file and its folder are
    synced, so that the new content survives a power loss once this function has returned.

    Args:
        path: The file; its folder must exist. A leading `~` is the user's home folder.
        content: Bytes, or text to be written as UTF-8.

    Returns:
        The path, with `~` expanded.

    Raises:
        PathError: The folder is missing, or the path is a folder, a device, a pipe, a socket or an
            impossible name.
        OSError: The file can't be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write(Path(folder) / "a.txt", "−1").read_text(encoding="utf-8")
        '−1'
    """
    named = as_path(path)
    raw = content.encode("utf-8") if isinstance(content, str) else content
    try:
        older = _older(path, named)
        target = _target(named)
        _sweep(target)
        _replace(target, raw, older)
        _sync_folder(target.parent)
    except OSError as error:
        # The name of the temporary file would tell the user nothing.
        reason = f"{error.strerror or error} (writing to the folder {str(named.parent)!r})"
        raise OSError(error.errno or errno.EIO, reason, str(named)) from error
    return named


def as_path(path: str | PathLike[str]) -> Path:
    """Return a path with `~` expanded, if it is one that a file can have.

    Args:
        path: Text or a path.

    Returns:
        The path.

    Raises:
        PathError: The name is empty, has a null byte, or can't be spelled on this system.
        DataError: It is neither text nor a path.

    Example:
        >>> as_path("~/a.svg") == Path.home() / "a.svg"
        True
    """
    try:
        given = os.fsdecode(path)
    except TypeError:
        raise DataError(f"a path must be text or a Path, not {type(path).__name__}") from None
    try:
        possible = bool(given) and b"\0" not in os.fsencode(given)
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise PathError(f"{given!r} is no possible name of a file: give one such as 'picture.svg'")
    # Unlike Path.expanduser, this leaves a home that nobody knows as it is.
    return Path(os.path.expanduser(given))  # noqa: PTH111


def _older(path: str | PathLike[str], named: Path) -> os.stat_result | None:
    """What is there already, if it may be replaced."""
    if os.fspath(path).endswith(_SEPARATORS) or named.is_dir():
        raise PathError(f"{os.fspath(path)!r} is a folder: give the name of a file in it")
    try:
        older = named.stat()
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise _no_folder(named) from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise PathError(f"{str(named)!r} is a link that leads around in a circle") from None
        raise
    if not stat.S_ISREG(older.st_mode):
        kind = _KINDS.get(stat.S_IFMT(older.st_mode), "no regular file")
        raise PathError(f"{str(named)!r} is {kind}: give the name of a regular file")
    # A rename would replace a file that its owner has protected.
    if not os.access(named, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(errno.EACCES, "The file is read-only")
    return older


def _target(named: Path) -> Path:
    target = Path(os.path.realpath(named)) if named.is_symlink() else named
    if not target.parent.is_dir():
        raise _no_folder(target)
    return target


def _no_folder(target: Path) -> PathError:
    folder = str(target.parent)
    return PathError(f"there is no folder {folder!r} to write {target.name!r} to: create it first")


def _replace(target: Path, raw: bytes, older: os.stat_result | None) -> None:
    owner = f"{os.getpid()}.{_host()}"
    temporary = target.with_name(f"{_prefix(target)}{owner}.{secrets.token_hex(4)}.part")
    _unfinished.add(temporary.name)
    try:
        with _created(temporary, older) as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)  # noqa: PTH105
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    finally:
        _unfinished.discard(temporary.name)


def _created(temporary: Path, older: os.stat_result | None) -> IO[bytes]:
    """A new file, which nobody may read who may not read the older one, from its first moment."""
    mode = 0o666 if older is None else stat.S_IMODE(older.st_mode) & 0o777
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    # Closed to all others until owner and permissions are those of the older file.
    descriptor = os.open(temporary, flags, mode if older is None else 0o600 & mode)
    try:
        if older is not None:
            _take_over(descriptor, temporary, older, mode)
        return os.fdopen(descriptor, "wb")
    except BaseException:
        os.close(descriptor)
        raise


def _take_over(descriptor: int, temporary: Path, older: os.stat_result, mode: int) -> None:
    """Give a new file the owner and permissions of the older one."""
    if not hasattr(os, "fchown"):  # Windows
        temporary.chmod(mode)
        return
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) != (older.st_uid, older.st_gid):
        try:
            os.fchown(descriptor, older.st_uid, older.st_gid)
        except OSError:
            with suppress(OSError):
                os.fchown(descriptor, -1, older.st_gid)
        # Permissions of a group are not for another group.
        if os.fstat(descriptor).st_gid != older.st_gid:
            mode &= ~0o070
    os.fchmod(descriptor, mode)


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power loss."""
    if os.name == "nt":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    except PermissionError:
        return  # files may be made in this folder, but nobody may look into it
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network and FUSE file systems don't sync folders.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise
    finally:
        os.close(descriptor)


# Temporary files of processes that were killed


def _sweep(target: Path) -> None:
    """Remove what dead processes of this host left unfinished of the same target."""
    if os.name == "nt":
        return  # there os.kill ends a process, where elsewhere it asks for it
    start = re.escape(_prefix(target))
    pattern = re.compile(rf"{start}(\d{{1,10}})\.{re.escape(_host())}\.[0-9a-f]{{8}}\.part")
    with suppress(OSError), os.scandir(target.parent) as entries:
        for entry in entries:
            found = pattern.fullmatch(entry.name)
            if found and entry.name not in _unfinished and not _alive(int(found[1])):
                with suppress(OSError):
                    os.unlink(entry.path)  # noqa: PTH108


def _alive(process: int) -> bool:
    if process == os.getpid():
        return False  # a namesake of the past: what this process is writing is known
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    return True


def _prefix(target: Path) -> str:
    name = os.fsencode(target.name)
    if len(name) <= _LONGEST_NAME:
        return f".{target.name}."
    return f".{sha256(name).hexdigest()[:32]}."


@cache
def _host() -> str:
    """Where the number of a process means something: the machine, and the container on it."""
    name = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    space = ""
    with suppress(OSError):
        space = "-" + re.sub(r"\D", "", os.readlink("/proc/self/ns/pid"))  # noqa: PTH115
    return re.sub(r"[^A-Za-z0-9-]", "-", name)[:60] + space
