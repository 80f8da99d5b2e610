"""Which names ``zpack up`` gives to IDEs."""

from __future__ import annotations

from zpack.allinone.ide import ide_names


def test_every_container_has_a_name_below_localhost() -> None:
    assert ide_names("127.0.0.1", 4001, {}) == {
        "DEV_IDE_HOST_SUFFIX": "ide.localhost:4001",
        "DEV_IDE_RETURN_HOSTED_URL": "true",
    }


def test_what_the_operator_says_stands() -> None:
    assert ide_names("127.0.0.1", 4000, {"DEV_IDE_RETURN_HOSTED_URL": "false"}) == {}


def test_browsers_elsewhere_are_not_sent_to_themselves() -> None:
    for host in ("0.0.0.0", "192.0.2.1", "::"):
        assert ide_names(host, 4000, {}) == {}, host
