"""A published snapshot made by hand, without pipeline: every table of the contract, small or at the demo's size.

Deterministic: everything follows from row numbers. With the default size: 30 customers, three stores (S01 Shanghai,
direct, CNY; S02 Guangzhou, franchise, CNY; S03 Hong Kong, direct, HKD). Customer ``C00000i`` is at home in store
``i % 3``, is followed by its staff ``u0<store>``, and buys one order in seven in the next store. ``C000004`` has a
hostile nickname. Every id of a fact begins with its store, so that a leak shows in the text of a result.
"""

import hashlib
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from models.contracts.published import PUBLISHED, create_statement
from models.documents.metrics import glossary
from models.serving import Pointer, snapshot_file, write_pointer
from tests.factories_figures import METRICS
from tests.factories_reach import REACH_SOURCES
from tests.factories_reconciliation import RECONCILIATION_SOURCES
from tests.factories_record import RECORD_SOURCES
from tests.factories_snapshot_journey import JOURNEY_SOURCES
from tests.factories_snapshot_settlement import SETTLEMENT_SOURCES, TRANSFER_SOURCES
from tests.factories_timeline import INTERACTIONS
from tests.factories_value import VALUE_SOURCES

BUSINESS_DATE = date(2026, 6, 30)
AS_OF = datetime(2026, 6, 29, 16)  # the start of that day in Asia/Shanghai, as naive UTC
HOSTILE_NAME = "<img src=x onerror=alert(1)> **b** [l](javascript:alert(1)) ![i](http://evil.test/p.png)"

_SOURCES = {
    "stores": """
        select
            printf('S%02d', i + 1) as store_id,
            ['上海南京路店', '广州天河店', '香港铜锣湾店'][i % 3 + 1]
                || case when i > 2 then ' ' || i else '' end as name,
            ['direct', 'franchise', 'direct'][i % 3 + 1] as store_type, 'retail' as business_type,
            ['CN', 'CN', 'HK'][i % 3 + 1] as country, ['华东', '华南', '港澳'][i % 3 + 1] as region,
            ['上海', '广州', '香港'][i % 3 + 1] as city, null::varchar as brand, null::varchar as legal_entity,
                null::varchar as agent_id,
            ['Asia/Shanghai', 'Asia/Shanghai', 'Asia/Hong_Kong'][i % 3 + 1] as timezone,
            ['CNY', 'CNY', 'HKD'][i % 3 + 1] as currency, true as is_declared
        from range($stores) r(i)
    """,
    "staff": """
        select 'u' || substr(store_id, 2) as userid, '导购' || substr(store_id, 2) as name, '导购' as position,
            store_id, 1 as status, true as is_current
        from stores
    """,
    "orders": """
        with numbered as (
            select
                i, (i * 7919) % $customers as c,
                ((i * 7919) % $customers + case when i % 7 = 6 then 1 else 0 end) % $stores as s,
                $as_of::timestamp - to_seconds((i * 104729) % ($days * 86400)) - interval 1 second as happened_at
            from range($orders) r(i)
        )
        select
            printf('S%02d:O%07d', s + 1, i) as order_key, printf('O%07d', i) as order_id,
            printf('S%02d', s + 1) as store_id,
            case when i % 11 = 10 then null else printf('C%06d', c) end as customer_id,
            printf('u%02d', s + 1) as salesperson_id,
            case when i % 13 = 12 then 'cancelled' else 'paid' end as status,
            case when s % 3 = 2 then 'HKD' else 'CNY' end as currency,
            i % 3 + 1 as lines_count,
            ((i % 3 + 1) * (1990 + i * 37 % 20000))::bigint as paid_amount,
            case when i % 17 = 3 then 1990 + i * 37 % 20000 else 0 end as refunded_amount,
            i % 13 <> 12 as is_sale, (happened_at + interval 8 hour)::date as ordered_on,
            happened_at as ordered_at, happened_at + interval 1 minute as paid_at
        from numbered
    """,
    "order_lines": """
        select
            order_key || ':' || n as order_line_id, order_key, 'P' || (length(order_key) + n) as product_id,
            '商品 ' || n as product_name, currency, 1 as quantity,
            (paid_amount / lines_count / 100)::decimal(18, 6) as unit_price, 0 as discount,
            paid_amount // lines_count as paid_amount
        from orders, range(1, 4) r(n) where n <= lines_count
    """,
    "refunds": """
        select
            store_id || ':R' || order_id || ':1' as refund_line_id, store_id || ':R' || order_id as refund_id,
            order_key, order_key || ':1' as order_line_id, store_id, customer_id, 'P1' as product_id,
            'LINKED' as link_state, '尺码不合' as reason, currency, refunded_amount as refund_amount,
            ordered_on + 1 as refunded_on, ordered_at + interval 1 day as refunded_at
        from orders where refunded_amount > 0 and is_sale and ordered_at < $as_of::timestamp - interval 2 day
        union all by name
        -- given back in S01 for an order of S02: neither may name the other to a viewer of one store
        select 'S01:RX:1' as refund_line_id, 'S01:RX' as refund_id, order_key, order_key || ':1' as order_line_id,
            'S01' as store_id, customer_id, 'LINKED' as link_state, 'CNY' as currency, 100 as refund_amount,
            ordered_on as refunded_on, ordered_at as refunded_at
        from (select * from orders where store_id = 'S02' and customer_id is not null order by order_key limit 1)
    """,
    "interactions": INTERACTIONS,
    "customer_totals": """
        select customer_id, store_id, currency, count(*) as orders_count, sum(paid_amount)::bigint as paid_amount,
            sum(refunded_amount)::bigint as refunded_amount, max(ordered_at) as last_order_at
        from orders where customer_id is not null and is_sale group by 1, 2, 3
    """,
    "customer_stores": """
        select customer_id, store_id from interactions where store_id is not null
        union select customer_id, store_id from orders where customer_id is not null
    """,
    "customers": """
        select
            printf('C%06d', i) as customer_id,
            case when i = 4 then $hostile::varchar
                else ['王小明', '李静', '陈伟', 'Amy Lau'][i % 4 + 1] || i end as name,
            '+86138' || printf('%08d', i) as phone, 'wx' || i as unionid, 'wm' || i as external_userid,
            'M' || printf('%06d', i) as member_no, 'c' || i || '@example.com' as email,
            ['female', 'male'][i % 2 + 1] as gender, ['上海', '广州', '香港'][i % $stores % 3 + 1] as city,
            'CN' as country, case when i % 5 = 0 then '上海市 黄浦区' end as address,
            'stated' as home_store_rule, ['华东', '华南', '港澳'][i % $stores % 3 + 1] as region,
            'store' as region_rule, 'earliest_follow_up' as owner_rule,
            printf('S%02d', i % $stores + 1) as home_store_id, printf('u%02d', i % $stores + 1) as owner_userid,
            printf('S%02d', i % $stores + 1) as owner_store_id, 4 as identifiers_count,
            coalesce(t.orders_count, 0) as orders_count, true as is_wecom_contact,
            i % 2 = 0 as has_marketing_consent, date '1990-01-01' + cast(i % 9000 as int) as birth_date,
            l.first_seen_at, l.last_interaction_at, t.first_order_at, t.last_order_at
        from range($customers) r(i)
        left join (
            select customer_id, sum(orders_count)::bigint as orders_count, min(last_order_at) as first_order_at,
                max(last_order_at) as last_order_at
            from customer_totals group by 1
        ) t on t.customer_id = printf('C%06d', i)
        left join (
            select customer_id, min(occurred_at) as first_seen_at, max(occurred_at) as last_interaction_at
            from interactions group by 1
        ) l on l.customer_id = printf('C%06d', i)
    """,
    **RECORD_SOURCES,
    "customer_identifiers": """
        select customer_id, 'phone' as identifier_type, phone as identifier, 'orders' as source, true as is_owner,
            first_seen_at, last_interaction_at as last_seen_at
        from customers
        union all
        select customer_id, 'record', home_store_id || ':rec:' || customer_id, 'customers', true, first_seen_at,
            last_interaction_at
        from customers
    """,
    # three personas of each customer: the file's record, orders under its phone, the WeCom contact; C000001 and C000002
    # share a phone and are told apart by the member number; an order of nobody's could be C000007's or C000008's
    "identity_personas": """
        with people as (select *, substr(customer_id, 2)::bigint * 10 as p from customers),
        stated as (
            select customer_id, p + 1 as persona_id, 'customers' as source, 1 as records_count, first_seen_at,
                identifier_type, identifier
            from (unpivot (
                select customer_id, p, first_seen_at, name, phone, unionid, member_no,
                    birth_date::varchar as birth_date, home_store_id || ':rec:' || customer_id as record
                from people
            ) on name, phone, unionid, member_no, birth_date, record into name identifier_type value identifier)
            union all by name
            select customer_id, p + 2 as persona_id, 'orders' as source, 3 as records_count, first_seen_at,
                'phone' as identifier_type,
                case when customer_id = 'C000002' then '+8613800000001' else phone end as identifier
            from people
            union all by name
            select customer_id, p + 3 as persona_id, 'wecom_contacts' as source, 1 as records_count, first_seen_at,
                identifier_type, identifier
            from (unpivot (select customer_id, p, first_seen_at, unionid, external_userid from people)
                on unionid, external_userid into name identifier_type value identifier)
            union all by name
            select null as customer_id, 999000 as persona_id, 'orders' as source, 2 as records_count,
                $as_of::timestamp - interval 3 day as first_seen_at, 'phone' as identifier_type,
                '+8613800000007' as identifier
        )
        select customer_id, persona_id, identifier_type, identifier, source,
            case when customer_id = 'C000002' and persona_id = 22 then 'limit:member_no' end as refusal, records_count,
            identifier_type not in ('name', 'birth_date') as is_identifier, first_seen_at, first_seen_at as last_seen_at
        from stated
    """,
    "identity_orders": """
        select order_key, substr(customer_id, 2)::bigint * 10 + 2 as persona_id
        from orders where customer_id is not null
        union all select min(order_key), 999000 from orders where customer_id is null
    """,
    "identity_links": """
        with people as (select customer_id, first_seen_at, substr(customer_id, 2)::bigint * 10 as p from customers)
        select customer_id, p + 1 as left_persona, p + 2 as right_persona,
            case when customer_id = 'C000002' then 'likely' else 'same_phone' end as rule,
            case when customer_id = 'C000002' then
                '[{"attribute": "name", "level": 3, "label": "equal", "weight": 9.5},
                    {"attribute": "birth_date", "level": 0, "label": "different", "weight": -2.25}]'
            end as evidence,
            case when customer_id = 'C000002' then 7250000 end as weight_ppm, first_seen_at as seen_at
        from people
        union all
        select customer_id, p + 1, p + 3, 'same_unionid', null, null, first_seen_at from people
    """,
    "identity_refusals": """
        select c as customer_id, o as other_customer_id, t as this_persona, h as that_persona, 'same_phone' as rule,
            r as refusal, n as links_count, $as_of::timestamp - interval 30 day as seen_at
        from (values
            ('C000001', 'C000002', 12, 22, 'guard:member_no', 2),
            ('C000002', 'C000001', 22, 12, 'guard:member_no', 2),
            ('C000007', null, 72, 999000, 'torn', 1),
            ('C000008', null, 82, 999000, 'torn', 1)
        ) v(c, o, t, h, r, n)
    """,
    "identity_reviews": """
        select row_number() over (order by amount desc, c) as place, k as kind, c as customer_id,
            o as other_customer_id, p as persona_id,
            case
                when r = 'torn' then (select 'orders:' || min(order_key) from orders where customer_id is null)
            end as record_id,
            e as evidence, 'CNY' as currency,
            probability_ppm, weight_ppm, n as records_count, amount,
            amount::bigint * (1000000 - abs(2 * probability_ppm - 1000000)) // 1000000 as value,
            $as_of::timestamp - interval 3 day as seen_at
        from (values
            ('likely', 'C000003', 'C000006', null, null,
                '[{"attribute": "name", "level": 3, "label": "equal", "weight": 6.5},
                    {"attribute": "phone_mask", "level": 2, "label": "equal", "weight": 8.0},
                    {"attribute": "district", "level": 0, "label": "different", "weight": -4.5}]',
                640000, 830000, null, 320000),
            ('torn', 'C000007', null, 999000, 'torn', null, 500000, null, 2, 45000),
            ('torn', 'C000008', null, 999000, 'torn', null, 500000, null, 2, 45000)
        ) v(k, c, o, p, r, e, probability_ppm, weight_ppm, n, amount)
    """,
    "identity_events": """
        select 'e1' as event_id, 'merge' as kind, 'C000002' as customer_id, 'C900001' as previous_id,
            'rules' as cause, $business_date::date - 9 as decided_on
        union all select 'e2', 'split', 'C000004', 'C000002', 'people', $business_date::date - 2
    """,
    "identity_rules": """
        select * from (values
            ('same_unionid', 'unionid', '', 1, true),
            ('same_member', 'member_no', 'unionid', 2, true),
            ('same_phone_and_name', 'phone name_sound', 'unionid member_no birth_date', 3, false),
            ('same_phone', 'phone', 'unionid member_no name_sound birth_date', 4, false)
        ) v(rule, types, guards, rule_seq, is_certain)
    """,
    "customer_consents": """
        select customer_id, 'marketing' as purpose, 'any' as channel,
            case when has_marketing_consent then 'granted' else 'withdrawn' end as state, first_seen_at as decided_at
        from customers
    """,
    **REACH_SOURCES,
    "daily_metrics": """
        select ordered_on as metric_date, store_id, currency, count(*) as orders_count,
            sum(lines_count)::bigint as lines_count, sum(paid_amount)::bigint as paid_amount,
            count(*) filter (where refunded_amount > 0) as refunds_count,
            sum(refunded_amount)::bigint as refunded_amount
        from orders where is_sale group by 1, 2, 3
    """,
    "metrics": METRICS,
    "metric_glossary": "select * from glossary_frame",
    "settlement_entries": """
        with lines as (
            select 'SALE' as posting, order_line_id as line_id, null as original_line_id, l.order_key, store_id,
                l.currency, l.paid_amount as base_amount, ordered_on as economic_date, 'LINKED' as link_state,
                salesperson_id
            from order_lines l join orders o on o.order_key = l.order_key where is_sale
            union all
            select 'REFUND', refund_line_id, order_line_id, order_key, store_id, currency, -refund_amount, refunded_on,
                link_state, 'u' || substr(store_id, 2)
            from refunds
        ),
        shares as (
            select *, base_amount * 700000 // 1000000 as mine, base_amount // 100 as part
            from lines
        )
        select
            line_id || ':' || n as entry_id, posting, line_id, original_line_id, order_key, store_id, region,
            store_type, business_type, shares.currency, strftime(economic_date, '%Y-%m') as period,
            'standard-2026' as rule_id, '1' as rule_version, ['store', 'hq', 'region'][n] as party_role,
            [store_id, 'hq', region][n] as party_id, link_state, salesperson_id,
            n as component_seq, base_amount, [700000, 290000, 10000][n] as rate_ppm,
            [mine, base_amount - mine - part, part][n] as floor_amount, 0 as rounding,
            [mine, base_amount - mine - part, part][n] as amount, economic_date
        from shares join stores using (store_id), range(1, 4) r(n)
    """,
    **TRANSFER_SOURCES,
    "settlement_summary": """
        select period, store_id, region, store_type, party_role, party_id,
            currency, coalesce(sum(amount) filter (where posting = 'SALE'), 0)::bigint as sale_amount,
            coalesce(sum(amount) filter (where posting = 'REFUND'), 0)::bigint as refund_amount,
            sum(amount)::bigint as amount, count(distinct line_id) as lines_count
        from (
            select period, store_id, region, store_type, party_role, party_id, currency, posting, line_id, amount
            from settlement_entries
            union all
            select period, store_id, region, store_type, party_role, party_id, currency, posting, line_id, amount
            from settlement_transfers
        ) group by period, store_id, region, store_type, party_role, party_id, currency
    """,
    "churn_scores": """
        select customer_id, 'churn-0001' as artifact_id,
            case when r <= $customers / 5 then 'high' when r <= $customers / 2 then 'medium' else 'low' end as band,
            'recency_days' as reason_1, 'orders_90' as reason_2, null as reason_3, owner_userid,
            owner_store_id, 1000000 - r * 900000 // $customers as score_ppm, r as rank,
            120000 as effect_ppm_1, -30000 as effect_ppm_2, null as effect_ppm_3
        from (select *, row_number() over (order by md5(customer_id)) as r from customers)
    """,
    **SETTLEMENT_SOURCES,
    **VALUE_SOURCES,
    **RECONCILIATION_SOURCES,
    "data_freshness": """
        select 'orders' as dataset, (select count(*) from order_lines) as rows_count, 1 as days_behind,
            (select max(ordered_at) from orders) as last_event_at
        union all select 'refunds', (select count(*) from refunds), 2, (select max(refunded_at) from refunds)
    """,
    "unknown_states": """
        select 'taobao_trades' as dataset, 'S02' as store_id, 'TRADE_ON_THE_MOON' as state, 12 as records_count
        union all select 'youzan_refunds', 'S01', 'HALF_GIVEN_BACK', 3
    """,
    "batches": """
        select 1 as seq, 'file' as source, 'orders' as dataset, 110 as "rows", 100 as accepted, 7 as quarantined,
            3 as skipped, timestamp '2026-06-01 01:00:00' as landed_at
        union all select 2, 'wecom:corp/contacts', 'wecom_contacts, wecom_follows', 30, 30, 0, 0,
            timestamp '2026-06-29 20:00:00'
        union all select 3, 'taobao:S021/trades', 'taobao_trade_lines, taobao_trades', 25, 20, 1, 4,
            timestamp '2026-06-29 19:00:00'
        union all select 4, 'taobao:S021/trades', '', 6, 0, 0, 6, timestamp '2026-06-29 20:30:00'
    """,
    "quality_checks": """
        select 'settlement_conserves_every_line' as check_name, true as passed, 0 as failing_rows
        union all select 'orders_have_a_declared_store', false, 2
    """,
    "estimators": """
        select 'churn' as estimator, 'churn-0001' as artifact_id, date '2026-06-01' as trained_on,
            '{"metrics": {"auc": 0.81, "recency_auc": 0.74, "test_rows": 2400},
                "comparison": [{"name": "recency_days", "auc": 0.74, "brier": 0.2, "auc_low": null}]}' as metrics
    """,
    "publication": """
        select $business_date::date as business_date, $as_of::timestamp as as_of, 2 as to_seq,
            '思语示范公司' as company,
            'Asia/Shanghai' as company_timezone, 'CNY' as company_currency
    """,
}


@lru_cache(maxsize=4)
def _content(customers: int, orders: int, stores: int, days: int, as_of: datetime, business_date: date) -> bytes:
    """The bytes of a snapshot: made once in a process, because it takes a fifth of a second."""
    given = {
        "customers": customers,
        "orders": orders,
        "stores": stores,
        "days": days,
        "as_of": as_of,
        "business_date": business_date,
        "hostile": HOSTILE_NAME,
    }
    with TemporaryDirectory() as folder, duckdb.connect() as making:
        path = Path(folder) / "snapshot.duckdb"
        making.register("glossary_frame", glossary().frame().to_arrow())
        for name, select in (_SOURCES | JOURNEY_SOURCES).items():
            making.execute(create_statement(name))
            used = {key: value for key, value in given.items() if f"${key}" in select}
            making.execute(f'insert into "{name}" by name {select}', used)
        making.execute(f"attach '{path}' as serve")
        making.execute("use serve")
        for name, table in PUBLISHED.items():
            making.execute(create_statement(name))
            making.execute(f'insert into "{name}" select * from memory."{name}" order by {", ".join(table.ordered_by)}')
        making.execute("use memory")
        making.execute("detach serve")
        return path.read_bytes()


def build_snapshot(
    folder: Path,
    customers: int = 30,
    orders: int = 200,
    stores: int = 3,
    days: int = 120,
    publication: int = 1,
    business_date: date = BUSINESS_DATE,
) -> Pointer:
    """Write a snapshot into ``folder`` (made when absent) and make it current."""
    folder.mkdir(parents=True, exist_ok=True)
    as_of = AS_OF + timedelta(days=(business_date - BUSINESS_DATE).days)
    content = _content(customers, orders, stores, days, as_of, business_date)
    version = f"{business_date}-{publication}"
    path = folder / snapshot_file(version)
    path.write_bytes(content)
    pointer = Pointer(
        file=path.name,
        version=version,
        publication=publication,
        sequence=2,
        store_seq=0,
        business_date=business_date,
        data_as_of=as_of,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
    )
    write_pointer(folder, pointer)
    return pointer
