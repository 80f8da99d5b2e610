"""The rules themselves. Each is a function from a parsed module to findings; samples are in the tests."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BAD_NAMES = re.compile(r"(Manager|Handler|Processor|Helper|Util|Utils)$")
BAD_MODULES = {"utils", "util", "helpers", "helper", "common", "core", "misc"}
EXCUSE = re.compile(r"#\s*house:\s*(?P<rule>[a-z-]+)\s+-\s+\S")


@dataclass(frozen=True)
class Finding:
    """One broken rule at one line."""

    path: str
    line: int
    rule: str
    message: str


def name_the_subject(tree: ast.Module, path: PurePosixPath) -> Iterator[tuple[int, str]]:
    """Refuse drawer names for modules and classes."""
    if path.stem in BAD_MODULES or BAD_MODULES.intersection(path.parts):
        yield 1, f"'{path.stem}' names no subject: name what the module is about"
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and BAD_NAMES.search(node.name):
            yield node.lineno, f"class {node.name}: use the noun (Backups) or the verb (publish)"


def no_inner_import(tree: ast.Module, path: PurePosixPath) -> Iterator[tuple[int, str]]:
    """Refuse imports of our own modules inside functions: they hide a cycle."""
    if path.name in {"__main__.py", "entry.py"}:
        return  # these load a program only when it is asked for
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("zpack"):
                yield node.lineno, "inner import of our own code: move the shared fact down instead"


def bounded_queue(tree: ast.Module, path: PurePosixPath) -> Iterator[tuple[int, str]]:
    """Refuse queues without a bound: back-pressure is stated."""
    del path
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in {"asyncio.Queue", "Queue", "queue.Queue"} and not (node.args or node.keywords):
            yield node.lineno, "unbounded Queue(): state the bound and what happens when it is full"


def owned_task(tree: ast.Module, path: PurePosixPath) -> Iterator[tuple[int, str]]:
    """Refuse tasks whose result is thrown away: the loop may collect them, and their errors vanish."""
    del path
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Call)
            and ast.unparse(node.value.func) in {"asyncio.create_task", "asyncio.ensure_future"}
        ):
            yield node.lineno, "a task nobody owns: use a TaskGroup or keep it and await it at close"


def no_network_in_transaction(tree: ast.Module, path: PurePosixPath) -> Iterator[tuple[int, str]]:
    """Refuse awaiting a foreign system while a transaction is open."""
    if "control" not in path.parts:
        return
    foreign = re.compile(r"\b(proxmox|agents?|velocity|artifacts)\.\w+\(")
    for node in ast.walk(tree):
        if not isinstance(node, ast.AsyncWith):
            continue
        if not any(".transaction(" in ast.unparse(item.context_expr) for item in node.items):
            continue
        for inner in ast.walk(node):
            if isinstance(inner, ast.Await) and foreign.search(ast.unparse(inner.value)):
                yield inner.lineno, "network call inside a transaction: load, work outside, apply"


def no_dynamic_shell(tree: ast.Module, path: PurePosixPath) -> Iterator[tuple[int, str]]:
    """Refuse shells: arguments are lists."""
    del path
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            shell = any(k.arg == "shell" and ast.unparse(k.value) == "True" for k in node.keywords)
            if shell or called in {"os.system", "os.popen", "asyncio.create_subprocess_shell"}:
                yield node.lineno, "a shell: pass a list of arguments"


RULES: dict[str, Callable[[ast.Module, PurePosixPath], Iterator[tuple[int, str]]]] = {
    "name-the-subject": name_the_subject,
    "no-inner-import": no_inner_import,
    "bounded-queue": bounded_queue,
    "owned-task": owned_task,
    "no-network-in-transaction": no_network_in_transaction,
    "no-shell": no_dynamic_shell,
}


def check_source(source: str, path: str) -> list[Finding]:
    """Check one module's text; ``path`` is relative to the repository. Raises ``SyntaxError``."""
    tree = ast.parse(source)
    lines = source.splitlines()
    findings: list[Finding] = []
    for rule, find in RULES.items():
        for line, message in find(tree, PurePosixPath(path)):
            excuse = EXCUSE.search(lines[line - 1]) if line <= len(lines) else None
            if excuse is None or excuse["rule"] != rule:
                findings.append(Finding(path, line, rule, message))
    return findings
