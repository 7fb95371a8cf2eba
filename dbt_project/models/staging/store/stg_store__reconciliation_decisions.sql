-- What holds of what people decided about differences: not taken back, the newest on each.
with decision_rows as (
    select * from {{ source('lake', 'reconciliation_decisions') }}
),

taken_back as (
    select distinct undoes from decision_rows
    where undoes is not null
),

decisions as (
    select
        decision_rows.decision_id,
        decision_rows.item_id,
        decision_rows.verdict,
        decision_rows.class,
        decision_rows.currency,
        decision_rows.reason,
        decision_rows.author,
        decision_rows.difference_amount,
        decision_rows.decided_at
    from decision_rows
    left join taken_back on decision_rows.decision_id = taken_back.undoes
    where decision_rows.verdict <> 'undo' and taken_back.undoes is null
    qualify row_number() over (
        partition by decision_rows.item_id
        order by cast(decision_rows.decision_id as bigint) desc
    ) = 1
)

select * from decisions
