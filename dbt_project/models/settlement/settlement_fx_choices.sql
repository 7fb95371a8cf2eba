-- Grain: (currency, settle_currency, rate_day, economic_date), of facts that are settled in another currency. The rate that was
-- published last up to the day that the rule names, in the store's civil time; never a later one. Of several sources the
-- first in the alphabet. Null: none was published by then.
with rules as (
    select
        rule_id,
        rule_version,
        settle_currency,
        rate_day
    from {{ source('lake', 'settlement_rules') }}
    where component = 'split' and is_residual and settle_currency is not null
),

rates as (
    select * from {{ ref('stg_files__fx_rates') }}
),

asked as (
    select distinct
        splits.currency,
        rules.settle_currency,
        rules.rate_day,
        case rules.rate_day
            when 'month_first' then cast(date_trunc('month', splits.economic_date) as date)
            when 'period_end' then last_day(splits.economic_date)
            else splits.economic_date
        end as rate_on,
        splits.economic_date
    from {{ ref('settlement_rate_splits') }} as splits
    inner join rules
        on splits.rule_id = rules.rule_id
        and splits.rule_version = rules.rule_version
    where splits.currency <> rules.settle_currency
),

ranked as (
    select
        asked.currency,
        asked.settle_currency,
        asked.rate_day,
        rates.source || ':' || asked.currency || '/' || asked.settle_currency || ':' || cast(rates.rate_date as string) as rate_id,
        cast(round(cast(rates.rate as decimal(20, 10)) * cast(100000000 as decimal(10, 0)), 0) as bigint) as rate_e8,
        asked.economic_date,
        row_number() over (
            partition by asked.currency, asked.settle_currency, asked.rate_day, asked.economic_date
            order by rates.rate_date desc nulls last, rates.source
        ) as choice
    from asked
    left join rates
        on asked.currency = rates.base_currency
        and asked.settle_currency = rates.quote_currency
        and rates.rate_date <= asked.rate_on
),

final as (
    select
        currency,
        settle_currency,
        rate_day,
        rate_id,
        rate_e8,
        economic_date
    from ranked
    where choice = 1
)

select * from final
