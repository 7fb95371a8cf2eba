select
    interactions.kind,
    interactions.object_id
from {{ ref('interactions') }} as interactions
inner join {{ source('lake', 'run') }} as this_run on interactions.occurred_at >= this_run.as_of
