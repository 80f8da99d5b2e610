"""Every template there is, with whatever facts it asks for, hostile ones included."""

from __future__ import annotations

import re
from typing import Any

import pytest
from jinja2 import Environment, meta

from zpack.control.mail.letters import FOLDER, BadTemplate, Letters

TEMPLATES = sorted({path.name.partition(".")[0] for path in FOLDER.glob("*.j2")} - {"base"})
HOSTILE = "{{ 7 * 7 }}<script>alert(1)</script>\r\nBcc: eve@example.org"


def facts_of(template: str) -> set[str]:
    """Return the names that a template's parts mention."""
    asked: set[str] = set()
    for path in FOLDER.glob(f"{template}.*.j2"):
        asked |= meta.find_undeclared_variables(Environment().parse(path.read_text()))
    return asked - {"brand", "subject"}


def letter(template: str, value: Any = "1") -> Any:
    return Letters(brand="Us").render(template, dict.fromkeys(facts_of(template), value))


@pytest.mark.parametrize("template", TEMPLATES)
def test_it_has_three_parts_that_say_something(template: str) -> None:
    made = letter(template)
    assert made.subject
    assert len(made.subject) < 80
    assert len(made.text) > 40
    assert made.text.rstrip().endswith("Us")
    assert f"<title>{made.subject}</title>" in made.html


@pytest.mark.parametrize("template", TEMPLATES)
def test_it_is_read_by_every_reader(template: str) -> None:
    """Styles stand in the elements; nothing is fetched, which would tell the sender that it was read."""
    html = letter(template).html
    assert '<html lang="en">' in html
    assert 'style="' in html
    assert not re.search(r"<style|<img|<link|<script|url\(|@import", html)


@pytest.mark.parametrize("template", TEMPLATES)
def test_hostile_facts_stay_facts(template: str) -> None:
    made = letter(template, HOSTILE)
    assert "\n" not in made.subject
    assert "\r" not in made.subject
    assert "<script>alert" not in re.sub(r'="[^"]*"', "", made.html)
    assert "49" not in made.text + made.html


@pytest.mark.parametrize("template", [name for name in TEMPLATES if facts_of(name)])
def test_a_missing_fact_is_an_error_and_no_blank(template: str) -> None:
    for fact in facts_of(template):
        others = dict.fromkeys(facts_of(template) - {fact}, "1")
        with pytest.raises(BadTemplate, match=fact):
            Letters(brand="Us").render(template, others)


@pytest.mark.parametrize("name", ["../../settings", "/etc/passwd", "base", "nothing"])
def test_what_is_no_template_is_refused(name: str) -> None:
    with pytest.raises(BadTemplate):
        Letters(brand="Us").render(name, {})
