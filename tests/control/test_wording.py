"""Whatever is wrong with a body, people are told in a sentence of ours, and programs in a word that stays."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from zpack.control.accounts.models import Body
from zpack.control.engine.wording import said


class Inner(BaseModel):
    minutes: Annotated[float, Field(gt=0, lt=9)] = 1


class Asked(Body):
    name: Annotated[str, Field(min_length=1, max_length=3)]
    word: Annotated[str, Field(min_length=2, pattern=r"^\w+$")] = "ok"
    number: Annotated[int, Field(ge=1, le=5)] = 1
    kind: Literal["a", "b"] = "a"
    sure: bool = False
    at: AwareDatetime | None = None
    tags: list[str] = Field(default=[], max_length=1)
    idle: Inner = Inner()


WRONG: list[tuple[dict[str, Any], str, str, str]] = [
    ({}, "name", "required", "Please fill this in."),
    ({"name": ""}, "name", "required", "Please fill this in."),
    ({"name": 7}, "name", "text", "This has to be text."),
    ({"name": "long"}, "name", "too_long", "Use at most 3 characters."),
    ({"word": "x"}, "word", "too_short", "Use at least 2 characters."),
    ({"word": "no no"}, "word", "form", "This is not written as it has to be here."),
    ({"number": "x"}, "number", "whole_number", "Enter a whole number."),
    ({"number": 1.5}, "number", "whole_number", "Enter a whole number."),
    ({"number": "9" * 5000}, "number", "whole_number", "Enter a whole number."),
    ({"number": 0}, "number", "at_least", "Enter 1 or more."),
    ({"number": 6}, "number", "at_most", "Enter 5 or less."),
    ({"kind": "c"}, "kind", "choice", "Choose one of these: 'a' or 'b'."),
    ({"sure": "perhaps"}, "sure", "yes_no", "Say yes or no."),
    ({"at": "soon"}, "at", "moment", "Enter a day and a time."),
    ({"tags": ["a", "b"]}, "tags", "too_many", "Name at most 1."),
    ({"tags": "a"}, "tags", "list", "This has to be a list."),
    ({"idle": 7}, "idle", "object", "This has to be an object."),
    ({"idle": {"minutes": 0}}, "idle.minutes", "above", "Enter more than 0."),
    ({"idle": {"minutes": "x"}}, "idle.minutes", "number", "Enter a number."),
    ({"name": "\0"}, "", "unfit", "This text holds characters that cannot be stored."),
]


@pytest.mark.parametrize(("body", "field", "reason", "message"), WRONG)
def test_it_is_said_in_a_sentence_of_ours(
    body: dict[str, Any], field: str, reason: str, message: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        Asked.model_validate({"name": "ok", **body} if body else body)
    (told,) = (said({**error, "loc": ("body", *error["loc"])}) for error in refused.value.errors())
    assert (told["field"], told["reason"], told["message"]) == (field, reason, message)
