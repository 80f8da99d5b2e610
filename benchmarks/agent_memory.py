"""Resident memory of one idle agent: ``python benchmarks/agent_memory.py [rounds]``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from statistics import median

GOAL_MB = 45.0


def resident_mb(pid: int) -> float:
    """Return VmRSS in MB (1000 kB)."""
    return int(Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0]) / 1000


def measure(folder: str) -> float:
    """Start an agent, ask it for its status as the API's poller does, and return its resident memory."""
    env = {
        "PATH": os.environ["PATH"],
        "ZLH_AGENT_HOST": "127.80.0.1",
        "ZLH_AGENT_PORT": "0",
        "ZLH_AGENT_HOME": f"{folder}/home",
        "ZLH_RUNTIME_ROOT": f"{folder}/root",
    }
    argv = [sys.executable, "-m", "zpack.agent"]
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as agent:
        assert agent.stdout
        url = f"http://{json.loads(agent.stdout.readline())['listen']}"
        for path in ("/health", "/status", "/status"):
            urllib.request.urlopen(url + path).read()
        used = resident_mb(agent.pid)
        agent.terminate()
    return used


def main() -> int:
    """Print the figure; 1 when the goal is missed."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    figures: list[float] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            figures.append(measure(folder))
    print(f"idle agent, resident memory: {median(figures):.1f} MB (goal: at most {GOAL_MB:.0f} MB)")
    return 0 if median(figures) <= GOAL_MB else 1


if __name__ == "__main__":
    sys.exit(main())
