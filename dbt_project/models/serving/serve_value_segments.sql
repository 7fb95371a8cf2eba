with value_segments as (
    select * from {{ source('lake', 'value_segments') }}
)

select
    segment,
    name_zh,
    name_en,
    segment_seq
from value_segments
