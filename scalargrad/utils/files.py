"""Atomic writing of files: the whole content, or nothing."""

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
"""Bytes of the target's name in the name of a temporary file, which may have 255 in all."""

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

_unfinished: set[str] = set()
"""Names of temporary files that threads of this process are writing."""


def write(path: str | PathLike[str], content: bytes | str) -> Path:
    """Write a file under a temporary name, then rename it: if anything fails, the old file stays.

    Only regular files are written. If the path is a symbolic link, its target is replaced. The new
    file has the permissions of the old one from the first byte. The file and its folder are synced,
    so that the new content survives a power loss after this function has returned.

    Args:
        path: The file; its folder must exist. A leading `~` is the user's home folder.
        content: Bytes, or text to be written as UTF-8.

    Returns:
        The path, with `~` expanded.

    Raises:
        PathError: If the folder does not exist, or the path is a folder, a device, a pipe, a socket
            or not a valid name.
        OSError: If the file can't be written.

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
        # The error names the temporary file, which means nothing to the user.
        reason = f"{error.strerror or error} (writing to the folder {str(named.parent)!r})"
        raise OSError(error.errno or errno.EIO, reason, str(named)) from error
    return named


def as_path(path: str | PathLike[str]) -> Path:
    """Return a valid path with `~` expanded.

    Args:
        path: Text or a path.

    Returns:
        The path.

    Raises:
        PathError: If it is empty, contains a null byte, or can't be encoded on this system.
        DataError: If it is neither text nor a path.

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
        raise PathError(f"{given!r} is not a valid file name: give one such as 'picture.svg'")
    # Unlike Path.expanduser, this does not raise for the home of an unknown user.
    return Path(os.path.expanduser(given))  # noqa: PTH111


def _older(path: str | PathLike[str], named: Path) -> os.stat_result | None:
    """The status of the file that is there already, if it may be replaced."""
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
            raise PathError(f"{str(named)!r} is a link in a cycle of links") from None
        raise
    if not stat.S_ISREG(older.st_mode):
        kind = _KINDS.get(stat.S_IFMT(older.st_mode), "not a regular file")
        raise PathError(f"{str(named)!r} is {kind}: give the name of a regular file")
    # A rename needs no permission to write the file itself, so it would replace a read-only one.
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
    return PathError(f"folder {folder!r} for {target.name!r} does not exist: create it first")


def _replace(target: Path, raw: bytes, older: os.stat_result | None) -> None:
    owner = f"{os.getpid()}.{_host()}"
    temporary = target.with_name(f"{_prefix(target)}{owner}.{secrets.token_hex(4)}.part")
    _unfinished.add(temporary.name)
    try:
        with _create(temporary, older) as file:
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


def _create(temporary: Path, older: os.stat_result | None) -> IO[bytes]:
    """Create a file that is never readable to anybody who may not read the older one."""
    mode = 0o666 if older is None else stat.S_IMODE(older.st_mode) & 0o777
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    # Only this user may read it until it has the owner and the permissions of the older file.
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
        # The permissions of one group must not be given to another.
        if os.fstat(descriptor).st_gid != older.st_gid:
            mode &= ~0o070
    os.fchmod(descriptor, mode)


def _sync_folder(folder: Path) -> None:
    """Sync a folder, so that a rename in it survives a power loss."""
    if os.name == "nt":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    except PermissionError:
        return  # files may be created in this folder, but it can't be read
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network and FUSE file systems can't sync folders.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise
    finally:
        os.close(descriptor)


def _sweep(target: Path) -> None:
    """Remove temporary files of this target from processes of this host that were killed."""
    if os.name == "nt":
        return  # there os.kill(process, 0) ends the process instead of testing for it
    start = re.escape(_prefix(target))
    pattern = re.compile(rf"{start}(\d{{1,10}})\.{re.escape(_host())}\.[0-9a-f]{{8}}\.part")
    with suppress(OSError), os.scandir(target.parent) as entries:
        for entry in entries:
            match = pattern.fullmatch(entry.name)
            if match and entry.name not in _unfinished and not _is_alive(int(match[1])):
                with suppress(OSError):
                    os.unlink(entry.path)  # noqa: PTH108


def _is_alive(process: int) -> bool:
    if process == os.getpid():
        return False  # an earlier process with this number: our own files are in _unfinished
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
    """The machine, and the container on it, in which process numbers are unique."""
    name = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    namespace = ""
    with suppress(OSError):
        namespace = "-" + re.sub(r"\D", "", os.readlink("/proc/self/ns/pid"))  # noqa: PTH115
    return re.sub(r"[^A-Za-z0-9-]", "-", name)[:60] + namespace
