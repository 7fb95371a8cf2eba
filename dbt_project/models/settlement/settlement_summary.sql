{{ config(materialized='incremental_by_key', by=['period', 'store_id']) }}
{{ touched([
    changed(ref('settlement_entries'), ['period', 'store_id']),
    changed(ref('settlement_transfers'), ['period', 'store_id']),
]) }}
-- Grain: (period, store_id, region, store_type, party_role, party_id, currency). Sums of entries; a sum is never rounded again.
with entries as (
    {% for entries in ['settlement_entries', 'settlement_transfers'] %}
    select
        period,
        store_id,
        region,
        store_type,
        party_role,
        party_id,
        currency,
        posting,
        line_id,
        amount
    from {{ ref(entries) }}
    {{ only_touched([entries ~ '.period', entries ~ '.store_id']) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

final as (
    select
        period,
        store_id,
        region,
        store_type,
        party_role,
        party_id,
        currency,
        cast(sum(case when posting = 'SALE' then amount else 0 end) as bigint) as sale_amount,
        cast(sum(case when posting = 'REFUND' then amount else 0 end) as bigint) as refund_amount,
        cast(sum(amount) as bigint) as amount,
        cast(count(distinct line_id) as bigint) as lines_count
    from entries
    group by period, store_id, region, store_type, party_role, party_id, currency
)

select * from final
