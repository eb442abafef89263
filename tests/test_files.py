"""Files are written whole or not at all."""

import os
from pathlib import Path

import pytest

from scalargrad.errors import PathError
from scalargrad.files import write
from tests.viz.hostile import HOSTILE


def test_text_is_utf_8_and_bytes_are_bytes(tmp_path: Path) -> None:
    assert write(tmp_path / "a.txt", "−1\n").read_bytes() == b"\xe2\x88\x921\n"
    assert write(str(tmp_path / "b.bin"), b"\x00\xff").read_bytes() == b"\x00\xff"


def test_an_older_file_is_replaced_and_keeps_its_permissions(tmp_path: Path) -> None:
    target = write(tmp_path / "a", "old and longer")
    target.chmod(0o640)
    write(target, "new")
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o640


def test_permissions_of_a_new_file_are_the_usual_ones(tmp_path: Path) -> None:
    (tmp_path / "usual").write_text("x")
    assert write(tmp_path / "ours", "x").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    target = write(tmp_path / "a", "old")
    monkeypatch.setattr(os if step == "fsync" else Path, step, full)
    with pytest.raises(OSError, match="No space left"):
        write(target, "new")
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]  # noqa: PTH208


def test_text_that_is_no_unicode_fails_before_anything_is_written(tmp_path: Path) -> None:
    target = write(tmp_path / "a", "old")
    with pytest.raises(UnicodeEncodeError):
        write(target, "\ud800")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert target.read_text() == "old"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(PathError, match=r"no folder .*missing"):
        write(tmp_path / "missing" / "a.svg", "x")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(PathError, match="is a folder"):
        write(tmp_path, "x")
    with pytest.raises(PathError, match="is a folder"):
        write(f"{tmp_path}/a/", "x")


def test_what_a_link_leads_to_is_replaced(tmp_path: Path) -> None:
    real = write(tmp_path / "real", "old")
    (tmp_path / "link").symlink_to(real)
    write(tmp_path / "link", "new")
    assert real.read_text() == "new"
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_impossible_names(name: str) -> None:
    with pytest.raises(PathError, match="no possible name"):
        write(name, "x")


def test_hostile_names_stay_in_their_folder(tmp_path: Path) -> None:
    folder = tmp_path / "outer" / "inner"
    folder.mkdir(parents=True)
    for text in HOSTILE:
        name = text.replace("/", "_").replace("..", "_")
        if not name or "\0" in name or name == "." or len(os.fsencode(name.encode("utf-8", "replace").decode())) > 200:
            continue
        try:
            write(folder / name, text.encode("utf-8", "replace"))
        except (UnicodeEncodeError, OSError):
            continue
    assert os.listdir(tmp_path) == ["outer"]  # noqa: PTH208
    assert os.listdir(tmp_path / "outer") == ["inner"]  # noqa: PTH208
    assert not [name for name in os.listdir(folder) if name.endswith(".part")]  # noqa: PTH208
