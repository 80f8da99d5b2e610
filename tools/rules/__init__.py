"""House rules as small AST lints; each message carries the reason and the replacement.

Run: ``python -m tools.rules [path …]``. A line is excused by ``# house: RULE - reason``.
"""

from tools.rules.check import RULES, Finding, check_source

__all__ = ["RULES", "Finding", "check_source"]
