"""The agent's refusals in a customer's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zpack.portal.api import Problem

if TYPE_CHECKING:
    from zpack.portal.texts import Texts


def explained(problem: Problem, texts: Texts) -> Problem:
    """Return the refusal in words that help, where we have some."""
    details = problem.details if isinstance(problem.details, dict) else {}
    code = str(details.get("error", problem.code))
    said = {
        "path_rejected": texts("This file is protected: the server looks after it itself."),
        "not_found": texts("There is no such file or folder."),
        "not_text": texts("This is no text file. Download it to look at it."),
        "too_large": texts("This file is too large for the editor. Download it instead."),
        "exists": texts("There is a file of this name already."),
        "changed_meanwhile": texts("Somebody, or the server itself, changed this file since you opened it."),
        "no_shadow": texts("There is no earlier content to go back to."),
        "parent_missing": texts("The folder it should go into does not exist."),
        "in_use": texts("The file is in use. Stop the server first."),
        "operation_in_progress": texts("The server is being changed. Try again in a moment."),
        "not_configured": texts("The server is not set up yet. Its files appear once it is."),
        "quota_exceeded": texts("Your disk quota is used up. Delete something first."),
        "disk_full": texts("The disk is full."),
        "not_a_file": texts("This is a folder, not a file."),
    }.get(code, problem.message)
    body = {"error": code, "message": said, "details": problem.details, "requestId": problem.request_id}
    return Problem(problem.status, body)
