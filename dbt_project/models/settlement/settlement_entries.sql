{{ config(materialized='incremental_by_key', by=['line_id']) }}
{{ touched([
    changed(ref('settlement_rate_splits'), ['line_id']),
    changed(ref('settlement_refund_splits'), ['line_id']),
    meets_changed(ref('settlement_rate_splits'), ['line_id'], ref('settlement_components'), ['rule_id', 'rule_version']),
    meets_changed(ref('settlement_refund_splits'), ['line_id'], ref('settlement_components'), ['rule_id', 'rule_version']),
]) }}
-- Grain: entry_id (posting x component). What each party gets of each line, with the columns that give the amount:
-- sign of base_amount x (floor_amount + rounding), floor_amount being |base_amount| x weight / weight_total cut down.
with splits as (
    {% for splits in ['settlement_rate_splits', 'settlement_refund_splits'] %}
    select
        posting_id,
        posting,
        line_id,
        original_line_id,
        order_key,
        store_id,
        region,
        store_type,
        business_type,
        channel,
        agent,
        link_state,
        salesperson_id,
        currency,
        rule_id,
        rule_version,
        base_amount,
        {{ for_each_component('weight_{seq}') }},
        weight_total,
        {{ for_each_component('floor_{seq}') }},
        {{ for_each_component('rounding_{seq}') }},
        economic_date
    from {{ ref(splits) }}
    {{ only_touched([splits ~ '.line_id']) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

components as (
    select * from {{ ref('settlement_components') }}
),

parties as (
    select
        splits.posting_id || ':' || cast(components.component_seq as string) as entry_id,
        splits.posting,
        splits.line_id,
        splits.original_line_id,
        splits.order_key,
        splits.store_id,
        splits.region,
        splits.store_type,
        splits.business_type,
        splits.currency,
        substr(cast(splits.economic_date as string), 1, 7) as period,
        splits.rule_id,
        splits.rule_version,
        components.party_role,
        case components.party_kind
            when 'hq' then 'hq'
            when 'region' then splits.region
            when 'store' then splits.store_id
            when 'agent' then 'agent:' || coalesce(splits.agent, splits.region)
            when 'sales' then splits.salesperson_id
            when 'platform' then 'platform:' || splits.channel
        end as party_id,
        splits.link_state,
        splits.salesperson_id,
        components.component_seq,
        splits.base_amount,
        components.rate_ppm,
        case components.component_seq {{ for_each_component('when {seq} then splits.weight_{seq}', ' ') }} end as weight,
        splits.weight_total,
        case components.component_seq {{ for_each_component('when {seq} then splits.floor_{seq}', ' ') }} end as floor_amount,
        case components.component_seq {{ for_each_component('when {seq} then splits.rounding_{seq}', ' ') }} end as rounding,
        splits.economic_date
    from splits
    inner join components
        on splits.rule_id = components.rule_id
        and splits.rule_version = components.rule_version
        and (splits.salesperson_id is not null) = components.has_salesperson
),

final as (
    select
        entry_id,
        posting,
        line_id,
        original_line_id,
        order_key,
        store_id,
        region,
        store_type,
        business_type,
        currency,
        period,
        rule_id,
        rule_version,
        party_role,
        party_id,
        link_state,
        salesperson_id,
        component_seq,
        base_amount,
        rate_ppm,
        weight,
        weight_total,
        floor_amount,
        rounding,
        case when base_amount < 0 then -(floor_amount + rounding) else floor_amount + rounding end as amount,
        economic_date
    from parties
)

select * from final
