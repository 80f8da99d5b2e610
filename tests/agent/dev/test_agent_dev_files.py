"""The file verbs in a developer's workspace (contract §4.5): everything inside, nothing outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.agent.dev.stand import Stand


async def verb(dev: Stand, method: str, name: str, path: str, **more: Any) -> tuple[int, Any]:
    return await dev.client.call(method, f"/dev/files{name}", params={"path": path}, **more)


async def test_everything_can_be_written_read_and_removed(dev: Stand) -> None:
    await dev.provisioned()
    assert (await verb(dev, "POST", "/folder", "src"))[0] == 200
    assert (await verb(dev, "PUT", "", "src/main.py", data=b"print(1)\n"))[0] == 201
    assert (dev.home / "workspace/src/main.py").read_text() == "print(1)\n"
    assert (await verb(dev, "GET", "/read", "src/main.py"))[1]["content"] == "print(1)\n"
    assert (await verb(dev, "DELETE", "", "src/main.py"))[0] == 200
    assert not (dev.home / "workspace/src/main.py").exists()


@pytest.mark.parametrize(
    "path", ["../.bashrc", "/etc/passwd", "src/../../x", "..", "a\x00b", "link/x", "link"]
)
async def test_nothing_outside_is_touched(dev: Stand, path: str) -> None:
    await dev.provisioned()
    outside = dev.tmp / "outside"
    outside.mkdir()
    (outside / "x").write_text("theirs")
    (dev.home / "workspace" / "link").symlink_to(outside)
    for method, name in (("PUT", ""), ("GET", "/read"), ("GET", "/download")):
        code, _ = await verb(dev, method, name, path, **({"data": b"mine"} if method == "PUT" else {}))
        assert 400 <= code < 500
    assert (outside / "x").read_text() == "theirs"
    assert not (dev.home / ".bashrc").exists()


async def test_a_workspace_that_was_replaced_by_a_link_is_refused(dev: Stand) -> None:
    await dev.provisioned()
    (dev.home / "workspace").rmdir()
    (dev.home / "workspace").symlink_to(dev.tmp)
    assert 400 <= (await verb(dev, "PUT", "", "evil", data=b"x"))[0] < 500
    assert not (dev.tmp / "evil").exists()


async def test_each_type_of_container_has_its_own_door(dev: Stand) -> None:
    code, body = await dev.client.get("/dev/files")
    assert (code, body["error"]) == (409, "not_configured")
    await dev.provisioned()
    assert (await dev.client.get("/dev/files"))[0] == 200
    code, body = await dev.client.get("/game/files")
    assert (code, body["error"]) == (409, "not_configured")
