{{ config(materialized='incremental_by_key', by=['member_no']) }}
{{ touched([
    landed_since(source('lake', 'members'), ['member_no'], times=['joined_at']),
]) }}
with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    {{ newest_delivery(source('lake', 'members'), key=['member_no'], changed_at='updated_at', said=[
        'unionid', 'external_userid', 'phone', 'store_id', 'staff_id', 'referrer_member_no', 'name', 'gender',
        'level', 'status', 'delivered.source', 'growth_value', 'points_balance', 'birth_date',
        'level_expires_on', 'joined_at', 'updated_at',
    ]) }}
),

members as (
    select
        newest.member_no,
        newest.unionid,
        newest.external_userid,
        newest.phone,
        newest.store_id,
        newest.staff_id,
        newest.referrer_member_no,
        newest.name,
        newest.gender,
        newest.level,
        newest.status,
        newest.source,
        newest.growth_value,
        newest.points_balance,
        newest.birth_date,
        newest.level_expires_on,
        newest.joined_at,
        newest.updated_at,
        newest._batch,
        newest._row
    from newest
    cross join this_run
    where newest.joined_at < this_run.as_of
)

select * from members
