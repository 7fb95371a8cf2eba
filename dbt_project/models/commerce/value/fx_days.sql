-- Grain: (from_currency, to_currency, day). The newest rate of each day on which it may be asked for, not older than the value
-- document allows, both ways round: an amount is multiplied by numerator and divided by denominator. A quoted rate goes before
-- the inverse of another; of several sources the first in the alphabet is taken. One row a day, because millions of lines that
-- look for their span among hundreds are slow.
with rates as (
    select * from {{ ref('stg_files__fx_rates') }}
),

sold_lines as (
    select * from {{ ref('sold_lines') }}
),

order_charges as (
    select * from {{ ref('order_charges') }}
),

value_rules as (
    select * from {{ source('lake', 'value_rules') }}
),

days as (
    select sold_on as day from sold_lines
    union
    select charged_on as day from order_charges
),

scaled as (
    select
        base_currency,
        quote_currency,
        source,
        cast(rate * cast(10000000000 as decimal(11, 0)) as {{ wide_integer() }}) as units,
        cast(10000000000 as {{ wide_integer() }}) as one,
        rate_date
    from rates
),

both_ways as (
    select base_currency as from_currency, quote_currency as to_currency, source, units as numerator, one as denominator,
        false as is_inverse, rate_date
    from scaled
    union all
    select quote_currency as from_currency, base_currency as to_currency, source, one as numerator, units as denominator,
        true as is_inverse, rate_date
    from scaled
),

one_a_day as (
    select *
    from both_ways
    qualify row_number() over (
        partition by from_currency, to_currency, rate_date order by is_inverse, source
    ) = 1
),

spans as (
    select
        from_currency,
        to_currency,
        numerator,
        denominator,
        rate_date as starts_on,
        lead(rate_date) over (partition by from_currency, to_currency order by rate_date) as ends_before
    from one_a_day
),

fx_days as (
    select
        spans.from_currency,
        spans.to_currency,
        cast(spans.numerator as bigint) as numerator,
        cast(spans.denominator as bigint) as denominator,
        days.day
    from days
    cross join value_rules
    inner join spans
        on days.day >= spans.starts_on
        and (spans.ends_before is null or days.day < spans.ends_before)
    where {{ days_between('spans.starts_on', 'days.day') }} <= value_rules.rate_days
)

select * from fx_days
