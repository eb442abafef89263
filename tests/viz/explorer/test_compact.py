"""Scripts and styles without comments and indentation: what they mean stays."""

import re
import shutil
import subprocess

import pytest

from tests.viz.explorer.test_scripts import SCRIPTS, without_texts
from viz.explorer.compact import compact_body, compact_script, compact_style
from viz.explorer.scripts import asset, page_styles


@pytest.mark.parametrize(
    ("script", "compact"),
    [
        ("const a = 1; // one\nconst b = 2;", "const a=1;\nconst b=2;"),
        ("/** Add.\n * @param a */\nadd(a, b);", "add(a,b);"),
        ("f('// no', \"/* no */\");", "f('// no',\"/* no */\");"),
        ("const a = `x  // ${f({ a: `  ${b}` })}  y`;", "const a=`x  // ${f({a:`  ${b}`})}  y`;"),
        ("const quote = /['\"`//]/g; // why", "const quote=/['\"`//]/g;"),
        ("const half = a / 2 / b; // a", "const half=a/2/b;"),
        ("a = b + +c - -d;", "a=b + +c - -d;"),
        ("return [a, b];", "return[a,b];"),
        ("a\n  .b()\n  .c();", "a\n.b()\n.c();"),
        ("if (a < b && c > d) e += 1;", "if(a<b&&c>d)e+=1;"),
        ("f('it\\'s', `\\``); // g", "f('it\\'s',`\\``);"),
        ("a = b; /* c */ d = e;", "a=b;d=e;"),
        ("x = a /* b */ / c;", "x=a/c;"),
    ],
)
def test_scripts(script: str, compact: str) -> None:
    assert compact_script(script) == compact


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_words_and_signs_of_a_script_are_the_same(name: str) -> None:
    def tokens(text: str) -> list[str]:
        return re.findall(r"[\w$]+|[^\w$\s]", without_texts(text))

    body = SCRIPTS[name].body
    assert tokens(compact_script(body)) == tokens(body)
    assert compact_script(compact_script(body)) == compact_script(body)


def test_texts_are_kept() -> None:
    texts = re.compile(r"'(?:[^'\\\n]|\\.)*'")
    for script in SCRIPTS.values():
        without_comments = re.sub(r"//[^\n]*|/\*.*?\*/", "", script.body, flags=re.DOTALL)
        kept = texts.findall(compact_script(script.body))
        assert set(texts.findall(without_comments)) <= set(kept) | {"'http:"}


def test_a_template_without_an_end_is_an_error() -> None:
    with pytest.raises(ValueError, match="template"):
        compact_script("const a = `b;")


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on the PATH")
def test_an_engine_reads_the_compact_scripts() -> None:
    joined = "\n".join(compact_script(script.body) for script in SCRIPTS.values())
    script = f"'use strict';(() => {{\n{joined}}});\n"
    subprocess.run(["node", "--check", "-"], input=script, text=True, check=True)


@pytest.mark.parametrize(
    ("style", "compact"),
    [
        ("a { color: red; }\n\nb { top: 0; }\n", "a{color:red;}b{top:0;}"),
        ("a :is(b, c) > d { top: 0 }", "a :is(b,c) > d{top:0}"),
        ("/* x */ a { width: calc(1px + 2px); }", " a{width:calc(1px + 2px);}"),
        ("a::before { content: '/* x */  ;'; }", "a::before{content:'/* x */  ;';}"),
        ("@media (max-width: 9px) {\n  a { top: 0; }\n}", "@media (max-width:9px){a{top:0;}}"),
        ("a { font: 600 13px/1.5 var(--mono), 'A B'; }", "a{font:600 13px/1.5 var(--mono),'A B';}"),
    ],
)
def test_styles(style: str, compact: str) -> None:
    assert compact_style(style) == compact


def test_the_styles_of_a_page_have_as_many_rules_as_before() -> None:
    for name in {*page_styles(True), *page_styles(False)}:
        style = re.sub(r"/\*.*?\*/", "", asset(name), flags=re.DOTALL)
        for sign in "{};:":
            assert compact_style(style).count(sign) == style.count(sign)


def test_a_body_loses_its_indentation() -> None:
    assert compact_body("<div>\n  <b>a</b>\n</div>\n") == "<div>\n<b>a</b>\n</div>\n"
