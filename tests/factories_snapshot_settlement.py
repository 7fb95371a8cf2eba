"""The settlement ledger and statements of the hand-made snapshot, from its entries: what lies before June is closed."""

TRANSFER_SOURCES = {
    "settlement_conversions": """
        select entry_id, line_id, coalesce(original_line_id, line_id) as sold_line_id, store_id, currency,
            'CNY' as settle_currency, 'CFETS:' || currency || '/CNY:2026-01-02' as rate_id, 92000000 as rate_e8, amount,
            (amount * 92 // 100)::bigint as settled_amount
        from settlement_entries where currency <> 'CNY'
    """,
    "settlement_transfers": """
        select posting || ':' || line_id || ':commission:' || side as entry_id, posting, line_id, original_line_id,
            order_key, store_id, region, store_type, business_type, 'commission' as component, currency, period,
            rule_id, rule_version,
            case side when 'party' then 'commission' else 'store' end as party_role,
            case side when 'party' then coalesce(salesperson_id, 'u') else store_id end as party_id, side,
            'fixed' as form, link_state, salesperson_id, null as bound, null as tax_id,
            base_amount as line_amount, null as points_amount,
            null as tax_ppm, null as tax_amount, base_amount, 0 as rate_ppm,
            amount as computed_amount,
            case side when 'party' then amount else -amount end as amount, economic_date
        from settlement_entries, (values ('party'), ('payer')) s(side)
        where component_seq = 3 and amount <> 0
    """,
}

SETTLEMENT_SOURCES = {
    "settlement_ledger": """
        select entry_id, posting as kind, posting, line_id, original_line_id, order_key, store_id, region,
            'split' as component, party_role, party_id, salesperson_id, currency, rule_id, rule_version,
            component_seq, base_amount, rate_ppm, null as weight, null as weight_total, floor_amount, rounding,
            null as form, null as bound, null as computed_amount, null as bound_amount, null as before_amount,
            null as after_amount, null as before_value, null as after_value,
            amount as entry_amount, amount, economic_date < date '2026-06-01' as is_closed, economic_date,
            economic_date as posted_on
        from settlement_entries
    """,
    "settlement_statements": """
        with months as (
            select strftime(posted_on, '%Y-%m') as period, party_id, currency,
                coalesce(sum(amount) filter (where kind = 'SALE'), 0)::bigint as earned,
                -coalesce(sum(amount) filter (where kind = 'REFUND'), 0)::bigint as clawback,
                sum(amount)::bigint as net, count(*) as lines_count,
                date_trunc('month', min(posted_on))::date as starts_on, last_day(min(posted_on)) as ends_on
            from settlement_ledger group by all
        ),
        balanced as (
            select *, sum(net) over (partition by party_id, currency order by period)::bigint as closing from months
        )
        select 'month' as period_kind, period, party_id, currency,
            case when period < '2026-06' then 'closed' else 'provisional' end as state,
            case when period < '2026-06' then md5(period || party_id) end as sha256,
            closing - net as opening, earned, clawback, 0 as fee, 0 as tax, 0 as adjustments, 0 as paid, closing,
            0 as minimum_payout, greatest(closing, 0) as payable, least(closing, 0) as carry, lines_count,
            starts_on, ends_on
        from balanced
    """,
}
