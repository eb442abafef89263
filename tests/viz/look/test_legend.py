"""The legend: every sign has a meaning at every level, for whatever colors show."""

from itertools import product

import pytest

from scalargrad.errors import OptionError
from viz.look.legend import LEVELS, SHOWN, SIGNS, checked_show, meaning
from viz.look.text import width

EVERY = list(product(SIGNS, LEVELS, SHOWN))


@pytest.mark.parametrize(("sign", "level", "show"), EVERY)
def test_every_sign_has_one_sentence(sign, level, show):
    found = meaning(sign, level, show)
    assert found.sentence[0].isupper() or found.sentence.startswith("∂")
    assert found.sentence.endswith(".")
    assert found.sentence.count(". ") == 0


@pytest.mark.parametrize(("sign", "level", "show"), EVERY)
def test_the_words_of_a_sign_fit_into_one_line_of_a_phone(sign, level, show):
    assert 0 < width(meaning(sign, level, show).words, 11) <= 390 - 2 * 24 - 32


def test_lines_of_a_network_say_whether_they_are_weights_or_gradients():
    words = [meaning("line", "neurons", show).words for show in SHOWN]
    assert len(set(words)) == len(SHOWN)


def test_an_unknown_quantity_is_refused_with_the_nearest_one():
    with pytest.raises(OptionError, match="did you mean 'weights'"):
        checked_show("weight")
