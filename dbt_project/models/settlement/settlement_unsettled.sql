-- Grain: (posting_id, component). What a rule was found for and could not settle, with the reason. CURRENCY: the rule says
-- amounts in another currency than that of the fact. TAX: the rule needs a tax rate, and none holds for the fact.
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

final as (
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
)

select * from final
