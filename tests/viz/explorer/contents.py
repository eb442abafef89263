"""What a page that trains carries as packed text: the JSON of its graph, and its program."""

import json
import re
import zlib
from base64 import b64decode
from typing import Any

from viz.explorer.packing import deflate


def inflate(html: str, name: str) -> str:
    """The text that is packed in an element of a document."""
    (packed,) = re.findall(rf'id="{name}">([^<]*)</script>', html)
    return zlib.decompress(b64decode(packed)).decode()


def exchange(html: str, name: str, text: str) -> str:
    """The document with another text in an element, and without the policy for its scripts."""
    html = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)
    return re.sub(rf'(?<=id="{name}">)[^<]*', deflate(text), html)


def graph_in(html: str) -> dict[str, Any]:
    """The graph of a page that trains."""
    graph: dict[str, Any] = json.loads(inflate(html, "graph"))
    return graph
