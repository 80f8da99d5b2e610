"""What is wrong with a form's field, in the visitor's language: the API says why, the words for it are ours.

What a rule of the API says in words of its own is shown as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zpack.portal.api import Problem
    from zpack.portal.texts import Texts


def wrong_with(texts: Texts, problem: Problem | None, name: str) -> str:
    """Return what is wrong with a field, in one sentence; empty when nothing is."""
    if problem is None or name not in problem.fields:
        return ""
    reason, limit = problem.reasons.get(name, ("", None))
    return _sentence(texts, reason, limit) or problem.fields[name]


def refusal_with(texts: Texts, problem: Problem) -> str:
    """Return what is wrong with a whole form: the field's own sentence where it is one and the same."""
    if not problem.reasons:
        return problem.message
    sentences = {wrong_with(texts, problem, name) for name in problem.fields}
    return sentences.pop() if len(sentences) == 1 else texts("Some of this needs another look.")


def _sentence(texts: Texts, reason: str, limit: object) -> str | None:
    number = limit if isinstance(limit, int | float) and not isinstance(limit, bool) else 0
    count, most = int(number), texts.number(number)
    return {
        "required": texts("Please fill this in."),
        "text": texts("This has to be text."),
        "too_short": texts.plural(
            "Use at least %(num)s character.", "Use at least %(num)s characters.", count
        ),
        "too_long": texts.plural("Use at most %(num)s character.", "Use at most %(num)s characters.", count),
        "form": texts("This is not written as it has to be here."),
        "whole_number": texts("Enter a whole number."),
        "number": texts("Enter a number."),
        "at_least": texts("Enter %(limit)s or more.", limit=most),
        "at_most": texts("Enter %(limit)s or less.", limit=most),
        "above": texts("Enter more than %(limit)s.", limit=most),
        "below": texts("Enter less than %(limit)s.", limit=most),
        "choice": texts("Choose one of what is offered."),
        "yes_no": texts("Say yes or no."),
        "moment": texts("Enter a day and a time."),
    }.get(reason)
