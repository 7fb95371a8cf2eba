-- Every base figure of the company, by day and month, of the company and its parts. Figures of days are added up here; what
-- does not add up (people, stocks) comes counted. Ratios are not here: the glossary says of which figures they are made.
with metric_days as (
    select * from {{ ref('metric_days__sales') }}
    union all
    select * from {{ ref('metric_days__refunds') }}
    union all
    select * from {{ ref('metric_days__people') }}
    union all
    select * from {{ ref('metric_days__contacts') }}
    union all
    select * from {{ ref('metric_days__interactions') }}
    union all
    select * from {{ ref('metric_days__tickets') }}
    union all
    select * from {{ ref('metric_days__settlement') }}
),

by_month as (
    select
        metric,
        cast(date_trunc('month', metric_date) as date) as month_start,
        store_id,
        region,
        channel,
        party_role,
        currency,
        sum(value) as value
    from metric_days
    group by metric, cast(date_trunc('month', metric_date) as date), store_id, region, channel, party_role, currency
),

by_period as (
    select
        metric,
        'day' as period_kind,
        metric_date as period_start,
        store_id,
        region,
        channel,
        party_role,
        currency,
        value
    from metric_days
    union all
    select
        metric,
        'month' as period_kind,
        month_start as period_start,
        store_id,
        region,
        channel,
        party_role,
        currency,
        value
    from by_month
),

by_place as (
    select
        by_period.metric,
        by_period.period_kind,
        by_period.period_start,
        kinds.dimension_kind,
        case kinds.dimension_kind
            {%- for dimension, place in metric_dimensions() + [('party_role', 'party_role')] %}
            when '{{ dimension }}' then {{ place if dimension == 'company' else 'by_period.' ~ place }}
            {%- endfor %}
        end as dimension_id,
        by_period.currency,
        by_period.value
    from by_period
    cross join (
        {%- for dimension, _ in metric_dimensions() + [('party_role', 'party_role')] %}
        {% if not loop.first %}union all {% endif %}select '{{ dimension }}' as dimension_kind
        {%- endfor %}
    ) as kinds
),

added_up as (
    select
        metric,
        period_kind,
        period_start,
        dimension_kind,
        dimension_id,
        currency,
        cast(sum(value) as bigint) as value
    from by_place
    where dimension_kind = 'company' or dimension_id <> ''
    group by metric, period_kind, period_start, dimension_kind, dimension_id, currency
),

metrics as (
    select * from added_up
    where value <> 0
    union all
    select
        metric,
        period_kind,
        period_start,
        dimension_kind,
        dimension_id,
        '' as currency,
        cast(value as bigint) as value
    from {{ ref('metric_counts__buyers') }}
    union all
    select
        metric,
        period_kind,
        period_start,
        dimension_kind,
        dimension_id,
        '' as currency,
        cast(value as bigint) as value
    from {{ ref('metric_counts__actives') }}
    union all
    select
        metric,
        period_kind,
        period_start,
        dimension_kind,
        dimension_id,
        '' as currency,
        cast(value as bigint) as value
    from {{ ref('metric_stocks__friends') }}
)

select * from metrics
