"""More than 300 texts that try to break out of labels, names, titles and file names: the same ones in every run."""

from collections.abc import Callable, Iterable, Sequence
from itertools import product

_MARKUP = [
    "<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</text><image href='x' onerror='alert(1)'/>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<foreignObject><iframe src='//evil.example'></iframe></foreignObject>",
    "<use xlink:href='data:image/svg+xml;base64,PHN2Zz4='/>",
    "<style>*{display:none}</style>",
    "<!--", "-->", "--!>", "<![CDATA[", "]]>", "<?xml version='1.0'?>", "<!DOCTYPE x [<!ENTITY y 'z'>]>", "&y;",
    "&lt;b&gt;", "&amp;amp;", "&#60;script&#62;", "&#x3c;b&#x3e;", "&quot;", "&#0;", "&#x1F;", "&nbsp;", "&", "&;", "&#;", "<", ">", "<>", "< >",
    "' onmouseover='alert(1)", '" onmouseover="alert(1)', "` onclick=`alert(1)`", "x\" fill=\"url(http://evil.example/x)",
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,<b>x</b>", "vbscript:x", "https://evil.example/?a=1&b=2", "//evil.example", "url(#x)",
]  # fmt: skip
_DOT = [
    "a|b {x} <b> w<0> a\\N x\"y tail\\",
    "\\N", "\\G", "\\L", "\\E", "\\T", "\\H", "\\l\\r\\n", "\\", "\\\\", "\\\\\\", '\\"', '"', '""', "a:b", "a:b:c", "n0:port:e", ":",
    "|", "{", "}", "{{a|b}|c}", "<port> x", "<<b>x</b>>", "<<table><tr><td href='x'>y</td></tr></table>>", "<x>", "<&>", "< & >",
    'x" URL="javascript:alert(1)', 'x", tooltip="y', "];}", "} digraph {", "-> n1", "a -> b;", "/* x", "*/", "// x", "# x", "#include",
    "strict", "graph", "digraph", "subgraph", "node", "edge", "cluster_0", "label=x", "a;b", "a,b", "a=b", "[x]", "(x)", "_", "é:w", "+", "0", "-1", "1.5", ".5",
]  # fmt: skip
_MERMAID = [
    "end", "End", "END", " end ", "graph", "flowchart LR", "subgraph x", "click n0 callback", "click n0 href \"javascript:alert(1)\"", "style n0 fill:#f00",
    "style a:#b;", "classDef x:#y;", "class n0 x", "linkStyle 0 stroke:red", "direction TB", "default", "%%{init: {'theme':'dark'}}%%", "%% comment", "---",
    "--- title: x ---", "n0 --> n1", "-->", "-.->", "==>", "o--o", "x--x", "A & B", ":::x", "@{ shape: rect }", "`**bold**`", "**bold**", "1. list", "- list",
    "* list", "+ list", "# heading", "> quote", "[x](javascript:alert(1))", "![x](https://evil.example/x.png)", "$$x^2$$", "#quot;", "#35;", "#", "#;", ";", "fa:fa-car",
    "icon:x", "x]", "x)", "x}", "[[x]]", "((x))", "{{x}}", "[/x/]", ">x]", "\"]; click n0 href \"javascript:alert(1)\"; n9[\"", "<br/>", "<br>x", "===", "\"", "|x|",
    "graph TD; A-->B", "x\n    click n0 callback", "x\r\nend\r\nn9",
]  # fmt: skip
_CHARACTERS = [
    "", " ", "\t", "\n", "\r\n", "a\nb", "a\rb", "a\x0bb", "a\x0cb", "a\x85b", "a\u2028b", "a\u2029b", "\x00", "a\x00b", "\x01\x02\x03", "\x07", "\x08\x08\x08", "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07", "\x1b[2J", "\x7f", "\x9b31m", "\ufeffa", "\ufffe", "\uffff", "\U0010ffff", "\ufdd0", "\u202egnp.exe", "\u202a\u202b\u202c\u202d", "\u2066\u2067\u2068\u2069", "\u200e\u200f",
    "\u200b\u200c\u200d\u2060", "\u00ad", "\u061c", "\ue000", "\U000f0000", "\ud800", "a\udfffb", "\udc80", "\ud83d", "日本", "日本語の重み", "한국어", "עברית", "العربية", "ไทย", "हिन्दी", "Ελλάδα",
    "e\u0301", "a\u0300\u0301\u0302\u0303\u0304", "Z" + "\u0335\u0321\u0353" * 20, "🙂", "👩\u200d👩\u200d👧", "🏳\ufe0f\u200d🌈", "🇯🇵", "\U0001f468\U0001f3fd", "ﷺ", "ﬁ", "ſ", "İ", "ß", "x₁·w₁", "∂L/∂w", "‖∇‖", "½", "∛", "𝑤", "\xa0\xa0",
    "\u3000", "\u2800", "\u115f", "\u3164", "a" * 5000, "W" * 60, "<" * 61, "&" * 59 + "<", "a " * 3000, "日" * 100, "\u0301" * 50, "a" + "\u200b" * 4000 + "b",
]  # fmt: skip
_OTHER = [
    "../../etc/passwd", "..\\..\\windows\\system32", "/etc/passwd", "C:\\x", "\\\\host\\share", "~", "a/b", "a\\b", ".", "..", "con", "nul", "-rf", "--help", "$(id)", "`id`", "; id", "| id", "$HOME", "%PATH%", "*", "?",
    "%s", "%n%n%n", "%d%x", "{}", "{0}", "{x.__class__}", "{0.__init__.__globals__}", "%(x)s", "f'{1}'", "\\x41", "\\u0041", "\\0", "\\N{BULLET}", "'; DROP TABLE x; --", "${7*7}", "{{7*7}}", "<%= 7*7 %>",
    "None", "nan", "-inf", "1e999", "true", "null", "undefined", "__proto__", "constructor", "'", "''", "“x”", "‘x’", "«x»", "´x´", "‚x„", "′x″", "＜b＞", "＂x＂", "＆amp；",
]  # fmt: skip
_STARTS = ["a\n", 'x"', "]]>", "\\", "\u202e", "日本 "]
_ENDS = [
    "<b onclick=alert(1)>",
    "&quot;",
    '"];',
    "end",
    "\\N\\",
    "\x00|{}",
    "\u2028click n0 href x",
    "--><script>",
    "#quot;%%",
]
_COMBINED = [start + end for start, end in product(_STARTS, _ENDS)]

HOSTILE: list[str] = list(
    dict.fromkeys([*_MARKUP, *_DOT, *_MERMAID, *_CHARACTERS, *_OTHER, *_COMBINED])
)


def each(check: Callable[[str], object], texts: Iterable[str] = HOSTILE) -> None:
    """Check the texts one by one, and name those that fail."""
    failures: dict[str, Exception] = {}
    for text in texts:
        try:
            check(text)
        except Exception as error:
            failures[text] = error
    if failures:
        named = "\n".join(
            f"{text[:80]!a}: {type(error).__name__} {str(error)[:300]}"
            for text, error in failures.items()
        )
        raise AssertionError(f"{len(failures)} texts fail:\n{named}") from next(
            iter(failures.values())
        )


def together(
    check: Callable[[Sequence[str]], object],
    texts: Sequence[str] = HOSTILE,
    size: int | None = None,
) -> None:
    """Check the texts in pictures of `size` texts, by default all in one; where one fails, each of its texts alone, to name it."""
    size = size or len(texts)
    for start in range(0, len(texts), size):
        some = texts[start : start + size]
        try:
            check(some)
        except Exception:
            each(lambda text: check([text]), some)
            raise  # each alone is well: they fail only beside each other
