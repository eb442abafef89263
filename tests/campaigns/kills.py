"""A training run killed again and again at random moments must come to the same bits.

`python -m tests.campaigns.kills [TRAININGS]`
"""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.training.script import fingerprint, train

ROOT = Path(__file__).parent.parent.parent
EPOCHS = 300


def killed_until_done(path: Path, seed: int) -> tuple[str, int]:
    """What the training printed in the end, and how often it was killed before."""
    rng, kills = random.Random(seed), 0
    while True:
        command = [
            sys.executable,
            "-m",
            "tests.training.script",
            str(path),
            str(EPOCHS),
            str(EPOCHS),
        ]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        time.sleep(rng.uniform(0.2, 1.5))
        if process.poll() is None:
            process.kill()
            kills += 1
        printed, _ = process.communicate()
        if process.returncode == 0:
            return printed.strip(), kills


def main(trainings: int) -> None:
    """Kill, go on, compare, count."""
    model, history, _ = train(None, EPOCHS, EPOCHS)
    expected, kills, equal = fingerprint(model, history), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(trainings):
            printed, count = killed_until_done(Path(folder, f"{seed}.checkpoint"), seed)
            kills, equal = kills + count, equal + (printed == expected)
    print(
        f"{trainings} trainings of {history.epochs} epochs, killed {kills} times: "
        f"{equal} came to the same bits"
    )
    sys.exit(equal != trainings)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
