"""From a line to any curve: random functions of lines and sigmoids, and a film of them."""

from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from demos.film import film_svg
from demos.gallery import Explorer, Picture, Story, in_training, run_alone, say_all
from demos.listing import list_code
from scalargrad.data import StandardScaler
from scalargrad.nn import MLP, normal
from scalargrad.optim import Adam
from scalargrad.utils.files import write
from viz.look.palette import class_color
from viz.look.theme import LIGHT
from viz.plots import new_axes, plot_curves, save_plot
from viz.plots.figure import style_axes

Heights = NDArray[np.float64]
"""A function as its heights over PLACES."""
PLACES: Heights = np.linspace(-10.0, 10.0)
FRAMES = 24
CENSUS = 1000
RESTLESS = 340
"""Random functions in the film, and of each kind that is counted; the seed of one that a network
follows, with a dip and a jump."""


def squash(x: Heights) -> Heights:
    """Send each number through the sigmoid."""
    heights: Heights = 1.0 / (1.0 + np.exp(-x))
    return heights


def random_line(rng: Random, x: Heights) -> Heights:
    """Send x through a line whose two coefficients are normally distributed."""
    k = rng.normalvariate(0.0, 1.0)
    b = rng.normalvariate(0.0, 1.0)
    heights: Heights = k * x + b
    return heights


def composed(rng: Random) -> Heights:
    """Compose a line, a sigmoid and a line."""
    return random_line(rng, squash(random_line(rng, PLACES)))


def summed(rng: Random) -> Heights:
    """Add up eight such compositions, as the second layer of a network does."""
    heights: Heights = np.sum([composed(rng) for _ in range(8)], axis=0)
    return heights


def cut(rng: Random, x: Heights) -> tuple[Heights, Heights]:
    """Cut at a random place."""
    place = rng.randrange(len(x))
    return x[:place], x[place:]


def joined(rng: Random) -> Heights:
    """Join two lines at a random place."""
    return np.concatenate([random_line(rng, part) for part in cut(rng, PLACES)])


def squashed(rng: Random) -> Heights:
    """Cut joined lines once more, and send each part through the sigmoid."""
    return np.concatenate([squash(part) for part in cut(rng, joined(rng))])


def wild(rng: Random) -> Heights:
    """Send each of those parts through a line after the sigmoid: a frame of the film."""
    return np.concatenate([random_line(rng, squash(part)) for part in cut(rng, joined(rng))])


def turns(heights: Heights) -> int:
    """Count how often a function changes from rising to falling or back."""
    steps = np.diff(heights)
    # Where a sigmoid is flat, its differences are rounding errors of either sign.
    signs = np.sign(steps[np.abs(steps) > 1e-12])
    return int(np.count_nonzero(np.diff(signs)))


def switched(left: Heights, right: Heights, place: float) -> Heights:
    """Join two functions without a cut: a steep sigmoid switches from one to the other."""
    return left + (right - left) * squash(50.0 * (PLACES - place))


def soft_error(rng: Random) -> float:
    """Return how far two lines joined by a switch are from the same lines joined by a cut."""
    left = random_line(rng, PLACES)
    right = random_line(rng, PLACES)
    half = len(PLACES) // 2
    hard = np.concatenate([left[:half], right[half:]])
    soft = switched(left, right, PLACES[half - 1 : half + 1].mean())
    return float(np.abs(soft - hard).max())


def draw_functions(folder: Path, rng: Random) -> None:
    """Draw five random functions of each kind."""
    pictures = (
        (_COMPOSED, ("line of sigmoid of line", composed), ("sums of eight of them", summed)),
        (_JOINED, ("two lines, joined", joined), ("cut again, through sigmoids", squashed)),
    )
    for picture, *panels in pictures:
        axes = new_axes(2, width=7.1, height=3.2)
        for ax, (title, kind) in zip(axes, panels, strict=True):
            plot_curves({f"{i}": kind(rng).tolist() for i in range(5)}, PLACES.tolist(), ax)
            # The functions are random: their numbers say nothing.
            if legend := ax.get_legend():
                legend.remove()
            ax.set(title=title, xlabel="x")
        save_plot(axes[0], folder / picture.file, "Random functions", picture.alt)


def draw_film(folder: Path, rng: Random) -> None:
    """Make the film of random functions."""
    functions = [wild(rng) for _ in range(FRAMES)]
    (ax,) = new_axes(width=7.1, height=3.8)
    style_axes(ax).set(xlabel="x")

    # All of them, faintly: who prefers less motion still sees how different they are.
    for heights in functions:
        ax.plot(PLACES, heights, color=LIGHT.line, linewidth=0.6)
    frames = []
    for heights in functions:
        frames += ax.plot(PLACES, heights, color=class_color(0), linewidth=2.4)

    film = film_svg(ax, frames, "A film of random functions", _FILM.alt)
    write(folder / _FILM.file, film)


def count_turns() -> list[tuple[str, str]]:
    """Count the turns of many random functions of each kind."""
    rng = Random(0)
    numbers = []
    for what, kind in (
        ("line of sigmoid of line", composed),
        ("two lines, joined", joined),
        ("a frame of the film", wild),
        ("sum of eight compositions", summed),
    ):
        counts = [turns(kind(rng)) for _ in range(CENSUS)]
        turning = np.count_nonzero(counts)
        most = f", up to {max(counts)} times" if turning else ""
        numbers.append((what, f"{turning:,} of {CENSUS:,} turn{most}"))
    return numbers


def run(folder: Path, quick: bool = False) -> Story:  # noqa: ARG001
    """Draw random functions of each kind, play a film of them, and count their turns."""
    # It is all so small that quick and full are the same.
    rng = Random(3)
    draw_functions(folder, rng)
    draw_film(folder, rng)

    numbers = count_turns()
    numbers.append(("a sigmoid instead of a cut: off by", f"{soft_error(rng):.0e}"))
    say_all(numbers)
    pictures = (_COMPOSED, _JOINED, _FILM)
    page = _page_that_trains(folder)
    return Story(
        "curves",
        "From a line to any curve",
        _TEXT,
        tuple(numbers),
        pictures,
        (page,),
        list_code(composed, summed, joined, wild),
    )


def _page_that_trains(folder: Path) -> Explorer:
    # Places and heights of about one, as a network likes its numbers.
    column = wild(Random(RESTLESS))[:, None]
    heights = StandardScaler().fit(column).transform(column)
    data = ((PLACES / 4.0)[:, None], heights.ravel())
    model = MLP(1, [8, 1], activation="sigmoid", initializer=normal(2.0), seed=0)
    title = "Eight sigmoids"
    options = {"optimizer": Adam(model.parameters(), 0.1)}
    return in_training(model, data, folder / "curves-train.html", title, **options)


_TEXT = (
    "A line and a sigmoid are the only pieces. A line, a sigmoid and a line, one after the other, "
    "only rise or only fall, whatever their numbers are. Cut and joined at random places, the same "
    "pieces do almost anything: the film shows another function every half second. Simple pieces "
    "make complicated functions.",
    "But joined pieces are not a network yet. Somebody has to choose where to cut, and a position "
    "in a list has no derivative: no gradient can move it. A network adds up many compositions "
    "instead, and every number in it has a derivative. Where it needs a cut, a steep sigmoid "
    "switches from one piece to the other, and the place of the switch is a number like the rest.",
    "Not every cut counts. Joined lines that are cut once more, each part through the sigmoid, are "
    "what they would be without that cut, for it is the same sigmoid. Only with a different line "
    "after it for each part, as in the film, does the second cut show.",
)
_COMPOSED = Picture(
    "curves-random.svg",
    "Left: five random compositions of a line, a sigmoid and a line, each a smooth step that only "
    "rises or only falls. Right: five sums of eight such compositions; some rise and fall.",
    "Left, five times a line of a sigmoid of a line, all coefficients normally distributed. "
    "Right, sums of eight of them, as a layer of eight neurons makes them.",
)
_JOINED = Picture(
    "curves-joined.svg",
    "Left: five times two straight lines that are joined with a jump at some place. Right: five "
    "such functions sent through the sigmoid, between 0 and 1, bent and with a jump.",
    "Left, two random lines each, joined at a random place; the steep stretch is the join. Right, "
    "others of that kind, cut once more and sent through the sigmoid in two parts: the second cut "
    "can't be seen.",
)
_FILM = Picture(
    "curves-film.svg",
    "A film: every half second another random function in blue, bent and with up to two jumps, "
    "over the faint lines of all 24.",
    "A random function every half second: two lines joined, cut again, and each part through the "
    "sigmoid and a line after it. Who prefers less motion sees the last one before all the others.",
)

if __name__ == "__main__":
    run_alone(run, "curves")
