{{ config(materialized='incremental_by_key', by=['period', 'store_id']) }}
{{ touched([
    changed(ref('settlement_entries'), ['period', 'store_id']),
]) }}
-- Grain: (period, store_id, region, store_type, party_role, party_id, currency). Sums of entries; a sum is never rounded again.
with entries as (
    select parts.* from {{ ref('settlement_entries') }} as parts
    {{ only_touched(['parts.period', 'parts.store_id']) }}
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
