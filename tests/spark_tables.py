"""Puts tables into Spark, and takes them out again, in a process of its own: a Derby catalogue has one user at a time.

python spark_tables.py SETTINGS load FOLDER     every <schema>.<table>.parquet of FOLDER becomes a table
python spark_tables.py SETTINGS read FOLDER TABLE...     every table becomes <table>.parquet in FOLDER
python spark_tables.py SETTINGS run STATEMENT...     runs statements

SETTINGS is a JSON file with the session's settings. Called in the folder that the settings' paths are relative to.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow
import pyarrow.parquet
from pyspark.sql import SparkSession


def main() -> None:
    settings, command, *arguments = sys.argv[1:]
    builder = SparkSession.builder.master("local[2]").enableHiveSupport()
    for name, value in json.loads(Path(settings).read_text(encoding="utf-8")).items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    if command == "load":
        for file in sorted(Path(arguments[0]).glob("*.parquet")):
            schema, table = file.stem.split(".")
            spark.sql(f"create schema if not exists `{schema}`")
            spark.sql(f"drop table if exists `{schema}`.`{table}`")
            spark.read.parquet(str(file.resolve())).write.saveAsTable(f"`{schema}`.`{table}`", format="parquet")
    elif command == "read":
        for table in arguments[1:]:
            rows = spark.table(table)
            columns = list(zip(*(tuple(row) for row in rows.collect()), strict=True)) or [() for _ in rows.columns]
            types = [arrow_type(field.dataType.simpleString()) for field in rows.schema.fields]
            arrays = [pyarrow.array(values, type) for values, type in zip(columns, types, strict=True)]
            file = Path(arguments[0]) / f"{table}.parquet"
            pyarrow.parquet.write_table(pyarrow.Table.from_arrays(arrays, names=rows.columns), file)
    else:
        for statement in arguments:
            spark.sql(statement)
    spark.stop()


def arrow_type(name: str) -> pyarrow.DataType:
    """The Arrow type of a Spark type."""
    if name.startswith("decimal("):
        precision, scale = name[8:-1].split(",")
        return pyarrow.decimal128(int(precision), int(scale))
    return {
        "string": pyarrow.string(),
        "int": pyarrow.int32(),
        "bigint": pyarrow.int64(),
        "double": pyarrow.float64(),
        "boolean": pyarrow.bool_(),
        "date": pyarrow.date32(),
    }[name]


if __name__ == "__main__":
    main()
