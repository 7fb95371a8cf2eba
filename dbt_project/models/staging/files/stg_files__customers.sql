{{ config(materialized='incremental_by_key', by=['record_id']) }}
{{ touched([
    landed_since(source('lake', 'customers'), ['record_id'], times=['registered_at']),
]) }}
with batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

newest as (
    {{ newest_delivery(source('lake', 'customers'), key=['record_id'], changed_at='coalesce(updated_at, registered_at)', said=[
        'unionid', 'external_userid', 'phone', 'member_no', 'name', 'email', 'gender', 'birth_date', 'city',
        'country', 'store_id', 'registered_at',
    ]) }}
),

customers as (
    select
        newest.record_id,
        newest.unionid,
        newest.external_userid,
        newest.phone,
        newest.member_no,
        newest.name,
        newest.email,
        newest.gender,
        newest.city,
        newest.country,
        newest.store_id,
        newest.birth_date,
        newest.registered_at,
        newest.updated_at,
        newest._batch,
        newest._row
    from newest
    cross join this_run
    where newest.registered_at < this_run.as_of
)

select * from customers
