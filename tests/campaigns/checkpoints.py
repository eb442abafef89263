"""Files that are damaged or make no sense: `python -m tests.campaigns.checkpoints [FILES] [SEED]`.

Half of the files are a checkpoint with bytes changed, which `load` must refuse or read right. The
other half are well formed, with parts replaced: from these a run must resume, or be left as it
was.
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path
from random import Random

from scalargrad.checkpoint import load
from scalargrad.errors import CheckpointError
from scalargrad.training import Callback, Training
from tests.training.nonsense import problem
from tests.training.script import train


class Capture(Callback):
    """Keeps the training, to be resumed again and again."""

    training: Training

    def on_train_begin(self, training: Training) -> None:
        """Keep it."""
        self.training = training


def damaged(raw: bytes, rng: Random) -> bytes:
    """Change, cut, insert or swap some bytes."""
    changed = bytearray(raw)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        place = rng.randrange(len(changed))
        match rng.randrange(4):
            case 0:
                changed[place] ^= 1 << rng.randrange(8)
            case 1:
                changed[place] = rng.randrange(256)
            case 2:
                del changed[place : place + rng.choice((1, 8, 1000))]
                changed = changed or bytearray(b"\0")
            case 3:
                changed[place:place] = rng.randbytes(rng.choice((1, 8)))
    return bytes(changed)


def wrong_load(valid: Path, path: Path, rng: Random) -> str:
    """What is wrong after an attempt to load a damaged file; "" where nothing is."""
    path.write_bytes(damaged(valid.read_bytes(), rng))
    try:
        found = load(path)
    except CheckpointError:
        return ""
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    expected = load(valid)
    same = {name: array.tobytes() for name, array in found.arrays.items()} == {
        name: array.tobytes() for name, array in expected.arrays.items()
    }
    return "" if same else "wrong numbers were read"


def main(files: int, seed: int) -> None:
    """Try every file, and print how many went wrong."""
    rng = Random(seed)
    problems: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        valid = Path(folder, "valid")
        path = Path(folder, "changed")
        capture = Capture()
        train(valid, epochs=3, extra=[capture])
        for i in range(files):
            if i % 2:
                found = wrong_load(valid, path, rng)
            else:
                found = problem(capture.training, valid, path, rng)
            if found:
                problems[found[:200]] += 1
    for text, count in problems.most_common(20):
        print(count, text)
    print(f"{files} files, {sum(problems.values())} problems")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:] or (10_000,)), *(() if len(sys.argv) > 2 else (0,)))
