-- Grain: (posting_id, component). What a rule was found for and could not settle, with the reason. CURRENCY: the rule says
-- amounts in another currency than that of the fact. TAX: the rule needs a tax rate, and none holds for the fact. FX: it
-- is settled in another currency, and no rate was published by then.
with postings as (
    select * from {{ ref('settlement_postings') }}
),

rule_choices as (
    select * from {{ ref('settlement_rule_choices') }}
),

transfer_rules as (
    select * from {{ source('lake', 'settlement_transfer_rules') }}
    where speaks_amounts or needs_tax
),

terms as (
    select * from {{ ref('settlement_posting_terms') }}
),

of_terms as (
    select
        postings.posting_id,
        postings.line_id,
        postings.store_id,
        transfer_rules.component,
        case when transfer_rules.speaks_amounts and transfer_rules.currency <> postings.currency then 'CURRENCY' else 'TAX' end as reason,
        transfer_rules.rule_id,
        transfer_rules.rule_version,
        postings.currency,
        transfer_rules.currency as rule_currency,
        postings.base_amount,
        postings.economic_date
    from postings
    inner join rule_choices
        on postings.store_id = rule_choices.store_id
        and postings.economic_date = rule_choices.economic_date
    inner join transfer_rules
        on rule_choices.rule_id = transfer_rules.rule_id
        and rule_choices.rule_version = transfer_rules.rule_version
        and rule_choices.component = transfer_rules.component
    inner join terms
        on postings.posting_id = terms.posting_id
    where (transfer_rules.speaks_amounts and transfer_rules.currency <> postings.currency)
        or (transfer_rules.needs_tax and terms.tax_id is null)
),

without_a_rate as (
    select
        fx.posting_id,
        fx.line_id,
        fx.store_id,
        'split' as component,
        'FX' as reason,
        splits.rule_id,
        splits.rule_version,
        fx.currency,
        fx.settle_currency as rule_currency,
        fx.base_amount,
        fx.economic_date
    from {{ ref('settlement_posting_fx') }} as fx
    left join {{ ref('settlement_rate_splits') }} as splits
        on fx.posting_id = splits.posting_id
    where fx.rate_e8 is null
),

final as (
    select * from of_terms
    union all
    select * from without_a_rate
)

select * from final
