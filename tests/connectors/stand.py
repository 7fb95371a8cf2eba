"""What a connector brings to the suite: its face with a known truth, good and bad credentials, and what may change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from starlette.types import ASGIApp

from pipelines.sandbox.faults import Dialect

Truth = dict[str, pl.DataFrame]


@dataclass
class Stand:
    """One account of a system behind a face that runs.

    ``options``: what the settings say, without base_url. ``truth()``: per dataset a frame with some columns of the
    contract, the key among them, one row for each that a complete sync must land. ``now``: when the sync happens.
    ``pass_time(span)``: of a face whose own clock is asked, that clock goes on.
    ``change(moment)``: something happens there then, ``truth()`` with it. ``calm()``: nothing changes any more while
    it is read. ``add_field()``: records get a field that is new. ``rename_field()``: a required one gets another name.
    ``spoil_amounts()``: every amount becomes ``12,3``. ``new_state()``: a record is in a state nobody knows, NEW_STATE.
    ``unseen``: columns that no record of the face fills, each with the reason. ``secrets``: what no log may show.
    ``standing(dataset, landed)``: of all that was landed what stands now; without it, the newest row of each key.
    ``others_go_on``: a renamed field or spoilt amounts stop some of its streams only. ``without_totals``: why no page
    can be proven against a total.
    """

    system: str
    app: ASGIApp
    path: str
    dialect: Dialect
    options: Mapping[str, Any]
    bad_options: Mapping[str, tuple[Mapping[str, Any], str]]
    now: datetime
    truth: Callable[[], Truth]
    change: Callable[[datetime], None]
    calm: Callable[[], None]
    add_field: Callable[[], None]
    rename_field: Callable[[], None]
    secrets: tuple[str, ...]
    spoil_amounts: Callable[[], None] | None = None
    new_state: Callable[[], None] | None = None
    pass_time: Callable[[timedelta], None] | None = None
    unseen: Mapping[str, str] = field(default_factory=dict)
    standing: Callable[[str, Truth], pl.DataFrame] | None = None
    others_go_on: bool = False
    without_totals: str = ""


@dataclass(frozen=True)
class Kind:
    """How to set one up: ``make(seed, moving)``."""

    system: str
    make: Callable[[int, bool], Stand]
