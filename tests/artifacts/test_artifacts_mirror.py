"""Mirroring end to end: from a vendor's documented answers to a verified file in the store."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.artifacts.recorded import recorded_text

from zpack.artifacts.resolvers.vendors import VENDORS, setting_name

if TYPE_CHECKING:
    from tests.artifacts.vendor_counterpart import Counterpart

    from zpack.artifacts.folder import ArtifactFolder

Run = "Callable[..., tuple[int, Any]]"


@dataclass(frozen=True)
class Case:
    """One vendor: which recorded answers lie where, where the file is, which digest stands for it."""

    documents: dict[str, str]
    file: str
    digest: tuple[str, str] | None
    beside: str | None = None
    stored: str = "server.jar"
    build: str = ""
    sizes: tuple[str, ...] = ()


FORGE = "/net/minecraftforge/forge/1.21.4-54.1.0/forge-1.21.4-54.1.0-installer.jar"
NEOFORGE = "/releases/net/neoforged/neoforge/21.4.110/neoforge-21.4.110-installer.jar"
CASES = {
    "vanilla": Case(
        documents={
            "/mc/game/version_manifest_v2.json": "mojang_manifest",
            "/v1/packages/bbbb/1.21.4.json": "mojang_version",
        },
        file="/v1/objects/4707d00eb834b446575d89a61a11b5d548d8c001/server.jar",
        digest=("sha1", "4707d00eb834b446575d89a61a11b5d548d8c001"),
    ),
    "paper": Case(
        documents={"/v3/projects/paper/versions/1.21.4/builds": "paper_builds"},
        file=f"/v1/objects/{'3' * 64}/paper-1.21.4-232.jar",
        digest=("sha256", "3" * 64),
        build="232",
    ),
    "purpur": Case(
        documents={"/v2/purpur/1.21.4": "purpur_version", "/v2/purpur/1.21.4/2416": "purpur_build"},
        file="/v2/purpur/1.21.4/2416/download",
        digest=("md5", "5" * 32),
        build="2416",
    ),
    "fabric": Case(
        documents={
            "/v2/versions/loader/1.21.4": "fabric_loader",
            "/v2/versions/installer": "fabric_installer",
        },
        file="/v2/versions/loader/1.21.4/0.16.10/1.0.1/server/jar",
        digest=None,
        stored="fabric-server.jar",
        build="0.16.10",
    ),
    "forge": Case(
        documents={"/net/minecraftforge/forge/promotions_slim.json": "forge_promotions"},
        file=FORGE,
        digest=("sha1", ""),
        beside=f"{FORGE}.sha1",
        stored="forge-installer.jar",
        build="54.1.0",
    ),
    "neoforge": Case(
        documents={"/api/maven/versions/releases/net/neoforged/neoforge": "neoforge_versions"},
        file=NEOFORGE,
        digest=("sha256", ""),
        beside=f"{NEOFORGE}.sha256",
        stored="neoforge-installer.jar",
        build="21.4.110",
    ),
}
WITH_DIGEST = [variant for variant, case in CASES.items() if case.digest]


def offer(vendor: Counterpart, variant: str, jar: bytes) -> None:
    """Let the counterpart answer as the vendor does, with our jar's digest in place of the recorded one."""
    case = CASES[variant]
    algorithm, was = case.digest or ("sha256", "")
    digest = hashlib.new(algorithm, jar).hexdigest()
    hosts = VENDORS[variant].hosts()
    for path, name in case.documents.items():
        text = recorded_text(name)
        for host in hosts:
            text = text.replace(f"https://{host}", vendor.url)
        # The address of the file may hold the digest too; only the published one is replaced.
        text = text.replace(f'"{was}"', f'"{digest}"') if was else text
        vendor.answers[path] = (
            text.replace("56880775", str(len(jar))).replace("51411879", str(len(jar))).encode()
        )
    vendor.answers[case.file] = jar
    if case.beside:
        vendor.answers[case.beside] = f"{digest}\n".encode()


@pytest.mark.parametrize("variant", CASES)
def test_a_version_is_fetched_verified_and_listed(
    run: Run, vendor: Counterpart, jar: bytes, variant: str
) -> None:
    offer(vendor, variant, jar)
    code, result = run("mirror", variant, "1.21.4", "--base-url", vendor.url)
    assert code == 0, result
    row = result["mirrored"][0]
    assert row["path"] == f"minecraft/{variant}/1.21.4/{CASES[variant].stored}"
    assert (row["build"], row["verified"]) == (CASES[variant].build, CASES[variant].digest is not None)
    assert row["sha256"] == hashlib.sha256(jar).hexdigest()
    assert [entry["version"] for entry in run("list")[1]["games"]] == ["1.21.4"]
    assert run("verify")[0] == 0


@pytest.mark.parametrize("variant", WITH_DIGEST)
def test_another_file_than_promised_leaves_nothing(
    run: Run, vendor: Counterpart, jar: bytes, variant: str, folder: ArtifactFolder
) -> None:
    offer(vendor, variant, jar)
    vendor.answers[CASES[variant].file] = jar[:-1] + b"X"
    code, error = run("mirror", variant, "1.21.4", "--base-url", vendor.url)
    assert (code, "promised was" in error) == (1, True)
    assert list(folder.root.iterdir()) == []


def test_the_base_can_come_from_the_environment(
    run: Run, vendor: Counterpart, jar: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(vendor, "purpur", jar)
    monkeypatch.setenv(setting_name("purpur"), vendor.url)
    assert run("mirror", "purpur", "1.21.4")[0] == 0


def test_vendors_are_told_who_asks(run: Run, vendor: Counterpart, jar: bytes) -> None:
    offer(vendor, "paper", jar)
    run("mirror", "paper", "1.21.4", "--base-url", vendor.url, "--contact", "ops@example.test")
    assert {agent for _, agent in vendor.asked} == {"zpack-artifacts/0.1.0 (ops@example.test)"}


def test_a_download_on_another_host_is_refused(run: Run, vendor: Counterpart, jar: bytes) -> None:
    offer(vendor, "paper", jar)
    builds = "/v3/projects/paper/versions/1.21.4/builds"
    vendor.answers[builds] = vendor.answers[builds].replace(vendor.url.encode(), b"https://elsewhere.invalid")
    code, error = run("mirror", "paper", "1.21.4", "--base-url", vendor.url)
    assert (code, "elsewhere.invalid is not one that may be fetched" in error) == (1, True)


@pytest.mark.parametrize(
    "location", ["https://elsewhere.invalid/x", "http://10.0.0.1/x", "file:///etc/hostname"]
)
def test_a_redirect_to_another_host_is_refused(
    run: Run, vendor: Counterpart, jar: bytes, location: str
) -> None:
    offer(vendor, "purpur", jar)
    vendor.answers[CASES["purpur"].file] = (302, location)
    code, error = run("mirror", "purpur", "1.21.4", "--base-url", vendor.url)
    assert code == 1
    assert "only HTTPS" in error or "not one that may be fetched" in error


def test_a_redirect_on_the_same_host_is_followed(run: Run, vendor: Counterpart, jar: bytes) -> None:
    offer(vendor, "purpur", jar)
    vendor.answers["/moved"] = jar
    vendor.answers[CASES["purpur"].file] = (302, "/moved")
    assert run("mirror", "purpur", "1.21.4", "--base-url", vendor.url)[0] == 0


def test_redirects_in_a_circle_end(run: Run, vendor: Counterpart) -> None:
    vendor.answers["/v2/purpur/1.21.4"] = (302, "/v2/purpur/1.21.4")
    code, error = run("mirror", "purpur", "1.21.4", "--base-url", vendor.url)
    assert (code, "too many redirects" in error) == (1, True)


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"builds": null}'])
def test_an_answer_of_another_shape_is_an_error(run: Run, vendor: Counterpart, answer: bytes) -> None:
    vendor.answers["/v2/purpur/1.21.4"] = answer
    assert run("mirror", "purpur", "1.21.4", "--base-url", vendor.url)[0] == 1


def test_a_document_without_end_is_cut_off(run: Run, vendor: Counterpart) -> None:
    vendor.answers["/v2/purpur/1.21.4"] = b" " * (17 << 20)
    code, error = run("mirror", "purpur", "1.21.4", "--base-url", vendor.url)
    assert (code, "is larger than" in error) == (1, True)


def test_a_file_larger_than_promised_is_cut_off(run: Run, vendor: Counterpart, jar: bytes) -> None:
    offer(vendor, "vanilla", jar)
    vendor.answers[CASES["vanilla"].file] = jar + b"more"
    code, error = run("mirror", "vanilla", "1.21.4", "--base-url", vendor.url)
    assert (code, f"is larger than {len(jar)} bytes" in error) == (1, True)


def test_a_vendor_that_is_not_there_is_said(run: Run) -> None:
    code, error = run("mirror", "purpur", "1.21.4", "--base-url", "http://127.0.0.1:9")
    assert (code, "ClientConnectorError" in error) == (1, True)


def test_a_forge_installer_without_any_checksum_is_refused(run: Run, vendor: Counterpart, jar: bytes) -> None:
    offer(vendor, "forge", jar)
    del vendor.answers[f"{FORGE}.sha1"]
    code, error = run("mirror", "forge", "1.21.4", "--base-url", vendor.url)
    assert (code, "no checksum" in error) == (1, True)


@pytest.mark.parametrize("words", [("../1.21.4",), ("1.21.4", "--build", "a/b")])
def test_names_that_would_change_the_address_are_refused(
    run: Run, vendor: Counterpart, words: tuple[str, ...]
) -> None:
    code, error = run("mirror", "purpur", *words, "--base-url", vendor.url)
    assert (code, "not usable as a name" in error, vendor.asked) == (1, True, [])
