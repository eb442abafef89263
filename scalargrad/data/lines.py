"""Lines of text from a file: plain or compressed, in any Unicode encoding, with any line ends."""

import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from importlib import import_module
from io import BufferedReader, BytesIO
from os import PathLike
from pathlib import Path
from typing import Any, NoReturn

from scalargrad.errors import DataFileError
from scalargrad.utils.files import as_path

MAX_LINE_BYTES = 2**26
"""Bytes in the longest line that is read, so that a small compressed file can't fill the memory."""

_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\x00": "lzma"}
"""First bytes of compressed files, and the module of the standard library that reads them."""

_ZIP = b"PK\x03\x04"
_BYTE_ORDER_MARKS = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
"""Byte order marks of encodings other than UTF-8.

A mark that starts with another mark is before it, since the first match counts.
"""

_OTHER_FORMATS = {
    b"\x28\xb5\x2f\xfd": "is compressed with Zstandard: unpack it first, with unzstd",
    b"7z\xbc\xaf\x27\x1c": "is compressed with 7-Zip: unpack it first",
    b"Rar!": "is compressed with RAR: unpack it first",
    b"\xd0\xcf\x11\xe0": "is an Excel workbook, not CSV: open it there and save it as CSV",
    b"PAR1": "is a Parquet file, not CSV: write CSV, with pandas.read_parquet(…).to_csv(…)",
    b"\x93NUMPY": "is a file of NumPy, not CSV: read it with numpy.load",
    b"%PDF": "is a PDF document, not CSV",
    b"<!doctype": "is a web page, not CSV: download the file itself",
    b"<html": "is a web page, not CSV: download the file itself",
    b"<?xml": "is an XML document, not CSV",
    b'{"': "is JSON, not CSV",
    b"[{": "is JSON, not CSV",
    b"[[": "is JSON, not CSV",
    b"@relation": "is an ARFF file, not CSV: read it with scipy.io.arff.loadarff",
}
"""First bytes of files that are often given in place of CSV, and what is wrong with them."""

_MAX_LISTED = 5
"""Files of an archive that a message lists."""

_EXCEL = re.compile(r"sep=.\s*")
"""A first line that tells Excel the delimiter."""

_DAMAGED = (
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""Errors of the standard library for a compressed file that is truncated or changed."""


class Lines:
    """The lines of a file, decoded, each with its line end.

    Gzip, bzip2, xz and a zip with one file in it are decompressed, whatever the name of the file.
    The text is UTF-8, or UTF-16 or UTF-32 with a byte order mark. Lines end in LF, CR LF or CR.

    Args:
        path: The file.
        delimiter: The character between two cells, to name the column of a bad byte.
        comment: The start of lines to skip, None for none.

    Attributes:
        row_starts: Whether the next line starts a row. Only there it may be a comment, since a
            quoted cell may go over several lines.
        row_line: The number of the line where the last row started.
    """

    def __init__(self, path: str | PathLike[str], delimiter: str, comment: str | None) -> None:
        self.path = as_path(path)
        self.row_starts = True
        self.row_line = 0
        self.number = 0
        self._delimiter = delimiter.encode()
        self._comment = comment

    def __iter__(self) -> Generator[str, None, None]:
        with ExitStack() as opened:
            stream = opened.enter_context(self.path.open("rb"))
            for raw in self._split(_open_text(stream, self.path, opened)):
                self.number += 1
                text = self._decode(raw)
                if self.number == 1 and _EXCEL.fullmatch(text):
                    continue
                if self.row_starts:
                    if self._comment and text.lstrip().startswith(self._comment):
                        continue
                    self.row_starts = False
                    self.row_line = self.number
                yield text

    def _split(self, stream: BufferedReader | BytesIO) -> Iterator[bytes]:
        # Split as bytes: in UTF-8 no other character contains the bytes of a line end.
        while raw := self._read_line(stream):
            # A file whose lines end in CR alone is one line to `readline`.
            yield from raw.splitlines(keepends=True)

    def _read_line(self, stream: BufferedReader | BytesIO) -> bytes:
        try:
            raw = stream.readline(MAX_LINE_BYTES + 1)
        except _DAMAGED as error:
            fail(self.path, f"is damaged: it can't be unpacked ({error})")
        if len(raw) > MAX_LINE_BYTES and b"\r" not in raw:
            fail(self.path, f"is longer than {MAX_LINE_BYTES:,} bytes", self.number + 1)
        if len(raw) > MAX_LINE_BYTES:
            # Lines that end in CR alone; the rest may start in the middle of one.
            raw += stream.read()
        return raw

    def _decode(self, raw: bytes) -> str:
        try:
            return raw.decode("utf-8-sig" if self.number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            column = raw[: error.start].count(self._delimiter) + 1
            byte = f"0x{error.object[error.start]:02x}"
            what = f"is not UTF-8: the byte {byte} is here; save the file as UTF-8"
            fail(self.path, what, self.number, column)


def fail(
    file: Path, what: str, line: int = 0, column: int = 0, names: list[str] | None = None
) -> NoReturn:
    """Raise an error about a file, with the place in it.

    Args:
        file: The file.
        what: What is wrong, to follow the place.
        line: The line, from 1; 0 for none.
        column: The column, from 1; 0 for none.
        names: The names of the columns, if there are any.

    Raises:
        DataFileError: Always.

    Example:
        >>> fail(Path("a.csv"), "is empty", 3, 2, ["x", "y"])
        Traceback (most recent call last):
        scalargrad.errors.DataFileError: a.csv, line 3, column 2 ('y'): is empty
    """
    place = ""
    if line:
        place += f", line {line}"
    if column:
        place += f", column {column}"
    if names:
        place += f" ({shorten(names[column - 1])})"
    raise DataFileError(f"{file}{place}: {what}")


def shorten(text: str) -> str:
    """Return a text for a message, in quotes and at most 40 characters of it.

    Example:
        >>> shorten("a" * 50)
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'"
    """
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _open_text(stream: BufferedReader, path: Path, opened: ExitStack) -> BufferedReader | BytesIO:
    """Return the text of a file as a stream of UTF-8, decompressed if need be.

    Args:
        stream: The file.
        path: Its path, for messages.
        opened: Closes what is opened here.
    """
    start = _peek(stream)
    if start.startswith(_ZIP):
        inner = _unzip(stream, path, opened)
    elif module := _look_up(start, _COMPRESSED):
        inner = _decompress(stream, module, path, opened)
    else:
        return _as_utf8(stream, start, path)
    try:
        start = _peek(inner)
    except _DAMAGED:
        # Reading the first line raises the same error again, and there it is reported.
        return inner
    return _as_utf8(inner, start, path)


def _peek(stream: BufferedReader) -> bytes:
    return stream.peek(64)[:64]


def _look_up(start: bytes, table: dict[bytes, str]) -> str | None:
    for magic, entry in table.items():
        if start.startswith(magic):
            return entry
    return None


def _decompress(
    stream: BufferedReader, module: str, path: Path, opened: ExitStack
) -> BufferedReader:
    try:
        inner: Any = import_module(module).open(stream, "rb")
    except ImportError:
        fail(path, f"is compressed, and this Python has no module {module}: unpack the file first")
    return BufferedReader(opened.enter_context(inner))


def _unzip(stream: BufferedReader, path: Path, opened: ExitStack) -> BufferedReader:
    try:
        archive = opened.enter_context(zipfile.ZipFile(BytesIO(stream.read())))
    except _DAMAGED as error:
        fail(path, f"is damaged: it can't be unpacked ({error})")
    names = [name for name in archive.namelist() if not name.endswith("/")]
    if "[Content_Types].xml" in names or "mimetype" in names:
        fail(path, "is a workbook, not CSV: open it with its program and save it as CSV")
    # The Finder of macOS adds this folder to every archive.
    files = [name for name in names if not name.startswith("__MACOSX/")]
    if len(files) != 1:
        listed = ", ".join(map(shorten, files[:_MAX_LISTED])) or "none"
        fail(path, f"is a zip of {len(files)} files ({listed}): unpack it, and give the one")
    try:
        inner: Any = opened.enter_context(archive.open(files[0]))
        return BufferedReader(inner)
    except _DAMAGED as error:
        if "password" in str(error):
            fail(path, "is a zip with a password: unpack it first")
        fail(path, f"is damaged: it can't be unpacked ({error})")


def _as_utf8(stream: BufferedReader, start: bytes, path: Path) -> BufferedReader | BytesIO:
    if encoding := _look_up(start, _BYTE_ORDER_MARKS):
        try:
            return BytesIO(stream.read().decode(encoding).encode("utf-8"))
        except _DAMAGED:  # includes UnicodeError, which is a ValueError
            fail(path, f"starts as {encoding.upper()}, but is damaged: save the file as UTF-8")
    # Tags of HTML and ARFF are written in either case.
    formats = {magic.lower(): problem for magic, problem in _OTHER_FORMATS.items()}
    if problem := _look_up(start.lstrip().lower(), formats):
        fail(path, problem)
    # In UTF-16 every second byte of plain letters and digits is 0.
    halves = start[0::2], start[1::2]
    if len(start) >= 4 and any(not half.strip(b"\0") for half in halves):
        fail(path, "looks like UTF-16 without a byte order mark: save the file as UTF-8")
    return stream
