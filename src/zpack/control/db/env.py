"""Alembic's entry; it loads this file by path and expects it to run on import."""

from zpack.control.db.migrations import run_environment

run_environment()
