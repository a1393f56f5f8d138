"""The page as one file."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from pathlib import Path

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from edge_agent.report import numbers
from edge_agent.report.model import ReportData
from edge_agent.report.page import build


def write_report(out: Path, data: ReportData) -> Path:
    """Write `report.html` into `out`, where the events' pictures and clips lie, and return its path.

    The page needs no network and nothing beside it, except clips beyond the budget, which it links. The same data give
    the same bytes.
    """
    script = _asset("report.js")
    environment = Environment(
        loader=FunctionLoader(_asset),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        optimized=False,  # the template is rendered once: compiling it costs more than it saves
    )
    html = environment.get_template("report.html.j2").render(
        page=build(data, out),
        # both are files of this package, not input
        style=Markup(_asset("report.css")),  # noqa: S704
        script=Markup(script),  # noqa: S704
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        moment=numbers.moment,
    )
    path = out / "report.html"
    path.write_text(html, encoding="utf-8", newline="\n")
    return path


def _asset(name: str) -> str:
    return resources.files("edge_agent.report").joinpath("assets", name).read_text(encoding="utf-8")
