with interactions as (
    select * from {{ ref('interactions') }}
)

select * from interactions
