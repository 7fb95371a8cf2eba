-- Grain: (product_id, store_id, currency, kind, starts_on). Which cost of a product holds when, for lines in `currency`: the
-- store's own goes before the one for everywhere, then the line's currency before another, then the one that began later.
-- store_id is '*' for all stores without costs of their own. Spans of one (product_id, store_id, currency, kind) never overlap,
-- so that a line finds one cost of a kind at most; they are resolved here, where rows are few.
with product_costs as (
    select * from {{ ref('stg_files__costs') }}
    where product_id <> '*'
),

sold_lines as (
    select * from {{ ref('sold_lines') }}
),

sold_in as (
    select distinct product_id, currency
    from sold_lines
    where product_id is not null
),

places as (
    select distinct product_id, store_id from product_costs
    union
    select distinct product_id, '*' as store_id from product_costs
),

candidates as (
    select
        places.product_id,
        places.store_id,
        sold_in.currency,
        costs.kind,
        costs.product_id || '|' || costs.store_id || '|' || costs.kind || '|' || costs.currency || '|'
            || cast(costs.valid_from as string) as cost_id,
        costs.currency as cost_currency,
        costs.unit_cost,
        costs.store_id = '*' as is_general,
        costs.currency <> sold_in.currency as is_foreign,
        costs.valid_from,
        costs.valid_to
    from places
    inner join sold_in on places.product_id = sold_in.product_id
    inner join product_costs as costs
        on places.product_id = costs.product_id
        and (costs.store_id = places.store_id or costs.store_id = '*')
),

turns as (
    select product_id, store_id, currency, kind, valid_from as starts_on from candidates
    union
    select product_id, store_id, currency, kind, cast(valid_to + interval 1 day as date) as starts_on
    from candidates
    where valid_to is not null
),

spans as (
    select
        *,
        lead(starts_on) over (partition by product_id, store_id, currency, kind order by starts_on) as ends_before
    from turns
),

product_cost_spans as (
    select
        spans.product_id,
        spans.store_id,
        spans.currency,
        spans.kind,
        candidates.cost_id,
        candidates.cost_currency,
        candidates.unit_cost,
        spans.starts_on,
        spans.ends_before
    from spans
    inner join candidates
        on spans.product_id = candidates.product_id
        and spans.store_id = candidates.store_id
        and spans.currency = candidates.currency
        and spans.kind = candidates.kind
        and spans.starts_on >= candidates.valid_from
        and spans.starts_on <= coalesce(candidates.valid_to, spans.starts_on)
    qualify row_number() over (
        partition by spans.product_id, spans.store_id, spans.currency, spans.kind, spans.starts_on
        order by
            candidates.is_general, candidates.is_foreign, candidates.valid_from desc, candidates.cost_currency,
            candidates.cost_id
    ) = 1
)

select * from product_cost_spans
