"""Addresses that no mod comes from: what got past other people's filters, and what could."""

from __future__ import annotations

THIS_MACHINE = [
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.0.0.1", "0x7f.1",
    "0177.0.0.1", "0177.1", "017700000001", "0", "0.0.0.0", "0x0", "00000000", "localhost", "LOCALHOST",
    "localhost.", "localhost.localdomain", "127.0.0.1.", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::0001]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:0:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "①②⑦.⓪.⓪.①", "127。0。0。1", "ⓛocalhost",
    "127.0.0.1.nip.io", "localtest.me",
]  # fmt: skip
NEIGHBOURS = [
    "10.0.0.1", "10.255.255.255", "0xa.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1",
    "100.127.255.254", "169.254.169.254", "169.254.170.2", "2852039166", "0xa9fea9fe", "192.0.0.1",
    "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "[fe80::1]", "[fe80::1%25lo]", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]",
    "[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a00:1::]",
    "metadata.google.internal",
]  # fmt: skip
LOOKALIKES = [
    "cdn.modrinth.com.", "cdn.modrinth.com.evil.example", "evil-cdn.modrinth.com", "modrinth.com",
    "a.cdn.modrinth.com", "cdn-modrinth.com", "cdn.modrinth.co", "cdn.m\u043edrinth.com", "cdn。modrinth。com",
    "cdn.modrinth.com@127.0.0.1", "cdn.modrinth.com:443@127.0.0.1", "user:password@cdn.modrinth.com",
    "@cdn.modrinth.com", "127.0.0.1#@cdn.modrinth.com", "127.0.0.1?@cdn.modrinth.com",
    "127.0.0.1\\@cdn.modrinth.com", "127.0.0.1\\.cdn.modrinth.com", "127.0.0.1/cdn.modrinth.com",
    "cdn.modrinth.com%40127.0.0.1", "cdn.modrinth.com%2f@127.0.0.1", "cdn.modrinth.com%00.127.0.0.1",
    "cdn.modrinth.com%2e127.0.0.1", "cdn.modrinth.com\t.127.0.0.1", "cdn.modrinth.com\r\nHost: 127.0.0.1",
    "cdn.modrinth.com 127.0.0.1", "cdn.modrinth.com;127.0.0.1", "[cdn.modrinth.com]", "cdn.modrinth.com,127.0.0.1",
]  # fmt: skip
NO_MOD_S = [
    "http://cdn.modrinth.com/a.jar", "http://cdn.modrinth.com:443/a.jar", "https://cdn.modrinth.com:80/a.jar",
    "https://cdn.modrinth.com:8443/a.jar", "https://cdn.modrinth.com:99999/a.jar", "https://cdn.modrinth.com:-1/a",
    "ftp://cdn.modrinth.com/a.jar", "file:///etc/passwd", "file://cdn.modrinth.com/etc/passwd",
    "gopher://cdn.modrinth.com/a", "data:application/java-archive;base64,UEsDBA==", "javascript:alert(1)",
    "jar:https://cdn.modrinth.com/a.jar!/x", "ws://cdn.modrinth.com/a.jar", "unix:///run/agent.sock",
    "http+unix://%2Frun%2Fagent.sock/a", "//cdn.modrinth.com/a.jar", "https:cdn.modrinth.com/a.jar",
    "https:/cdn.modrinth.com/a.jar", "https:///cdn.modrinth.com/a.jar", "https://", "https://:443/a.jar",
    "cdn.modrinth.com/a.jar", "/data/a.jar", "", " ", " https://cdn.modrinth.com/a.jar",
    "https://cdn.modrinth.com/a.jar\n", "https://cdn.modrinth.com/\x00a.jar", "https://cdn.modrinth.com/\ud800",
    "https://cdn.modrinth.com/" + "a" * 3000, "\\\\127.0.0.1\\share\\a.jar", None, 7, True, [], {},
    ["https://cdn.modrinth.com/a.jar"], {"url": "https://cdn.modrinth.com/a.jar"},
]  # fmt: skip


def corpus(port: int) -> list[object]:
    """Return every address; where one can name a port, it is that of a trap."""
    hosts = [*THIS_MACHINE, *NEIGHBOURS, *LOOKALIKES]
    over_tls = [f"https://{host}:{port}/a.jar" for host in hosts]
    plain = [f"http://{host}:{port}/a.jar" for host in hosts]
    bare = [f"https://{host}/a.jar" for host in hosts]
    return [*over_tls, *plain, *bare, *NO_MOD_S]


PRIVATE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1",
    "127.255.255.255", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1",
    "192.0.2.1", "192.168.255.255", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1",
    "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1",
    "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "2001:10::1", "2002:7f00:1::",
    "2002:808:808::1", "3ffe::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%lo", "fec0::1",
    "ff02::1", "ff0e::1", "4000::1", "", "localhost", "127.1", "2130706433", "0x7f.1", "1.1.1.1 ",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "104.18.22.35", "2606:4700::6812:1623", "2a00:1450:4001::1"]
