"""Whatever the artifact store says wrongly ends the provisioning with a code, and leaves nothing."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from tests.agent.bench import tarball
from tests.agent.dev.stand import CATALOG, IDE_PATH, NODE, Stand, ide_path, program, put_catalog, stand

from zpack.agent.dev.catalog import newest_code_server, parse_catalog
from zpack.agent.dev.errors import ProvisioningError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.bench import StoreServer


async def refused(dev: Stand, code: str, text: str, **changes: Any) -> None:
    status = await dev.failed(**changes)
    assert status["provisioningErrorCode"] == code
    assert text in status["error"]
    assert (await dev.client.get("/ready"))[1]["readyError"] == status["error"]
    assert nothing_left(dev)


def nothing_left(dev: Stand) -> bool:
    """No file of the failed installation: neither in place nor beside it."""
    kept = [path for path in dev.client.root.rglob("*") if not path.is_dir()]
    return not [
        path for path in kept if "current" not in path.parts and dev.runtimes / "node" not in path.parents
    ]


def link(name: str, target: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = tarfile.SYMTYPE, target
        tar.addfile(info)
    return buffer.getvalue()


async def test_a_runtime_that_is_not_offered(dev: Stand) -> None:
    await refused(dev, "unknown_runtime", "no runtime ruby", runtime="ruby", version="3")
    assert list(dev.store.asked) == ["SHA256SUMS", CATALOG]


async def test_a_version_that_is_not_offered(dev: Stand) -> None:
    await refused(dev, "unknown_version", "no node 18", version="18")


async def test_a_version_that_is_offered_but_not_listed(dev: Stand) -> None:
    del dev.store.sums[NODE]
    await refused(dev, "invalid_catalog", "SHA256SUMS has no devcontainer/node/node-24")


async def test_a_version_that_is_listed_but_missing(dev: Stand) -> None:
    del dev.store.files[NODE]
    await refused(dev, "install_failed", f"cannot fetch {NODE}")


async def test_a_wrong_checksum(dev: Stand) -> None:
    dev.store.sums[NODE] = "0" * 64
    await refused(dev, "install_failed", "does not have the checksum")
    assert not list(dev.runtimes.rglob("*"))


async def test_a_catalog_whose_checksum_is_wrong(dev: Stand) -> None:
    dev.store.sums[CATALOG] = "0" * 64
    await refused(dev, "install_failed", f"{CATALOG} does not have the checksum")


async def test_a_catalog_that_cannot_be_verified(dev: Stand) -> None:
    del dev.store.sums[CATALOG]
    await refused(dev, "invalid_catalog", "cannot be verified")


async def test_a_catalog_that_is_too_large(dev: Stand) -> None:
    dev.store.put(CATALOG, b" " * (1 << 20))
    await refused(dev, "invalid_catalog", "too large")


@pytest.mark.parametrize(
    "name",
    ["../../../etc", "..", "a/b", "a\\b", "-rf", ".hidden", "", "a\x00b", "a\nb", "x" * 65, 24, None, ["24"]],
)
def test_a_catalog_with_names_that_lead_elsewhere(name: Any) -> None:
    for listed in ({"id": "node", "versions": ["24", name]}, {"id": name, "versions": []}):
        with pytest.raises(ProvisioningError, match=CATALOG):
            parse_catalog(json.dumps({"runtimes": [listed]}).encode())


async def test_a_catalog_that_lies_ends_the_provisioning(dev: Stand) -> None:
    put_catalog(dev.store, [{"id": "node", "versions": ["24", "../../etc"]}])
    await refused(dev, "invalid_catalog", CATALOG)


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"{}", b'{"runtimes": {}}', b'{"runtimes": [1]}', b'{"runtimes": [{"versions": ["24"]}]}',
     b'{"runtimes": [{"id": "node", "versions": 5}]}', b'{"runtimes": [{"id": ["node"]}]}',
     b'{"runtimes": [{"id": "../x", "versions": []}]}', b"[" * 100_000, b"\xff\xfe",
     json.dumps({"runtimes": [{"id": f"r{n}"} for n in range(101)]}).encode(),
     json.dumps({"runtimes": [{"id": "node", "versions": ["1"] * 501}]}).encode()],
)  # fmt: skip
def test_a_catalog_of_another_shape(raw: bytes) -> None:
    with pytest.raises(ProvisioningError) as caught:
        parse_catalog(raw)
    assert caught.value.code == "invalid_catalog"


async def test_a_bomb(tmp_path: Path, store: StoreServer) -> None:
    store.put(NODE, tarball({"bin/node": program("v24"), "zeros": bytes(2 << 20)}))
    async with stand(tmp_path, store, ZLH_AGENT_MAX_UNPACKED_MIB="1") as dev:
        await refused(dev, "install_failed", "more than")
        assert not list(dev.runtimes.rglob("node/24"))


async def test_more_than_is_taken(tmp_path: Path, store: StoreServer) -> None:
    store.put(NODE, b"x" * ((1 << 20) + 1))
    async with stand(tmp_path, store, ZLH_AGENT_MAX_DOWNLOAD_MIB="1") as dev:
        await refused(dev, "install_failed", "larger than this agent takes")


@pytest.mark.parametrize(
    "content",
    [
        tarball({"../../evil": b"x", "bin/node": program("v24")}), link("bin/node", "/bin/sh"),
        link("bin", "../../../.."), b"no archive", tarball({}), tarball({"readme": b""}),
        tarball({"bin/node": b"\x7fELF but not really"}), tarball({"bin/node": b"#!/bin/sh\nexit 3\n"}),
    ],
    ids=["parent", "link-out", "link-up", "text", "empty", "no-program", "no-binary", "does-not-run"],
)  # fmt: skip
async def test_an_archive_that_is_no_runtime(dev: Stand, content: bytes) -> None:
    dev.store.put(NODE, content)
    await refused(dev, "install_failed", "")
    assert not (dev.runtimes / "node" / "24").exists()
    assert not (dev.runtimes / "node" / "current").is_symlink()
    assert not (dev.tmp / "evil").exists()


async def test_a_failure_leaves_the_version_before(dev: Stand) -> None:
    await dev.provisioned()
    dev.store.sums["devcontainer/node/node-22.tar.gz"] = "0" * 64
    await dev.failed(version="22")
    assert (dev.runtimes / "node" / "current" / "bin" / "node").read_bytes() == program("v24.0.0")


async def test_after_a_failure_the_next_try_can_succeed(dev: Stand) -> None:
    right = dev.store.sums[NODE]
    dev.store.sums[NODE] = "0" * 64
    await dev.failed()
    dev.store.sums[NODE] = right
    status = await dev.provisioned()
    assert (status["error"], status["provisioningError"], status["provisioningErrorCode"]) == (
        None,
        None,
        None,
    )


@pytest.mark.parametrize("where", ["", "workspace"])
async def test_a_workspace_that_leads_elsewhere_is_not_followed(dev: Stand, where: str) -> None:
    outside = dev.tmp / "outside"
    outside.mkdir()
    (dev.home / where).parent.mkdir(exist_ok=True)
    (dev.home / where).symlink_to(outside)
    status = await dev.failed()
    assert status["provisioningErrorCode"] == "invalid_workspace"
    assert list(outside.iterdir()) == []


async def test_an_ide_with_a_wrong_checksum(dev: Stand) -> None:
    dev.store.sums[IDE_PATH] = "0" * 64
    status = await dev.failed(enable_code_server=True)
    assert "does not have the checksum" in status["error"]
    assert not dev.ide_folder.exists()


async def test_an_ide_that_the_store_does_not_have(dev: Stand) -> None:
    del dev.store.sums[IDE_PATH]
    status = await dev.failed(addons=["codeserver"])
    assert status["provisioningErrorCode"] == "codeserver_failed"


async def test_an_archive_that_is_no_ide(dev: Stand) -> None:
    dev.store.put(IDE_PATH, tarball({"bin/other": b""}))
    status = await dev.failed(enable_code_server=True)
    assert "holds no bin/code-server" in status["error"]
    assert not dev.ide_folder.exists()
    assert (await dev.ide("start"))[1]["error"] == "codeserver_not_installed"


def test_the_newest_ide_for_this_machine_is_taken_and_odd_names_are_passed_over() -> None:
    amd = "addons/code-server/code-server-{}-linux-amd64.tar.gz"
    odd = [
        "../" + amd.format("9.9.9"),
        amd.format("9.9.9/../../x"),
        amd.format("9.9.9").replace("amd64", "arm64"),
    ]
    sums = dict.fromkeys([amd.format("4.9.1"), amd.format("4.139.1"), *odd], "0" * 64)
    assert newest_code_server(sums, machine="x86_64").version == "4.139.1"
    assert ide_path("1").startswith("addons/code-server/")
