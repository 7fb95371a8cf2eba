{{ config(materialized='incremental_by_key', by=['line_id']) }}
{{ touched([
    changed(ref('settlement_postings'), ['line_id']),
    postings_of_changed_rules(),
]) }}
-- Grain: posting_id. Postings split by the rates of their rule, one column for each component.
with postings as (
    select posted.* from {{ ref('settlement_postings') }} as posted
    {{ only_touched(['posted.line_id']) }}
),

rule_choices as (
    select * from {{ ref('settlement_rule_choices') }}
    where component = 'split'
),

rule_weights as (
    select * from {{ ref('settlement_rule_weights') }}
),

weighted as (
    select
        postings.posting_id,
        postings.posting,
        postings.line_id,
        postings.original_line_id,
        postings.order_key,
        postings.store_id,
        postings.region,
        postings.store_type,
        postings.business_type,
        postings.channel,
        postings.agent,
        postings.link_state,
        postings.salesperson_id,
        postings.currency,
        rule_choices.rule_id,
        rule_choices.rule_version,
        postings.base_amount,
        abs(postings.base_amount) as base_size,
        {{ for_each_component('rule_weights.weight_{seq}') }},
        rule_weights.weight_total,
        postings.economic_date
    from postings
    inner join rule_choices
        on postings.store_id = rule_choices.store_id
        and postings.economic_date = rule_choices.economic_date
    inner join rule_weights
        on rule_choices.rule_id = rule_weights.rule_id
        and rule_choices.rule_version = rule_weights.rule_version
        and (postings.salesperson_id is not null) = rule_weights.has_salesperson
),

final as (
    {{ largest_remainder('weighted', 'base_size', [
        'posting_id', 'posting', 'line_id', 'original_line_id', 'order_key', 'store_id', 'region', 'store_type',
        'business_type', 'channel', 'agent', 'link_state', 'salesperson_id', 'currency', 'rule_id', 'rule_version',
        'base_amount', 'economic_date',
    ]) }}
)

select * from final
