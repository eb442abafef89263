"""Reading files of numbers: what is right is read, and each thing that can be wrong is named with its place."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalargrad import data
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
    "spaces": b"a , b\n 1 , 2 \n",
    "quotes": b'"a, as said","b"\n"1","2"\n',
    "a quoted line break": b'"a\nb",c\n1,2\n',
    "exponents": b"a,b\n+1e0,.2E+1\n",
    "other scripts in names": "größe,数\n1,2\n".encode(),
}


@pytest.mark.parametrize("content", FINE.values(), ids=FINE)
def test_what_is_fine(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    X, y = data.read_csv(file)
    assert X.tolist() == [[1.0]]
    assert y.tolist() == [2.0]


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
    "too few": (b"a,b,c\n1,2,3\n4,5\n", ", line 3, column 3: has 2 columns, and the first line has 3: '4,5'"),
    "too many": (b"a,b\n1,2\n3,4,5\n", ", line 3, column 3: has 3 columns, and the first line has 2: '3,4,5'"),
    "header too short": (b"a,b\n1,2,3\n", ", line 2, column 3: has 3 columns, and the first line has 2"),
    "text": (b"a,b\n1,2\n3,four\n", ", line 3, column 2 ('b'): must be a finite number, not 'four'"),
    "text, no header": (b"1,2\n3,four\n", ", line 2, column 2: must be a finite number, not 'four'"),
    "half a header": (b"1,b\n", ", line 1, column 2: must be a finite number, not 'b'; if the first line holds names, say header=True"),
    "nothing": (b"a,b\n,2\n", ", line 2, column 1 ('a'): is empty"),
    "nan": (b"a,b\n1,nan\n", ", line 2, column 2 ('b'): must be a finite number, not 'nan'"),
    "infinity": (b"a,b\n-inf,1\n", ", line 2, column 1 ('a'): must be a finite number, not '-inf'"),
    "too large": (b"a,b\n1,1e999\n", ", line 2, column 2 ('b'): must be a finite number, not '1e999'"),
    "Python's underscore": (b"a,b\n1,1_000\n", ", line 2, column 2 ('b'): must be a finite number, not '1_000'"),
    "digits of another script": ("a,b\n1,١\n".encode(), ", line 2, column 2 ('b'): must be a finite number, not '١'"),
    "a byte of zero": (b"a,b\n1,\0\n", r", line 2, column 2 ('b'): must be a finite number, not '\x00'"),
    "a long text": (b"a,b\n1," + b"x" * 999, f", line 2, column 2 ('b'): must be a finite number, not '{'x' * 37}...'"),
    "a blank line inside": (b"a,b\n1,2\n\n \n3,4\n", ", line 3, column 1: is blank, and rows follow"),
    "after a quoted line break": (b'"a\nb",c\n1,2\n"3\n",z\n', r", line 4, column 2 ('c'): must be a finite number, not 'z'"),
    "Latin-1": ("a,b\n1,2\n3,é\n".encode("latin-1"), ", line 3, column 2: is not UTF-8: the byte 0xe9"),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), ", line 1, column 1: is not UTF-8: the byte 0xff"),
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


@given(st.binary(max_size=200))
def test_any_bytes_are_numbers_or_an_error_that_names_the_file(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
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


@given(st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3), min_size=1, max_size=20))
def test_written_numbers_are_read_to_the_bit(tmp_path_factory: pytest.TempPathFactory, rows: list[list[float]]) -> None:
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
    for target in (3, -4, True, 1.0, None):
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
    "too few pixels": ("1,2,3,4,5", 784, ", line 1, column 6: has a label and 4 pixels, and 784 pixels were expected; pixels=None takes"),
    "too many pixels": ("1,2,3,4,5,6", 4, ", line 1, column 6: has a label and 5 pixels, and 4 pixels were expected"),
    "no square": ("1,2,3,4", None, ", line 1, column 4: has a label and 3 pixels, which make no square"),
    "no pixels": ("1\n2", None, ", line 1, column 1: has a label and 0 pixels, which make no square"),
    "label too large": ("9,0\n10,0", 1, ", line 2, column 1: a label must be a whole number from 0 to 9, not 10"),
    "label below 0": ("-1,0", 1, ", line 1, column 1: a label must be a whole number from 0 to 9, not -1"),
    "half a label": ("1.5,0", 1, ", line 1, column 1: a label must be a whole number from 0 to 9, not 1.5"),
    "pixel too large": ("label,p\n1,0\n1,256", 1, ", line 3, column 2 ('p'): a pixel must be a whole number from 0 to 255, not 256"),
    "pixel below 0": ("1,0,0,0,-1", 4, ", line 1, column 5: a pixel must be a whole number from 0 to 255, not -1"),
    "pixels scaled already": ("1,0.5", 1, ", line 1, column 2: a pixel must be a whole number from 0 to 255, not 0.5"),
    "text": ("1,0\n1,x", 1, ", line 2, column 2: must be a finite number, not 'x'"),
}


@pytest.mark.parametrize(("content", "pixels", "message"), NOT_MNIST.values(), ids=NOT_MNIST)
def test_malformed_images(file: Path, content: str, pixels: int | None, message: str) -> None:
    file.write_text(content)
    with pytest.raises(DataFileError) as caught:
        data.read_mnist_csv(file, pixels)
    assert str(caught.value).startswith(f"{file}{message}")
