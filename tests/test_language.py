"""The marts equal the oracle for rulebooks of every kind, made up by Hypothesis and kept in kept_cases.yaml.txt."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import oracle
import random_rulebooks
from conftest import MODELS_IN_ORDER, Row, load_table, rows_of, write_project
from random_rulebooks import COLUMNS, INPUT_COLUMNS

KEPT_CASES: list[Row] = yaml.safe_load((Path(__file__).parent / "kept_cases.yaml.txt").read_text(encoding="utf-8"))[
    "cases"
]
MODELS = [
    "stg_rfm__records",
    "stg_rfm__orders",
    "int_rfm__customers_from_orders",
    "int_rfm__input_dates",
    "int_rfm__cut_values",
    "int_rfm__cut_points",
    "int_rfm__score_history",
    "int_rfm__scored_customers",
    "int_rfm__graded_metrics",
    "rfm__graded_customers",
    "rfm__customer_scores",
    "rfm__rejected_records",
]
KINDS = {name: kind for _, name, kind in MODELS_IN_ORDER}
SECONDS_TO_SHRINK = 15


@dataclass(frozen=True)
class Case:
    """A rulebook, what its dataset says besides, and the customers as rows of text."""

    rulebook: Row
    dataset: Row
    rows: list[Row]
    guards: str = "?"

    def written(self) -> str:
        """The case as it stands in kept_cases.yaml.txt."""
        customers = [{name: value for name, value in row.items() if value is not None} for row in self.rows]
        entry = {"guards": self.guards, "rulebook": self.rulebook, "dataset": self.dataset, "customers": customers}
        return yaml.safe_dump([entry], allow_unicode=True, default_flow_style=None, width=110, sort_keys=False)


def rulebook_names(cases: dict[str, Case]) -> dict[str, str]:
    """The name of each case's rulebook: cases with the same rulebook share it."""
    names: dict[str, str] = {}
    for name, case in cases.items():
        names[name] = next((other for other in names if cases[other].rulebook is case.rulebook), name)
    return names


def dataset_of(rulebook: str, case: Case) -> Row:
    return {"rulebook": rulebook, "records": "input.customers", "columns": COLUMNS, **case.dataset}


class RefusedError(Exception):
    """What dbt says against the vars."""


class Grader:
    """Compiles the models for many rulebooks at once and runs them in memory; the project is parsed once."""

    def __init__(self, folder: Path) -> None:
        """Write and parse a project, and open a database of the same name in memory."""
        case = Case({"metrics": {"m": {"value": "frequency"}}, "total": {"m": 1}}, {}, [])
        self.project = write_project(folder, {"r": case.rulebook}, {"d": dataset_of("r", case)}, tables=["customers"])
        self.project.load("customers", [], INPUT_COLUMNS)
        parsed = dbtRunner().invoke(["parse", *self.folders])
        assert parsed.success, parsed.exception
        self.manifest: Any = parsed.result
        self.connection = duckdb.connect()
        self.connection.execute("attach ':memory:' as shop")
        self.connection.execute("use shop")
        # Staging is the same for every dataset, as they read the same columns: one stands for all.
        self.staging = self.compile({"d": case})["stg_rfm__records"]

    @property
    def folders(self) -> list[str]:
        """The arguments that tell dbt where the project is."""
        folder = str(self.project.folder)
        return ["--project-dir", folder, "--profiles-dir", folder, "--log-path", f"{folder}/logs"]

    def compile(self, cases: dict[str, Case]) -> dict[str, str]:
        """The SQL of the models for these rulebooks, each with a dataset of its name; `RefusedError` if dbt stops."""
        names = rulebook_names(cases)
        written = {
            "rfm__rulebooks": {name: cases[name].rulebook for name in names.values()},
            "rfm__datasets": {name: dataset_of(names[name], case) for name, case in cases.items()},
        }
        dumped = yaml.safe_dump(written, allow_unicode=True, default_flow_style=True, width=1_000_000, sort_keys=False)
        options = ["--quiet", "--no-print", "--threads", "1", "--no-write-json", "--vars", dumped, *self.folders]
        try:
            outcome = dbtRunner(manifest=self.manifest).invoke(["compile", *options, "--select", *MODELS])
        finally:
            DuckDBConnectionManager.close_all_connections()
        if not outcome.success:
            raise RefusedError(str(outcome.exception))
        return {result.node.name: result.node.compiled_code for result in outcome.result.results}

    def run(self, compiled: dict[str, str], cases: dict[str, Case]) -> None:
        """Grade the customers of every case."""
        staged = False
        for rows, named in itertools.groupby(cases.items(), key=lambda named: named[1].rows):
            load_table(self.connection, "input.customers", rows, INPUT_COLUMNS)
            names = ", ".join(f"('{name}')" for name, _ in named)
            start = "insert into stg_rfm__records" if staged else "create or replace table stg_rfm__records as"
            self.connection.execute(
                f"{start} select records.* replace (datasets.name as dataset) "
                f"from ({self.staging}) as records cross join (values {names}) as datasets (name)"
            )
            staged = True
        for name in MODELS[1:]:
            self.connection.execute(f"create or replace {KINDS[name]} {name} as {compiled[name]}")

    def differences(self, cases: dict[str, Case]) -> dict[str, list[str]]:
        """Where the marts, as they are now, and the oracle disagree, for each case where they do."""
        graded = by_dataset(rows_of(self.connection, "from rfm__graded_customers"))
        scores = by_dataset(rows_of(self.connection, "from rfm__customer_scores"))
        rejected = by_dataset(rows_of(self.connection, "from rfm__rejected_records"))
        assert {*graded, *scores, *rejected} <= cases.keys()
        found = {}
        names = rulebook_names(cases)
        for name, case in cases.items():
            try:
                expected = expected_marts(names[name], case)
            except ValueError as error:
                found[name] = [f"oracle: {error}"]
                continue
            lines = [
                line
                for mart, rows in [("graded", graded), ("scores", scores), ("rejected", rejected)]
                for line in compared(mart, expected[mart], rows[name])
            ]
            if lines:
                found[name] = lines
        return found

    def faults(self, cases: dict[str, Case]) -> dict[str, str]:
        """What is wrong with each case that has a fault; on its own where all together fail."""
        try:
            self.run(self.compile(cases), cases)
            return {name: "\n".join(lines) for name, lines in self.differences(cases).items()}
        except (RefusedError, duckdb.Error) as error:
            if len(cases) == 1:
                return {name: str(error) for name in cases}
        found = {}
        for name, case in cases.items():
            found |= self.faults({name: case})
        return found or dict.fromkeys(cases, "fails only together with the others")

    def shrunk(self, name: str, case: Case) -> Case:
        """Leave out customers as long as the marts and the oracle still disagree."""
        try:
            compiled = self.compile({name: case})
        except RefusedError:
            return case
        deadline = time.monotonic() + SECONDS_TO_SHRINK

        def fails(rows: list[Row]) -> bool:
            fewer = {name: replace(case, rows=rows)}
            try:
                self.run(compiled, fewer)
                return bool(self.differences(fewer))
            except (RefusedError, duckdb.Error):
                return True

        rows = case.rows
        size = len(rows) // 2
        while size and time.monotonic() < deadline:
            for start in range(0, len(rows), size):
                fewer = rows[:start] + rows[start + size :]
                if fewer and fails(fewer):
                    rows = fewer
                    break
            else:
                size //= 2
        return replace(case, rows=rows)

    def check(self, cases: dict[str, Case]) -> None:
        """Fail with every faulty case, ready to be kept."""
        reports = []
        for name, fault in itertools.islice(self.faults(cases).items(), 3):
            smaller = self.shrunk(name, cases[name])
            fault = self.faults({name: smaller}).get(name, fault)
            reports.append(f"{name}:\n{fault}\n\n{smaller.written()}")
        assert not reports, "\n\n" + "\n".join(reports)


def by_dataset(rows: list[Row]) -> dict[str, list[Row]]:
    found = defaultdict(list)
    for row in rows:
        found[row["dataset"]].append(row)
    return found


# --- The marts as the oracle has them ---------------------------------------------------------------------------------

KEYS = {
    "graded": ["as_of_date", "customer_id"],
    "scores": ["as_of_date", "customer_id", "metric"],
    "rejected": ["as_of_date", "customer_id"],
}
CUSTOMER = ["as_of_date", "region", "customer_id"]
GRADED = ["last_order_date", "recency_days", "frequency", "monetary", "total_score", "score_code", "grade"]


def expected_marts(name: str, case: Case) -> dict[str, list[Row]]:
    """The rows of rfm__graded_customers, rfm__customer_scores and rfm__rejected_records."""
    dataset = dataset_of(name, case)
    customers, faulty = oracle.clean(case.rows, dataset)
    assert not faulty, faulty
    graded, ungraded = oracle.grade(
        customers, case.rulebook, within_region="within" in dataset, columns=COLUMNS, name=name
    )
    metrics = case.rulebook["metrics"]
    texts = {metric for metric in metrics if has_text_scores(metrics[metric])}
    total = case.rulebook.get("total") or {}
    weights = {} if set(total) & {"code", "expression"} else total
    marts: dict[str, list[Row]] = {"graded": [], "scores": [], "rejected": []}
    for customer in graded:
        row = {column: customer[column] for column in [*CUSTOMER, *GRADED, "grade_order", "value_rank"]}
        for metric in ["recency", "frequency", "monetary"]:
            is_number = metric in metrics and metric not in texts
            row[f"{metric}_score"] = customer[f"{metric}_score"] if is_number else None
        marts["graded"].append({**row, "rulebook": name})
        for metric in metrics:
            value, score = customer[f"{metric}_value"], customer[f"{metric}_score"]
            weight = None if metric not in weights else oracle.rounded(weights[metric])
            marts["scores"].append(
                {
                    **{column: customer[column] for column in CUSTOMER},
                    "metric": metric,
                    "value": None if isinstance(value, str) else value,
                    "value_text": value if isinstance(value, str) else None,
                    "score": None if metric in texts else score,
                    "score_text": score if metric in texts else None,
                    "weight": weight,
                    "points": None if weight is None else oracle.rounded(score * weight),
                    **{
                        key: customer[f"{metric}_{key}"]
                        for key in ["next_score", "value_for_next_score", "is_tie_broken"]
                    },
                }
            )
    for customer in ungraded:
        row = {column: customer[column] for column in CUSTOMER}
        marts["rejected"].append({**row, "stage": "grading", "reasons": customer["reason"]})
    return marts


def has_text_scores(metric: Row) -> bool:
    return any(isinstance(score, str) for score in random_rulebooks.scores_of(metric.get("score", {})))


def compared(mart: str, expected: list[Row], found: list[Row]) -> list[str]:
    """One line for each row that is missing, too many or different."""
    key_of: Callable[[Row], tuple[str, ...]] = lambda row: tuple(str(row[column]) for column in KEYS[mart])  # noqa: E731
    lines = [] if len(expected) == len(found) else [f"{mart}: {len(found)} rows, expected {len(expected)}"]
    rows = {key_of(row): row for row in found}
    for wanted in expected:
        row = rows.pop(key_of(wanted), None)
        if row is None:
            lines.append(f"{mart} {key_of(wanted)} is missing, expected {shown(wanted)}")
        else:
            wrong = {column: value for column, value in wanted.items() if row[column] != value}
            if wrong:
                got = shown({column: row[column] for column in wrong})
                lines.append(f"{mart} {key_of(wanted)}: got {got}, expected {shown(wrong)}")
    return lines + [f"{mart} {key} is one too many: {shown(row)}" for key, row in rows.items()]


def shown(row: Row) -> str:
    return ", ".join(f"{column} {value}" for column, value in row.items() if column not in CUSTOMER)


# --- The tests --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def grader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grader]:
    made = Grader(tmp_path_factory.mktemp("language"))
    yield made
    made.connection.close()


class Batch(dict[str, Case]):
    """Cases by name; Hypothesis need not print all of them, as `check` reports the faulty ones."""

    def __repr__(self) -> str:
        return f"<{len(self)} cases>"


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """A dozen datasets with rulebooks of their own, mostly, over the same customers."""
    rows = draw(random_rulebooks.customers())
    cases: list[Case] = []
    for _ in range(12):
        dataset = draw(st.sampled_from([{}, {"within": "region"}]))
        # Now and then two datasets share a rulebook.
        shared = cases[-1].rulebook if cases and draw(st.integers(0, 9)) == 9 else None
        cases.append(Case(shared or draw(random_rulebooks.rulebooks()), dataset, rows))
    return Batch({f"r{number}": case for number, case in enumerate(cases)})


# A failing batch is taken apart and shrunk by `check`; Hypothesis would compile hundreds of batches for it.
@settings(
    max_examples=26,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
@given(batch=batches())
def test_random_rulebooks_equal_the_oracle(grader: Grader, batch: Batch) -> None:
    grader.check(batch)


@pytest.mark.parametrize("start", range(0, len(KEPT_CASES), 12))
def test_kept_cases_equal_the_oracle(grader: Grader, start: int) -> None:
    """Cases that once went wrong, and some that are easy to get wrong."""
    cases = {}
    for number, entry in enumerate(KEPT_CASES[start : start + 12], start=start + 1):
        rows = [random_rulebooks.as_input(customer) for customer in entry["customers"]]
        cases[f"kept_{number}"] = Case(entry["rulebook"], entry.get("dataset", {}), rows, entry["guards"])
    grader.check(cases)
