-- Grain: (posting_id, component). What a rule was found for and could not settle, with the reason. CURRENCY: the rule says
-- amounts in another currency than that of the fact.
with postings as (
    select * from {{ ref('settlement_postings') }}
),

rule_choices as (
    select * from {{ ref('settlement_rule_choices') }}
),

transfer_rules as (
    select * from {{ source('lake', 'settlement_transfer_rules') }}
    where speaks_amounts
),

final as (
    select
        postings.posting_id,
        postings.line_id,
        postings.store_id,
        transfer_rules.component,
        'CURRENCY' as reason,
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
    where transfer_rules.currency <> postings.currency
)

select * from final
