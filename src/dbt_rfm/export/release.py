"""A release: a file for each dataset and region, and a manifest that says what is in them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

import pyarrow as pa

from dbt_rfm.export.folder import MANIFEST, PACKAGE, replaced
from dbt_rfm.export.mask import Mask
from dbt_rfm.export.names import file_stems
from dbt_rfm.export.product import Product
from dbt_rfm.export.rows import CsvFile, ParquetFile, texts_of
from dbt_rfm.export.workbook import Workbook
from dbt_rfm.marts import Marts, Row
from dbt_rfm.mistake import Mistake
from dbt_rfm.summary import laid_out
from dbt_rfm.words import Language

# What the database may use to put a dataset's customers in order before it writes to disk, and its share of the cores:
# writing workbooks takes ten times as long as reading.
MEMORY = "1GB"
THREADS = 4

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Options:
    """What is asked for.

    datasets: names, all where there is none; as_of: the date of all of them, the last of each where there is none
    period: text for the column with the statistics period, which the marts do not know
    """

    datasets: Sequence[str] = ()
    as_of: date | None = None
    language: Language = Language.ENGLISH
    period: str | None = None
    csv: bool = False
    parquet: bool = False
    masked: bool = False


def release(marts: Marts, folder: Path, options: Options, progress: Progress = lambda written, total: None) -> Row:
    """Write a release into a folder in place of the former one, and return its manifest.

    progress: called again and again with how many customers are written, of how many
    Raises Mistake where a dataset or date does not exist, a key is missing, or the folder cannot be written.
    """
    marts.connection.execute(f"set memory_limit = '{MEMORY}'")
    marts.connection.execute(f"set threads = {THREADS}")
    names = marts.datasets(options.datasets)
    if not names:
        raise Mistake(f"{marts.path} has no graded customers, so there is nothing to release")
    masks = {name: Mask(name) if options.masked else None for name in names}
    products = [Product.of(marts, name, options.as_of, options.period) for name in names]
    total = sum(product.customers for product in products)
    done = 0

    def count(customers: int) -> None:
        nonlocal done
        done += customers
        progress(done, total)

    with replaced(folder) as unfinished:
        manifest = {
            "package": PACKAGE,
            "version": version(PACKAGE),
            "language": options.language,
            "masked": options.masked,
            "period": options.period,
            "datasets": [
                write_product(product, masks[product.dataset], unfinished, options, count) for product in products
            ],
        }
        text = json.dumps(manifest, ensure_ascii=False, indent=2, default=str)
        (unfinished / MANIFEST).write_text(text + "\n", encoding="utf-8", newline="\n")
    return manifest


def write_product(
    product: Product, mask: Mask | None, folder: Path, options: Options, count: Callable[[int], None]
) -> Row:
    """Write a dataset's files, and return what the manifest says of them."""
    stem = f"{product.dataset}_{product.as_of_date}"
    stems = file_stems(stem, product.regions) if product.has_regions else dict.fromkeys(product.regions, stem)
    files: list[Row] = []
    for region, batches in groupby(product.batches(), key=lambda read: read[0]):
        written = RegionFiles(product, region, folder, stems[region], options)
        ids: set[str] = set()
        for _, batch in batches:
            customers = batch if mask is None else masked(batch, mask, ids)
            written.write(customers)
            count(customers.num_rows)
        files += written.close()
    return {
        "dataset": product.dataset,
        "as_of_date": product.as_of_date,
        "rulebook": {"name": product.rulebook, "sha256": product.rulebook_hash()},
        "customers": product.customers,
        "columns": [
            {"name": column.name, "header": column.header.in_language(options.language), "type": column.kind}
            for column in product.columns
        ],
        "files": files,
    }


class RegionFiles:
    """The files of a region, in each format that is asked for."""

    def __init__(self, product: Product, region: str, folder: Path, stem: str, options: Options) -> None:
        """Begin the files; the stem is their name without an ending."""
        self._region = region
        self._rows = 0
        self._paths = [folder / f"{stem}.xlsx"]
        self._book = Workbook(self._paths[0], product, region, options.language, options.masked)
        self._others: list[CsvFile | ParquetFile] = []
        if options.csv:
            self._paths.append(folder / f"{stem}.csv")
            self._others.append(CsvFile(self._paths[-1], product.columns, options.language))
        if options.parquet:
            self._paths.append(folder / f"{stem}.parquet")
            self._others.append(ParquetFile(self._paths[-1]))

    def write(self, customers: pa.RecordBatch) -> None:
        """Write customers."""
        texts = texts_of(customers)
        self._book.write(texts)
        for file in self._others:
            file.write(customers, texts)
        self._rows += customers.num_rows

    def close(self) -> list[Row]:
        """Finish the files, and return what the manifest says of them."""
        self._book.close()
        for file in self._others:
            file.close()
        listed = [
            {
                "name": path.name,
                "region": self._region,
                "rows": self._rows,
                "bytes": path.stat().st_size,
                "sha256": digest(path),
            }
            for path in self._paths
        ]
        listed[0]["sheets"] = self._book.sheets
        return listed


def masked(customers: pa.RecordBatch, mask: Mask, taken: set[str]) -> pa.RecordBatch:
    """Return customers with hashes in place of their ids. Raises Mistake where two ids of a region have one hash."""
    hashes = [mask(customer_id) for customer_id in customers.column("customer_id").to_pylist()]
    before = len(taken)
    taken.update(hashes)
    if len(taken) != before + len(hashes):
        raise Mistake("two customers of a region have one hash: take another key")
    place = customers.schema.get_field_index("customer_id")
    return customers.set_column(place, "customer_id", pa.array(hashes, pa.string()))


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def as_text(manifest: Row, folder: Path) -> str:
    """Return in a few lines what was released."""
    headers = [("dataset", False), ("as_of_date", False), ("rulebook", False), ("customers", True), ("files", True)]
    lines = [
        [
            released["dataset"],
            str(released["as_of_date"]),
            released["rulebook"]["name"],
            f"{released['customers']:,}",
            str(len(released["files"])),
        ]
        for released in manifest["datasets"]
    ]
    return f"{laid_out(headers, lines)}\n\n{folder / MANIFEST} says what is in them."
