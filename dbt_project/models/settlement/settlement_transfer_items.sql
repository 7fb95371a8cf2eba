{{ config(materialized='incremental_by_key', by=['sold_line_id']) }}
{{ touched([
    changed(ref('settlement_postings'), ['coalesce(original_line_id, line_id)']),
    postings_of_changed_rules('coalesce(posted.original_line_id, posted.line_id)'),
    changed(ref('settlement_posting_terms'), ['sold_line_id']),
    changed(ref('settlement_refund_positions'), ['order_line_id']),
    changed(ref('refunds'), ['order_line_id']) ~ ' where order_line_id is not null',
]) }}
{% set before = '(facts.line_amount - refund_positions.remaining_amount)' -%}
{% set after = '(facts.line_amount - refund_positions.remaining_amount + refund_positions.linked_amount)' -%}
-- Grain: (posting_id, component). A fact under a transfer rule: who gets, who pays, on what base, what a rate or an amount
-- gives before its bounds, and the group of items that work together: the line alone, the lines of an order, or all that
-- the payee accumulates in a period. A linked refund is an item only where a rule lets it lower what was accumulated; it
-- belongs to the period of its sale.
with postings as (
    select posted.* from {{ ref('settlement_postings') }} as posted
    {{ only_touched(['coalesce(posted.original_line_id, posted.line_id)']) }}
),

terms as (
    select term.* from {{ ref('settlement_posting_terms') }} as term
    {{ only_touched(['term.sold_line_id']) }}
),

rule_choices as (
    select * from {{ ref('settlement_rule_choices') }}
),

transfer_rules as (
    select * from {{ source('lake', 'settlement_transfer_rules') }}
),

residual_owners as (
    select
        rule_id,
        rule_version,
        party_kind as residual_kind
    from {{ source('lake', 'settlement_rules') }}
    where component = 'split' and is_residual
),

refund_positions as (
    select
        refund_line_id,
        order_line_id,
        remaining_amount,
        linked_amount
    from {{ ref('settlement_refund_positions') }} as positions
    {{ only_touched(['positions.order_line_id']) }}
    where linked_amount > 0
),

refunds as (
    select given_back.* from {{ ref('refunds') }} as given_back
    {{ only_touched(['given_back.order_line_id']) }}
),

ruled as (
    select
        postings.*,
        transfer_rules.component,
        transfer_rules.rule_id,
        transfer_rules.rule_version,
        transfer_rules.party_role,
        transfer_rules.party_kind,
        coalesce(transfer_rules.payer_kind, residual_owners.residual_kind) as payer_kind,
        transfer_rules.form,
        transfer_rules.level,
        transfer_rules.fixed_per,
        transfer_rules.rate_ppm,
        transfer_rules.fixed_amount,
        transfer_rules.retiers,
        transfer_rules.tax_basis,
        case when transfer_rules.needs_tax then terms.tax_id end as tax_id,
        case when transfer_rules.needs_tax then terms.tax_ppm end as tax_ppm,
        case
            when transfer_rules.needs_tax and transfer_rules.on_cash then terms.cash_tax_amount
            when transfer_rules.needs_tax then terms.tax_amount
        end as tax_amount,
        case when transfer_rules.on_cash or transfer_rules.form = 'points' then terms.points_amount end as points_amount,
        postings.base_amount - case when transfer_rules.on_cash then terms.points_amount else 0 end as untaxed_amount,
        transfer_rules.points_from,
        transfer_rules.points_to,
        terms.is_inclusive,
        cast(postings.quantity * 1000 as bigint) as quantity_milli
    from postings
    inner join rule_choices as chosen
        on postings.store_id = chosen.store_id
        and postings.economic_date = chosen.economic_date
    inner join transfer_rules
        on chosen.rule_id = transfer_rules.rule_id
        and chosen.rule_version = transfer_rules.rule_version
        and chosen.component = transfer_rules.component
        and (not transfer_rules.speaks_amounts or transfer_rules.currency = postings.currency)
    inner join rule_choices as splits
        on postings.store_id = splits.store_id
        and postings.economic_date = splits.economic_date
        and splits.component = 'split'
    inner join residual_owners
        on splits.rule_id = residual_owners.rule_id
        and splits.rule_version = residual_owners.rule_version
    inner join terms
        on postings.posting_id = terms.posting_id
        and (not transfer_rules.needs_tax or terms.tax_id is not null)
),

between_parties as (
    select
        *,
        base_amount as line_amount,
        case
            when tax_basis = 'excl' and is_inclusive then untaxed_amount - tax_amount
            when tax_basis = 'incl' and not is_inclusive then untaxed_amount + tax_amount
            else untaxed_amount
        end as rule_base,
        {{ settlement_party('party_kind') }} as payee_id,
        {{ settlement_party('payer_kind') }} as payer_id,
        case when payer_kind like 'account:%' then 'account' else payer_kind end as payer_role,
        {{ accumulation_period('economic_date', 'level') }} as period_key
    from ruled
),

facts as (
    select * from between_parties
    where payee_id is not null and payer_id is not null and payee_id <> payer_id
),

lowered as (
    select
        'REFUND:' || refunds.refund_line_id as posting_id,
        'REFUND' as posting,
        refunds.refund_line_id as line_id,
        facts.component,
        facts.line_id as original_line_id,
        refunds.order_key,
        cast(null as string) as line_no,
        'LINKED' as link_state,
        {% for whole in ['quantity_milli', 'rule_base', 'tax_amount', 'points_amount'] -%}
        {{ given_back('facts.' ~ whole, before, 'facts.line_amount') }} - {{ given_back('facts.' ~ whole, after, 'facts.line_amount') }} as {{ whole }},
        {% endfor -%}
        -refund_positions.linked_amount as line_amount,
        refunds.refunded_on as economic_date,
        refunds.refunded_at as happened_at,
        facts.line_id as sold_line_id
    from facts
    inner join refund_positions on facts.line_id = refund_positions.order_line_id
    inner join refunds on refund_positions.refund_line_id = refunds.refund_line_id
    where facts.retiers and facts.posting = 'SALE'
),

items as (
    select
        posting_id,
        coalesce(original_line_id, line_id) as sold_line_id,
        posting,
        line_id,
        original_line_id,
        order_key,
        line_no,
        store_id,
        region,
        store_type,
        business_type,
        component,
        link_state,
        salesperson_id,
        currency,
        rule_id,
        rule_version,
        party_role,
        payee_id,
        payer_id,
        payer_role,
        form,
        level,
        fixed_per,
        fixed_amount,
        rate_ppm,
        quantity_milli,
        line_amount,
        points_from,
        points_to,
        points_amount,
        tax_id,
        tax_ppm,
        tax_amount,
        rule_base as base_amount,
        retiers,
        period_key,
        economic_date,
        happened_at
    from facts

    union all

    select
        lowered.posting_id,
        lowered.sold_line_id,
        lowered.posting,
        lowered.line_id,
        lowered.original_line_id,
        lowered.order_key,
        lowered.line_no,
        facts.store_id,
        facts.region,
        facts.store_type,
        facts.business_type,
        facts.component,
        lowered.link_state,
        facts.salesperson_id,
        facts.currency,
        facts.rule_id,
        facts.rule_version,
        facts.party_role,
        facts.payee_id,
        facts.payer_id,
        facts.payer_role,
        facts.form,
        facts.level,
        facts.fixed_per,
        facts.fixed_amount,
        facts.rate_ppm,
        lowered.quantity_milli,
        lowered.line_amount,
        facts.points_from,
        facts.points_to,
        lowered.points_amount,
        facts.tax_id,
        facts.tax_ppm,
        lowered.tax_amount,
        lowered.rule_base as base_amount,
        facts.retiers,
        facts.period_key,
        lowered.economic_date,
        lowered.happened_at
    from lowered
    inner join facts on lowered.sold_line_id = facts.line_id
        and lowered.component = facts.component
        and facts.posting = 'SALE'
),

final as (
    select
        posting_id,
        sold_line_id,
        case
            when level = 'line' then 'line:' || component || ':' || posting_id
            when level = 'order' and (posting = 'REFUND' or base_amount < 0) then 'order:' || component || ':' || posting_id
            when level = 'order' then 'order:' || rule_id || '|' || rule_version || '|' || payee_id || '|' || payer_id || '|' || currency || '|' || order_key
            else 'period:' || rule_id || '|' || payee_id || '|' || payer_id || '|' || currency || '|' || period_key
        end as group_id,
        posting,
        line_id,
        original_line_id,
        order_key,
        line_no,
        store_id,
        region,
        store_type,
        business_type,
        component,
        link_state,
        salesperson_id,
        currency,
        rule_id,
        rule_version,
        party_role,
        payee_id,
        payer_id,
        payer_role,
        form,
        level,
        fixed_per,
        case when form = 'points' then points_to - points_from else rate_ppm end as rate_ppm,
        quantity_milli,
        line_amount,
        points_amount,
        tax_id,
        tax_ppm,
        tax_amount,
        base_amount,
        case
            when form = 'tax' then tax_amount
            when form = 'points'
                then {{ half_up('cast(points_amount as ' ~ wide_integer() ~ ') * points_to', '1000000') }}
                - {{ half_up('cast(points_amount as ' ~ wide_integer() ~ ') * points_from', '1000000') }}
            when form = 'rate'
                then {{ half_up('cast(base_amount as ' ~ wide_integer() ~ ') * rate_ppm', '1000000') }}
            when form = 'fixed' and fixed_per = 'unit'
                then {{ half_up('cast(fixed_amount as ' ~ wide_integer() ~ ') * quantity_milli', '1000') }}
            when form = 'fixed' and base_amount < 0 then -fixed_amount
            when form = 'fixed' then fixed_amount
        end as computed_amount,
        retiers,
        economic_date,
        happened_at
    from items
)

select * from final
