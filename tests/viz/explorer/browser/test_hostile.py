"""Hostile texts in a browser: more than 300 labels, titles and names show as text."""

from collections.abc import Callable
from typing import Any

import pytest

import scalargrad as sg
import viz
from scalargrad import Value
from scalargrad.core.value import backward
from tests.viz.hostile import HOSTILE
from viz.look.text import clean

Show = Callable[..., Any]

PARTS = 4

ALARM = """for (const name of ['alert', 'confirm', 'prompt', 'open'])
  window[name] = () => console.log('a script has run');"""


# To look at each value of a page takes as long as the page is large, so there are several.
@pytest.mark.parametrize("part", range(PARTS))
def test_labels_run_nothing_and_show_as_text(show: Show, part: int) -> None:
    labels = HOSTILE[part::PARTS]
    leaves = [Value(1.0 + i, label=label) for i, label in enumerate(labels)]
    outputs = [leaf * 2.0 for leaf in leaves]
    for output, leaf in zip(outputs, leaves, strict=True):
        output.label = leaf.label
    backward(outputs)
    page = show(viz.explore(outputs, title=labels[0]), script=ALARM)
    assert page.text("#title") == clean(labels[0], 120)
    assert (
        page.tab.locator("#panel script, #panel img, #panel iframe, #stage a, #stage image").count()
        == 0
    )
    shown = page.tab.evaluate(
        """async (count) => {
      const found = [];
      for (let i = 0; i < count; i += 3) {
        const heard = new Promise((done) => addEventListener('hashchange', done, { once: true }));
        location.hash = `value=${i}`;
        await heard;
        found.push(document.querySelector('#panel h2').textContent);
      }
      return found;
    }""",
        3 * len(labels),
    )
    for label in labels:
        if clean(label):
            assert clean(label) in shown
    assert page.tab.locator("script").count() == 3


@pytest.mark.parametrize("which", range(0, 80, 10))
def test_hostile_titles_are_text(show: Show, which: int) -> None:
    title = HOSTILE[which]
    page = show(viz.explore(Value(1.0) * 2, title=title), script=ALARM)
    assert page.tab.title() == clean(title, 120)


def test_a_script_that_got_in_would_not_run(show: Show) -> None:
    page = viz.explore(Value(1.0) * 2)
    page.html = page.html.replace(
        "<main>", "<main><script>console.log('ran')</script><b onclick=x>"
    )
    opened = show(page)
    assert not [text for text in opened.said if text == "ran"]
    assert any("Content Security Policy" in text for text in opened.said)
    opened.said.clear()


def test_names_in_blocks_run_nothing_and_show_as_text(show: Show) -> None:
    texts = [text for text in HOSTILE if clean(text)][:24]
    with sg.trace_calls():
        x = Value(1.0, label=texts[0])
        for text in texts:
            x = x * 2.0
            x.label = text
    x.backward()
    page = viz.explore(x, level="blocks", tokens=texts, vocabulary=texts)
    opened = show(page, script=ALARM)
    assert opened.tab.locator("#blocks :is(script, image, a, foreignObject, style)").count() == 0
    assert clean(texts[0])[:8] in opened.text("#blocks")
