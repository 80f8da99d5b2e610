from __future__ import annotations

import pytest

from zpack.agent.rooted.paths import OutsideRoot, names_of, plain

REFUSED = [
    "/", "/etc/passwd", "//etc", "..", "../x", "a/..", "a/../b", "a/../../b", ".", "./a", "a/.", "a//b", "a/",
    "a\\b", "..\\..\\x", "C:\\x", "a\0b", "a\nb", "a\tb", "a\x7fb", "a\x85b", "a\u2028b",
    "a\ufffdb", "a\ud800b", "\udcff", "a" * 256, "ä" * 128, "a/" * 600 + "a", "a/" * 64 + "a",
]  # fmt: skip


@pytest.mark.parametrize("path", REFUSED, ids=ascii)
def test_a_text_that_needs_cleaning_is_refused(path: str) -> None:
    with pytest.raises(OutsideRoot):
        names_of(path)


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "a/b",
        "...",
        "..a",
        "a..b/c",
        "~root",
        "-rf",
        "%2e%2e",
        "\uff0e\uff0e",
        "mods/ä ö.jar",
        "a" * 255,
        "a\u202egpj.exe",
    ],
)
def test_a_plain_name_stays_what_it_is(path: str) -> None:
    assert "/".join(names_of(path)) == path


@pytest.mark.parametrize("name", ["a\u202egpj.exe", "a\ufeffb", "\u2066a", "a\u200b.jar"], ids=ascii)
def test_a_new_name_is_what_it_looks_like(name: str) -> None:
    assert names_of(name) == (name,)
    with pytest.raises(OutsideRoot):
        plain(f"mods/{name}")


def test_the_root_has_no_name() -> None:
    assert names_of("") == ()
