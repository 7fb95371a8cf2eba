{{ config(materialized='incremental_by_key', by=['sold_line_id']) }}
{{ touched([
    changed(ref('settlement_rate_splits'), ['coalesce(original_line_id, line_id)']),
    changed(ref('settlement_refund_splits'), ['original_line_id']),
    changed(ref('settlement_refund_positions'), ['order_line_id']),
    meets_changed(ref('settlement_rate_splits'), ['coalesce(met.original_line_id, met.line_id)'],
        ref('settlement_fx_choices'), ['currency', 'economic_date']) | replace('met.coalesce', 'coalesce'),
]) }}
-- Grain: posting_id, of facts that are settled in another currency. What was paid, converted once and rounded half up; null where
-- no rate was published by then. A linked refund has the rate of its line: what is back after it less what was back before.
with splits as (
    select
        posted.posting_id,
        posted.posting,
        posted.line_id,
        posted.original_line_id,
        posted.order_key,
        posted.store_id,
        posted.region,
        posted.currency,
        posted.rule_id,
        posted.rule_version,
        posted.base_amount,
        posted.economic_date
    from {{ ref('settlement_rate_splits') }} as posted
    {{ only_touched(['coalesce(posted.original_line_id, posted.line_id)']) }}
),

refund_splits as (
    select
        back.posting_id,
        back.line_id,
        back.original_line_id,
        back.order_key,
        back.base_amount,
        back.economic_date
    from {{ ref('settlement_refund_splits') }} as back
    {{ only_touched(['back.original_line_id']) }}
),

refund_positions as (
    select positions.* from {{ ref('settlement_refund_positions') }} as positions
    {{ only_touched(['positions.order_line_id']) }}
),

rules as (
    select
        rule_id,
        rule_version,
        settle_currency,
        rate_day
    from {{ source('lake', 'settlement_rules') }}
    where component = 'split' and is_residual and settle_currency is not null
),

choices as (
    select * from {{ ref('settlement_fx_choices') }}
),

rated as (
    select
        splits.*,
        rules.settle_currency,
        choices.rate_id,
        choices.rate_e8,
        cast(choices.rate_e8 as {{ wide_integer() }}) * {{ minor_units('rules.settle_currency') }} as fx_numerator,
        cast(100000000 as {{ wide_integer() }}) * {{ minor_units('splits.currency') }} as fx_denominator
    from splits
    inner join rules
        on splits.rule_id = rules.rule_id
        and splits.rule_version = rules.rule_version
        and splits.currency <> rules.settle_currency
    left join choices
        on splits.currency = choices.currency
        and rules.settle_currency = choices.settle_currency
        and rules.rate_day = choices.rate_day
        and splits.economic_date = choices.economic_date
),

converted as (
    select
        *,
        {{ half_up('base_amount * fx_numerator', 'fx_denominator') }} as settled_amount
    from rated
),

refunded as (
    select
        refund_splits.posting_id,
        refund_splits.line_id,
        refund_splits.original_line_id,
        refund_splits.order_key,
        refund_splits.base_amount,
        refund_splits.economic_date,
        refund_positions.ordinal,
        converted.store_id,
        converted.region,
        converted.currency,
        converted.settle_currency,
        converted.rate_id,
        converted.rate_e8,
        converted.base_amount as sold_amount,
        converted.settled_amount as sold_settled_amount,
        converted.base_amount - refund_positions.remaining_amount as refunded_before,
        converted.base_amount - refund_positions.remaining_amount + refund_positions.linked_amount as refunded_after
    from refund_splits
    inner join refund_positions
        on refund_splits.line_id = refund_positions.refund_line_id
    inner join converted
        on refund_splits.original_line_id = converted.line_id
        and converted.posting = 'SALE'
),

given_back as (
    select
        *,
        {{ given_back('sold_settled_amount', 'refunded_before', 'sold_amount') }} as settled_before,
        {{ given_back('sold_settled_amount', 'refunded_after', 'sold_amount') }} as settled_after
    from refunded
),

final as (
    select
        posting_id,
        posting,
        line_id,
        original_line_id,
        coalesce(original_line_id, line_id) as sold_line_id,
        order_key,
        store_id,
        region,
        currency,
        settle_currency,
        rate_id,
        rate_e8,
        cast(null as int) as ordinal,
        cast(null as bigint) as refunded_after,
        cast(null as bigint) as settled_after,
        base_amount,
        settled_amount,
        economic_date
    from converted

    union all

    select
        posting_id,
        'REFUND' as posting,
        line_id,
        original_line_id,
        original_line_id as sold_line_id,
        order_key,
        store_id,
        region,
        currency,
        settle_currency,
        rate_id,
        rate_e8,
        ordinal,
        refunded_after,
        settled_after,
        base_amount,
        settled_before - settled_after as settled_amount,
        economic_date
    from given_back
)

select * from final
