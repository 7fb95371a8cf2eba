with customer_rows as (
    select * from {{ source('lake', 'customers') }}
),

batches as (
    select * from {{ source('lake', 'lake_batches') }}
),

this_run as (
    select * from {{ source('lake', 'run') }}
),

observations as (
    select
        customer_rows.record_id,
        customer_rows.unionid,
        customer_rows.external_userid,
        customer_rows.phone,
        customer_rows.member_no,
        customer_rows.name,
        customer_rows.email,
        customer_rows.gender,
        customer_rows.city,
        customer_rows.country,
        customer_rows.store_id,
        customer_rows.birth_date,
        customer_rows.registered_at,
        customer_rows.updated_at,
        batches.seq,
        {{ content_hash([
            'unionid', 'external_userid', 'phone', 'member_no', 'name', 'email', 'gender', 'birth_date', 'city',
            'country', 'store_id', 'registered_at',
        ]) }} as content_hash
    from customer_rows
    inner join batches on customer_rows._batch = batches.batch
),

-- Two rows of one record in one batch: the one changed last, then a hash, never the place in the file.
newest as (
    select * from observations
    qualify row_number() over (
        partition by record_id
        order by seq desc, coalesce(updated_at, registered_at) desc, content_hash
    ) = 1
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
        newest.updated_at
    from newest
    cross join this_run
    where newest.registered_at < this_run.as_of
)

select * from customers
