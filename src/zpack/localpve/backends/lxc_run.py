"""Runs one short foreign command (lxc-start, ip) with a time limit."""

from __future__ import annotations

import asyncio

OUTPUT_LIMIT = 2000


async def run(*words: str, stdin: bytes = b"", seconds: float = 30.0) -> tuple[int, str]:
    """Return the exit code and the end of what it wrote. Raises OSError when it cannot be run."""
    child = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        text, _ = await asyncio.wait_for(child.communicate(stdin), seconds)
    except TimeoutError:
        return 124, f"{words[0]} did not answer within {seconds:.0f} s"
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return child.returncode or 0, text.decode(errors="replace").strip()[-OUTPUT_LIMIT:]
