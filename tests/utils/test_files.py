"""Files are written whole or not at all."""

import errno
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from scalargrad import checkpoint, data
from scalargrad.errors import DataError, PathError
from scalargrad.utils import files
from scalargrad.utils.files import as_path, write
from tests.viz.hostile import HOSTILE

ROOT = Path(__file__).parent.parent.parent
as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
with_links = pytest.mark.skipif(
    os.name == "nt", reason="needs links, pipes and permissions of Unix"
)


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
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    target = write(tmp_path / "a", "old")
    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space left"):
        write(target, "new")
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]  # noqa: PTH208


def test_nothing_is_remembered_of_a_file_once_it_is_written(tmp_path: Path) -> None:
    write(tmp_path / "a", "content")
    assert files._unfinished == set()


@with_links
@pytest.mark.parametrize("fails", [False, True])
def test_no_descriptor_stays_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    target = write(tmp_path / "a", "old")
    opened: list[int] = []
    real_open = os.open

    def remember(*arguments: object) -> int:
        descriptor = real_open(*arguments)  # type: ignore[arg-type]
        opened.append(descriptor)
        return descriptor

    monkeypatch.setattr(os, "open", remember)
    if fails:
        monkeypatch.setattr(os, "fchmod", refuse)
        with pytest.raises(OSError, match="not permitted"):
            write(target, "new")
    else:
        write(target, "new")
    assert opened
    for descriptor in opened:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


def test_text_that_is_no_unicode_fails_before_anything_is_written(tmp_path: Path) -> None:
    target = write(tmp_path / "a", "old")
    with pytest.raises(UnicodeEncodeError):
        write(target, "\ud800")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert target.read_text() == "old"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(PathError, match=r"folder .*missing.* does not exist"):
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
    with pytest.raises(PathError, match="not a valid file name"):
        write(name, "x")


def test_hostile_names_stay_in_their_folder(tmp_path: Path) -> None:
    folder = tmp_path / "outer" / "inner"
    folder.mkdir(parents=True)
    for text in HOSTILE:
        name = text.replace("/", "_").replace("..", "_")
        if (
            not name
            or "\0" in name
            or name == "."
            or len(os.fsencode(name.encode("utf-8", "replace").decode())) > 200
        ):
            continue
        try:
            write(folder / name, text.encode("utf-8", "replace"))
        except (PathError, UnicodeEncodeError, OSError):
            continue
    assert os.listdir(tmp_path) == ["outer"]  # noqa: PTH208
    assert os.listdir(tmp_path / "outer") == ["inner"]  # noqa: PTH208
    assert not [name for name in os.listdir(folder) if name.endswith(".part")]  # noqa: PTH208


# Anything but regular files


@with_links
def test_a_pipe_stays_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.svg")
    with pytest.raises(PathError, match=r"pipe\.svg' is a pipe"):
        write(tmp_path / "pipe.svg", "x")
    assert stat.S_ISFIFO((tmp_path / "pipe.svg").stat().st_mode)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe.svg"]


@with_links
def test_a_socket_stays_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.svg")
        with pytest.raises(PathError, match="is a socket"):
            write("s.svg", "x")
        assert stat.S_ISSOCK(os.stat("s.svg").st_mode)  # noqa: PTH116


@as_root
@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK])
def test_a_device_stays_a_device(tmp_path: Path, kind: int) -> None:
    device = tmp_path / "null.svg"
    try:
        os.mknod(device, kind | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("no devices can be made here")
    with pytest.raises(PathError, match="is a device"):
        write(device, "x")
    assert stat.S_IFMT(device.stat().st_mode) == kind


@with_links
def test_a_link_to_a_device_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "link.svg").symlink_to(os.devnull)
    with pytest.raises(PathError, match="is a device"):
        write(tmp_path / "link.svg", "x")
    assert (tmp_path / "link.svg").is_symlink()


# Links


@with_links
def test_a_link_to_a_file_that_is_not_there_yet_makes_it(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(Path("folder") / "new")
    assert write(tmp_path / "link", "x") == tmp_path / "link"
    assert (tmp_path / "folder" / "new").read_text() == "x"


@with_links
def test_links_that_lead_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(PathError, match="in a cycle of links"):
        write(tmp_path / "a", "x")


# Permissions


@with_links
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o777])
def test_nobody_sees_new_content_who_could_not_see_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    target = write(tmp_path / "a", "old")
    target.chmod(mode)
    seen: list[int] = []
    real = os.fsync

    def look(descriptor: int) -> None:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", look)
    opened: list[int] = []
    real_open = os.open

    def create(path: object, flags: int, mode: int = 0o777) -> int:
        descriptor = real_open(path, flags, mode)  # type: ignore[arg-type]
        if flags & os.O_CREAT:
            opened.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return descriptor

    monkeypatch.setattr(os, "open", create)
    write(target, "new")
    assert opened[0] & ~mode == 0
    assert opened[0] & 0o077 == 0  # open to others only when owner and group are right
    assert seen == [mode]
    assert stat.S_IMODE(target.stat().st_mode) == mode


@with_links
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o007])
def test_new_files_follow_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        assert stat.S_IMODE(write(tmp_path / "a", "x").stat().st_mode) == 0o666 & ~mask
    finally:
        os.umask(before)


@as_root
def test_the_owner_stays_the_owner(tmp_path: Path) -> None:
    target = write(tmp_path / "a", "old")
    os.chown(target, 1234, 2345)
    write(target, "new")
    assert (target.stat().st_uid, target.stat().st_gid) == (1234, 2345)


def as_nobody(folder: Path, program: str) -> str:
    """What a program of another user prints, in a folder of that user's."""
    head = f"import os, sys; sys.path.insert(0, {str(ROOT)!r}); sys.dont_write_bytecode = True\n"
    # Imported while everything may still be read.
    head += "import scalargrad.utils.files; from scalargrad.utils.files import write\n"
    head += f"os.chdir({str(folder)!r}); os.setegid(65534); os.seteuid(65534)\n"
    return subprocess.run(
        [sys.executable, "-c", head + program], capture_output=True, text=True, check=True
    ).stdout


TRY = """
try:
    write({0!r}, "x")
except Exception as error:
    print(type(error).__name__, error)
"""


@as_root
def test_a_folder_that_is_read_only_is_named_with_the_file(tmp_path: Path) -> None:
    told = as_nobody(tmp_path, TRY.format("a.svg"))
    assert told.startswith("PermissionError")
    assert "(writing to the folder '.'): 'a.svg'" in told
    assert ".part" not in told


@as_root
def test_a_file_that_is_read_only_is_not_replaced(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    target = write(tmp_path / "a.svg", "old")
    os.chown(target, 65534, 65534)
    target.chmod(0o444)
    assert "read-only" in as_nobody(tmp_path, TRY.format("a.svg"))
    assert target.read_text() == "old"


@as_root
def test_a_group_that_can_not_be_kept_gives_its_permissions_to_no_other(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    target = write(tmp_path / "a.svg", "old")
    os.chown(target, 65534, 2345)
    target.chmod(0o660)
    assert as_nobody(tmp_path, TRY.format("a.svg")) == ""
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


# Order of the steps


@with_links
def test_content_is_on_the_disk_before_the_name_and_the_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[tuple[str, int]] = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        about = os.fstat(descriptor)
        steps.append(("folder", 0) if stat.S_ISDIR(about.st_mode) else ("file", about.st_size))
        real_fsync(descriptor)

    def replace(source: Path, target: Path) -> None:
        steps.append(("rename", Path(source).stat().st_size))
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    write(tmp_path / "a", b"12345")
    assert steps == [("file", 5), ("rename", 5), ("folder", 0)]  # 5: flushed before


def test_a_full_disk_names_the_file_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", ".a.7.part")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write(tmp_path / "a", "x")
    assert caught.value.filename == str(tmp_path / "a")
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs /proc")
def test_a_folder_where_no_file_can_be_made() -> None:
    with pytest.raises(OSError, match=r"writing to the folder '/proc'\): '/proc/a\.svg'"):
        write("/proc/a.svg", "x")


def test_a_name_that_is_too_long_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="n" * 300):
        write(tmp_path / ("n" * 300), "x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("length", [200, 250, 255])
def test_the_longest_names(tmp_path: Path, length: int) -> None:
    assert write(tmp_path / ("n" * length), "x").read_text() == "x"


# What killed processes left

KILLER = """
import os, signal, sys
sys.path.insert(0, {root!r})
from scalargrad.utils import files
os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
for target in map(eval, sys.stdin):
    pid = os.fork()
    if not pid:
        files.write(target, "half")
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""

WAITING = """
import os, sys
sys.path.insert(0, {root!r})
from scalargrad.utils import files
real = os.fsync
def wait(descriptor):
    os.fsync = real
    print("now", flush=True)
    sys.stdin.readline()
os.fsync = wait
files.write({target!r}, "the last to end")
"""


Killed = Callable[[Path], None]
"""Writes a file in a process that is killed in the middle."""


@pytest.fixture(scope="module")
def killed() -> Iterator[Killed]:
    """One process starts all those that are killed, so that each need not import everything."""
    program = [sys.executable, "-c", KILLER.format(root=str(ROOT))]
    with subprocess.Popen(program, stdin=-1, stdout=-1, text=True) as killer:
        assert killer.stdin is not None
        assert killer.stdout is not None
        asked, answered = killer.stdin, killer.stdout

        def kill(target: Path) -> None:
            print(ascii(str(target)), file=asked, flush=True)
            assert answered.readline() == f"{-signal.SIGKILL}\n"

        yield kill


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@with_links
@pytest.mark.parametrize("name", ["run.checkpoint", "a" * 200, "größe [1]*.svg", "a.1.svg"])
def test_what_a_killed_process_left_is_removed_by_the_next_write(
    tmp_path: Path, name: str, killed: Killed
) -> None:
    killed(tmp_path / name)
    first = names(tmp_path)
    killed(tmp_path / name)
    assert len(names(tmp_path)) == len(first) == 1
    assert names(tmp_path) != first  # the second one has removed what the first one left
    write(tmp_path / name, "whole")
    assert names(tmp_path) == [name]


@with_links
def test_what_is_left_of_another_file_stays(tmp_path: Path, killed: Killed) -> None:
    killed(tmp_path / "a.svg")
    (tmp_path / ".b.svg.part").write_text("of somebody else")
    (tmp_path / ".b.svg.99999999.elsewhere.01234567.part").write_text("of another host")
    before = names(tmp_path)
    write(tmp_path / "b.svg", "x")
    write(tmp_path / "svg", "x")
    assert names(tmp_path) == sorted([*before, "b.svg", "svg"])


@with_links
def test_a_process_that_is_still_writing_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "a"
    program = WAITING.format(root=str(ROOT), target=str(target))
    with subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "now\n"
        write(target, "sooner")
        assert target.read_text() == "sooner"
        other.communicate("go on\n")
    assert other.returncode == 0
    assert target.read_text() == "the last to end"
    assert names(tmp_path) == ["a"]


@with_links
def test_a_namesake_of_this_process_is_dead(tmp_path: Path) -> None:
    left = (
        tmp_path / f".a.{os.getpid()}.{files._host()}.01234567.part"
    )  # in a container each start may have one number
    left.write_text("half")
    write(tmp_path / "a", "whole")
    assert names(tmp_path) == ["a"]


def test_threads_that_write_one_file_leave_one_of_their_contents(tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def work(letter: str) -> None:
        try:
            for _ in range(30):
                write(tmp_path / "a", letter * 5000)
        except BaseException as error:
            failures.append(error)

    threads = [Thread(target=work, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(set((tmp_path / "a").read_text())) == 1
    assert names(tmp_path) == ["a"]


# Paths as users write them


def test_the_home_folder_is_meant_by_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert write("~/a.csv", "1,2\n") == tmp_path / "a.csv"
    assert data.read_csv("~/a.csv")[1].tolist() == [2.0]
    checkpoint.save("~/a.ckpt", {"w": 1.0})
    assert checkpoint.load(Path("~/a.ckpt")).arrays["w"].item() == 1.0
    assert names(tmp_path) == ["a.ckpt", "a.csv"]


def test_a_name_that_only_begins_with_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write("~a.svg", "x")
    assert names(tmp_path) == ["~a.svg"]


def test_a_path_may_be_bytes() -> None:
    assert as_path(b"a.svg") == Path("a.svg")


def test_what_is_no_path() -> None:
    with pytest.raises(DataError, match="a path must be text or a Path, not int"):
        as_path(3)  # type: ignore[arg-type]
    for name in ("", "a\0b", "\ud800"):
        with pytest.raises(PathError, match="not a valid file name"):
            as_path(name)


@pytest.mark.parametrize("read", [data.read_csv, data.read_mnist_csv, checkpoint.load])
def test_reading_refuses_impossible_names_too(read: object) -> None:
    with pytest.raises(PathError, match="not a valid file name"):
        read("a\0b")  # type: ignore[operator]


def test_every_module_writes_through_files() -> None:
    opens_to_write = re.compile(r"""\.write_text\(|\.write_bytes\(|open\(.*["'][wax]b?\+?["']""")
    found = []
    for package in ("scalargrad", "viz", "demos"):
        for path in (ROOT / package).rglob("*.py"):
            lines = path.read_text(encoding="utf-8").splitlines()
            code = [line for line in lines if not line.strip().startswith((">>>", "..."))]
            found += [path.name for line in code if opens_to_write.search(line)]
    assert found == ["files.py"]
