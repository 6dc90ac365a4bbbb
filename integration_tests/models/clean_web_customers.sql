select
    "Customer ID" as customer_id,
    "Region" as region,
    cast("Month End" as date) as as_of_date,
    cast("Days Since Order" as integer) as recency_days,
    cast("Orders" as integer) as frequency,
    cast(replace("Spend", ',', '') as decimal(28, 6)) as monetary
from {{ ref('web_customer_export') }}
where "Customer ID" is not null
