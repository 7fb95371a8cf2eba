"""The customer record of a million customers: what ten million records state, which value survives, the wide table.

Two measures. ``eight_each``: customer_statements given, eight of each customer, with a conflict in every seventh name
or phone. ``from_records``: the statements themselves, made of a file of customers, memberships, WeCom contacts with
remarks and phones, and ten orders of each customer. Seconds by model as dbt tells them, and the memory of its process
at its highest; the alternative beside them is the newest statement of each field and nothing about why.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from models.settings import PROJECT_ROOT
from tests.factories_lake import HandMadeLake

CUSTOMERS = int(os.environ.get("BENCH_CUSTOMERS", "1000000"))
_RECORD = ("customer_fields", "customer_contact_points", "customer_owners", "customers")

_EMPTY_RECORDS = """
    select null::varchar as {key}, null::varchar as name, null::varchar as city, null::varchar as store_id,
        null::timestamp as {at}, null::timestamp as updated_at, null::varchar as _batch, null::bigint as _row
    where false
"""
_STATEMENTS = """
    create table customer_statements as
    with numbered as (
        select i, i // 8 as c,
            ['name', 'phone', 'gender', 'city', 'name', 'phone', 'email', 'birth_date'][i % 8 + 1] as field,
            ['customers', 'orders', 'members', 'customers', 'wecom_follows', 'wecom_follows', 'leads', 'members']
                [i % 8 + 1] as source
        from range({customers} * 8) r(i)
    )
    select 'C' || substr(md5(c::varchar), 1, 14) as customer_id, field,
        case field
            when 'phone' then '+8613' || lpad((c + case when i % 7 = 0 then 1 else 0 end)::varchar, 9, '0')
            when 'birth_date' then (date '1950-01-01' + (c % 20000)::int)::varchar
            when 'gender' then ['female', 'male'][c % 2 + 1]
            when 'email' then 'c' || c || '@example.com'
            else field || (c + case when i % 7 = 0 then 1 else 0 end)
        end as value,
        source, source || ':' || i as record_id, 'S' || (c % 300) as store_id, 1::bigint as records_count,
        (i % 5)::bigint as trust, source in ('wecom_follows', 'members') as is_verified, false as is_masked,
        false as is_cleared, timestamp '2024-01-01' + to_seconds((i * 7919) % 40000000) as first_stated_at,
        timestamp '2024-01-01' + to_seconds((i * 7919) % 40000000) as stated_at
    from numbered
"""
_PEOPLE = """
    create table people as select i, 'C' || substr(md5(i::varchar), 1, 14) as customer_id,
        '+8613' || lpad(i::varchar, 9, '0') as phone, 'wm' || i as external_userid, 'M' || i as member_no,
        'S' || (i % 300) as store_id, timestamp '2024-01-01' + to_seconds((i * 7919) % 40000000) as seen_at
    from range({customers}) r(i)
"""
_OF_PEOPLE = {
    "customer_identifiers": """
        select customer_id, kind as identifier_type,
            case kind when 'phone' then phone when 'external_userid' then external_userid else member_no end
                as identifier,
            true as is_owner, 'orders' as source, seen_at as first_seen_at, seen_at as last_seen_at
        from people, (values ('phone'), ('external_userid'), ('member_no')) v(kind)
    """,
    "orders": """
        select store_id || ':' || i || '-' || n as order_key, customer_id, store_id,
            'ann' || (i % 900) as salesperson_id, true as is_sale, seen_at + to_days(n::int) as sold_at
        from people, range(10) r(n)
    """,
    "customer_consents": """
        select customer_id, 'marketing' as purpose, 'any' as channel, 'granted' as state, seen_at as decided_at
        from people where i % 2 = 0
    """,
    "interactions": "select customer_id, sold_at as occurred_at from orders",
    "stores": """
        select 'S' || i as store_id, 'city' || (i % 60) as city, 'region' || (i % 8) as region from range(300) r(i)
    """,
    "stg_wecom__contacts": """
        select external_userid, 'nick' || i as name, 'female' as gender, true as is_current,
            seen_at as first_followed_at
        from people where i % 2 = 0
    """,
    "stg_wecom__follows": """
        select 'ann' || (i % 900) as userid, external_userid, 'remark' || i as remark, true as is_current,
            seen_at as followed_at
        from people where i % 2 = 0
    """,
    "stg_wecom__events": """
        select null::varchar as userid, null::varchar as external_userid, null::varchar as change_type,
            null::timestamp as occurred_at
        where false
    """,
    "staff_periods": """
        select 'ann' || i as staff_id, 'S' || (i % 300) as store_id, timestamp '1900-01-01' as starts_at,
            timestamp '9999-12-31' as ends_at
        from range(900) r(i)
    """,
    "stg_files__members": """
        select member_no, 'name' || i as name, 'female' as gender, date '1990-01-01' as birth_date, store_id,
            null::varchar as staff_id, seen_at as joined_at, null::timestamp as updated_at, 'b' as _batch, i as _row
        from people where i % 2 = 1
    """,
    "stg_files__customers": """
        select i::varchar as record_id, 'name' || i as name, 'c' || i || '@example.com' as email, 'female' as gender,
            date '1990-01-01' as birth_date, 'city' || (i % 60) as city, 'CN' as country, store_id,
            seen_at as registered_at, null::timestamp as updated_at, 'b' as _batch, i as _row
        from people
    """,
    "stg_files__leads": _EMPTY_RECORDS.format(key="lead_id", at="created_at"),
    "stg_files__enrolments": _EMPTY_RECORDS.format(key="enrolment_id", at="enrolled_at"),
    "stg_files__follow_ups": _EMPTY_RECORDS.format(key="follow_up_id", at="followed_at"),
    "stg_files__tickets": _EMPTY_RECORDS.format(key="ticket_id", at="opened_at"),
    "stg_files__visits": _EMPTY_RECORDS.format(key="visit_key", at="visited_at"),
}
#: Five personas of a customer: the file's record, the membership, the orders, the WeCom contact, the phone in it.
_IDENTITY = {
    "identity_records": """
        select i * 5 as persona_id, 'customers:' || i as record_id, 'customers' as source, store_id,
            seen_at as observed_at
        from people
        union all
        select i * 5 + 1, 'members:' || member_no, 'members', store_id, seen_at from people where i % 2 = 1
        union all
        select i * 5 + 2, 'orders:S' || ((i + n) % 300) || ':' || i || '-' || n, 'orders', 'S' || ((i + n % 2) % 300),
            seen_at + to_days(n::int)
        from people, range(10) r(n)
        union all
        select i * 5 + 3, 'wecom_contacts:' || external_userid, 'wecom_contacts', null, seen_at from people
        where i % 2 = 0
        union all
        select i * 5 + 4, 'wecom_follows:ann' || (i % 900) || ':' || external_userid, 'wecom_follows', null, seen_at
        from people where i % 4 = 0
    """,
    "personas": """
        select i * 5 + n as persona_id, 'name' || i as receiver_name,
            case when n = 2 and i % 5 = 0 then substr(phone, 4) end as receiver_phone, '省' as receiver_province,
            'city' || (i % 60) as receiver_city, '区' as receiver_district
        from people, range(5) r(n)
    """,
    "record_customers": """
        select record_id, customer_id from identity_records join people on people.i = identity_records.persona_id // 5
    """,
}
_INPUTS = {
    "persona_customers": "select i * 5 + n as persona_id, customer_id from people, range(5) r(n)",
    "identity_observations": """
        with said as (
            select i, n, kind, case kind when 'phone' then phone when 'external_userid' then external_userid
                else member_no end as identifier
            from people, (values
                (0, 'phone'), (0, 'member_no'), (1, 'member_no'), (1, 'phone'), (2, 'phone'), (2, 'member_no'),
                (3, 'external_userid'), (4, 'external_userid'), (4, 'phone')
            ) v(n, kind)
        )
        select i * 5 + n as persona_id, kind as identifier_type, identifier, null::bigint as value_id,
            null::varchar as refusal, true as is_identifier, null::timestamp as first_seen_at,
            null::timestamp as last_seen_at
        from said
    """,
}


def measure() -> dict[str, Any]:
    """Seconds by model, bytes of memory, rows; both measures with the warehouse's usual limits."""
    return {"customers": CUSTOMERS, "eight_each": _measured(given=True), "from_records": _measured(given=False)}


def _measured(*, given: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        building = Path(scratch) / "building"
        HandMadeLake(date(2025, 12, 1)).write(building)
        database = building / "warehouse.duckdb"
        with duckdb.connect(str(database), config={"threads": "2", "memory_limit": "3GB"}) as connection:
            _write(connection, building, given=given)
        figures = _built(Path(scratch), [*([] if given else ["customer_statements"]), *_RECORD])
        with duckdb.connect(str(database), config={"threads": "2", "memory_limit": "3GB"}) as connection:
            tables = ("customer_statements", *_RECORD)
            figures["rows"] = {name: connection.table(name).count("*").fetchall()[0][0] for name in tables}
            started = time.perf_counter()
            connection.execute(
                "create table plain as select customer_id, field, value, source from customer_statements "
                "qualify row_number() over (partition by customer_id, field order by stated_at desc, value) = 1"
            )
            figures["newest_only_seconds"] = round(time.perf_counter() - started, 1)
    return figures


def _write(connection: duckdb.DuckDBPyConnection, building: Path, *, given: bool) -> None:
    connection.execute(_PEOPLE.format(customers=CUSTOMERS))
    for name, select in {**_OF_PEOPLE, **_IDENTITY}.items():
        connection.execute(f"create table {name} as {select}")
    for name, select in _INPUTS.items():
        connection.execute(f"copy ({select}) to '{building / 'inputs' / name / 'rows.parquet'}' (format parquet)")
    if given:
        connection.execute(_STATEMENTS.format(customers=CUSTOMERS))


def _built(scratch: Path, models: list[str]) -> dict[str, Any]:
    """Build the models in a process of their own: its memory is theirs."""
    project, target = str(PROJECT_ROOT / "dbt_project"), scratch / "target"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [
            *(str(Path(sys.executable).with_name("dbt")), "--quiet", "run"),
            *("--select", *(f"path:models/customers/{model}.sql" for model in models)),
            *("--project-dir", project, "--profiles-dir", project),
            *("--target-path", str(target), "--log-path", str(target)),
        ],
        env={
            **os.environ,
            "SCRM_BUILDING": str(scratch / "building"),
            "SCRM_WAREHOUSE": str(scratch / "building" / "warehouse.duckdb"),
        },
        check=True,
    )
    found = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    seconds = {one["unique_id"].rsplit(".", 1)[1]: round(one["execution_time"], 1) for one in found}
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": seconds,
        "total_seconds": round(sum(seconds.values()), 1),
        # of all threads: on a machine that does other things this is what compares
        "cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "peak_mb": after.ru_maxrss // 1024,
    }
