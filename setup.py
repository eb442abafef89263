"""What pyproject.toml can't say: the README as an index of packages shows it.

An index has no files beside the README. So its links and pictures lead to the repository, whose
address is `Source` in `[project.urls]`. Without that address pictures are replaced by their
descriptions, and links by their texts, rather than shown broken.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent
LINK = re.compile(r"(!?)\[([^\]\[]*)\]\(([^)\s]+)\)")


def describe_for_index(readme: str, urls: Mapping[str, str]) -> str:
    """Return the README with links that lead somewhere when it stands alone.

    Args:
        readme: Markdown, with links relative to the root of the repository.
        urls: What `[project.urls]` holds.
    """
    source = urls.get("Source", "").rstrip("/")

    def replace(match: re.Match[str]) -> str:
        sign, text, target = match.groups()
        # Brackets and parentheses meet in code, too, and there they name no file.
        if not (ROOT / target).is_file():
            return match[0]
        if not source:
            return f"*{text}*" if sign else text
        view = "raw" if sign else "blob"
        return f"{sign}[{text}]({source}/{view}/main/{target})"

    return LINK.sub(replace, readme)


if __name__ == "__main__":
    from setuptools import setup

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    setup(
        long_description=describe_for_index(text, project.get("urls", {})),
        long_description_content_type="text/markdown",
    )
