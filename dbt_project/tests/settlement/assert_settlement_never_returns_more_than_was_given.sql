{{ config(tags=['facts']) }}
-- I5: linked refunds take from no party more than the sale gave it, and a fully refunded line leaves every party at zero.
with parties as (
    select
        coalesce(original_line_id, line_id) as sold_line_id,
        component_seq,
        cast(sum(case when posting = 'SALE' then amount else 0 end) as bigint) as given,
        cast(sum(amount) as bigint) as remaining
    from {{ ref('settlement_entries') }}
    where posting = 'SALE' or link_state = 'LINKED'
    group by coalesce(original_line_id, line_id), component_seq
),

of_the_line as (
    select
        *,
        sum(remaining) over (partition by sold_line_id) as remaining_of_the_line
    from parties
)

select * from of_the_line
where given >= 0 and (remaining < 0 or remaining > given or (remaining_of_the_line = 0 and remaining <> 0))
