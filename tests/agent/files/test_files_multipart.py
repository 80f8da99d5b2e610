"""The multipart reader, whatever the pieces its bytes arrive in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zpack.agent.files.multipart import FilePart, Malformed, boundary_of

HEAD = b'Content-Disposition: form-data; name="file"; filename="x.jar"\r\nContent-Type: x/y\r\n\r\n'
FIELD = b'--b\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'


def body(content: bytes, *, before: bytes = b"", after: bytes = b"") -> bytes:
    return before + b"--b\r\n" + HEAD + content + b"\r\n" + after + b"--b--\r\n"


def parsed(data: bytes, size: int = 1 << 20) -> bytes:
    part = FilePart(b"b")
    found = b"".join(c for at in range(0, len(data), size) for c in part.feed(data[at : at + size]))
    part.finish()
    return found


@given(
    st.lists(st.sampled_from([b"\r\n", b"--b", b"-", b"\r", b"\n", b"x", b"\r\n--", b"b"])).map(b"".join),
    st.integers(1, 40),
)
def test_content_that_looks_like_a_boundary_stays_whole(content: bytes, size: int) -> None:
    if b"\r\n--b" in b"\r\n" + content + b"\r\n--":
        return
    assert parsed(body(content), size) == content


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_fields_and_text_around_the_file_are_read_over(size: int) -> None:
    data = body(b"content", before=b"preamble\r\n" + FIELD, after=FIELD) + b"epilogue"
    assert parsed(data, size) == b"content"


def test_an_empty_file_is_a_file() -> None:
    assert parsed(body(b"")) == b""
    assert parsed(b"--b\r\n" + HEAD + b"--b--") == b""


@pytest.mark.parametrize("cut", range(0, len(body(b"content")) - 5, 7))
def test_a_body_that_ends_early_is_no_file(cut: int) -> None:
    with pytest.raises(Malformed):
        parsed(body(b"content")[:cut])


@pytest.mark.parametrize(
    "data",
    [
        b"", b"no multipart at all", b"x" * 100_000, b"--b--\r\n", FIELD + b"--b--", b"--bx\r\n" + HEAD + b"y\r\n--b--",
        b"--b\r\n" + b"A: b\r\n" * 9000, b"--b" + b" " * 40_000, body(b"one", after=b"--b\r\n" + HEAD + b"two\r\n"),
        FIELD.replace(b"hello", b"x" * 70_000) + body(b"c"),
    ],
    ids=range(10),
)  # fmt: skip
def test_what_is_no_body_with_one_file_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parsed(data)


@pytest.mark.parametrize(
    ("header", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('Multipart/Form-Data; charset=utf-8; boundary="a b"', b"a b"),
        ("multipart/form-data;boundary=----WebKit1;x=y", b"----WebKit1"),
    ],
)
def test_the_boundary_is_read(header: str, boundary: bytes) -> None:
    assert boundary_of(header) == boundary


@pytest.mark.parametrize(
    "header",
    [
        "",
        "application/json",
        "multipart/form-data",
        "multipart/mixed; boundary=a",
        f"multipart/form-data; boundary={'x' * 71}",
        "multipart/form-data; boundary=ä",
    ],
)
def test_without_a_boundary_there_is_no_multipart(header: str) -> None:
    with pytest.raises(Malformed):
        boundary_of(header)
