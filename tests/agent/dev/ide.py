"""Stands for code-server: a foreign program that binds where it is told and answers ``/healthz``.

What it was given it writes to ``$HOME/seen.json``; how it behaves it reads from ``$HOME/behaviour.json``.
"""

import http.server
import json
import os
import pathlib
import signal
import subprocess
import sys

home = pathlib.Path(os.environ["HOME"])
told = home / "behaviour.json"
behaviour = json.loads(told.read_text()) if told.exists() else {}


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(behaviour.get("health", {"status": "expired", "lastHeartbeat": 0})).encode()
        self.send_response(behaviour.get("status", 200))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


if "refuse" in behaviour:
    sys.exit(behaviour["refuse"])
if behaviour.get("deaf"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
seen = {"argv": sys.argv[1:], "env": dict(os.environ), "cwd": str(pathlib.Path.cwd()), "uid": os.getuid()}
(home / "seen.json").write_text(json.dumps(seen))
if behaviour.get("child"):
    child = subprocess.Popen(["sleep", "300"], start_new_session=True)
    (home / "child.pid").write_text(str(child.pid))
host, _, port = sys.argv[sys.argv.index("--bind-addr") + 1].rpartition(":")
sys.stdout.write("IDE listens\n")
sys.stdout.flush()
http.server.ThreadingHTTPServer((host, int(port)), Answers).serve_forever()
