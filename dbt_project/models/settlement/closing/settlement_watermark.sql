-- Grain: one row. The first civil day that is open; the first of all days while nothing is closed.
with closings as (
    select * from {{ source('lake', 'settlement_closings') }}
)

select
    cast(count(*) as bigint) as closings_count,
    coalesce(max(open_from), date '1900-01-01') as open_from
from closings
