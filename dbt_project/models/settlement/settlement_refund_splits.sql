{{ config(materialized='incremental_by_key', by=['original_line_id']) }}
{{ touched([
    changed(ref('settlement_rate_splits'), ['line_id']) ~ " where posting = 'SALE'",
    changed(ref('settlement_refund_positions'), ['order_line_id']),
    changed(ref('refunds'), ['order_line_id']),
]) }}
-- Grain: refund_line_id. Linked refunds, split over what remains to each party of the original line, one column for each
-- component. The remaining amounts before a refund are those before the one ahead of it less what that one took: a
-- recursion over the refunds of a line, all lines in one step. (Spark 4.1 and later; its limits for recursion,
-- spark.sql.cteRecursionLevelLimit and RowLimit, stop a run that exceeds them.)
with recursive sold as (
    select sales.* from {{ ref('settlement_rate_splits') }} as sales
    {{ only_touched(['sales.line_id']) }}
    where posting = 'SALE' and base_amount > 0
),

linked as (
    select
        refund_line_id,
        order_line_id,
        ordinal,
        linked_amount
    from {{ ref('settlement_refund_positions') }} as positions
    {{ only_touched(['positions.order_line_id']) }}
    where remaining_amount > 0
),

remaining as (
    select
        sold.line_id,
        cast(1 as int) as ordinal,
        {{ for_each_component('sold.floor_{seq} + sold.rounding_{seq} as weight_{seq}') }},
        sold.base_amount as weight_total
    from sold
    inner join linked
        on sold.line_id = linked.order_line_id
        and linked.ordinal = 1

    union all

    select
        line_id,
        cast(ordinal + 1 as int) as ordinal,
        {{ for_each_component('weight_{seq} - floor_{seq} - rounding_{seq} as weight_{seq}') }},
        weight_total - linked_amount as weight_total
    from (
        {{ largest_remainder(
            '(select remaining.*, linked.linked_amount from remaining inner join linked on remaining.line_id = linked.order_line_id and remaining.ordinal = linked.ordinal)',
            'linked_amount', ['line_id', 'ordinal', 'linked_amount'], wide_integer()
        ) }}
    ) as taken
),

weighted as (
    select
        linked.refund_line_id,
        linked.order_line_id,
        linked.linked_amount,
        {{ for_each_component('remaining.weight_{seq}') }},
        remaining.weight_total
    from linked
    inner join remaining
        on linked.order_line_id = remaining.line_id
        and linked.ordinal = remaining.ordinal
),

split as (
    {{ largest_remainder('weighted', 'linked_amount', ['refund_line_id', 'order_line_id', 'linked_amount'], wide_integer()) }}
),

refunds as (
    select given_back.* from {{ ref('refunds') }} as given_back
    {{ only_touched(['given_back.order_line_id']) }}
),

final as (
    select
        'REFUND:' || split.refund_line_id as posting_id,
        'REFUND' as posting,
        split.refund_line_id as line_id,
        split.order_line_id as original_line_id,
        refunds.order_key,
        sold.store_id,
        sold.region,
        sold.store_type,
        sold.business_type,
        sold.channel,
        sold.agent,
        'LINKED' as link_state,
        sold.salesperson_id,
        refunds.currency,
        sold.rule_id,
        sold.rule_version,
        -split.linked_amount as base_amount,
        {{ for_each_component('split.weight_{seq}') }},
        split.weight_total,
        {{ for_each_component('split.floor_{seq}') }},
        {{ for_each_component('split.rounding_{seq}') }},
        refunds.refunded_on as economic_date
    from split
    inner join refunds
        on split.refund_line_id = refunds.refund_line_id
    inner join sold
        on split.order_line_id = sold.line_id
)

select * from final
