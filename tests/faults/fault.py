"""A line of the table of faults."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """``tests``: node ids without parameters. ``not_yet``: what no test covers, and why; empty: nothing."""

    number: int
    what: str
    tests: tuple[str, ...]
    not_yet: str = ""
