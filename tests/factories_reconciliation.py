"""Bills against own payments, in the hand-made snapshot: some paid orders differ from WeChat Pay's bill."""

_ITEMS = """
    with orders_in_turn as (
        select *, row_number() over (order by order_key) as n from orders where is_sale and currency = 'CNY'
    )
    select 'ours:payment:wechat_pay:' || order_key as item_id,
        case n % 4 when 0 then 'CHANNEL_MISSING' when 1 then 'AMOUNT_OVER' when 2 then 'TIMING' else 'FEE_MISMATCH' end
            as class,
        case when n % 8 = 1 then 'FEE_MISMATCH' end as further_class, 'number' as method,
        'wechat_pay' as channel, '1900000109' as account_id, store_id, 'payment' as kind, 'CNY' as currency,
        null::varchar as other_currency, case when n % 4 = 2 then 'waiting' else 'open' end as state,
        null::varchar as decision_id, null::varchar as reason, null::varchar as author, 'v1' as rule_version,
        1::bigint as ours_count, case when n % 4 in (1, 3) then 1 else 0 end::bigint as bill_count,
        paid_amount as ours_amount,
        case n % 4 when 1 then paid_amount - 100 when 3 then paid_amount end::bigint as bill_amount,
        case n % 4 when 1 then 100 when 3 then 0 else paid_amount end::bigint as difference_amount,
        case when n % 4 = 3 then -30 end::bigint as ours_fee, case when n % 4 = 3 then -38 end::bigint as bill_fee,
        case when n % 4 = 3 then 8 end::bigint as fee_difference, n % 4 <> 2 as needs_person,
        ordered_on as day, ordered_on as ours_day, case when n % 4 in (1, 3) then ordered_on end as bill_day,
        null::timestamp as decided_at
    from orders_in_turn where n % 10 = 3 or n % 10 = 4
"""

RECONCILIATION_SOURCES = {
    "reconciliation_items": _ITEMS,
    "reconciliation_item_rows": """
        select item_id, side, side || substr(item_id, 5) as row_id, channel, account_id, store_id, kind,
            'T' || item_id as entry_id, split_part(item_id, ':', -1) as reference, 'T' || item_id as transaction_id,
            split_part(item_id, ':', -1) as order_id, currency,
            case when side = 'ours' then ours_amount else bill_amount end as stated_amount,
            case when side = 'ours' then ours_fee else bill_fee end as fee_amount, true as is_success, day as bill_day,
            day::timestamp + interval 3 hour as occurred_at
        from reconciliation_items, (select unnest(['ours', 'bill']) as side) where side = 'ours' or bill_count = 1
    """,
    "reconciliation_days": """
        select day, channel, account_id, store_id, currency, class, sum(ours_count)::bigint as ours_count,
            sum(bill_count)::bigint as bill_count, sum(ours_amount)::bigint as ours_amount,
            sum(coalesce(bill_amount, 0))::bigint as bill_amount, sum(difference_amount)::bigint as difference_amount
        from reconciliation_items group by day, channel, account_id, store_id, currency, class
        union all
        select ordered_on, 'wechat_pay', '1900000109', store_id, currency, 'MATCHED', count(*), count(*),
            sum(paid_amount)::bigint, sum(paid_amount)::bigint, 0
        from orders where is_sale and currency = 'CNY' group by ordered_on, store_id, currency
    """,
}
