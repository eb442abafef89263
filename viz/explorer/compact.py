"""Scripts and styles without what only their readers need: comments, and spaces around signs.

Names stay as they are, and so do line ends: an error in a page says where it is, and JavaScript
ends statements at some of them.
"""

import re
from functools import lru_cache

# After these signs a slash begins a regular expression, elsewhere it is a division.
_BEFORE_PATTERN = r"(?: (?<=[(,=:\[!&|?{};]) | (?<=[(,=:\[!&|?{};][ ]) )"
_PART_OF_PATTERN = r"(?: [^/\\\n\[] | \\. | \[ (?:[^\]\\\n]|\\.)* \] )"
_TOKEN = re.compile(
    rf"""
    (?P<comment> //[^\n]* | /\*.*?\*/ )
  | (?P<text> '(?:[^'\\\n]|\\.)*' | "(?:[^"\\\n]|\\.)*" )
  | (?P<pattern> {_BEFORE_PATTERN} / {_PART_OF_PATTERN}+ / \w* )
  | (?P<sign> [`{{}}] )
    """,
    re.VERBOSE | re.DOTALL,
)
_TEMPLATE = re.compile(r"(?:[^`\\$]|\\.|\$(?!\{))*(?P<end>`|\$\{)", re.DOTALL)
_LINE_ENDS = re.compile(r"[ \t]*\n\s*")
_AROUND_SIGNS = re.compile(r" ?([,;:?=(){}\[\]&|*]) ?")
_SPACES = re.compile(r"[ \t]+")
# Only between operands: `a + +b` and `a < !--b` mean something else without their spaces.
_BETWEEN = re.compile(r"(?<=[\w)\]]) ([-+/<>]=?) ?(?=[\w(\[])")

_STYLE_TOKEN = re.compile(r"/\*.*?\*/|'[^']*'|\"[^\"]*\"", re.DOTALL)
_AFTER_SIGNS = re.compile(r"\s*([{};,])\s*|(?<=[\w-]):\s+")


@lru_cache(maxsize=256)
def compact_script(text: str) -> str:
    """Return a script without comments, indentation, and spaces around signs.

    Example:
        >>> compact_script("const a = `b  ${c}`; // why\\n\\n  f(a, 'd  // e');\\n")
        "const a=`b  ${c}`;\\nf(a,'d  // e');\\n"
    """
    written: list[str] = []
    code: list[str] = []
    # The braces that are open: those of templates end at the text that goes on after them.
    depths: list[bool] = []
    at = 0

    def end_code() -> None:
        written.append(_squeeze("".join(code)))
        code.clear()

    def skip_template(start: int) -> int:
        """Write the text of a template as it is, up to its end or to the code in it."""
        end_code()
        match = _TEMPLATE.match(text, start)
        if match is None:
            raise ValueError("a template of a script has no end")
        written.append(match.group())
        if match.group("end") != "`":
            depths.append(True)
        return match.end()

    while token := _TOKEN.search(text, at):
        code.append(text[at : token.start()])
        at = token.end()
        found = token.group()
        if token.lastgroup == "comment":
            # A comment of several lines is also an end of a line.
            code.append("\n" if "\n" in found else "")
        elif token.lastgroup != "sign":
            end_code()
            written.append(found)
        elif found == "`":
            end_code()
            written.append(found)
            at = skip_template(at)
        elif found == "{":
            code.append(found)
            depths.append(False)
        elif depths.pop():
            end_code()
            written.append(found)
            at = skip_template(at)
        else:
            code.append(found)
    code.append(text[at:])
    end_code()
    return "".join(written).lstrip("\n")


def _squeeze(code: str) -> str:
    without_indentation = _SPACES.sub(" ", _LINE_ENDS.sub("\n", code))
    return _BETWEEN.sub(r"\1", _AROUND_SIGNS.sub(r"\1", without_indentation))


@lru_cache(maxsize=64)
def compact_style(text: str) -> str:
    """Return a style without comments, and without spaces that mean nothing.

    Example:
        >>> compact_style("a :is(b, c) { /* why */\\n  color: red; content: 'd  e';\\n}\\n")
        "a :is(b,c){color:red;content:'d  e';}"
    """
    written: list[str] = []
    at = 0
    code: list[str] = []
    for token in _STYLE_TOKEN.finditer(text):
        code.append(text[at : token.start()])
        at = token.end()
        if not token.group().startswith("/*"):
            written.append(_squeeze_style("".join(code)))
            written.append(token.group())
            code.clear()
    code.append(text[at:])
    written.append(_squeeze_style("".join(code)))
    return "".join(written)


def _squeeze_style(code: str) -> str:
    spaced = re.sub(r"\s+", " ", code)
    return _AFTER_SIGNS.sub(lambda match: match.group(1) or ":", spaced)


def compact_body(text: str) -> str:
    """Return HTML without its indentation."""
    return re.sub(r"\n +", "\n", text)
