"""Foreign text made safe to store and to send."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from zpack.control.engine.text import as_json, storable
from zpack.control.outside.http import Answer

anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(st.characters(), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
)


@given(anything)
def test_what_is_made_storable_can_be_sent_and_stored(value: object) -> None:
    text = json.dumps(storable(value), ensure_ascii=False, allow_nan=False)
    assert "\\u0000" not in text
    text.encode()


def test_good_text_is_left_alone() -> None:
    assert storable({"a": ["ü😀", 1, None]}) == {"a": ["ü😀", 1, None]}


def test_what_json_does_not_know_becomes_its_text() -> None:
    assert as_json({"found": {1: ValueError("a\x00b")}}) == {"found": {"1": "a\ufffdb"}}


def test_foreign_answers_are_storable() -> None:
    assert Answer(200, "OK", b'{"a": "x\\ud800\\u0000y"}').json == {"a": "x\ufffd\ufffdy"}
    assert Answer(200, "OK", b'"\xed\xa0\x80"').json is None
    assert Answer(200, "OK", b"[" * 100_000).json is None
    assert Answer(500, "No", b"a\x00b").text == "a\ufffdb"
