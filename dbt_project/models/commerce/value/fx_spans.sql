-- Grain: (from_currency, to_currency, starts_on). From when to when which rate was the newest one, both ways round: an amount
-- is multiplied by numerator and divided by denominator. A quoted rate goes before the inverse of another; of several
-- sources the first in the alphabet is taken.
with rates as (
    select * from {{ ref('stg_files__fx_rates') }}
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

fx_spans as (
    select
        from_currency,
        to_currency,
        numerator,
        denominator,
        rate_date as starts_on,
        -- the first day on which a newer one holds
        lead(rate_date) over (partition by from_currency, to_currency order by rate_date) as ends_before
    from one_a_day
)

select * from fx_spans
