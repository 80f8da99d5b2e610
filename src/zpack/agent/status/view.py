"""Gathers what ``/status`` tells. Reads memory only: it must answer while everything else is busy."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zpack.agent.config.store import ConfigStore
    from zpack.agent.power.lock import OperationLock
    from zpack.agent.power.workload import Workload
    from zpack.wire.agent import AgentStatus


def status(*, workload: Workload, configs: ConfigStore, lock: OperationLock) -> AgentStatus:
    """Return the body of ``/status``."""
    condition, readiness, crashes = workload.condition, workload.readiness, workload.crashes
    last, operation, payload = crashes.last, lock.current, configs.saved
    return {
        "state": condition.state,
        "processRunning": workload.process is not None,
        "ready": readiness.ready,
        "readySource": readiness.source if readiness.last_at else None,
        "readyError": None if readiness.ready else readiness.error,
        "lastReadyAt": readiness.last_at,
        "installStep": condition.install_step,
        "crashCount": crashes.count,
        "lastCrashTime": last.time if last else None,
        "lastCrashExitCode": last.exit_code if last else None,
        "lastCrashSignal": last.signal if last else None,
        "lastCrashUptimeSeconds": last.uptime_seconds if last else None,
        "lastCrashLogTail": last.log_tail if last else [],
        "lastCrashClassification": last.classification if last else None,
        "error": condition.error,
        "config": payload.shown() if payload else None,
        "timestamp": int(time.time()),
        "operationInProgress": operation is not None,
        "operationType": operation.kind if operation else None,
        "operationStartedAt": operation.started_at if operation else None,
        "operationMessage": operation.message if operation else None,
        "maintenance": False,
    }
