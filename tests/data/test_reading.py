"""Reading files of numbers: valid files are read, and each fault is named with its place."""

import bz2
import gzip
import inspect
import lzma
import random
import re
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import data
from scalargrad.data.cells import NumberFormat, is_word, rewriting_hint
from scalargrad.data.lines import MAX_LINE_BYTES, shorten
from scalargrad.errors import DataFileError, OptionError, UnknownNameError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "numbers.csv"


@pytest.mark.parametrize("target", ["price", 1, -2, np.int64(1)])
def test_the_target_by_name_or_index(file: Path, target: Any) -> None:
    file.write_text("rooms,price,age\n6.5,24,65\n6.4,21.6,78\n")
    X, y = data.read_csv(file, target=target)
    assert X.tolist() == [[6.5, 65.0], [6.4, 78.0]]
    assert y.tolist() == [24.0, 21.6]
    assert X.dtype == y.dtype == np.float64


def test_the_last_column_is_the_target_by_default(file: Path) -> None:
    file.write_text("1,2,3\n4,5,6\n")
    X, y = data.read_csv(str(file))
    assert X.tolist() == [[1, 2], [4, 5]]
    assert y.tolist() == [3, 6]


FINE = {
    "byte order mark": "\ufeffa,b\n1,2\n".encode(),
    "byte order mark, no header": "\ufeff1,2\n".encode(),
    "lines of Windows": b"a,b\r\n1,2\r\n",
    "blank lines at the end": b"a,b\n1,2\n\n  \n\r\n",
    "no end of line": b"a,b\n1,2",
    "blank lines at the beginning": b"\n \na,b\n1,2\n",
    "Excel's line": b"sep=,\r\na,b\r\n1,2\r\n",
    "spaces": b"a , b\n 1 , 2 \n",
    "quotes": b'"a, as said","b"\n"1","2"\n',
    "a quoted line break": b'"a\nb",c\n1,2\n',
    "exponents": b"a,b\n+1e0,.2E+1\n",
    "other scripts in names": "größe,数\n1,2\n".encode(),
    "lines of old Macs": b"a,b\r1,2\r",
    "lines of old Macs, no end of line": b"a,b\r1,2",
    "mixed lines": b"a,b\r1,2\n\r\n",
    "a delimiter at the end of every line": b"a,b,\n1,2,\n",
    "a delimiter at the end of every row": b"a,b\n1,2,\n",
    "a delimiter at the end of the header": b"a,b,\n1,2\n",
    "spaces before quotes": b'"a", "b"\n"1", "2"\n',
    "UTF-16": "a,b\n1,2\n".encode("utf-16"),
    "UTF-16, large bytes first": b"\xfe\xff" + "größe,b\r\n1,2\r\n".encode("utf-16-be"),
    "UTF-32": "a,b\n1,2\n".encode("utf-32"),
    "gzip": gzip.compress(b"a,b\n1,2\n"),
    "gzip in two members": gzip.compress(b"a,b\n") + gzip.compress(b"1,2\n"),
    "bzip2": bz2.compress(b"a,b\n1,2\n"),
    "xz": lzma.compress(b"a,b\n1,2\n"),
    "UTF-16 in gzip": gzip.compress("a,b\n1,2\n".encode("utf-16")),
}


@pytest.mark.parametrize("content", FINE.values(), ids=FINE)
def test_what_is_fine(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    X, y = data.read_csv(file)
    assert X.tolist() == [[1.0]]
    assert y.tolist() == [2.0]


@pytest.mark.parametrize("content", [b"a\r1", b"a\r1\r", b"a\r1\n", b"a\n1\r", b"a\r\n1"])
def test_lines_of_one_sign_have_any_end(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert data.read_csv(file, target=None)[0].tolist() == [[1]]


def test_a_line_break_in_quotes_is_kept(file: Path) -> None:
    file.write_text('"a\nb",c\n1,2\n')
    assert data.read_csv(file, target="a\nb")[1].tolist() == [1]


def test_a_name_that_is_empty_and_a_cell_that_is_missing_below_it(file: Path) -> None:
    file.write_text("a,b,\n1,2,3\n4,5,\n")
    X, y = data.read_csv(file, missing="drop")
    assert (X.tolist(), y.tolist()) == ([[1, 2]], [3])


def test_a_header_of_numbers_must_be_said(file: Path) -> None:
    file.write_text("2019,2020\n1,2\n")
    assert data.read_csv(file)[1].tolist() == [2020, 2]
    assert data.read_csv(file, "2020", header=True)[1].tolist() == [2]


def test_another_delimiter(file: Path) -> None:
    file.write_text("a;b\n1;2\n")
    assert data.read_csv(file, "a", delimiter=";")[1].tolist() == [1]
    with pytest.raises(DataFileError, match=r"say delimiter=';'"):
        data.read_csv(file)
    with pytest.raises(OptionError, match="delimiter must be one character"):
        data.read_csv(file, delimiter=";;")


MALFORMED = {
    "empty": (b"", ": holds no rows"),
    "blank": (b"\n \n", ": holds no rows"),
    "only a header": (b"a,b\n", ": holds no rows"),
    "one column": (b"a\n1\n", ", line 2, column 1: has one column"),
    "too few": (
        b"a,b,c\n1,2,3\n4,5\n",
        ", line 3, column 3: has 2 columns, and the first line has 3: '4,5'",
    ),
    "too many": (
        b"a,b\n1,2\n3,4,5\n",
        ", line 3, column 3: has 3 columns, and the first line has 2: '3,4,5'",
    ),
    "header too short": (
        b"a,b\n1,2,3\n",
        ", line 2, column 3: has 3 columns, and the first line has 2",
    ),
    "text": (
        b"a,b\n1,2\n3,four\n",
        ", line 3, column 2 ('b'): must be a finite number, not 'four'",
    ),
    "text, no header": (
        b"1,2\n3,four\n",
        ", line 2, column 2: must be a finite number, not 'four'",
    ),
    "half a header": (
        b"1,b\n",
        ", line 1: may hold names or a sample: say header=True or header=False",
    ),
    "nothing": (b"a,b\n,2\n", ", line 2, column 1 ('a'): is empty"),
    "nan": (b"a,b\n1,nan\n", ", line 2, column 2 ('b'): must be a finite number, not 'nan'"),
    "infinity": (b"a,b\n-inf,1\n", ", line 2, column 1 ('a'): must be a finite number, not '-inf'"),
    "too large": (
        b"a,b\n1,1e999\n",
        ", line 2, column 2 ('b'): must be a finite number, not '1e999'",
    ),
    "Python's underscore": (
        b"a,b\n1,1_000\n",
        ", line 2, column 2 ('b'): must be a finite number, not '1_000'",
    ),
    "digits of another script": (
        "a,b\n1,١\n".encode(),
        ", line 2, column 2 ('b'): must be a finite number, not '١'",
    ),
    "a byte of zero": (
        b"a,b\n1,\0\n",
        r", line 2, column 2 ('b'): must be a finite number, not '\x00'",
    ),
    "a long text": (
        b"a,b\n" + b"x" * 999 + b",1",
        f", line 2, column 1 ('a'): must be a finite number, not '{'x' * 37}...'",
    ),
    "a blank line inside": (
        b"a,b\n1,2\n\n \n3,4\n",
        ", line 3, column 1: is blank, and rows follow",
    ),
    "after a quoted line break": (
        b'"a\nb",c\n1,2\n"3\n",z\n',
        r", line 4, column 2 ('c'): must be a finite number, not 'z'",
    ),
    "Latin-1": (
        "a,b\n1,2\n3,é\n".encode("latin-1"),
        ", line 3, column 2: is not UTF-8: the byte 0xe9",
    ),
    "UTF-16 without its mark": (
        "a,b\n1,2\n".encode("utf-16-le"),
        ": looks like UTF-16 without a byte order mark: save",
    ),
    "UTF-16 without its mark, large bytes first": (
        "a,b\n1,2\n".encode("utf-16-be"),
        ": looks like UTF-16 without a byte order mark",
    ),
    "half of UTF-16": (b"\xff\xfea", ": starts as UTF-16, but is damaged: save the file as UTF-8"),
    "a web page": (
        b"\n<!DOCTYPE html><html>",
        ": is a web page, not CSV: download the file itself",
    ),
    "Parquet": (b"PAR1\x15\x04", ": is a Parquet file, not CSV"),
    "Zstandard": (b"\x28\xb5\x2f\xfd\x04", ": is compressed with Zstandard: unpack it first"),
    "words and a number": (
        b"a,b\n1,x\n2,3\n",
        ", line 3, column 2 ('b'): is the number '3' among words, such as 'x'",
    ),
    "a class that is missing": (
        b"a,b\n1,x\n2,\n",
        ", line 3, column 2 ('b'): is empty; to leave out such rows say missing='drop'",
    ),
    "a decimal comma": (
        b'a,b\n1,"2,5"\n',
        ", line 2, column 2 ('b'): must be a finite number, not '2,5'; "
        "if ',' is the decimal sign, say",
    ),
    "a percentage": (
        b"a,b\n1,12 %\n",
        ", line 2, column 2 ('b'): must be a finite number, not '12 %'; write plain numbers",
    ),
    "words for 1 and 0": (
        b"a,b\nTrue,1\n",
        ", line 2, column 1 ('a'): must be a finite number, not 'True'; write 1 and 0",
    ),
    "numbers and a word": (
        b"a,b\n1,2\n3,x\n",
        ", line 3, column 2 ('b'): must be a finite number, not 'x'; the lines above have",
    ),
    "single quotes": (
        b"a,b\n'1',2\n",
        """, line 2, column 1 ('a'): must be a finite number, not "'1'"; only double quotes""",
    ),
    "JSON": (b'[{"a": 1}]', ": is JSON, not CSV"),
    "semicolons and decimal commas": (
        b"1,5;2\n",
        ", line 1, column 2: must be a finite number, not '5;2'; if the first line",
    ),
    "a comment": (
        b"# of 2020\n1,2\n",
        ", line 2, column 2: has 2 columns, and the first line has 1: '1,2'; "
        "if lines starting with '#'",
    ),
    "a header of numbers and a word": (
        b"2019,2020,kind\n1,2,x\n3,4,y\n5,6,x\n",
        ", line 1: may hold names or a sample: say header=True",
    ),
    "an open quote": (b'a,b\n1,2\n"3,4\n', ", line 3: is not CSV: unexpected end of data"),
    "a long field": (b"a,b\n1," + b"9" * 200_000, ", line 2: is not CSV: field larger"),
}


@pytest.mark.parametrize(("content", "message"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_files(file: Path, content: bytes, message: str) -> None:
    file.write_bytes(content)
    with pytest.raises(DataFileError) as caught:
        data.read_csv(file)
    assert str(caught.value).startswith(f"{file}{message}")
    assert isinstance(caught.value, ValueError)


NAMES = "; if the first line holds names, say header=True"
BOTH = "; the lines above have numbers: a target holds numbers or words, not both"

TOLD: dict[str, tuple[str, dict[str, Any], str]] = {
    "a mark in the middle": (
        "a,b\n\ufeff1,2\n",
        {},
        "line 2, column 1 ('a'): must be a finite number, not '\\ufeff1'",
    ),
    "one row that ends in a delimiter": (
        "1,2,\n",
        {},
        "line 1, column 3: is empty; to leave out such rows say missing='drop'",
    ),
    "a comment, and a name of a target": (
        "# of 2020\n1,2\n",
        {"target": "b"},
        "line 2, column 2: has 2 columns, and the first line has 1: '1,2'; "
        "if lines starting with '#' are comments, say comment='#'",
    ),
    "infinities are no names": (
        "inf,inf\n1,2\n",
        {},
        f"line 1, column 1: must be a finite number, not 'inf'{NAMES}",
    ),
    "percentages are no names": (
        "1 %,2 %\n1,2\n",
        {},
        "line 1, column 1: must be a finite number, not '1 %'; write plain numbers, without $ or %",
    ),
    "one column of two": (
        "a,b\n1,2\n3\n",
        {},
        "line 3, column 2: has 1 column, and the first line has 2: '3'",
    ),
    "two columns of three": (
        "a,b,c\n1,2,3\n4,5\n",
        {},
        "line 3, column 3: has 2 columns, and the first line has 3: '4,5'",
    ),
    "another delimiter further down": (
        "a,b\n1,2\n3;4\n",
        {},
        "line 3, column 2: has 1 column, and the first line has 2: '3;4'; "
        "if ';' separates the cells, say delimiter=';'",
    ),
    "two columns of one, below a row": (
        "# x\n1\n2,3\n",
        {"target": None},
        "line 3, column 2: has 2 columns, and the first line has 1: '2,3'",
    ),
    "a word that may be a name": (
        "1,x\n2,3\n",
        {},
        f"line 2, column 2: is the number '3' among words, such as 'x'{NAMES}",
    ),
    "a word that is none": (
        "a,b\n1,x\n2,3\n",
        {},
        "line 3, column 2 ('b'): is the number '3' among words, such as 'x'",
    ),
    "two words": (
        "1,x\n2,y\n3,4\n",
        {},
        "line 3, column 2: is the number '4' among words, such as 'x'",
    ),
    "a word in the second row": (
        "1,\n2,x\n3,4\n",
        {"missing": "drop"},
        "line 3, column 2: is the number '4' among words, such as 'x'",
    ),
    "a class that is missing": (
        "a,b\n1,x\n2,\n",
        {},
        "line 3, column 2 ('b'): is empty; to leave out such rows say missing='drop'",
    ),
    "an input that is missing": (
        "a,b\n,2\n",
        {},
        "line 2, column 1 ('a'): is empty; to leave out such rows say missing='drop', "
        "to fill in the mean of the column missing='mean'",
    ),
    "a word below a number": (
        "1,2\n3,four\n",
        {},
        f"line 2, column 2: must be a finite number, not 'four'{BOTH}",
    ),
    "a first line that may hold names": (
        "x,2\n3,4\n",
        {"target": None},
        f"line 1, column 1: must be a finite number, not 'x'{NAMES}",
    ),
    "a word among inputs": (
        "1,2,3\n4,red,6\n",
        {},
        "line 2, column 2: must be a finite number, not 'red'; inputs are numbers: "
        "leave the column out of the file, or predict it, with target=1",
    ),
    "no number for a mean": (
        "x,a,y\n1,,2\n1,,3\n",
        {"missing": "mean"},
        "column 2 ('a'): has no number from which to take a mean",
    ),
    "a target that is missing": (
        "x,y\n1,2\n3,\n",
        {"missing": "mean"},
        "line 3, column 2 ('y'): is missing, and a target can't be filled in: say missing='drop'",
    ),
}


@pytest.mark.parametrize(("content", "options", "message"), TOLD.values(), ids=TOLD)
def test_what_is_told_and_nothing_besides(
    file: Path, content: str, options: dict[str, Any], message: str
) -> None:
    file.write_text(content, encoding="utf-8")
    with pytest.raises(DataFileError) as caught:
        data.read_csv(file, **options)
    assert str(caught.value) == f"{file}, {message}"


FIRST_LINES = {
    "numbers in order, and classes that are there again": (
        "2019,2020,kind\n1,2,x\n3,4,y\n5,6,x\n",
        True,
    ),
    "numbers in order, alone": ("1,b\n", True),
    "no class is there again": ("1,2,x\n3,4,y\n", False),
    "its class is there again": ("1,2,x\n3,4,x\n", False),
    "numbers out of order": ("2019,2021,kind\n1,2,x\n3,4,x\n", False),
    "numbers that are not whole": ("1.5,2,kind\n1,2,x\n3,4,x\n", False),
}


@pytest.mark.parametrize(("content", "is_refused"), FIRST_LINES.values(), ids=FIRST_LINES)
def test_whether_a_first_line_may_hold_names(file: Path, content: str, is_refused: bool) -> None:
    file.write_text(content)
    if is_refused:
        with pytest.raises(
            DataFileError,
            match=r"line 1: may hold names or a sample: say header=True or header=False$",
        ):
            data.read_csv(file)
    else:
        assert len(data.read_csv(file)[0]) == content.count("\n")
    assert len(data.read_csv(file, header=False)[0]) == content.count("\n")


@given(st.binary(max_size=200))
def test_any_bytes_are_numbers_or_an_error_that_names_the_file(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.csv"
    file.write_bytes(content)
    try:
        X, y = data.read_csv(file)
    except DataFileError as error:
        told = str(error)
    else:
        told = str(file)
        assert np.isfinite(X).all()
        assert len(X) == len(y) > 0
    assert told.startswith(str(file))


@given(
    st.lists(
        st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3),
        min_size=1,
        max_size=20,
    )
)
def test_written_numbers_are_read_to_the_bit(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[float]]
) -> None:
    file = tmp_path_factory.getbasetemp() / "bits.csv"
    file.write_text("\n".join(",".join(map(repr, row)) for row in rows))
    X, y = data.read_csv(file)
    assert np.column_stack([X, y]).tobytes() == np.array(rows).tobytes()


def test_targets_that_are_not_there(file: Path) -> None:
    file.write_text("a,b,b\n1,2,3\n")
    with pytest.raises(UnknownNameError, match=r"no column 'c': it has 'a', 'b', 'b'"):
        data.read_csv(file, "c")
    with pytest.raises(OptionError, match="2 columns 'b': give the index"):
        data.read_csv(file, "b")
    for target in (3, -4, True, 1.0, [0]):
        with pytest.raises(OptionError, match="target must be"):
            data.read_csv(file, target)  # type: ignore[arg-type]
    file.write_text("1,2\n")
    with pytest.raises(UnknownNameError, match="no names, so give an index"):
        data.read_csv(file, "a")


def test_a_file_that_is_not_there(file: Path) -> None:
    with pytest.raises(FileNotFoundError):
        data.read_csv(file)
    with pytest.raises(FileNotFoundError):
        data.read_mnist_csv(file)


@pytest.mark.parametrize("header", [False, True])
def test_mnist_rows(file: Path, header: bool) -> None:
    names = ["label", *(f"pixel{i}" for i in range(784))]
    rows = [[str(label), *(str((label + i) % 256) for i in range(784))] for label in (7, 0)]
    file.write_text("\n".join(",".join(row) for row in ([names] if header else []) + rows))
    X, y = data.read_mnist_csv(file)
    assert X.shape == (2, 784)
    assert y.dtype == np.int64
    assert y.tolist() == [7, 0]
    assert X[0, :3].tolist() == [7 / 255, 8 / 255, 9 / 255]
    assert (X.min(), X.max()) == (0.0, 1.0)


def test_images_of_other_sizes(file: Path) -> None:
    file.write_text("11,0,255,51,0\n")
    X, y = data.read_mnist_csv(file, pixels=None, classes=12)
    assert X.tolist() == [[0.0, 1.0, 0.2, 0.0]]
    assert y.tolist() == [11]
    assert data.read_mnist_csv(file, pixels=4, classes=12)[0].shape == (1, 4)


NOT_MNIST: dict[str, tuple[str, int | None, str]] = {
    "too few pixels": (
        "1,2,3,4,5",
        784,
        ", line 1, column 6: has a label and 4 pixels, and 784 pixels were expected; "
        "pixels=None takes",
    ),
    "too many pixels": (
        "1,2,3,4,5,6",
        4,
        ", line 1, column 6: has a label and 5 pixels, and 4 pixels were expected",
    ),
    "no square": (
        "1,2,3,4",
        None,
        ", line 1, column 4: has a label and 3 pixels, which make no square",
    ),
    "no pixels": (
        "1\n2",
        None,
        ", line 1, column 1: has a label and 0 pixels, which make no square",
    ),
    "label too large": (
        "9,0\n10,0",
        1,
        ", line 2, column 1: a label must be a whole number from 0 to 9, not 10",
    ),
    "label below 0": (
        "-1,0",
        1,
        ", line 1, column 1: a label must be a whole number from 0 to 9, not -1",
    ),
    "half a label": (
        "1.5,0",
        1,
        ", line 1, column 1: a label must be a whole number from 0 to 9, not 1.5",
    ),
    "pixel too large": (
        "label,p\n1,0\n1,256",
        1,
        ", line 3, column 2 ('p'): a pixel must be a whole number from 0 to 255, not 256",
    ),
    "pixel below 0": (
        "1,0,0,0,-1",
        4,
        ", line 1, column 5: a pixel must be a whole number from 0 to 255, not -1",
    ),
    "pixels scaled already": (
        "1,0.5",
        1,
        ", line 1, column 2: a pixel must be a whole number from 0 to 255, not 0.5",
    ),
    "text": ("1,0\n1,x", 1, ", line 2, column 2: must be a finite number, not 'x'"),
    "nothing": ("1,0\n1,", 1, ", line 2, column 2: is empty"),
}


@pytest.mark.parametrize(("content", "pixels", "message"), NOT_MNIST.values(), ids=NOT_MNIST)
def test_malformed_images(file: Path, content: str, pixels: int | None, message: str) -> None:
    file.write_text(content)
    with pytest.raises(DataFileError) as caught:
        data.read_mnist_csv(file, pixels)
    assert str(caught.value).startswith(f"{file}{message}")


@pytest.mark.parametrize(
    ("content", "hint"),
    [("1,2,3,4,5,6", ""), ("1,2,3,4,5", "; pixels=None takes any square number")],
)
def test_only_squares_are_taken_without_a_number_of_pixels(
    file: Path, content: str, hint: str
) -> None:
    file.write_text(content)
    with pytest.raises(DataFileError) as caught:
        data.read_mnist_csv(file, pixels=9)
    assert str(caught.value).endswith(f"and 9 pixels were expected{hint}")


# As it is in the wild


def test_classes_in_words(file: Path) -> None:
    file.write_text(
        "sepal,petal,species\n5.1,1.4,versicolor\n7.0,4.7, setosa\n4.9,1.4,versicolor\n"
    )
    X, y, names = data.read_csv(file, target="species")
    assert X.tolist() == [[5.1, 1.4], [7.0, 4.7], [4.9, 1.4]]
    assert y.tolist() == [1, 0, 1]
    assert y.dtype == np.int64
    assert names == ["setosa", "versicolor"]


def test_classes_in_words_without_a_header(file: Path) -> None:
    file.write_text("yes,1,2\nno,3,4\n")
    X, y, names = data.read_csv(file, 0)
    assert (X.tolist(), y.tolist(), names) == ([[1, 2], [3, 4]], [1, 0], ["no", "yes"])


def test_a_target_of_numbers_has_no_names(file: Path) -> None:
    file.write_text("a,b\n1,2\n")
    assert len(data.read_csv(file)) == 2


def test_the_words_of_a_column_of_inputs_are_refused_with_its_name(file: Path) -> None:
    file.write_text("a,color,b\n1,red,2\n")
    with pytest.raises(
        DataFileError, match=r"line 2, column 2 \('color'\): .*'red'; .*target='color'"
    ):
        data.read_csv(file)
    assert data.read_csv(file, target="color")[2] == ["red"]


def test_no_target(file: Path) -> None:
    file.write_text("a\n1\n2\n")
    X, y = data.read_csv(file, target=None)
    assert X.tolist() == [[1], [2]]
    assert y is None


def test_one_column_with_a_delimiter_at_the_end_of_every_line(file: Path) -> None:
    file.write_text("a,\n1,\n2,\n")
    assert data.read_csv(file, target=None)[0].tolist() == [[1], [2]]


def test_a_misspelled_target(file: Path) -> None:
    file.write_text("rooms,Price\n1,2\n")
    with pytest.raises(UnknownNameError, match=r"it has 'rooms', 'Price'; did you mean 'Price'\?"):
        data.read_csv(file, "price")


HOLES = "a,b,y\n1,NA,5\n2,3,6\n?,5,7\n4,7,8\n"


def test_missing_cells_are_refused_with_what_to_say(file: Path) -> None:
    file.write_text(HOLES)
    with pytest.raises(
        DataFileError, match=r"line 2, column 2 \('b'\).*say missing='drop', .*missing='mean'"
    ):
        data.read_csv(file)


def test_rows_with_missing_cells_are_left_out(file: Path) -> None:
    file.write_text(HOLES)
    X, y = data.read_csv(file, missing="drop")
    assert (X.tolist(), y.tolist()) == ([[2, 3], [4, 7]], [6, 8])


def test_missing_cells_are_filled_with_means(file: Path) -> None:
    file.write_text(HOLES)
    X, y = data.read_csv(file, missing="mean")
    assert (X.tolist(), y.tolist()) == ([[1, 5], [2, 3], [7 / 3, 5], [4, 7]], [5, 6, 7, 8])


def test_without_a_target_every_column_is_filled(file: Path) -> None:
    file.write_text("a,b\n1,\n,3\n5,5\n")
    X, y = data.read_csv(file, target=None, missing="mean")
    assert (X.tolist(), y) == ([[1, 4], [3, 3], [5, 5]], None)


@pytest.mark.parametrize(
    "marker", ["", " ", "NA", "n/a", "NaN", "nan", "null", "NULL", "?", "#N/A"]
)
def test_markers_of_what_is_missing(file: Path, marker: str) -> None:
    file.write_text(f"a,b\n{marker},1\n2,3\n")
    assert data.read_csv(file, missing="drop")[0].tolist() == [[2]]


def test_a_missing_class_is_left_out(file: Path) -> None:
    file.write_text("a,b\n1,\n2,x\n3,y\n?,z\n")
    X, y, names = data.read_csv(file, missing="drop")
    assert (X.tolist(), y.tolist(), names) == ([[2], [3]], [0, 1], ["x", "y"])


NOT_FILLED = {
    "a target": ("a,b\n1,2\n3,NA\n", "mean", r"line 3, column 2 \('b'\): .*say missing='drop'"),
    "a column": ("a,b\n,2\n,3\n", "mean", r"column 1 \('a'\): has no number"),
    "all rows": ("a,b\n,2\n1,\n", "drop", "nothing is left"),
}


@pytest.mark.parametrize(("content", "missing", "message"), NOT_FILLED.values(), ids=NOT_FILLED)
def test_what_can_not_be_filled(file: Path, content: str, missing: str, message: str) -> None:
    file.write_text(content)
    with pytest.raises(DataFileError, match=message):
        data.read_csv(file, missing=missing)


def test_decimal_commas(file: Path) -> None:
    file.write_text("a;b\n1,5;2,25\n-3;4e1\n")
    X, y = data.read_csv(file, delimiter=";", decimal=",")
    assert (X.tolist(), y.tolist()) == ([[1.5], [-3]], [2.25, 40])


def test_a_decimal_comma_is_no_class(file: Path) -> None:
    file.write_text("a;b\n1;2,5\n3;4,5\n")
    with pytest.raises(
        DataFileError, match=r"not '2,5'; if ',' is the decimal sign, say decimal=','"
    ):
        data.read_csv(file, delimiter=";")


def test_a_point_where_commas_are_decimal(file: Path) -> None:
    file.write_text("1;2.5\n")
    with pytest.raises(DataFileError, match=r"say decimal='\.'"):
        data.read_csv(file, delimiter=";", decimal=",")


@pytest.mark.parametrize(
    ("options", "cell", "number"),
    [
        ({"thousands": ","}, "-1,234,567.5", -1234567.5),
        ({"thousands": ".", "decimal": ","}, "1.234,5", 1234.5),
        ({"thousands": " "}, "12 345", 12345.0),
        ({"thousands": "'"}, "12'345.25", 12345.25),
    ],
)
def test_thousands(file: Path, options: dict[str, str], cell: str, number: float) -> None:
    file.write_text(f"1;{cell}\n", encoding="utf-8")
    assert data.read_csv(file, delimiter=";", **options)[1].tolist() == [number]  # type: ignore[arg-type]


def test_thousands_are_groups_of_three(file: Path) -> None:
    file.write_text("1;1,23\n")
    with pytest.raises(DataFileError, match="not '1,23'"):
        data.read_csv(file, delimiter=";", thousands=",")


def test_what_groups_digits_is_asked_for(file: Path) -> None:
    file.write_text('1,"1,234"\n')
    with pytest.raises(
        DataFileError, match="say decimal=','; if ',' groups thousands, say thousands=','"
    ):
        data.read_csv(file)


def test_comments(file: Path) -> None:
    file.write_text('# made by hand, "so it is\na,b\n  # of 2020\n1,2\n"3",x\n')
    with pytest.raises(DataFileError, match=r"line 5, column 2 \('b'\)"):
        data.read_csv(file, comment="#")
    file.write_text('a,b\n"1\n",2\n# the end\n')
    assert data.read_csv(file, comment="#")[1].tolist() == [2]


def test_a_comment_sign_inside_of_quotes_is_none(file: Path) -> None:
    file.write_text('"a\n#b",c\n1,2\n')
    assert data.read_csv(file, target="c", comment="#")[0].tolist() == [[1]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"missing": "Mean"}, "did you mean 'mean'"),
        ({"missing": None}, "choose from refuse, drop, mean"),
        ({"decimal": ";"}, "decimal can't be ';'"),
        ({"thousands": ";"}, "thousands can't be ';'"),
        ({"thousands": "."}, "can't both be"),
        ({"comment": ""}, "comment must be"),
        ({"comment": " "}, "comment must be"),
        ({"comment": 3}, "comment must be"),
        ({"header": 0}, "header must be True, False or None, not 0"),
        ({"delimiter": "\n"}, "delimiter must be one character"),
        ({"delimiter": 3}, "delimiter must be one character"),
    ],
)
def test_impossible_options(file: Path, options: dict[str, Any], message: str) -> None:
    file.write_text("1,2\n")
    with pytest.raises(OptionError, match=message):
        data.read_csv(file, **options)


@pytest.mark.parametrize("header", [None, True])
def test_a_header_of_numbers_and_a_word(file: Path, header: bool | None) -> None:
    file.write_text("2019,2020,kind\n1,2,x\n3,4,x\n")
    if header is None:
        with pytest.raises(DataFileError, match="say header=True or header=False"):
            data.read_csv(file)
    else:
        assert data.read_csv(file, "kind", header=True)[2] == ["x"]


# Packed files


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv"])
def test_packed_files_under_any_name(tmp_path: Path, name: str) -> None:
    packed = tmp_path / name
    packed.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    assert data.read_csv(packed)[1].tolist() == [2]


def test_a_plain_file_under_the_name_of_a_packed_one(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(b"a,b\n1,2\n")
    assert data.read_csv(tmp_path / "a.csv.gz")[1].tolist() == [2]


def zipped(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_a_zip_of_one_file(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"folder/a.csv": "a,b\n1,2\n", "__MACOSX/._a.csv": "\0"})
    assert data.read_csv(archive)[1].tolist() == [2]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "zip of 0 files"),
        ({"a.csv": "1", "b.csv": "2"}, "zip of 2 files .'a.csv', 'b.csv'.: unpack it"),
        ({"[Content_Types].xml": "", "xl/workbook.xml": ""}, "is a workbook, not CSV"),
        ({"mimetype": "", "content.xml": ""}, "is a workbook, not CSV"),
        ({f"{i}": "" for i in range(7)}, r"zip of 7 files \('0', '1', '2', '3', '4'\): unpack it"),
    ],
)
def test_other_zips(tmp_path: Path, files: dict[str, str], message: str) -> None:
    archive = tmp_path / "a.zip"
    if files:
        zipped(archive, files)
    else:
        archive.write_bytes(zipped(tmp_path / "b.zip", {"folder/": ""}).read_bytes())
    with pytest.raises(DataFileError, match=message):
        data.read_csv(archive)


def test_a_zip_with_a_password(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"a.csv": "a,b\n1,2\n"})
    content = bytearray(archive.read_bytes())
    # The first flag of an entry says that it is encrypted; it is there twice.
    content[content.index(b"PK\x03\x04") + 6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    with pytest.raises(DataFileError, match="is a zip with a password: unpack it first"):
        data.read_csv(archive)


PACKERS: list[Callable[[bytes], bytes]] = [gzip.compress, bz2.compress, lzma.compress]


@pytest.mark.parametrize("pack", PACKERS)
def test_damaged_packed_files(file: Path, pack: Callable[[bytes], bytes]) -> None:
    whole = pack(b"".join(b"%d,%d\n" % (i, i * i) for i in range(5000)))
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 0xFF
    for length in range(12, len(whole), max(1, len(whole) // 40)):
        file.write_bytes(whole[:length])
        with pytest.raises(DataFileError, match="is damaged: it can't be unpacked"):
            data.read_csv(file)
    file.write_bytes(changed)
    with pytest.raises(DataFileError):
        data.read_csv(file)


def test_any_damage_to_a_zip_is_an_error_of_ours(file: Path) -> None:
    whole = zipped(file.with_suffix(".zip"), {"a.csv": "a,b\n" + "1,2\n" * 99}).read_bytes()
    chance = random.Random(1)
    for _ in range(300):
        changed = bytearray(whole)
        changed[chance.randrange(len(whole))] = chance.randrange(256)
        file.write_bytes(changed)
        with suppress(DataFileError):
            assert data.read_csv(file)[0].tolist() == [[1]] * 99


# Hints


WRONG_READINGS = {
    "semicolons": "1;2\n3;4\n",
    "tabs": "1\t2\n3\t4\n",
    "bars": "1|2\n3|4\n",
    "spaces": "1 2\n3  4\n",
    "a decimal comma": '"1,5","2,5"\n',
    "thousands": '"1,234.5","2"\n',
    "a header": "1,x,3\n4,5,6\n",
    "a comment": "# one\n1,2\n",
    "missing": "1,2\n,3\n",
}


@pytest.mark.parametrize("content", WRONG_READINGS.values(), ids=WRONG_READINGS)
def test_a_hint_can_be_followed(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(DataFileError) as caught:
        data.read_csv(file)
    options = dict(re.findall(r"(\w+)=('.*?'|True|None)", str(caught.value)))
    assert options, str(caught.value)
    first, said = next(iter(options.items()))
    X, y = data.read_csv(
        file, **{first: True if said == "True" else said[1:-1].replace("\\t", "\t")}
    )
    assert np.isfinite(X).all()
    assert len(X) == len(y)


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        ("12 %", "without $ or %"),
        ("$5", "without $ or %"),
        ("1_000", ""),
        ("1.234,5", ""),
        ("yes", "write 1 and 0"),
        ("'1'", "only double quotes"),
        ("'", ""),
        ("''", "only double quotes"),
        ("red %", ""),
    ],
)
def test_how_to_write_a_number(cell: str, hint: str) -> None:
    found = rewriting_hint(cell)
    assert hint in found
    assert bool(found) == bool(hint)


@pytest.mark.parametrize(
    "content",
    ["5;0\n", '5,"0,5"\n', "# a\n5,0\n", "5,\n6,1\n", "5,x\n6,1\n", "5 0\n", 'a,b\n5,"1,234"\n'],
)
def test_hints_of_mnist_name_what_it_has(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(DataFileError) as caught:
        data.read_mnist_csv(file, pixels=1)
    known = inspect.signature(data.read_mnist_csv).parameters
    assert all(option in known for option in re.findall(r"(\w+)=", str(caught.value)))


def test_mnist_with_another_delimiter_and_packed(file: Path) -> None:
    file.write_bytes(gzip.compress(b"5;0\r6;255\r"))
    X, y = data.read_mnist_csv(file, pixels=1, delimiter=";")
    assert (X.tolist(), y.tolist()) == ([[0], [1]], [5, 6])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("missing", ["drop", "mean"])
def test_pandas_reads_the_same(file: Path, end: str, missing: str) -> None:
    pandas = pytest.importorskip("pandas")
    chance = random.Random(3)
    cells = [
        [
            chance.choice(["", "NA", "nan", repr(chance.gauss(0, 1e3)), str(chance.randrange(9))])
            for _ in range(4)
        ]
        for _ in range(200)
    ]
    rows = ["a;b;c;d;kind"] + [
        ";".join([*row, chance.choice(["x", "y z", "ä"])]).replace(".", ",") for row in cells
    ]
    file.write_bytes((end.join(rows) + end).encode())
    X, y, names = data.read_csv(file, "kind", delimiter=";", decimal=",", missing=missing)
    table = pandas.read_csv(file, sep=";", decimal=",")
    table = table.dropna() if missing == "drop" else table.fillna(table.mean(numeric_only=True))
    codes, found = pandas.factorize(table["kind"], sort=True)
    np.testing.assert_allclose(X, table[["a", "b", "c", "d"]].to_numpy(), rtol=1e-13)
    assert y.tolist() == codes.tolist()
    assert names == list(found)


@pytest.mark.parametrize(
    ("spelling", "cell", "row", "hint"),
    [
        (",.", "1;2", ["1;2"], "; if ';' separates the cells, say delimiter=';'"),
        (",.", "1,5", ["1,5", "a|b"], "; if '|' separates the cells, say delimiter='|'"),
        (",.", "1,234", ["1,234", "a|b"], "; if '|' separates the cells, say delimiter='|'"),
        (";.", "a;b", ["a;b", "1"], ""),
        (",.", "1 2", ["1 2"], "; if ' ' separates the cells, say delimiter=' '"),
        (",.", "1 2", ["1 2", "3"], ""),
        (",.", "1;2 3", ["1;2 3"], "; if ';' separates the cells, say delimiter=';'"),
        (",.", "1", ["1"], ""),
        (",.", "1 x", ["1 x"], ""),
        (",.", "1 inf", ["1 inf"], ""),
        (",.", "# a", ["# a"], "; if lines starting with '#' are comments, say comment='#'"),
        (",.", "%a", ["%a"], "; if lines starting with '%' are comments, say comment='%'"),
        (",.", "1,5", ["1,5", "2"], "; if ',' is the decimal sign, say decimal=','"),
        (
            ",.",
            "1,234",
            ["1,234", "2"],
            "; if ',' is the decimal sign, say decimal=','; "
            "if ',' groups thousands, say thousands=','",
        ),
        (",.", "1,234.5", ["1,234.5", "2"], "; if ',' groups thousands, say thousands=','"),
        (";.,", "1,23", ["1,23", "2"], "; if ',' is the decimal sign, say decimal=','"),
        (";.,", "1,234.5", ["1,234.5", "2"], ""),
        (";,", "2.5", ["2.5", "1"], "; if '.' is the decimal sign, say decimal='.'"),
        (";,", "1,5,5", ["1,5,5", "1"], ""),
        (";,", "1,5", ["1,5", "1"], ""),
    ],
)
def test_hints_about_a_cell(spelling: str, cell: str, row: list[str], hint: str) -> None:
    options = frozenset({"delimiter", "decimal", "thousands", "comment"})
    delimiter, decimal, *thousands = spelling
    assert (
        NumberFormat(delimiter, decimal, thousands[0] if thousands else None, options).hint(
            cell, row
        )
        == hint
    )
    assert (
        NumberFormat(delimiter, decimal, thousands[0] if thousands else None, frozenset()).hint(
            cell, row
        )
        == ""
    )


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("a", True),
        (" größe ", True),
        ("a b", True),
        ("a\0b", False),
        ("a;b", False),
        ("a|b", False),
        ("NA", False),
        ("-inf", False),
        ("1e5", False),
    ],
)
def test_what_can_be_the_name_of_a_class(cell: str, found: bool) -> None:
    assert is_word(cell) == found


@pytest.mark.parametrize(
    "option", [{"delimiter": sign} for sign in ("", "ab", "\r", '"', "\0", None)]
)
def test_what_can_not_part_cells(file: Path, option: dict[str, Any]) -> None:
    file.write_text("1,2\n")
    with pytest.raises(OptionError, match="delimiter must be one character"):
        data.read_csv(file, **option)


def test_texts_are_cut_for_messages() -> None:
    assert shorten("a" * 40) == repr("a" * 40)
    assert shorten("a" * 41) == repr("a" * 37 + "...")


def test_a_packer_that_this_python_does_not_have(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_bytes(lzma.compress(b"1,2\n"))
    monkeypatch.setitem(sys.modules, "lzma", None)
    with pytest.raises(
        DataFileError,
        match="is compressed, and this Python has no module lzma: unpack the file first",
    ):
        data.read_csv(file)


def test_a_line_may_have_64_megabytes() -> None:
    assert MAX_LINE_BYTES == 64 * 2**20


@pytest.mark.parametrize("content", ["12345678,9\n1,2\n", "1,2\r3,4\r5,6\r7,8"])
def test_lines_that_are_just_not_too_long(
    file: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setattr("scalargrad.data.lines.MAX_LINE_BYTES", 11)
    file.write_bytes(content.encode())
    assert len(data.read_csv(file)[0]) == len(content.splitlines())


@pytest.mark.parametrize(
    ("content", "line"), [("12345678,90\n1,2\n", 1), ("12345678,9\n12345678,90\n", 2)]
)
def test_lines_that_are_just_too_long(
    file: Path, monkeypatch: pytest.MonkeyPatch, content: str, line: int
) -> None:
    monkeypatch.setattr("scalargrad.data.lines.MAX_LINE_BYTES", 11)
    file.write_text(content)
    with pytest.raises(DataFileError, match=f"line {line}: is longer than 11 bytes"):
        data.read_csv(file)


def test_a_line_without_end_in_a_packed_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalargrad.data.lines.MAX_LINE_BYTES", 1000)
    file.write_bytes(gzip.compress(b"1" * 2000))
    with pytest.raises(DataFileError, match="line 1: is longer than 1,000 bytes"):
        data.read_csv(file)
