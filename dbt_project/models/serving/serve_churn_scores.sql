with churn_scores as (
    select * from {{ source('lake', 'churn_scores') }}
),

customers as (
    select * from {{ ref('customers') }}
),

owned as (
    select
        churn_scores.customer_id,
        churn_scores.artifact_id,
        churn_scores.band,
        churn_scores.reason_1,
        churn_scores.reason_2,
        churn_scores.reason_3,
        customers.owner_userid,
        customers.owner_store_id,
        churn_scores.score_ppm,
        churn_scores.rank,
        churn_scores.effect_ppm_1,
        churn_scores.effect_ppm_2,
        churn_scores.effect_ppm_3
    from churn_scores
    left join customers on churn_scores.customer_id = customers.customer_id
)

select * from owned
