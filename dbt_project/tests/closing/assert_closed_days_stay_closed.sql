{{ config(tags=['facts']) }}
-- I7, I8: on a closed day stands what was frozen and nothing else, and no frozen row stands on an open day.
select ledger.*
from {{ ref('settlement_ledger') }} as ledger
cross join {{ ref('settlement_watermark') }} as watermark
where ledger.is_closed <> (ledger.posted_on < watermark.open_from)
