"""A close in the life of a company: the runs after it go on from those before, and give what a whole build gives.

Accidents it prevents: a row of a closed day that moves when the watermark does, a late file that lands in June, a
payment that the statement never learns of.
"""

from collections.abc import Callable

import duckdb

from pipelines.increments import Basis
from pipelines.plan import RunPlan
from pipelines.warehouse import DATABASE, digests
from tests.conftest import SAMPLE, Company

CLOSED = "select * exclude (is_closed) from settlement_ledger where posted_on < '2026-06-01' order by all"
FIRST_OPEN_DAY = """
    select kind, amount from settlement_ledger
    where posted_on = '2026-06-01' and kind in ('PAID', 'LATE_FACT') and component not in ('cash', 'clearing')
"""


def test_a_close_late_facts_and_a_payment_go_on_as_a_whole_build_does(copied_sample: Callable[[], Company]) -> None:
    company = copied_sample()
    before = _rows(company, CLOSED)
    company.scrm("settlement", "close", "2026-05")
    company.scrm("settlement", "close", "2026-W22", expect=1)  # begins in May
    for step in ("issued", "sent", "confirmed"):
        company.scrm("settlement", "mark", "2026-05", "hq", step, "--on", "2026-06-02")
    company.scrm("settlement", "mark", "2026-05", "hq", "paid", "--amount", "100.00", "--on", "2026-05-31")
    header, first, *_ = (SAMPLE / "orders.csv").read_text(encoding="utf-8-sig").splitlines()
    (company.home / "orders.csv").write_text(f"{header}\nlate-{first}\n", encoding="utf-8")
    late = ("--as", "orders", "--map", str(SAMPLE / "orders.map.yaml"))
    company.scrm("import", str(company.home / "orders.csv"), *late)

    promoted = company.settings.promoted_dir
    named = {"SCRM_COMPANY": RunPlan.read(promoted).company}  # another name would build whole
    company.scrm("run", "--business-date", "2026-07-02", **named)
    assert (basis := Basis.read(promoted)) and basis.before
    gone_on = digests(promoted / DATABASE)
    found = _rows(company, FIRST_OPEN_DAY)
    assert ("PAID", -10000) in found
    assert {kind for kind, _ in found} == {"PAID", "LATE_FACT"}
    assert _rows(company, CLOSED) == before, "closed days are as they were"
    company.scrm("run", "--business-date", "2026-07-02", "--full", **named)
    whole = digests(promoted / DATABASE)
    assert not {name: (gone_on[name], whole[name]) for name in whole if gone_on[name] != whole[name]}
    assert company.scrm_json("settlement", "verify")["problems"] == []


def _rows(company: Company, sql: str) -> list[tuple]:
    with duckdb.connect(str(company.settings.promoted_dir / DATABASE), read_only=True) as connection:
        return connection.sql(sql).fetchall()
