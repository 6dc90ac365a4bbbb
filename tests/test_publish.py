"""rfm publish: readers find a whole publication at every moment, and only of builds of which every test passed."""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from conftest import QUINTILE, STANDARD_COLUMNS, Project, Row, call_rfm, rows_of, write_project
from dbt_rfm import publish as publishing
from dbt_rfm.mistake import Mistake

MARTS = [
    "rfm__backtest",
    "rfm__churn_warnings",
    "rfm__customer_scores",
    "rfm__grade_changes",
    "rfm__graded_customers",
    "rfm__rejected_records",
    "rfm__rulebook_audit",
    "rfm__rulebooks",
    "rfm__score_cutpoints",
    "rfm__service_plan",
    "rfm__tier_migration",
    "rfm__tier_summary",
]


def refused(*arguments: str | Path, folder: Path, file_size: int | None = None) -> str:
    """The one line of a call that was refused."""
    called = call_rfm(*arguments, folder=folder, file_size=file_size)
    assert called.returncode == 1, called.stdout
    assert called.stdout == ""
    (line,) = called.stderr.splitlines()
    return line


# A program that knows DuckDB and nothing of this package. It asks again and again until its input ends, each time through a new
# connection, and prints every answer once, and every error. It leaves the processor to who builds and publishes.
READER = """
import json, os, select, sys
import duckdb
path, query = sys.argv[1:]
answers, errors = [], []
os.nice(10)
print("ready", flush=True)
while True:
    try:
        with duckdb.connect(path, read_only=True, config={"threads": 1}) as connection:
            answer = [str(value) for value in connection.execute(query).fetchone()]
        if answer not in answers:
            answers.append(answer)
    except Exception as error:
        errors.append(repr(error))
    if select.select([sys.stdin], [], [], 0.02)[0]:
        break
print(json.dumps({"answers": answers, "errors": errors}))
"""


@contextmanager
def eight_readers(target: Path, query: str) -> Iterator[list[Row]]:
    """Have eight processes query TARGET in a loop meanwhile; what they saw is in the list at the end."""
    seen: list[Row] = []
    command = [sys.executable, "-c", READER, str(target), query]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        yield seen
        seen += [json.loads(process.communicate()[0]) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()


# Forks a child for every line, so that builds and publishes begin at once, and kills it where the line says when: after so many
# seconds, or before a step in TARGET's folder. Prints how the child ended. A build does what dbt does in dbt's order: the
# manifest, each mart in a transaction of its own, the manifest again, the results, and the end of what the file has to hold.
WORKER = """
import json, os, signal, sys, time, traceback
from datetime import UTC, datetime
from pathlib import Path
import duckdb
from dbt_rfm import publish as publishing

folder, target = map(Path, sys.argv[1:])
columns, manifest, results = (
    json.loads((folder / f"{name}.json").read_text()) for name in ("columns", "manifest", "results")
)
artifacts = folder / "target"

def now():
    return datetime.now(UTC).isoformat()

def build(number):
    for metadata in (manifest["metadata"], results["metadata"]):
        metadata |= {"invocation_id": f"build-{number}", "invocation_started_at": now()}
    (artifacts / "manifest.json").write_text(json.dumps(manifest))
    connection = duckdb.connect(str(folder / "demo.duckdb"))
    for mart, kinds in columns.items():
        if mart == "rfm__graded_customers":
            rows = f"select 'build-{number}' as dataset, {number} as monetary from range(100 + {number})"
        elif mart == "rfm__tier_summary":
            rows = f"select 'build-{number}' as dataset, unnest([100, {number}]) as customers"
        else:
            rows = f"select 'build-{number}' as {'rulebook' if mart == 'rfm__rulebooks' else 'dataset'}"
        connection.execute("begin")
        connection.execute(f"create or replace table {mart} ({', '.join(f'{name} {kinds[name]}' for name in kinds)})")
        connection.execute(f"insert into {mart} by name {rows}")
        connection.execute("commit")
    results["metadata"]["generated_at"] = now()
    (artifacts / "manifest.json").write_text(json.dumps(manifest))
    (artifacts / "run_results.json").write_text(json.dumps(results))
    connection.close()

def publish():
    publishing.publish(folder / "demo.duckdb", target, artifacts, 3)

def rollback():
    publishing.roll_back(target)

def kill_before(step):
    steps = iter(range(step))
    def hook(event, arguments):
        if event in {"os.chmod", "os.link", "os.remove", "os.rename"}:
            if str(target.parent) in str(arguments[0]) and next(steps, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)

for line in sys.stdin:
    told = json.loads(line)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if told["step"] is not None:
                kill_before(told["step"])
            globals()[told["do"]](*told["with"])
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    if told["seconds"] is not None:
        time.sleep(told["seconds"])
        os.kill(child, signal.SIGKILL)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
KILLED = -signal.SIGKILL


class Hand:
    """Builds and publishes small marts of known sums: of build n, 100 + n customers with n of money each."""

    def __init__(self, folder: Path, demo: Project) -> None:
        self.folder = folder
        self.database = folder / "demo.duckdb"
        self.artifacts = folder / "target"
        self.target = folder / "public" / "marts.duckdb"
        for made in (self.artifacts, self.target.parent):
            made.mkdir(parents=True)
        left = demo.database.parent / "target"
        manifest, results = (json.loads((left / name).read_text()) for name in ("manifest.json", "run_results.json"))
        for kind in [*manifest]:
            if kind not in {"metadata", "nodes", "unit_tests"}:
                del manifest[kind]
        for node in [*manifest["nodes"].values(), *results["results"]]:
            for code in ("raw_code", "compiled_code"):
                node.pop(code, None)
        (folder / "manifest.json").write_text(json.dumps(manifest))
        (folder / "results.json").write_text(json.dumps(results))
        columns = {
            mart: {row["column_name"]: row["column_type"] for row in demo.query(f"describe {mart}")} for mart in MARTS
        }
        (folder / "columns.json").write_text(json.dumps(columns))
        self.worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(folder), str(self.target)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def do(self, what: str, *arguments: int, seconds: float | None = None, step: int | None = None) -> int:
        """Have it done, killed after so many seconds or before a step; return the exit code."""
        assert self.worker.stdin is not None
        assert self.worker.stdout is not None
        told = {"do": what, "with": arguments, "seconds": seconds, "step": step}
        self.worker.stdin.write(json.dumps(told) + "\n")
        self.worker.stdin.flush()
        return int(self.worker.stdout.readline())

    def build(self, number: int) -> None:
        assert self.do("build", number) == 0

    def publish(self, number: int, keep: int = 3) -> publishing.Published:
        """Build and publish here."""
        self.build(number)
        return publishing.publish(self.database, self.target, self.artifacts, keep)[0]

    def stop(self) -> None:
        self.worker.kill()
        self.worker.communicate()

    # The builds that any mart or the publication is of, and how many customers and how much money.
    BUILDS = " union all ".join(
        f"select {'rulebook' if mart == 'rfm__rulebooks' else 'dataset'} as build from {mart}" for mart in MARTS
    )
    QUERY = f"""
        select
            (select string_agg(distinct build) from ({BUILDS} union all select invocation_id from rfm__publication)),
            (select count(*) from rfm__publication),
            (select count(*) from rfm__graded_customers),
            (select sum(customers) from rfm__tier_summary),
            (select sum(monetary) from rfm__graded_customers)
    """

    @staticmethod
    def right(answer: list[str]) -> bool:
        """Whether an answer is the one that its build has to give."""
        number = int(answer[0].removeprefix("build-"))
        return answer[1:] == ["12", str(100 + number), str(100 + number), f"{(100 + number) * number}.000000"]

    def published(self, path: Path | None = None) -> str:
        """The build that a file holds, which has to be whole."""
        with duckdb.connect(str(path or self.target), read_only=True) as connection:
            answer = [str(value) for value in connection.execute(self.QUERY).fetchone() or ()]
        assert self.right(answer), answer
        return answer[0]

    def files(self) -> set[str]:
        return {path.name for path in self.target.parent.iterdir()}


LOCK = ".locking-marts.duckdb"


@pytest.fixture
def hand(tmp_path: Path, demo: Project) -> Iterator[Hand]:
    made = Hand(tmp_path / "hand", demo)
    yield made
    made.stop()


def test_eight_readers_see_whole_publications_only(hand: Hand) -> None:
    hand.build(0)
    assert hand.do("publish") == 0
    with eight_readers(hand.target, hand.QUERY) as seen:
        for number in range(1, 21):
            hand.build(number)
            assert hand.do("publish") == 0
            assert hand.published() == f"build-{number}"
    assert len(seen) == 8
    for reader in seen:
        assert reader["errors"] == []
        assert [answer for answer in reader["answers"] if not hand.right(answer)] == []
        assert len(reader["answers"]) > 1
    assert hand.files() == {"marts.duckdb", "marts.20.duckdb", "marts.19.duckdb", "marts.18.duckdb", LOCK}


def test_readers_do_not_notice_what_is_killed(hand: Hand) -> None:
    """Builds and publishes die at random moments; a build that died in between is not published."""
    random_moments = random.Random(2025)
    hand.build(0)
    began = time.monotonic()
    assert hand.do("publish") == 0
    publishing_takes = time.monotonic() - began
    began = time.monotonic()
    hand.build(1)
    building_takes = time.monotonic() - began
    killed = {"publish": 0, "build": 0}
    refused_builds = 0
    with eight_readers(hand.target, hand.QUERY) as seen:
        for number in range(2, 34):
            what = "publish" if number % 4 else "build"
            if what == "publish":
                hand.build(number)
                ended = hand.do("publish", seconds=random_moments.uniform(0, 1.2 * publishing_takes))
            else:
                ended = hand.do("build", number, seconds=random_moments.uniform(0, building_takes))
                # It was killed before it began, in between, or when all was written.
                refused_builds += hand.do("publish") != 0
            killed[what] += ended == KILLED
            hand.published()
        hand.build(34)
        assert hand.do("publish") == 0
    assert hand.published() == "build-34"
    assert killed["publish"] >= 10
    assert killed["build"] >= refused_builds >= 3
    for reader in seen:
        assert reader["errors"] == []
        assert [answer for answer in reader["answers"] if not hand.right(answer)] == []
        assert len(reader["answers"]) > 1
    kept = publishing.at(hand.target).kept
    assert hand.files() == {"marts.duckdb", LOCK, *(publication.path.name for publication in kept)}
    assert len(kept) == 3


@pytest.mark.parametrize("what", ["publish", "rollback"])
def test_whatever_step_it_was_killed_at_the_next_one_puts_right(hand: Hand, what: str) -> None:
    for number in range(2):
        hand.publish(number)
    seen = set()
    for step in range(100):
        hand.build(10 + step)
        before = hand.published()
        ended = hand.do(what, step=step)
        now = hand.published()
        seen.add((ended, "old" if now == before else "new"))
        if ended == 0:
            break
        published, _ = publishing.publish(hand.database, hand.target, hand.artifacts, 1)
        assert published.current is not None
        assert hand.published() == published.current.invocation_id == f"build-{10 + step}"
        assert hand.files() == {"marts.duckdb", LOCK, *(publication.path.name for publication in published.kept)}
        for publication in published.kept:
            assert hand.published(publication.path) == publication.invocation_id
            assert publication.number < published.current.number
    assert seen == {(KILLED, "old"), (KILLED, "new"), (0, "new")}


def month(as_of: str, numbers: range) -> list[Row]:
    """Customers of a month; every tenth row cannot be used, as its frequency is no number."""
    return [
        {
            "customer_id": f"K{number:03d}",
            "region": "south",
            "as_of_date": as_of,
            "last_order_date": None,
            "recency_days": str(number * 7 % 31),
            "frequency": "many" if number % 10 == 0 else str(1 + number % 5),
            "monetary": str(number),
        }
        for number in numbers
    ]


def used(numbers: range) -> list[str]:
    """How many of them are graded, and their money."""
    graded = [number for number in numbers if number % 10]
    return [str(len(graded)), str(len(graded)), f"{sum(graded)}.000000"]


TRUE_QUERY = """
    select
        (select max(publication) from rfm__publication),
        (select count(*) from rfm__graded_customers),
        (select sum(customers) from rfm__tier_summary),
        (select sum(monetary) from rfm__graded_customers)
"""


def test_true_builds_are_published_once_they_pass(tmp_path: Path) -> None:
    """Readers stay while dbt builds, fails, builds a part, and is killed."""
    project = write_project(
        tmp_path / "shop",
        {"quintile": QUINTILE},
        {"shop": {"rulebook": "quintile", "records": "input.customers", "columns": STANDARD_COLUMNS}},
        tables=["customers"],
        files={
            "tests/no_customer_96.sql": "select * from {{ ref('rfm__graded_customers') }} where customer_id = 'K096'",
            "tests/no_customer_86.sql": "{{ config(severity='warn') }} "
            "select * from {{ ref('rfm__graded_customers') }} where customer_id = 'K086'",
        },
    )
    target = tmp_path / "public" / "marts.duckdb"
    target.parent.mkdir()
    here = ["--database", "shop.duckdb"]
    numbers = {"1": range(1, 60), "2": range(1, 90)}

    project.load("customers", month("2025-01-31", numbers["1"]))
    line = refused("publish", target, *here, folder=project.folder)
    assert line.startswith(
        "rfm: there is no file target/run_results.json, expected what dbt build leaves: run dbt build"
    )
    project.build()
    published = call_rfm("publish", target, *here, folder=project.folder)
    assert published.returncode == 0, published.stderr
    assert f"{target}: publication 1, built " in published.stdout
    again = call_rfm("publish", target, *here, "--json", folder=project.folder)
    assert json.loads(again.stdout)["current"]["number"] == 1

    with eight_readers(target, TRUE_QUERY) as seen:
        project.load("customers", month("2025-01-31", numbers["2"]))
        project.build()
        second = call_rfm("publish", target, *here, "--json", folder=project.folder)
        assert second.returncode == 0, second.stderr
        assert second.stderr == "rfm: warning: the test no_customer_86 warned\n"
        assert json.loads(second.stdout)["warnings"] == ["no_customer_86"]
        whole = target.read_bytes()

        project.load("customers", month("2025-01-31", range(1, 99)))
        assert not project.dbt("build").success
        line = refused("publish", target, *here, folder=project.folder)
        assert line == (
            "rfm: the last build did not pass: no_customer_96 failed; put it right and run dbt build; nothing was published"
        )
        project.build("--select", "rfm__tier_summary")
        line = refused("publish", target, *here, folder=project.folder)
        assert line.startswith(
            "rfm: the last build left out accepted_values_rfm__backtest_part__all__grade__warning and "
        )
        assert line.endswith(" more: run dbt build without selecting or excluding; nothing was published")

        # Killed when it has begun to write.
        unfinished = project.folder / "shop.duckdb.wal"
        assert not unfinished.exists()
        build = subprocess.Popen(
            [sys.executable, "-m", "dbt_rfm.command", "build", "--profiles-dir", str(project.profiles)],
            cwd=project.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not unfinished.exists():
            time.sleep(0.05)
        build.kill()
        build.wait()
        assert unfinished.exists()
        line = refused("publish", target, *here, folder=project.folder)
        assert line == (
            "rfm: dbt was stopped, or read the project again, since the last build in target: run dbt build; "
            "nothing was published"
        )
        assert target.read_bytes() == whole
    for reader in seen:
        assert reader["errors"] == []
        assert sorted(reader["answers"]) == [[number, *used(numbers[number])] for number in ("1", "2")]

    comments = {
        (row["table_name"], row["column_name"]): row["comment"]
        for row in published_rows(
            target,
            "select table_name, null as column_name, comment from duckdb_tables() "
            "union all select table_name, column_name, comment from duckdb_columns() where not internal",
        )
    }
    described = json.loads((project.folder / "target" / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    for mart in MARTS:
        node = described[f"model.rfm.{mart}"]
        assert comments.pop((mart, None)) == node["description"].strip() != ""
        for column in node["columns"].values():
            assert comments.pop((mart, column["name"])) == column["description"].strip() != ""
    assert {table for table, _ in comments} == {"rfm__publication"}
    assert all(comments.values())


def published_rows(path: Path, query: str) -> list[Row]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return rows_of(connection, query)


@pytest.fixture(scope="module")
def published_demo(tmp_path_factory: pytest.TempPathFactory, demo: Project) -> Path:
    """The demo's marts, published."""
    folder = tmp_path_factory.mktemp("published")
    results, manifest = (
        json.loads((demo.database.parent / "target" / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("run_results", "manifest")
    )
    # Another test may have had dbt read the project since the demo was built.
    manifest["metadata"]["invocation_id"] = results["metadata"]["invocation_id"]
    for name, content in (("run_results", results), ("manifest", manifest)):
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    target = folder / "marts.duckdb"
    publishing.publish(demo.database, target, folder, 3)
    return target


def test_the_copy_has_the_marts_rows_and_types(published_demo: Path, demo: Project) -> None:
    for mart in MARTS:
        assert published_rows(published_demo, f"from {mart} order by all") == demo.mart(mart)
        described = "select column_name, column_type from (describe {})"
        assert published_rows(published_demo, described.format(mart)) == demo.query(described.format(mart))
    tables = published_rows(
        published_demo, "select table_schema, table_name, table_type from information_schema.tables order by all"
    )
    assert [tuple(row.values()) for row in tables] == [
        ("main", name, "BASE TABLE") for name in sorted([*MARTS, "rfm__publication"])
    ]
    (summary, printed) = (
        call_rfm("summary", "--json", "--database", path, folder=published_demo.parent).stdout
        for path in (demo.database, published_demo)
    )
    assert json.loads(summary) | {"database": str(published_demo)} == json.loads(printed)


def test_the_copy_tells_how_fresh_it_is(published_demo: Path, demo: Project) -> None:
    results = json.loads((demo.database.parent / "target" / "run_results.json").read_text(encoding="utf-8"))
    told = published_rows(published_demo, "from rfm__publication order by mart")
    assert [row["mart"] for row in told] == MARTS
    for row in told:
        (rows,) = demo.query(f"select count(*) as n from {row['mart']}")
        assert row["row_count"] == rows["n"]
        if row["mart"] != "rfm__rulebooks":
            (last,) = demo.query(f"select max(as_of_date) as day from {row['mart']}")
            assert row["last_as_of_date"] == last["day"]
        assert row["invocation_id"] == results["metadata"]["invocation_id"]
        assert row["built_at"].isoformat() + "Z" == results["metadata"]["generated_at"]
        assert (row["publication"], row["project"], row["test_warnings"]) == (1, "rfm", 0)


def test_the_file_is_of_the_storage_version(published_demo: Path) -> None:
    """DuckDB's storage documentation: magic bytes at 8, the version at 12; 65 is what DuckDB 1.2 writes and reads."""
    magic, number = struct.unpack_from("<4sQ", published_demo.read_bytes(), 8)
    assert (magic, number) == (b"DUCK", 65)


def test_duckdb_1_2_reads_it(published_demo: Path) -> None:
    python = os.environ.get("RFM_DUCKDB_1_2")
    if python is None:
        missing = "RFM_DUCKDB_1_2 does not name a python with DuckDB 1.2 (.ci/run sets it)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    program = (
        "import duckdb, sys\n"
        "connection = duckdb.connect(sys.argv[1], read_only=True)\n"
        "print(duckdb.__version__)\n"
        "for mart in sys.argv[2:]: print(connection.execute(f'select count(*) from (from {mart} order by all)').fetchone()[0])\n"
        "print(connection.execute('select sum(total_score) from rfm__graded_customers').fetchone()[0])\n"
        "print(connection.execute(\"select count(comment) from duckdb_columns() where table_name = 'rfm__backtest'\").fetchone()[0])\n"
    )
    finished = subprocess.run(
        [python, "-c", program, published_demo, *MARTS], capture_output=True, text=True, check=True, env={}
    )
    version, *counts, total, comments = finished.stdout.split()
    assert version.startswith("1.2.")
    assert [int(count) for count in counts] == [len(published_rows(published_demo, f"from {mart}")) for mart in MARTS]
    assert total == str(
        published_rows(published_demo, "select sum(total_score) as n from rfm__graded_customers")[0]["n"]
    )
    assert int(comments) == len(published_rows(published_demo, "describe rfm__backtest"))


@pytest.fixture
def refusing(hand: Hand) -> Callable[..., None]:
    """Publish one build, build again, and have the second publish refused for what a test makes of dbt's results."""
    hand.publish(1)
    hand.build(2)
    whole = hand.target.read_bytes()
    files = hand.files()

    def refuse(expected: str, **changes: Callable[[Row], object]) -> None:
        kept = {path: path.read_bytes() for path in hand.artifacts.iterdir()}
        for name, change in changes.items():
            path = hand.artifacts / f"{name}.json"
            content = json.loads(path.read_text(encoding="utf-8"))
            change(content)
            path.write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(Mistake) as refused:
            publishing.publish(hand.database, hand.target, hand.artifacts, 3)
        assert str(refused.value) == f"{expected}; nothing was published"
        assert hand.target.read_bytes() == whole
        assert hand.files() == files
        for path, content in kept.items():
            path.write_bytes(content)

    yield refuse
    # Nothing else was wrong.
    assert publishing.publish(hand.database, hand.target, hand.artifacts, 3)[0].current.number == 2
    assert hand.published() == "build-2"


def test_only_a_whole_build_that_passed_is_published(hand: Hand, refusing: Callable[..., None]) -> None:
    folder = hand.artifacts

    def result(results: Row, name: str) -> Row:
        ids = [f"{kind}.rfm.{name}" for kind in ("model", "test")]
        (found,) = [found for found in results["results"] if found["unique_id"].startswith(tuple(ids))]
        return found

    def set_status(name: str, status: str) -> Callable[[Row], object]:
        return lambda results: result(results, name).update(status=status)

    grain = "rfm__grain_rfm__tier_summary_dataset__as_of_date__region__rulebook__grade"
    for status in ("fail", "error", "runtime error", "partial success", "never heard of"):
        refusing(
            f"the last build did not pass: {grain} failed; put it right and run dbt build",
            run_results=set_status(grain, status),
        )
    refusing(
        f"the last build did not pass: {grain} skipped; put it right and run dbt build",
        run_results=set_status(grain, "skipped"),
    )
    refusing(
        "the last build did not pass: rfm__tier_migration failed; put it right and run dbt build",
        run_results=set_status("rfm__tier_migration", "error"),
    )
    refusing(
        "the last build did not pass: rfm__a_grade_with_nobody_is_a_tier_with_zero failed; put it right and run dbt build",
        run_results=lambda results: next(
            found
            for found in results["results"]
            if found["unique_id"].endswith("rfm__a_grade_with_nobody_is_a_tier_with_zero")
        ).update(status="fail"),
    )
    for name in (grain, "rfm__tier_summary", "int_rfm__told_dates", "rfm__migration_adds_up"):
        refusing(
            f"the last build left out {name}: run dbt build without selecting or excluding",
            run_results=lambda results, name=name: results["results"].remove(result(results, name)),
        )
    for command in ("run", "test", "retry", "generate"):
        refusing(
            f"the last call in {folder} was dbt {command}, expected dbt build: run dbt build",
            run_results=lambda results, command=command: results["args"].update(which=command),
        )
    refusing(
        "the last build had --empty, expected all rows: run dbt build without it",
        run_results=lambda results: results["args"].update(empty=True),
    )
    refusing(
        f"dbt was stopped, or read the project again, since the last build in {folder}: run dbt build",
        manifest=lambda manifest: manifest["metadata"].update(invocation_id="another"),
    )
    refusing(
        f"the last build in {folder} was on postgres, expected one on duckdb",
        manifest=lambda manifest: manifest["metadata"].update(adapter_type="postgres"),
    )
    for what in ("metadata", "args", "results"):
        refusing(
            f"{folder} holds no results that dbt 1.11 or 1.12 wrote: run dbt build",
            run_results=lambda results, what=what: results.pop(what),
        )
    for name in ("run_results", "manifest"):
        path = folder / f"{name}.json"
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        refusing(f"{path} cannot be read, expected what dbt build leaves: run dbt build")
        path.unlink()
        refusing(
            f"there is no file {path}, expected what dbt build leaves: run dbt build, --target-path names its folder"
        )
        path.write_bytes(content)


def test_only_the_file_that_the_build_wrote_is_published(
    hand: Hand, refusing: Callable[..., None], tmp_path: Path
) -> None:
    metadata = json.loads((hand.artifacts / "run_results.json").read_text(encoding="utf-8"))["metadata"]
    began = datetime.fromisoformat(metadata["invocation_started_at"])
    ended = datetime.fromisoformat(metadata["generated_at"])

    def written(moment: datetime) -> str:
        os.utime(hand.database, (moment.timestamp(), moment.timestamp()))
        return f"{hand.database} was written at {moment:%Y-%m-%d %H:%M:%S} UTC"

    later = ended + timedelta(seconds=61)
    line = written(later)
    refusing(f"{line}, after the last build, which ended at {ended:%H:%M:%S}: run dbt build")
    earlier = began - timedelta(seconds=1)
    line = written(earlier)
    refusing(
        f"{line}, before the last build, which began at {began:%Y-%m-%d %H:%M:%S}: it wrote another file, "
        "--database names it"
    )
    written(ended)
    refusing(
        f"the last build wrote the database shop, and {hand.database} is demo: --database names its file",
        manifest=lambda manifest: manifest["nodes"]["model.rfm.rfm__tier_summary"].update(database="shop"),
    )
    refusing(
        f"{hand.database} has no production.rfm__tier_summary, which the last build made",
        manifest=lambda manifest: manifest["nodes"]["model.rfm.rfm__tier_summary"].update(schema="production"),
    )


def test_a_mart_may_have_another_name_in_the_database(hand: Hand) -> None:
    """A project may give a schema and an alias to a mart; readers find it under its own name."""
    hand.build(1)
    written = hand.database.stat().st_mtime
    with duckdb.connect(str(hand.database)) as connection:
        connection.execute('create schema "it\'s"; create table "it\'s"."the tiers" as from rfm__tier_summary')
        connection.execute("drop table rfm__tier_summary")
    os.utime(hand.database, (written, written))
    path = hand.artifacts / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["nodes"]["model.rfm.rfm__tier_summary"] |= {"schema": "it's", "alias": "the tiers", "description": "it's"}
    path.write_text(json.dumps(manifest), encoding="utf-8")
    publishing.publish(hand.database, hand.target, hand.artifacts, 3)
    assert hand.published() == "build-1"
    (told,) = published_rows(hand.target, "select comment from duckdb_tables() where table_name = 'rfm__tier_summary'")
    assert told == {"comment": "it's"}


def test_the_last_ones_are_kept_and_can_be_gone_back_to(hand: Hand) -> None:
    def lies_there() -> dict[str, str]:
        return {
            path.name: hand.published(path)
            for path in hand.target.parent.iterdir()
            if path.suffix == ".duckdb" and path.name != LOCK
        }

    for number in range(1, 5):
        hand.publish(number, keep=2)
    assert lies_there() == {"marts.duckdb": "build-4", "marts.3.duckdb": "build-3", "marts.2.duckdb": "build-2"}

    listed = call_rfm("publish", hand.target, "--list", folder=hand.folder)
    assert [line.split(",")[0] for line in listed.stdout.splitlines()] == [
        f"{hand.target}: publication 4",
        f"kept {hand.target.with_name('marts.3.duckdb')}: publication 3",
        f"kept {hand.target.with_name('marts.2.duckdb')}: publication 2",
    ]
    assert listed.stdout.count("12 marts, ") == 3

    back = json.loads(call_rfm("publish", hand.target, "--rollback", "--json", folder=hand.folder).stdout)
    assert (back["current"]["number"], back["current"]["path"]) == (3, str(hand.target))
    assert back["current"]["bytes"] == hand.target.stat().st_size
    assert back["current"]["marts"]["rfm__graded_customers"] == 103
    assert [kept["number"] for kept in back["kept"]] == [2]
    assert lies_there() == {"marts.duckdb": "build-3", "marts.2.duckdb": "build-2"}
    assert call_rfm("publish", hand.target, "--rollback", folder=hand.folder).returncode == 0
    assert lies_there() == {"marts.duckdb": "build-2"}
    assert refused("publish", hand.target, "--rollback", folder=hand.folder) == (
        f"rfm: no publication before {hand.target} was kept, so there is none to go back to"
    )
    assert lies_there() == {"marts.duckdb": "build-2"}

    # The build that was gone back from can be published again, and one that is published already is not.
    for _ in range(2):
        publishing.publish(hand.database, hand.target, hand.artifacts, 2)
        assert lies_there() == {"marts.duckdb": "build-4", "marts.2.duckdb": "build-2"}
    hand.publish(5, keep=0)
    assert lies_there() == {"marts.duckdb": "build-5"}
    hand.publish(6, keep=1)
    # Somebody deleted TARGET: what was kept comes back, or the next one goes on counting.
    hand.target.unlink()
    publishing.roll_back(hand.target)
    assert lies_there() == {"marts.duckdb": "build-5"}
    hand.publish(7, keep=1)
    hand.target.unlink()
    hand.publish(8, keep=1)
    assert [publication.number for publication in publishing.at(hand.target).kept] == [4]
    assert published_rows(hand.target, "select distinct publication as n from rfm__publication") == [{"n": 5}]
    assert call_rfm("publish", hand.target, "--rollback", "--list", folder=hand.folder).returncode == 2
    assert call_rfm("publish", hand.target, "--keep", "-1", folder=hand.folder).returncode == 2


def test_files_of_others_stay(hand: Hand) -> None:
    hand.publish(1)
    folder = hand.target.parent
    others = {folder / "marts.2024.duckdb": b"mine", folder / "marts.old.duckdb": b"mine too"}
    for path, content in others.items():
        path.write_bytes(content)
    # A publication of another number than its name's is nobody's of ours either.
    shutil.copy(hand.target, folder / "marts.9.duckdb")
    hand.publish(2, keep=0)
    assert hand.files() == {"marts.duckdb", "marts.9.duckdb", LOCK, *(path.name for path in others)}
    assert all(path.read_bytes() == content for path, content in others.items())
    in_the_way = folder / "marts.2.duckdb"
    in_the_way.write_bytes(b"mine")
    with pytest.raises(Mistake, match=r"marts\.2\.duckdb is in the way: publication 2 is to be kept there"):
        hand.publish(3)
    assert in_the_way.read_bytes() == b"mine"
    assert hand.published() == "build-2"


def test_no_file_is_replaced_that_is_no_publication(hand: Hand) -> None:
    hand.build(1)

    def line(target: Path, *arguments: str | Path, **keywords: int) -> str:
        there = {path: path.stat() for path in hand.folder.rglob("*")}
        paths = ["--database", hand.database, "--target-path", hand.artifacts]
        printed = refused("publish", target, *paths, *arguments, folder=hand.folder, **keywords)
        left = {path: path.stat() for path in hand.folder.rglob("*") if not path.name.startswith(".locking-")}
        assert {path: (file.st_ino, file.st_mtime_ns) for path, file in left.items() if path.is_file()} == {
            path: (file.st_ino, file.st_mtime_ns) for path, file in there.items() if path.is_file() and path in left
        }
        return printed

    public = hand.target.parent
    assert line(hand.database) == f"rfm: {hand.database} is the file of the build, expected another one for its readers"
    link = hand.folder / "link.duckdb"
    link.symlink_to(hand.database)
    assert line(link) == f"rfm: {hand.database} is the file of the build, expected another one for its readers"
    assert line(public) == f"rfm: {public} is a folder, expected a file: {public / 'marts.duckdb'}"
    assert (
        line(public / "no" / "marts.duckdb")
        == f"rfm: there is no folder {public / 'no'}, expected one for marts.duckdb"
    )
    assert line(Path("/dev/null")) == "rfm: /dev/null is no file that could be replaced"
    text = public / "customers.csv"
    text.write_text("customer_id\n" * 1000)
    other = public / "other.duckdb"
    with duckdb.connect(str(other)) as connection:
        connection.execute("create table customers (id integer)")
    for path in (text, other):
        assert line(path) == f"rfm: {path} is no publication of rfm publish: name another file, or move it away"
    assert line(Path("/proc/marts.duckdb")).startswith(
        "rfm: /proc/marts.duckdb cannot be written, it stays as it was: "
    )

    with duckdb.connect(str(hand.database)):
        assert line(hand.target) == f"rfm: {hand.database} is being written, wait until the build is done"
    hand.publish(2)
    hand.build(3)
    full = line(hand.target, file_size=100_000)
    assert full.startswith(f"rfm: {hand.target} cannot be written, it stays as it was: ")
    assert hand.published() == "build-2"
    with duckdb.connect(str(hand.target)) as connection:
        assert line(hand.target) == (
            f"rfm: a program has {hand.target} open for writing, expected readers that open it read only"
        )
    unfinished = hand.target.with_name("marts.duckdb.wal")
    unfinished.write_bytes(b"")
    for option in ("--list", "--rollback"):
        assert line(hand.target, option) == (
            f"rfm: {unfinished} is there: a program writes into marts.duckdb, expected readers that open it read only"
        )
    unfinished.unlink()
    with hand.target.with_name(LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert line(hand.target) == f"rfm: another rfm publish of {hand.target} is running, wait until it is done"
    publishing.publish(hand.database, hand.target, hand.artifacts, 3)
    assert hand.published() == "build-3"


def test_a_copy_that_is_not_the_marts_is_not_published(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    hand.publish(1)
    hand.build(2)
    whole = hand.target.read_bytes()
    copied = publishing._copy

    def lose_a_customer(source: object, build: object, new: Path, number: int) -> None:
        copied(source, build, new, number)  # type: ignore[arg-type]
        with duckdb.connect(str(new)) as connection:
            connection.execute("delete from rfm__graded_customers where rowid = 7")

    def change_a_customer(source: object, build: object, new: Path, number: int) -> None:
        copied(source, build, new, number)  # type: ignore[arg-type]
        with duckdb.connect(str(new)) as connection:
            connection.execute("update rfm__graded_customers set grade = 'A' where rowid = 7")

    for damaged in (lose_a_customer, change_a_customer):
        monkeypatch.setattr(publishing, "_copy", damaged)
        with pytest.raises(Mistake, match="does not hold what rfm__graded_customers does; nothing was published"):
            publishing.publish(hand.database, hand.target, hand.artifacts, 3)
        assert hand.target.read_bytes() == whole
        assert hand.files() == {"marts.duckdb", LOCK}


def test_nobody_writes_the_marts_until_they_are_compared(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    hand.build(1)
    compared, tried = publishing._compare, []

    def compare(*arguments: object) -> None:
        for _ in range(2):
            tried.append(
                subprocess.run(
                    [sys.executable, "-c", f"import duckdb; duckdb.connect({str(hand.database)!r})"],
                    stderr=subprocess.DEVNULL,
                )
            )
            compared(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(publishing, "_compare", compare)
    publishing.publish(hand.database, hand.target, hand.artifacts, 3)
    assert [finished.returncode for finished in tried] == [1, 1]
    assert hand.do("build", 2) == 0


def test_it_keeps_without_hard_links(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_second_name(path: Path, target: Path) -> None:
        raise PermissionError(f"{path} {target}")

    monkeypatch.setattr(Path, "hardlink_to", no_second_name)
    hand.publish(1)
    hand.target.chmod(0o640)
    hand.publish(2)
    assert hand.published(hand.target.with_name("marts.1.duckdb")) == "build-1"
    assert hand.files() == {"marts.duckdb", "marts.1.duckdb", LOCK}
    assert hand.target.stat().st_mode & 0o777 == 0o640
    publishing.roll_back(hand.target)
    assert hand.published() == "build-1"


def test_who_keeps_a_file_open_keeps_its_publication(hand: Hand) -> None:
    """And so does a process that opens it again while it still has it open."""
    hand.publish(1)
    count = "select count(*) from rfm__graded_customers"
    with duckdb.connect(str(hand.target), read_only=True) as opened:
        hand.build(2)
        assert hand.do("publish") == 0
        assert hand.do("rollback") == 0
        hand.build(3)
        assert hand.do("publish") == 0
        assert opened.execute(count).fetchone() == (101,)
        with duckdb.connect(str(hand.target), read_only=True) as again:
            assert again.execute(count).fetchone() == (101,)
    assert hand.published() == "build-3"


def test_of_publishes_at_a_time_one_publishes(hand: Hand) -> None:
    hand.publish(1)
    hand.build(2)
    command = [sys.executable, "-m", "dbt_rfm.command", "publish", str(hand.target), "--database", str(hand.database)]
    calls = [
        subprocess.Popen(
            [*command, "--target-path", str(hand.artifacts)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for call in calls:
        printed, wrong = call.communicate()
        if call.returncode:
            assert wrong == f"rfm: another rfm publish of {hand.target} is running, wait until it is done\n"
        else:
            assert printed.startswith(f"{hand.target}: publication 2, ")
    assert any(call.returncode == 0 for call in calls)
    assert hand.published() == "build-2"
    assert hand.files() == {"marts.duckdb", "marts.1.duckdb", LOCK}


def test_the_command_tells_what_it_knows(hand: Hand) -> None:
    told = call_rfm("publish", "--help", folder=hand.folder)
    for option in ("--target-path", "--keep", "--rollback", "--list", "--json"):
        assert option in told.stdout
    assert call_rfm("publish", hand.target, "--list", folder=hand.folder).stdout == "nothing is published there\n"
    assert json.loads(call_rfm("publish", hand.target, "--list", "--json", folder=hand.folder).stdout) == {
        "current": None,
        "kept": [],
        "warnings": [],
    }
    assert hand.files() == set()
