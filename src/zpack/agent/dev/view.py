"""What ``/status`` and ``/dev/codeserver`` tell of a dev container. Reads memory and a few small files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zpack.agent.config.payload import DevPayload
    from zpack.agent.dev.container import DevContainer
    from zpack.wire.agent import AgentStatus, CodeServerStatus, DevStatus


def dev_status(base: AgentStatus, *, dev: DevContainer, payload: DevPayload) -> DevStatus:
    """Return the body of ``/status``; ``base`` has what is the same for every container."""
    ready, provisioning, ide = dev.ready(), dev.provisioning, dev.codeserver
    last = ide.crashes.last
    return {
        **base,
        "state": dev.condition.state,
        "processRunning": ide.running if payload.wants_code_server or ide.running else None,
        "ready": ready["ready"],
        "readySource": ready.get("readySource"),
        "readyError": ready.get("readyError"),
        "lastReadyAt": ready.get("lastReadyAt"),
        "installStep": dev.condition.install_step,
        "error": dev.condition.error,
        "crashCount": ide.crashes.count,
        "lastCrashTime": last.time if last else None,
        "lastCrashExitCode": last.exit_code if last else None,
        "lastCrashSignal": last.signal if last else None,
        "lastCrashUptimeSeconds": last.uptime_seconds if last else None,
        "lastCrashLogTail": last.log_tail if last else [],
        "lastCrashClassification": last.classification if last else None,
        "config": payload.shown(),
        "provisioningComplete": provisioning.complete_at is not None,
        "provisioningError": provisioning.error,
        "provisioningErrorCode": provisioning.code,
        "codeServerRequested": payload.wants_code_server,
        "codeServerInstalled": ide.installed,
        "codeServerRunning": ide.running,
        "codeServerVersion": ide.version,
    }


def code_server_status(dev: DevContainer) -> CodeServerStatus:
    """Return the body of ``/dev/codeserver``."""
    ide = dev.codeserver
    return {
        "installed": ide.installed,
        "running": ide.running,
        "ready": ide.readiness.ready,
        "state": ide.condition.state,
        "version": ide.version,
        "port": ide.port,
        "error": ide.condition.error,
    }
