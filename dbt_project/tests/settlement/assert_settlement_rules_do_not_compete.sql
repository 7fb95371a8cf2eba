{{ config(tags=['facts']) }}
-- I13: on a day with a fact, one rule is more specific than all others. (A day without any rule loses its facts, which
-- the conservation test finds.)
select * from {{ ref('settlement_rule_choices') }}
where tied_rules > 1
