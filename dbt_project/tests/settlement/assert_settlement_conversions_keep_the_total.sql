{{ config(tags=['facts']) }}
-- I1, I4, I5: the parts of what is settled in another currency sum to its converted total, and the two sides of a transfer to
-- nothing; a line that was refunded in full leaves nobody anything.
with conversions as (
    select * from {{ ref('settlement_conversions') }}
),

by_posting as (
    select
        parts.posting || ':' || parts.line_id || case when parts.link_state = 'EXCESS' then ':EXCESS' else '' end as posting_id,
        sum(conversions.settled_amount) as settled_amount
    from {{ ref('settlement_entries') }} as parts
    inner join conversions
        on parts.entry_id = conversions.entry_id
    group by 1
),

transfers as (
    select
        sides.posting,
        sides.line_id,
        sides.component,
        sum(conversions.settled_amount) as settled_amount
    from {{ ref('settlement_transfers') }} as sides
    inner join conversions
        on sides.entry_id = conversions.entry_id
    group by 1, 2, 3
),

refunded_in_full as (
    select
        parts.party_id,
        parts.component_seq,
        coalesce(parts.original_line_id, parts.line_id) as sold_line_id,
        sum(parts.amount) as amount,
        sum(conversions.settled_amount) as settled_amount
    from {{ ref('settlement_entries') }} as parts
    inner join conversions
        on parts.entry_id = conversions.entry_id
    where coalesce(parts.link_state, 'LINKED') = 'LINKED'
    group by 1, 2, 3
),

lines as (
    select
        sold_line_id,
        max(abs(amount)) as left_over
    from refunded_in_full
    group by sold_line_id
)

select posting_id as what from {{ ref('settlement_posting_fx') }} as fx
inner join by_posting using (posting_id)
where fx.settled_amount <> by_posting.settled_amount
union all
select line_id from transfers
where settled_amount <> 0
union all
select refunded_in_full.sold_line_id from refunded_in_full
inner join lines
    on refunded_in_full.sold_line_id = lines.sold_line_id
where lines.left_over = 0 and refunded_in_full.settled_amount <> 0
