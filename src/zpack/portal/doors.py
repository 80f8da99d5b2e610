"""What doors share (login, registration, mailed links): refused forms, and secrets kept for the next step.

A challenge or a mailed token is kept in a cookie that no script can read, so that it stands in no address but
the one it came by: neither the history nor a Referer has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zpack.portal.session import cookie_name, set_cookie

if TYPE_CHECKING:
    from starlette.responses import Response

    from zpack.portal.api import Problem
    from zpack.portal.visit import Visit

SECRET_LIMIT = 3500
"""What browsers keep in one cookie, with room for its name."""


def refused_form(visit: Visit, template: str, problem: Problem, **values: Any) -> Response:
    """Show a form again with what the API refused it for."""
    response = visit.page(template, status=problem.status, problem=problem, **values)
    if problem.retry_after is not None:
        response.headers["retry-after"] = str(problem.retry_after)
    return response


def keep_secret(visit: Visit, response: Response, name: str, secret: str, *, seconds: int) -> Response:
    """Have the browser keep a secret for the next step."""
    kept = secret if len(secret) <= SECRET_LIMIT else None
    set_cookie(visit.request, response, name, kept, seconds=seconds)
    return response


def kept_secret(visit: Visit, name: str) -> str:
    """Return the secret that the browser kept, or nothing."""
    return visit.request.cookies.get(cookie_name(visit.request, name), "")


def forget_secret(visit: Visit, response: Response, name: str) -> Response:
    """Have the browser forget a secret that has served."""
    return keep_secret(visit, response, name, "", seconds=0)
