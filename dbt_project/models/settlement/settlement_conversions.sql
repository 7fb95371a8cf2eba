{{ config(materialized='incremental_by_key', by=['sold_line_id']) }}
{{ touched([
    changed(ref('settlement_posting_fx'), ['sold_line_id']),
    changed(ref('settlement_entries'), ['coalesce(original_line_id, line_id)']),
    changed(ref('settlement_transfers'), ['sold_line_id']),
]) }}
-- Grain: entry_id, of entries that are settled in another currency than that of the sale. The parts of a posting are the largest
-- remainder of its converted total on the original parts; those of a linked refund what is back after it less what was back
-- before it. A transfer is converted by itself. Null: no rate, the entry is held back.
with postings as (
    select fx.* from {{ ref('settlement_posting_fx') }} as fx
    {{ only_touched(['fx.sold_line_id']) }}
),

entries as (
    select
        parts.entry_id,
        parts.posting || ':' || parts.line_id || case when parts.link_state = 'EXCESS' then ':EXCESS' else '' end as posting_id,
        parts.component_seq,
        parts.amount
    from {{ ref('settlement_entries') }} as parts
    {{ only_touched(['coalesce(parts.original_line_id, parts.line_id)']) }}
),

transfers as (
    select
        sides.entry_id,
        sides.posting || ':' || sides.line_id || case when sides.link_state = 'EXCESS' then ':EXCESS' else '' end as posting_id,
        sides.side,
        sides.form,
        sides.before_value,
        sides.after_value,
        sides.amount
    from {{ ref('settlement_transfers') }} as sides
    {{ only_touched(['sides.sold_line_id']) }}
),

parts as (
    select
        entries.entry_id,
        entries.component_seq,
        entries.amount,
        postings.posting_id,
        postings.line_id,
        postings.store_id,
        postings.sold_line_id,
        postings.currency,
        postings.settle_currency,
        postings.rate_id,
        postings.rate_e8,
        postings.ordinal,
        postings.settled_amount as total,
        abs(coalesce(postings.settled_after, postings.settled_amount)) as size,
        -- of a linked refund all that is back so far, else the part itself
        abs(cast(case
            when postings.ordinal is null then entries.amount
            else sum(entries.amount) over (
                partition by postings.sold_line_id, entries.component_seq, postings.ordinal is null
                order by postings.ordinal
                rows between unbounded preceding and current row
            )
        end as bigint)) as weight,
        coalesce(postings.refunded_after, abs(postings.base_amount)) as weight_total
    from entries
    inner join postings
        on entries.posting_id = postings.posting_id
),

convertible as (
    select * from parts
    where weight_total > 0 and rate_e8 is not null
),

shared as (
    {{ largest_remainder_rows('convertible', 'size', 'weight', 'weight_total', ['posting_id'], 'component_seq') }}
),

settled_parts as (
    select
        entry_id,
        case
            when ordinal is not null then coalesce(lag(share) over (
                partition by sold_line_id, component_seq, ordinal is null order by ordinal
            ), 0) - share
            when total < 0 then -share
            else share
        end as settled_amount
    from shared
),

worth as (
    select
        transfers.*,
        postings.line_id,
        postings.store_id,
        postings.sold_line_id,
        postings.currency,
        postings.settle_currency,
        postings.rate_id,
        postings.rate_e8,
        cast(postings.rate_e8 as {{ wide_integer() }}) * {{ minor_units('postings.settle_currency') }} as fx_numerator,
        cast(100000000 as {{ wide_integer() }}) * {{ minor_units('postings.currency') }} as fx_denominator
    from transfers
    inner join postings
        on transfers.posting_id = postings.posting_id
),

final as (
    select
        parts.entry_id,
        parts.line_id,
        parts.sold_line_id,
        parts.store_id,
        parts.currency,
        parts.settle_currency,
        parts.rate_id,
        parts.rate_e8,
        parts.amount,
        cast(case when parts.rate_e8 is not null then coalesce(settled_parts.settled_amount, 0) end as bigint) as settled_amount
    from parts
    left join settled_parts
        on parts.entry_id = settled_parts.entry_id

    union all

    select
        entry_id,
        line_id,
        sold_line_id,
        store_id,
        currency,
        settle_currency,
        rate_id,
        rate_e8,
        amount,
        cast(case
            when form = 'reversal' then (case when side = 'party' then 1 else -1 end) * (
                {{ half_up('before_value * fx_numerator', 'fx_denominator') }}
                - {{ half_up('after_value * fx_numerator', 'fx_denominator') }}
            )
            else {{ half_up('amount * fx_numerator', 'fx_denominator') }}
        end as bigint) as settled_amount
    from worth
)

select * from final
