-- Phones of the staff: they stand on customers' records and are nobody's there.
with staff as (
    select * from {{ ref('stg_files__staff') }}
),

company_phones as (
    select distinct phone
    from staff
    where phone is not null
)

select * from company_phones
