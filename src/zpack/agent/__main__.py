"""``python -m zpack.agent``: serves until it is asked to end; may be PID 1 of a container."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys

from aiohttp import web

from zpack.agent import VERSION
from zpack.agent.games.loader import EngineFileError
from zpack.agent.logs import begin_logging
from zpack.agent.runtime.family import become_reaper
from zpack.agent.settings import Settings, SettingsError, read_settings
from zpack.agent.update.health import until_healthy
from zpack.agent.wiring import Agent, build
from zpack.lifetime import follow_parent, say_ready

SHUTDOWN_SECONDS = 2.0
SYSTEMD_SECONDS = 5.0
ENVIRONMENT = """\
environment:
  ZLH_AGENT_HOST            address to listen on, and for the game to bind to (0.0.0.0)
  ZLH_AGENT_PORT            port to listen on; 0: any free one (18888)
  ZLH_AGENT_TOKEN           bearer token, until the first /config brings the instance's own
  ZLH_AGENT_HOME            the agent's own folder (/opt/zlh-agent)
  ZLH_RUNTIME_ROOT          folder of the workload (/opt/zlh)
  ARTIFACT_BASE_URL         where artifacts and SHA256SUMS are fetched from
  ZLH_WORKLOAD_USER         whom the workload runs as; root: as the agent does (zlh or minecraft, if root)
  ZLH_WORKLOAD_PROCESSES    how many processes and threads that user may have (1024)
  ZPACK_NODE_DIR            a folder with bin/node (else PATH)
  ZPACK_JAVA_DIR            a folder with bin/java (else PATH)
  ZLH_AGENT_GAMES_DIR       more engine files (*.toml)
  ZLH_AGENT_BACKOFF_SECONDS pauses between restarts after crashes (30,60,120)
  ZLH_AGENT_STABLE_SECONDS  a run this long begins the pauses anew (30)
  ZLH_AGENT_READY_SECONDS   how long a start may take; 0: as the engine's file says (0)
  ZLH_AGENT_STOP_SECONDS    how long a stop may take before the kill (20)
  ZLH_AGENT_PING_SECONDS    pause between two pings of a running server (10)
  ZLH_AGENT_INSTALL_SECONDS how long an installation may take (1800)
  ZLH_AGENT_MAX_DOWNLOAD_MIB, ZLH_AGENT_MAX_UNPACKED_MIB  limits of one artifact (2048, 8192)
  ZLH_DEV_HOME              home of a dev container's user; its workspace is inside (/home/dev)
  ZLH_DEV_USER              whose the IDE is, when the agent is root and there is such an account (dev)
  ZLH_CODE_SERVER_PORT      port of the IDE, on the agent's address (6000)
  ZLH_CODE_SERVER_SECONDS   how long the IDE may take until it answers (60)
  ZLH_AGENT_DISK_QUOTA_MIB  what a server's folder may hold; 0: what the payload says, or the disk (0)
  ZLH_AGENT_TRANSFER_SECONDS, ZLH_AGENT_TRANSFER_IDLE_SECONDS  limits of one upload (300, 30)
  ZLH_AGENT_BACKUP_KEEP, ZLH_AGENT_BACKUP_KEEP_CHECKPOINTS  how many backups are kept (5, 3)
  ZLH_AGENT_BACKUP_MAX_MIB  content that one backup may hold (65536)
  ZLH_AGENT_BACKUP_MIN_FREE_MIB  what a backup or restore leaves free on the disk (256)
  ZLH_AGENT_BACKUP_SECONDS  how long packing or unpacking one may take (3600)
  ZLH_AGENT_MOD_HOSTS       hosts and origins that mods may come from (cdn.modrinth.com, …)
  ZLH_AGENT_MOD_CA_FILE     certificates of a mirror, beside the system's
  ZLH_AGENT_MAX_MOD_MIB, ZLH_AGENT_MOD_SECONDS  limits of one mod (200, 300)
  ZLH_AGENT_UPDATE_MODE     off; notify: look for newer releases and say so; auto: change to them (off)
  ZLH_AGENT_UPDATE_INTERVAL how often to look: 90s, 30m, 6h, 1d (30m)
  ZLH_AGENT_UPDATE_HEALTH_SECONDS  how long a new release may take to answer before it is taken back (60)
  ZLH_AGENT_START           set by zlh-agent-start, which starts a release and goes back from a broken one
  ZLH_AGENT_SHELL_SECONDS   how long a dev container's shell waits for somebody to look again (60)
  ZLH_AGENT_KEEP_WORKLOAD   0: the workload ends when the agent dies; else its successor finds it (1)
  ZLH_AGENT_LEAVE_WORKLOAD  1: SIGTERM leaves the workload running, unless systemd shuts the system down (0)
  ZPACK_PDEATHSIG           1: end when the parent process ends

signals:
  SIGTERM, SIGINT, SIGPWR   stop the workload, then end
  SIGHUP                    begin anew in the same process, as after an update; the workload goes on
"""
log = logging.getLogger("zpack.agent")


def main(argv: list[str] | None = None) -> int:
    """Run the agent; return 0 after a wanted end, 2 when it cannot start."""
    parser = argparse.ArgumentParser(
        prog="zpack agent",
        description="The daemon in every container: installs and supervises its workload.",
        epilog=ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=VERSION)
    parser.parse_args(argv)
    begin_logging()
    follow_parent()
    become_reaper()
    try:
        return asyncio.run(serve(read_settings(os.environ)))
    except (SettingsError, EngineFileError, OSError) as error:
        log.critical("cannot start: %s", error)
        return 2


async def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT. Raises ``EngineFileError`` and ``OSError``."""
    loop = asyncio.get_running_loop()
    agent = build(settings, owns_process=True)
    ending, renewing = asyncio.Event(), asyncio.Event()
    # SIGPWR is how LXC asks a container's first process to end.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGPWR):
        loop.add_signal_handler(number, _asked_to_end, ending, agent)
    loop.add_signal_handler(signal.SIGCHLD, agent.orphans.reap)
    loop.add_signal_handler(signal.SIGHUP, _asked_to_renew, ending, renewing)
    # With cancellation, a reader of the console who went away gives its place back at once.
    runner = web.AppRunner(
        agent.app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, handler_cancellation=True
    )
    await runner.setup()
    renewal: asyncio.Task[None] | None = None
    try:
        site = web.TCPSite(runner, settings.address.host, settings.address.port)
        # First: it ends what a killed agent left, which must not meet what a new /config starts.
        await agent.resume()
        await site.start()
        host, port = runner.addresses[0][:2]
        say_ready("agent", listen=f"{host}:{port}")
        renewal = asyncio.create_task(_stay_new(agent, settings.address.probe_host, port), name="updates")
        await ending.wait()
        if renewing.is_set():
            log.info("asked to begin anew: the workload goes on")
            await _let_go(agent, runner)
            begin_anew(settings.updating.start)
        if settings.leave_workload and not await system_ends():
            log.info("asked to end: the workload goes on")
            await _let_go(agent, runner)
            os._exit(0)  # an orderly end of the loop would take the workload along
        log.info("asked to end: stopping the workload")
    finally:
        if renewal:
            renewal.cancel()
        await agent.close()
        await runner.cleanup()
    return 0


async def _stay_new(agent: Agent, host: str, port: int) -> None:
    try:
        await until_healthy(host, port)
        await agent.updates.confirm()
        await agent.updates.watch()
    except Exception:
        log.exception("the agent does not look for newer releases any more")


async def _let_go(agent: Agent, runner: web.AppRunner) -> None:
    agent.ring.close()
    await runner.cleanup()
    sys.stdout.flush()


def begin_anew(start: str | None) -> None:
    """Become what the same command line, or the release that is current, starts now.

    What was open closes; the workload's keeper goes on.
    """
    argv = [start] if start else [sys.executable, *sys.orig_argv[1:]]
    os.execv(argv[0], argv)  # noqa: S606 - our own command line


async def system_ends() -> bool:
    """Say whether systemd is shutting this system down; true where it cannot be asked."""
    try:
        asking = await asyncio.create_subprocess_exec(
            "systemctl",
            "is-system-running",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        said, _ = await asyncio.wait_for(asking.communicate(), SYSTEMD_SECONDS)
    except (OSError, TimeoutError):
        return True
    return said.strip() in {b"stopping", b""}


def _asked_to_renew(ending: asyncio.Event, renewing: asyncio.Event) -> None:
    if not ending.is_set():
        renewing.set()
        ending.set()


def _asked_to_end(ending: asyncio.Event, agent: Agent) -> None:
    if ending.is_set():  # asked twice: somebody is in a hurry
        agent.workload.kill()
        agent.dev.codeserver.kill()
    ending.set()


if __name__ == "__main__":
    sys.exit(main())
