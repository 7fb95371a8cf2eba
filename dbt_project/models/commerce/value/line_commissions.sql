{{ config(materialized='incremental_by_key', by=['entry_id']) }}
{{ touched([
    changed(ref('settlement_entries'), ['entry_id']),
    changed(ref('settlement_transfers'), ['entry_id']),
    entries_of_changed_lines(ref('settlement_entries')),
    entries_of_changed_lines(ref('settlement_transfers')),
]) }}
-- Grain: entry_id. What settlement gives to staff and agents of a sale, negative, and what it takes back of a refund, on the
-- settlement's own days. The line of a refund is the one that it names; a refund without one has none here either.
with entries as (
    {% for entries, part in [('settlement_entries', 'cast(component_seq as string)'), ('settlement_transfers', 'side')] %}
    select
        entry_id,
        posting,
        line_id,
        original_line_id,
        order_key,
        store_id,
        store_type,
        currency,
        rule_id,
        rule_version,
        {{ part }} as part,
        amount,
        economic_date
    from {{ ref(entries) }}
    {{ only_touched([entries ~ '.entry_id']) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

kinds as (
    select
        rule_id,
        rule_version,
        cast(component_seq as string) as part,
        party_kind as kind
    from {{ source('lake', 'settlement_rules') }}
    union all
    select
        rule_id,
        rule_version,
        'party' as part,
        party_kind as kind
    from {{ source('lake', 'settlement_transfer_rules') }}
    union all
    select
        rule_id,
        rule_version,
        'payer' as part,
        payer_kind as kind
    from {{ source('lake', 'settlement_transfer_rules') }}
),

components as (
    select * from {{ source('lake', 'value_components') }}
    where source = 'settlement'
),

sold_lines as (
    select * from {{ ref('sold_lines') }}
),

refunds as (
    select * from {{ ref('refunds') }}
),

parties as (
    select distinct
        kinds.rule_id,
        kinds.rule_version,
        kinds.part,
        components.component
    from kinds
    inner join components on kinds.kind = components.kind
),

paid_away as (
    select
        entries.*,
        coalesce(entries.original_line_id, case when entries.posting = 'SALE' then entries.line_id end) as order_line_id,
        parties.component
    from entries
    inner join parties
        on entries.rule_id = parties.rule_id
        and entries.rule_version = parties.rule_version
        and entries.part = parties.part
    where entries.amount <> 0
),

line_commissions as (
    select
        paid_away.entry_id,
        sold_lines.order_line_id,
        paid_away.order_key,
        paid_away.store_id,
        {{ sales_channel('paid_away.store_type') }} as channel,
        coalesce(sold_lines.customer_id, refunds.customer_id) as customer_id,
        coalesce(sold_lines.product_id, refunds.product_id) as product_id,
        paid_away.currency,
        paid_away.component,
        -paid_away.amount as amount,
        paid_away.economic_date as posted_on
    from paid_away
    left join sold_lines on paid_away.order_line_id = sold_lines.order_line_id
    left join refunds on paid_away.posting = 'REFUND' and paid_away.line_id = refunds.refund_line_id
)

select * from line_commissions
