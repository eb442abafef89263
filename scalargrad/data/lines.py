"""Lines of text from a file as it is in the wild: packed or plain, with any line ends."""

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

LONGEST_LINE = 2**26
"""Bytes that one line may have, so that a small packed file can't fill the memory."""

_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\x00": "lzma"}
"""First bytes of packed files, and the module of the standard library that unpacks them."""

_ZIP = b"PK\x03\x04"
_WIDE = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
"""Byte order marks of encodings other than UTF-8; longer ones before those that they begin with."""

_FOREIGN = {
    b"\x28\xb5\x2f\xfd": "is packed with Zstandard: unpack it first, with unzstd",
    b"7z\xbc\xaf\x27\x1c": "is packed with 7-Zip: unpack it first",
    b"Rar!": "is packed with RAR: unpack it first",
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
"""First bytes of what is often given in the place of CSV."""

_EXCEL = re.compile(r"sep=.\s*")
"""A first line that tells Excel what separates cells."""

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
"""What the modules of the standard library raise where a packed file is cut or changed."""


class Lines:
    """The lines of a file, decoded, each with its line end.

    Gzip, bzip2, xz and a zip with one file in it are unpacked, whatever the name of the file. The
    text is UTF-8, or UTF-16 or UTF-32 with a byte order mark. Lines end in LF, CR LF or CR.

    Args:
        path: The file.
        delimiter: What separates two cells, to tell the column of a bad byte.
        comment: What begins a line that is to be left out, None if nothing does.

    Attributes:
        row_begins: Whether the next line begins a row; comments are looked for nowhere else, for a
            quoted cell may go over several lines.
        row_line: The number of the line where the last row began.
    """

    def __init__(self, path: str | PathLike[str], delimiter: str, comment: str | None) -> None:
        self.path = as_path(path)
        self.row_begins = True
        self.row_line = 0
        self.number = 0
        self._delimiter = delimiter.encode()
        self._comment = comment

    def __iter__(self) -> Generator[str, None, None]:
        with ExitStack() as opened:
            stream = opened.enter_context(self.path.open("rb"))
            for raw in self._split(_unpacked(stream, self.path, opened)):
                self.number += 1
                text = self._decoded(raw)
                if self.number == 1 and _EXCEL.fullmatch(text):
                    continue
                if self.row_begins:
                    if self._comment and text.lstrip().startswith(self._comment):
                        continue
                    self.row_begins = False
                    self.row_line = self.number
                yield text

    def _split(self, stream: BufferedReader | BytesIO) -> Iterator[bytes]:
        """The lines as bytes: in UTF-8 no other sign has the bytes of a line end in it."""
        while raw := self._line(stream):
            # A file whose lines end in CR alone is one line to `readline`.
            yield from raw.splitlines(keepends=True)

    def _line(self, stream: BufferedReader | BytesIO) -> bytes:
        try:
            raw = stream.readline(LONGEST_LINE + 1)
        except _DAMAGED as error:
            fail(self.path, f"is damaged: it can't be unpacked ({error})")
        if len(raw) > LONGEST_LINE and b"\r" not in raw:
            fail(self.path, f"is longer than {LONGEST_LINE:,} bytes", self.number + 1)
        if len(raw) > LONGEST_LINE:
            raw += stream.read()
        return raw

    def _decoded(self, raw: bytes) -> str:
        try:
            return raw.decode("utf-8-sig" if self.number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            column = raw[: error.start].count(self._delimiter) + 1
            byte = f"0x{error.object[error.start]:02x}"
            what = f"is not UTF-8: the byte {byte} stands here; save the file as UTF-8"
            fail(self.path, what, self.number, column)


def fail(
    file: Path, what: str, line: int = 0, column: int = 0, names: list[str] | None = None
) -> NoReturn:
    """Raise the error about a file, with the place in it.

    Args:
        file: The file.
        what: What is wrong, as the end of a sentence.
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
        place += f" ({short(names[column - 1])})"
    raise DataFileError(f"{file}{place}: {what}")


def short(text: str) -> str:
    """Return a text for a message, in quotes and not too long.

    Example:
        >>> short("a" * 50)
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'"
    """
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _unpacked(stream: BufferedReader, path: Path, opened: ExitStack) -> BufferedReader | BytesIO:
    """The stream itself, or one of what is packed in it, as UTF-8."""
    start = _start(stream)
    if start.startswith(_ZIP):
        inner = _unzipped(stream, path, opened)
    elif module := _found(start, _PACKED):
        inner = _opened(stream, module, path, opened)
    else:
        return _as_utf8(stream, start, path)
    try:
        start = _start(inner)
    except _DAMAGED:
        return inner  # whoever reads on meets the same damage, and tells of it
    return _as_utf8(inner, start, path)


def _start(stream: BufferedReader) -> bytes:
    return stream.peek(64)[:64]


def _found(start: bytes, table: dict[bytes, str]) -> str | None:
    return next((told for magic, told in table.items() if start.startswith(magic)), None)


def _opened(stream: BufferedReader, module: str, path: Path, opened: ExitStack) -> BufferedReader:
    try:
        unpacked: Any = import_module(module).open(stream, "rb")
    except ImportError:
        fail(path, f"is packed, and this Python has no module {module}: unpack the file first")
    return BufferedReader(opened.enter_context(unpacked))


def _unzipped(stream: BufferedReader, path: Path, opened: ExitStack) -> BufferedReader:
    try:
        archive = opened.enter_context(zipfile.ZipFile(BytesIO(stream.read())))
    except _DAMAGED as error:
        fail(path, f"is damaged: it can't be unpacked ({error})")
    names = [name for name in archive.namelist() if not name.endswith("/")]
    if "[Content_Types].xml" in names or "mimetype" in names:
        fail(path, "is a workbook, not CSV: open it with its program and save it as CSV")
    # Finder adds a folder of its own to every archive.
    files = [name for name in names if not name.startswith("__MACOSX/")]
    if len(files) != 1:
        listed = ", ".join(map(short, files[:5])) or "none"
        fail(path, f"is a zip of {len(files)} files ({listed}): unpack it, and give the one")
    try:
        inner: Any = opened.enter_context(archive.open(files[0]))
        return BufferedReader(inner)
    except _DAMAGED as error:
        if "password" in str(error):
            fail(path, "is a zip with a password: unpack it first")
        fail(path, f"is damaged: it can't be unpacked ({error})")


def _as_utf8(stream: BufferedReader, start: bytes, path: Path) -> BufferedReader | BytesIO:
    if encoding := _found(start, _WIDE):
        try:
            return BytesIO(stream.read().decode(encoding).encode("utf-8"))
        except _DAMAGED:  # UnicodeError is a ValueError
            fail(path, f"begins as {encoding.upper()}, and is damaged: save the file as UTF-8")
    foreign = {magic.lower(): told for magic, told in _FOREIGN.items()}
    if told := _found(start.lstrip().lower(), foreign):
        fail(path, told)
    halves = start[0::2], start[1::2]
    if len(start) >= 4 and any(not half.strip(b"\0") for half in halves):
        fail(path, "looks like UTF-16 without a byte order mark: save the file as UTF-8")
    return stream
