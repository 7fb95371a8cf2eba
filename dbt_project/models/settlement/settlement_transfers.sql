{{ config(materialized='incremental_by_key', by=['sold_line_id']) }}
{{ touched([
    changed(ref('settlement_transfer_amounts'), ['sold_line_id']),
    changed(ref('settlement_refund_positions'), ['order_line_id']),
    changed(ref('refunds'), ['order_line_id']) ~ ' where order_line_id is not null',
]) }}
-- Grain: entry_id (posting x component x side). What one side of a transfer gets, or gives, by a line; the two sides sum to
-- zero, and a transfer of nothing has none. A refund gives back, of what its line gave, the part that was refunded: rounded
-- half up over all refunds so far, less the same before it, so that the last one gives back the rest.
with amounts as (
    select given.* from {{ ref('settlement_transfer_amounts') }} as given
    {{ only_touched(['given.sold_line_id']) }}
),

refund_positions as (
    select positions.* from {{ ref('settlement_refund_positions') }} as positions
    {{ only_touched(['positions.order_line_id']) }}
    where linked_amount > 0
),

refunds as (
    select given_back.* from {{ ref('refunds') }} as given_back
    {{ only_touched(['given_back.order_line_id']) }}
),

refunded as (
    select
        amounts.*,
        refunds.refund_line_id,
        refunds.order_key as refund_order_key,
        amounts.line_amount - refund_positions.remaining_amount as refunded_before,
        amounts.line_amount - refund_positions.remaining_amount + refund_positions.linked_amount as refunded_after,
        refunds.refunded_on
    from amounts
    inner join refund_positions on amounts.line_id = refund_positions.order_line_id
    inner join refunds on refund_positions.refund_line_id = refunds.refund_line_id
    where amounts.posting = 'SALE' and not amounts.retiers
),

given_back as (
    select
        *,
        {{ given_back('amount', 'refunded_before', 'line_amount') }} as value_before,
        {{ given_back('amount', 'refunded_after', 'line_amount') }} as value_after
    from refunded
),

together as (
    select * from amounts

    union all

    select
        'REFUND:' || refund_line_id as posting_id,
        sold_line_id,
        group_id,
        'REFUND' as posting,
        refund_line_id as line_id,
        line_id as original_line_id,
        refund_order_key as order_key,
        store_id,
        region,
        store_type,
        business_type,
        component,
        'LINKED' as link_state,
        salesperson_id,
        currency,
        rule_id,
        rule_version,
        party_role,
        payee_id,
        payer_id,
        payer_role,
        'reversal' as form,
        line_amount,
        points_amount,
        tax_id,
        tax_ppm,
        tax_amount,
        rate_ppm,
        line_amount as base_amount,
        retiers,
        refunded_on as economic_date,
        amount as computed_amount,
        cast(null as string) as bound,
        cast(null as bigint) as bound_amount,
        cast(null as bigint) as weight,
        cast(null as bigint) as weight_total,
        cast(null as bigint) as floor_amount,
        cast(null as int) as rounding,
        refunded_before as before_amount,
        refunded_after as after_amount,
        value_before as before_value,
        value_after as after_value,
        value_before - value_after as amount
    from given_back
),

{% for side in ['party', 'payer'] %}
{{ side }} as (
    select
        posting_id || ':' || component || ':{{ side }}' as entry_id,
        posting,
        line_id,
        original_line_id,
        sold_line_id,
        order_key,
        store_id,
        region,
        store_type,
        business_type,
        component,
        currency,
        substr(cast(economic_date as string), 1, 7) as period,
        rule_id,
        rule_version,
        {{ 'party_role' if side == 'party' else 'payer_role' }} as party_role,
        {{ 'payee_id' if side == 'party' else 'payer_id' }} as party_id,
        '{{ side }}' as side,
        form,
        link_state,
        salesperson_id,
        bound,
        line_amount,
        points_amount,
        tax_id,
        tax_ppm,
        tax_amount,
        base_amount,
        rate_ppm,
        computed_amount,
        bound_amount,
        weight,
        weight_total,
        floor_amount,
        rounding,
        before_amount,
        after_amount,
        before_value,
        after_value,
        {{ '' if side == 'party' else '-' }}amount as amount,
        economic_date
    from together
    where amount <> 0
),
{% endfor %}

final as (
    select * from party
    union all
    select * from payer
)

select * from final
