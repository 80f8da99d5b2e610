"""What is put on the scene: a server in every state that one can be in, and what lies about them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pyotp.totp import TOTP

from tests.support.http import PASSWORD

if TYPE_CHECKING:
    from tests.portal.scene import Scene

BACKUP = "20261125T200000Z-0a1b2c3d"
NOW = datetime.now(UTC)
LONG = "a-folder-whose-name-somebody-has-made-longer-than-anybody-would-ever-want-to-read-in-one-line"
PROPERTIES = (
    "motd=A friendly server\nmax-players=20\ndifficulty=normal\nwhite-list=false\nview-distance=10\n" * 4
)
LOG = (
    "[12:00:01] [Server thread/INFO]: Starting minecraft server version 1.21.4",
    '[12:00:04] [Server thread/INFO]: Preparing level "world"',
    '[12:00:09] [Server thread/INFO]: \x1b[32mDone\x1b[0m (8.214s)! For help, type "help"',
    "[12:03:44] [Server thread/INFO]: Ada joined the game",
    "[12:04:02] [Server thread/WARN]: \x1b[33mCan't keep up! Is the server overloaded?\x1b[0m",
    "[12:05:17] [Server thread/INFO]: <Grace> has anybody seen my pickaxe?",
)
GAMES = (
    "online", "idle", "off", "starting", "crashed", "silent", "unreachable", "publishing", "maintenance",
    "leaving", "deleting", "asleep", "bare",
)  # fmt: skip
DEVS = ("dev", "dev_asleep", "dev_silent")


async def furnish(scene: Scene) -> None:
    """Put everything that pictures show."""
    scene.names |= {name: str(5000 + number) for number, name in enumerate(GAMES)}
    scene.names |= {name: str(6000 + number) for number, name in enumerate(DEVS)}
    scene.names |= {"held": "5100", "held_dev": "6100"}
    for name in GAMES:
        await scene.game(int(scene.names[name]))
    for name in DEVS:
        await scene.dev(int(scene.names[name]))
    await scene.game(5100, "payer")
    await scene.dev(6100, "payer")
    await scene.look()
    await _states(scene)
    await _operations(scene)
    _files(scene)
    _backups(scene)
    await _mods(scene)
    await _devs(scene)
    await _talk(scene)
    await scene.console.say(*LOG)
    await scene.execute("update users set email_verified = true where username = 'ann'")


async def _states(scene: Scene) -> None:
    crash = {"crashCount": 3, "lastCrashExitCode": 1, "error": "java.lang.OutOfMemoryError: Java heap space"}
    tail = ["at net.minecraft.server.Main.main(Main.java:182)", "Caused by: java.lang.OutOfMemoryError"]
    for name, word in {
        "online": {},
        "idle": {"state": "stopped", "ready": False},
        "starting": {"state": "starting", "ready": False, "readyError": "The world is being loaded."},
        "crashed": {"state": "crashed", "ready": False, "lastCrashLogTail": tail} | crash,
        "silent": {"hostOnline": False, "ready": False},
        "maintenance": {
            "state": "stopped", "ready": False, "maintenance": True, "operationInProgress": True,
            "operationType": "restore", "operationStartedAt": NOW.isoformat(),
        },
    }.items():  # fmt: skip
        await scene.word(int(scene.names[name]), **word)
    for name in ("off", "asleep", "deleting"):
        await scene.power(int(scene.names[name]), "stopped")
        await scene.world.words.remove(int(scene.names[name]))
        scene.deaf.add(int(scene.names[name]))
    scene.deaf.add(int(scene.names["silent"]))
    await scene.execute(
        """update instances set payload = jsonb_set(payload, '{edge}', '{"state": "failed", "error": """
        """"the name server does not answer"}') where vmid = :vmid""",
        vmid=int(scene.names["unreachable"]),
    )
    await scene.world.clients.redis.hdel("edge:backends", f"mc-flying-squid-{scene.names['publishing']}")
    sleeping = {"enabled": True, "minutes": 30, "asleep_since": NOW - timedelta(hours=2)}
    await scene.idles(int(scene.names["asleep"]), **sleeping, reason="Nobody was here for 30 minutes.")
    awake = {"enabled": True, "minutes": 30, "active_at": NOW, "stops_at": NOW + timedelta(minutes=30)}
    await scene.idles(
        int(scene.names["online"]), **awake, reason="Stops in 30 minutes unless somebody joins."
    )


async def _operations(scene: Scene) -> None:
    host = f"mc-flying-squid-{scene.names['leaving']}"
    vmid = int(scene.names["leaving"])
    await scene.operation("op_leaving", "host-stop", "stop-host", 0.3, vmid=vmid, hostname=host)
    gone = {"vmid": int(scene.names["deleting"]), "hostname": f"mc-flying-squid-{scene.names['deleting']}"}
    await scene.operation("op_deleting", "instance-delete", "unpublish-edge", 0.4, **gone)
    made = {"hostname": "mc-flying-squid-5200", "vmid": 5200}
    over = {"finished_at": NOW} | made
    error = {
        "code": "agent_not_ready", "message": "The server did not become ready within ten minutes.",
        "details": {"notUndone": []},
    }  # fmt: skip
    partly = error | {"details": {"notUndone": ["clone-container"]}}
    create = "instance-create"
    await scene.operation("op_queued", create, None, 0, **made, status="queued")
    await scene.operation("op_running", create, "await-ready", 0.7, **made)
    await scene.operation("op_undoing", create, "undo start-container", 0.7, **made)
    await scene.operation("op_failed", create, "await-ready", 0.7, **over, status="failed", error=error)
    await scene.operation("op_partly", create, "await-ready", 0.7, **over, status="failed", error=partly)
    await scene.operation("op_cancelled", create, "clone-container", 0.2, **over, status="cancelled")
    done = {"vmid": int(scene.names["online"]), "hostname": "mc-flying-squid-5000", "finished_at": NOW}
    await scene.operation("op_done", create, "publish-edge", 1, **done, status="succeeded")
    gone = {"vmid": 5300, "hostname": "mc-flying-squid-5300", "finished_at": NOW, "status": "succeeded"}
    await scene.operation("op_gone", "instance-delete", "remove-instance", 1, **gone)


def _files(scene: Scene) -> None:
    vmid, dev, at = int(scene.names["online"]), int(scene.names["dev"]), "/game/files"
    changed = NOW.isoformat()

    def entry(path: str, *, size: int = 0, kind: str = "file", **more: Any) -> dict[str, Any]:
        name = path.rpartition("/")[2]
        return {"name": name, "path": path, "type": kind, "size": size, "modified": changed} | more

    listed = [
        *(entry(name, kind="dir") for name in ("config", "logs", "mods", "world", LONG)),
        *(entry(name, size=size) for name, size in (("server.jar", 49_283_072), ("server.properties", 1337))),
        entry("eula.txt", size=10),
    ]
    mods = [entry("mods/sodium.jar", size=812_000, source="user"), entry("mods/lithium.jar", size=701_000)]
    old = [entry("logs/latest.log", size=20_480), entry("logs/2026-11-25-1.log.gz", size=2048)]
    for path, found in {"": listed, "mods": mods, "logs": old, "world": []}.items():
        scene.says(vmid, f"{at}/list?{path}", {"path": path, "entries": found, "truncated": path == "logs"})
    texts = {"server.properties": PROPERTIES, "eula.txt": "eula=true\n"}
    for path, content in texts.items():
        told = entry(path, size=len(content), hasShadow=path == "server.properties", source=None)
        scene.says(vmid, f"{at}/stat?{path}", told)
        scene.says(vmid, f"{at}/read?{path}", told | {"content": content})
    for path, code, status in (("server.jar", "not_text", 400), ("logs/latest.log", "too_large", 413)):
        scene.says(vmid, f"{at}/stat?{path}", entry(path, size=49_283_072, hasShadow=False, source=None))
        scene.says(vmid, f"{at}/read?{path}", {"error": code, "message": code}, status)
    scene.says(vmid, f"{at}/list?.zlh-shadow", {"error": "path_rejected", "message": "no"}, 403)
    scene.says(vmid, f"{at}?server.properties", {"error": "changed_meanwhile", "message": "changed"}, 412)
    source = "import { serve } from './server.js'\n\nserve({ port: 3000 })\n"
    code = entry("main.js", size=len(source), hasShadow=False, source=None)
    tree = [entry("src", kind="dir"), entry("package.json", size=412), code]
    scene.says(dev, "/dev/files/list?", {"path": "", "entries": tree, "truncated": False})
    scene.says(dev, "/dev/files/list?src", {"path": "src", "entries": [], "truncated": False})
    scene.says(dev, "/dev/files/stat?main.js", code)
    scene.says(dev, "/dev/files/read?main.js", code | {"content": source})
    held = {"path": "", "entries": listed, "truncated": False}
    scene.says(int(scene.names["held"]), f"{at}/list?", held)


def _backups(scene: Scene) -> None:
    one = {
        "createdAt": "2026-11-25T20:00:00Z",
        "sizeBytes": 734_003_200,
        "type": "manual",
        "version": "1.21.4",
    }
    kept = [
        {"id": BACKUP, "label": "before the party"} | one,
        {"id": "20261124T090000Z-00000001", "skipped": 2, "changed": 3} | one,
        {"id": "20261123T090000Z-00000002"} | one | {"type": "checkpoint"},
    ]
    began = {"startedAt": NOW.isoformat()}
    broken = {"code": "disk_full", "message": "The disk is full: 12 MB are free, 700 MB are needed."}
    for name, body in {
        "online": {"backups": kept},
        "idle": {"backups": []},
        "maintenance": {"backups": kept, "operation": {"type": "restore", "state": "running"} | began},
        "starting": {"backups": kept[:1], "operation": {"type": "create", "state": "running"} | began},
        "crashed": {"backups": kept[:1], "operation": {"type": "create", "state": "failed", "error": broken}},
        "held": {"backups": kept[:1]},
    }.items():
        scene.says(int(scene.names[name]), "/game/backups", body)
    busy = {"error": "agent_busy", "message": "The server is too busy to answer."}
    scene.says(int(scene.names["bare"]), "/game/backups", busy, 503)


async def _mods(scene: Scene) -> None:
    installed = [
        {"id": "sodium.jar", "name": "Sodium", "filename": "sodium-0.6.jar", "enabled": True, "sizeBytes": 812_000},
        {"id": "lithium.jar", "name": "Lithium", "filename": "lithium-0.14.jar", "enabled": False,
         "sizeBytes": 701_000},
    ]  # fmt: skip
    fabric = """update instances set payload = payload || '{"variant": "fabric"}' where vmid = :vmid"""
    for name, found in (("online", installed), ("idle", []), ("held", installed)):
        scene.says(int(scene.names[name]), "/game/mods", {"mods": found})
        await scene.execute(fabric, vmid=int(scene.names[name]))
    none = {"error": "mods_not_supported", "message": "This engine loads no mods."}
    scene.says(int(scene.names["bare"]), "/game/mods", none, 409)
    for name in ("sodium", "fabric-api", "lithium", "simple-voice-chat"):
        scene.modrinth.add(name, downloads=len(name) * 1_234_567)


async def _devs(scene: Scene) -> None:
    vmid, asleep, silent = (int(scene.names[name]) for name in DEVS)
    ide = {"codeServerInstalled": True, "codeServerVersion": "4.139.1", "codeServerRequested": True}
    for number in (vmid, asleep, silent, 6100):
        await scene.power(number, "stopped" if number == asleep else "running")
    await scene.word(vmid, **ide, codeServerRunning=True, readySource="agent")
    await scene.word(silent, hostOnline=False, ready=False)
    await scene.world.words.remove(asleep)
    sleeping = {"enabled": True, "minutes": 15, "asleep_since": NOW - timedelta(hours=2)}
    await scene.idles(asleep, **sleeping, reason="Nobody was here for 15 minutes.")
    for port, public in ((3000, True), (5173, False)):
        answer = await scene.callers["ann"].put(f"/api/dev/{vmid}/ports/{port}", {"public": public})
        assert answer.status < 300, answer


async def _talk(scene: Scene) -> None:
    ann, root = scene.callers["ann"], scene.callers["admin"]
    asked = {"name": "Ann", "email": "ann@example.org", "message": "I run Fabric, and it says no.\n\nWhy?"}
    for name, subject in (("ticket", "How do I add mods?"), ("closed", "An invoice with another address")):
        made = (await ann.post("/api/support/create", asked | {"subject": subject})).body["ticket"]["id"]
        scene.names[name] = made
        await root.post(
            f"/api/support/tickets/{made}/messages", {"message": "Open the Mods tab of your server."}
        )
    await ann.post(f"/api/support/tickets/{scene.names['closed']}/close")
    for level, title in (("maintenance", "Node one is updated on Sunday"), ("info", "Luanti is here")):
        body = {"title": title, "text": "Running servers move; nobody is disconnected.", "level": level}
        await root.post("/api/admin/announcements", body)
    key = {"name": "backup script", "scopes": ["servers:read", "backups"], "expiresAt": None}
    scene.names["key"] = (await ann.post("/api/auth/keys", key)).body["id"]


async def without_factor(scene: Scene, who: str = "new") -> None:
    """Let somebody have no second factor."""
    await scene.execute("delete from second_factors where user_id = :id", id=scene.ids[who])
    await scene.execute("delete from recovery_codes where user_id = :id", id=scene.ids[who])
    await scene.execute("update users set second_factor = false where id = :id", id=scene.ids[who])


async def with_factor(scene: Scene, who: str = "new") -> None:
    """Let somebody have one."""
    await without_factor(scene, who)
    caller, at = scene.callers[who], "/api/auth/second-factor"
    made = await caller.post(at, {"password": PASSWORD})
    assert made.status < 300, made
    code = code_of(made.body["secret"])
    assert (await caller.post(f"{at}/confirm", {"code": code})).status < 300


def code_of(secret: str) -> str:
    """Return what an authenticator shows now."""
    return TOTP(secret).now()
