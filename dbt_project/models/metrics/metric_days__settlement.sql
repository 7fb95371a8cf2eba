-- What falls to the parties, by the role of the party; sales less refunds, on the economic date.
with entries as (
    select * from {{ ref('settlement_entries') }}
),

days as (
    select
        entries.economic_date as metric_date,
        entries.store_id,
        entries.region,
        {{ sales_channel('entries.store_type') }} as channel,
        entries.party_role,
        entries.currency,
        sum(entries.amount) as settlement_amount
    from entries
    group by entries.economic_date, entries.store_id, entries.region, entries.store_type, entries.party_role, entries.currency
),

metric_days as (
    {{ one_row_a_metric('days', ['settlement_amount'], ['store_id', 'region', 'channel', 'party_role']) }}
)

select * from metric_days
