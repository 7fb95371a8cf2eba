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

# shares, commissions, and one payment of 1,000.00 to S01; a statement is the sum of the ledger's rows in its days;
# what reaches 50.00 is paid out
SETTLEMENT_SOURCES = {
    "settlement_ledger": """
        with posted as (
            select entry_id, posting, line_id, original_line_id, order_key, store_id, region, 'split' as component,
                party_role, party_id, salesperson_id, currency, rule_id, rule_version, component_seq, base_amount,
                rate_ppm, floor_amount, rounding, null as form, amount, economic_date
            from settlement_entries
            union all by name
            select entry_id, posting, line_id, original_line_id, order_key, store_id, region, component, party_role,
                party_id, salesperson_id, currency, rule_id, rule_version, 0 as component_seq, base_amount, rate_ppm,
                form, amount, economic_date
            from settlement_transfers
            union all by name
            select 'PAID:1' as entry_id, 'PAID' as posting, 'PAID:1' as line_id, '*' as store_id,
                'payment' as component, 'payment' as party_role, 'S01' as party_id, 'CNY' as currency,
                0 as component_seq, -100000 as base_amount, -100000 as amount, date '2026-06-05' as economic_date
        )
        select *, posting as kind, amount as entry_amount, economic_date < date '2026-06-01' as is_closed,
            economic_date as posted_on
        from posted
    """,
    "settlement_statements": """
        with kinds as (
            select *, 'day' as period_kind, posted_on::varchar as period, posted_on as starts_on, posted_on as ends_on
            from settlement_ledger
            union all
            select *, 'week', strftime(posted_on, '%G-W%V'), date_trunc('week', posted_on)::date,
                date_trunc('week', posted_on)::date + 6
            from settlement_ledger
            union all
            select *, 'month', strftime(posted_on, '%Y-%m'), date_trunc('month', posted_on)::date, last_day(posted_on)
            from settlement_ledger
        ),
        periods as (
            select period_kind, period, party_id, currency, starts_on, ends_on,
                coalesce(sum(amount) filter (where kind = 'SALE'), 0)::bigint as earned,
                -coalesce(sum(amount) filter (where kind = 'REFUND'), 0)::bigint as clawback,
                -coalesce(sum(amount) filter (where kind = 'PAID'), 0)::bigint as paid,
                sum(amount)::bigint as net, count(*) as lines_count
            from kinds group by all
        ),
        balanced as (
            select *, sum(net) over (partition by period_kind, party_id, currency order by starts_on)::bigint as closing
            from periods
        )
        select period_kind, period, party_id, currency,
            case when ends_on < date '2026-06-01' then 'closed' else 'provisional' end as state,
            case when ends_on < date '2026-06-01' then md5(period || party_id) end as sha256,
            closing - net as opening, earned, clawback, 0 as fee, 0 as tax, 0 as adjustments, paid, closing,
            5000 as minimum_payout, case when closing >= 5000 then closing else 0 end as payable,
            case when closing >= 5000 then 0 else closing end as carry, lines_count, starts_on, ends_on
        from balanced
    """,
}
