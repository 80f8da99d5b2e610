"""Paths and names that others fell for, as a query carries them; each class named after who did."""

from __future__ import annotations

from itertools import product
from urllib.parse import quote

TARGETS = ("outside/f.jar", "world_secret/f.jar", "etc/passwd", "server.properties")
UPS = ("..", "../..", "../../..", "../../../..", "../" * 12 + "..")
ALLOWED = ("server.properties", "config/a.toml", "mods/x.jar", "logs/latest.log", "mods-removed/gone.jar")
LINKS = {
    "up": "..", "sibling": "../world_secret", "absolute": "{outside}", "self": ".", "loop": "loop",
    "proc": "/proc/self/root", "fd": "/proc/self/fd", "deep": "world/../../world_secret", "slash": "/",
}  # fmt: skip
"""Folders that are links, put into the server's folder; and below ``mods``, ``config`` and ``logs`` as well."""


def q(text: str | bytes) -> str:
    return quote(text, safe="")


def _traversal() -> list[str]:
    plain = [q(f"{up}/{target}") for up, target in product(UPS, TARGETS)]
    inside = [
        q(f"{a.rpartition('/')[0] or 'mods'}/{up}/{t}") for a, up, t in product(ALLOWED, UPS[:3], TARGETS)
    ]
    return plain + inside


def _encodings() -> list[str]:
    """Dots and slashes that become such only for who decodes twice, or wrongly."""
    dots = ("%252e%252e", "%25252e%25252e", "%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae", "%uff0e%uff0e", "%EF%BC%8E%EF%BC%8E",
            "%2e%2e", "..%00", "..%01", "%E2%80%A4%E2%80%A4")  # fmt: skip
    slashes = ("/", "%2f", "%252f", "%c0%af", "%5c", "%255c", "%EF%BC%8F", "%E2%88%95")
    return [f"{d}{s}{d}{s}{target}" for d, s, target in product(dots, slashes, ("outside%2Ff.jar",))]


def _absolute() -> list[str]:
    roots = (
        "/",
        "//",
        "///",
        "/./",
        "/../",
        "\\",
        "C:\\",
        "C:/",
        "\\\\host\\share\\",
        "file:///",
        "file://localhost/",
        "~/",
        "~root/",
    )
    return [q(root + target) for root, target in product(roots, TARGETS[:3])]


def _prefixes() -> list[str]:
    names = ("world_secret", "world-secret", "worldx", "world.bak", "world ", "world/../world_secret")
    return [q(f"../{name}/f.jar") for name in names] + [q(f"mods/../../{name}/f.jar") for name in names]


def _controls() -> list[str]:
    """Every control character, in a name that would otherwise be allowed."""
    codes = (*range(32), 127, *range(128, 160))
    return [q(f"mods/a{chr(code)}.jar") for code in codes if code] + [
        q(f"server.properties{chr(code)}")
        for code in (0, 9, 10, 13, 127, 0x85, 0x2028, 0x2029, 0x202E, 0xFEFF)
    ]


def _not_text() -> list[str]:
    raw = (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xe2\x82", b"\xf4\x90\x80\x80")
    return [q(b"mods/" + each + b".jar") for each in raw] + [q(each) for each in raw]


def _lengths() -> list[str]:
    return [q(text) for text in (
        "mods/" + "a" * 252 + ".jar", "mods/" + "ä" * 126 + ".jar", "a/" * 200 + "b", "a/" * 65 + "b", "d" * 1100, "a" * 4000,
        "config/" + "b" * 251 + ".toml", "../" * 300,
    )]  # fmt: skip


def _own_names() -> list[str]:
    names = (
        ".zlh-shadow",
        ".zlh_metadata.json",
        ".zlh-tmp-0011223344556677",
        ".ZLH-SHADOW",
        ".Zlh_Metadata.json",
    )
    places = (
        "{}",
        "{}/x",
        "mods/{}",
        "config/{}/a.toml",
        "mods/{}.jar",
        "logs/{}.log",
        "mods-removed/{}",
        "mods-uploaded/{}",
    )
    own = [place.format(name) for name, place in product(names, places)]
    return [q(path) for path in own if path not in KNOWN_LEGAL]


KNOWN_LEGAL = {
    f"{place}/{name}.{end}"
    for place, end in (("mods", "jar"), ("logs", "log"))
    for name in (".zlh-shadow", ".zlh_metadata.json", ".ZLH-SHADOW", ".Zlh_Metadata.json")
}
"""Names that only begin like one of the agent's own."""


def _links() -> list[str]:
    paths = [f"{place}{link}/{name}" for place, link, name in product(
        ("", "mods/", "config/"), LINKS, ("f.jar", "server.properties", "a.toml"))]  # fmt: skip
    return [q(path) for path in paths] + [
        "mods/file-link.jar",
        "config/file-link.toml",
        "logs/file-link.log",
        "mods-removed/file-link",
    ]


def _near_misses() -> list[str]:
    """Texts that a careless pattern lets through."""
    return [q(text) for text in (
        "server.properties/", "./server.properties", "mods//x.jar", "mods/./x.jar", "mods/x.jar/", "mods/x.jar/.", " server.properties/",
        "config/../server.properties", "mods/../mods/x.jar", "server.properties/..", ".", "..", "...//", "....//", "/", "//", "a//b",
        "logs/../ops.json", "logs/..", "mods-removed/..", "mods-removed/.", "mods-uploaded/", "world/datapacks/../level.dat",
        "config/..", "..;/outside/f.jar", "..%2f..%2foutside", "{{7*7}}/../x", "${jndi:ldap://x}/../x", "$(id)/..", "`id`/../x",
        "mods/x.jar\n", "mods/x.jar\0.zip", "server.properties\0.toml", "config/a.toml\0", "mods\\x.jar", "config\\a.toml",
        "mods/..\\..\\x.jar", "mods/x.jar:stream/", "mods/*/", "mods/CON/../x.jar", "-rf/..", "--/../x",
    )]  # fmt: skip


CORPUS: dict[str, list[str]] = {
    "traversal CVE-2025-49132 CVE-2025-52562 CVE-2026-0963": _traversal(),
    "encoded-traversal CVE-2026-13716": _encodings(),
    "absolute CVE-2024-34066": _absolute(),
    "prefix MCSManager-2a3f1d7e MCSManager-a992c115": _prefixes(),
    "control-characters": _controls(),
    "not-utf8": _not_text(),
    "lengths": _lengths(),
    "the-agents-own-names": _own_names(),
    "links CVE-2023-25152 CVE-2023-25168 CVE-2024-27102 GHSA-rhq6-9rgh-v45c": _links(),
    "near-misses": _near_misses(),
}
