"""A server that answers Minecraft status pings and otherwise does what the test says."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

SETTINGS = json.loads(pathlib.Path("settings.json").read_text())
BEHAVIOUR = pathlib.Path("behaviour.json")
WANTED = json.loads(BEHAVIOUR.read_text()) if BEHAVIOUR.exists() else {}
PLAYERS: list[str] = []


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def varint(value: int) -> bytes:
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def status() -> bytes:
    sample = [{"name": name, "id": "0-0-0-0-0"} for name in PLAYERS]
    document = {
        "version": {"name": SETTINGS["version"], "protocol": 769},
        "players": {"online": len(PLAYERS), "max": 20, "sample": sample},
        "description": SETTINGS["motd"],
    }
    text = json.dumps(document).encode()
    packet = b"\0" + varint(len(text)) + text
    return varint(len(packet)) + packet


def answer(client: socket.socket) -> None:
    with client:
        client.settimeout(2)
        client.recv(4096)
        client.sendall(bytes.fromhex(WANTED["garbage"]) if "garbage" in WANTED else status())
        time.sleep(0.05)


def serve() -> None:
    listener = socket.create_server((SETTINGS["host"], SETTINGS["port"]))
    while True:
        client, _ = listener.accept()
        threading.Thread(target=answer, args=(client,), daemon=True).start()


def steadily(count: int, rate: float) -> None:
    for number in range(count):
        say(f"step {number}")
        time.sleep(1 / rate)


def obey(line: str) -> None:
    word, _, rest = line.partition(" ")
    if word == "stop" and not WANTED.get("ignore_stop"):
        say("stopping")
        os._exit(0)
    if word == "crash":
        os._exit(int(rest))
    if word == "die":
        os.kill(os.getpid(), signal.Signals[rest])
    if word == "join":
        PLAYERS.extend(rest.split())
    if word == "later":
        seconds, _, text = rest.partition(" ")
        threading.Timer(float(seconds), say, [text]).start()
    if word == "steady":  # numbered lines, so many at so many a second
        count, _, rate = rest.partition(" ")
        threading.Thread(target=steadily, args=(int(count), float(rate)), daemon=True).start()
    if word == "size":
        say(f"size {os.get_terminal_size().columns}")
    if word == "flood":
        sys.stdout.write("".join(f"line {n}\n" for n in range(int(rest))))
    if word == "daemon":
        # An orphan in a session of its own, with an empty environment, that keeps our output open.
        subprocess.run(["sh", "-c", "env -i setsid sleep 600 & echo daemon $!"], check=True)
    say(f"did {line}")


for text in WANTED.get("say", []):
    say(text)
if "exit" in WANTED:
    time.sleep(WANTED.get("after", 0))
    sys.exit(WANTED["exit"])
if WANTED.get("ignore_stop"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if not WANTED.get("deaf"):
    threading.Thread(target=serve, daemon=True).start()
say(f"environment {sorted(os.environ)}")
for typed in sys.stdin:
    obey(typed.rstrip("\n"))
while WANTED.get("ignore_stop"):
    time.sleep(1)
