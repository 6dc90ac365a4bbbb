"""The monthly release of a data product: workbooks for people, csv and parquet for programs, and what is in them."""
