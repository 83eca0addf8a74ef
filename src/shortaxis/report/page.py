"""What every page of ours shares: the template engine, inlined parts, and a policy that forbids the network."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

_HERE = Path(__file__).parent


def render_page(template: str, style: str | tuple[str, ...], script: str | None = None, **content: Any) -> str:
    """A template of this folder with its style sheets and script, if any, inlined; everything else is escaped."""
    sheets = ("page.css", style) if isinstance(style, str) else ("page.css", *style)
    css, js = "".join(map(part, sheets)), part(script) if script else ""
    engine = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    page = engine.get_template(template)
    return page.render(style=Markup(css), script=Markup(js), policy=policy(css, js), **content)  # noqa: S704 - our own files


def part(name: str) -> str:
    """A file of this folder as text with Unix line ends, as browsers hash it."""
    return (_HERE / name).read_text("utf-8")


def policy(css: str, js: str) -> str:
    """A content security policy under which only this style and this script run, and nothing is ever fetched."""
    return (
        f"default-src 'none'; img-src data:; style-src '{_hash(css)}'; script-src '{_hash(js)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def embedded_json(value: Any) -> Markup:
    """`value` as JSON that is safe inside a script element: no tag can be closed or opened in it.

    Raises ValueError on NaN and infinity, which JSON does not know; `plain` turns them into None.
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=plain)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - escaped above


def plain(value: Any) -> Any:
    """`value` as JSON knows it: numpy scalars and arrays unpacked, numbers that are not finite become None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Enum) or hasattr(value, "tolist"):
        return plain(value.value if isinstance(value, Enum) else value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, (str, int)) else str(value)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
