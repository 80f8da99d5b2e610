"""Letters made from templates: a subject, a text, and HTML whose styles stand in the elements themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from css_inline import CSSInliner
from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, select_autoescape

from zpack.control.mail.models import Letter

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent / "templates"


class BadTemplate(Exception):
    """There is no such template, or a fact that it tells is missing; the message names it."""


class Letters:
    """The templates. Facts are only ever put into them, never read as templates themselves.

    ``brand`` is whom a letter is from, as its reader knows them.
    """

    def __init__(self, *, brand: str) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(FOLDER),
            undefined=StrictUndefined,
            autoescape=select_autoescape(enabled_extensions=("html.j2",)),
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._brand = brand
        self._inliner = CSSInliner(load_remote_stylesheets=False, keep_style_tags=False)

    def render(self, template: str, facts: Mapping[str, Any]) -> Letter:
        """Return the letter that a template makes of the facts. Raises BadTemplate."""
        try:
            subject = self._part(template, "subject", facts)
            return Letter(
                subject=" ".join(subject.split()),
                text=self._part(template, "txt", facts),
                html=self._inliner.inline(
                    self._part(template, "html", {**facts, "subject": subject.strip()})
                ),
            )
        except (TemplateError, TypeError, ValueError) as failure:
            raise BadTemplate(f"{template}: {type(failure).__name__}: {failure}") from failure

    def _part(self, template: str, part: str, facts: Mapping[str, Any]) -> str:
        return self._environment.get_template(f"{template}.{part}.j2").render(brand=self._brand, **facts)
