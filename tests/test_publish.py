"""rfm publish: readers find a whole publication at every moment, and only of builds of which every test passed."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from conftest import QUINTILE, STANDARD_COLUMNS, Project, Row, rows_of, write_project
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


def rfm(*arguments: str | Path, folder: Path, file_size: int | None = None) -> subprocess.CompletedProcess[str]:
    """Call the command in a folder; a file that it writes may have so many bytes."""

    def limit() -> None:
        if file_size is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))

    called = subprocess.run(
        [sys.executable, "-m", "dbt_rfm.command", *map(str, arguments)],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "RFM_"))},
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in called.stderr, called.stderr
    return called


def refused(*arguments: str | Path, folder: Path, file_size: int | None = None) -> str:
    """The one line of a call that was refused."""
    called = rfm(*arguments, folder=folder, file_size=file_size)
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
        if event in {"open", "os.chmod", "os.link", "os.remove", "os.rename"}:
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
            if kind not in {"metadata", "nodes"}:
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
                try:
                    publishing.publish(hand.database, hand.target, hand.artifacts, 3)
                except Mistake as mistake:
                    assert str(mistake).endswith("; nothing was published")
                    refused_builds += 1
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
    for number in range(3):
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
        # The next one of either kind puts it right.
        published = hand.publish(10 + step) if step % 2 else hand.publish(100 + step)
        assert published.current is not None
        assert hand.published() == published.current.invocation_id
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
    """Readers stay while dbt builds, fails, runs without tests, builds a part, and is killed."""
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
    published = rfm("publish", target, *here, folder=project.folder)
    assert published.returncode == 0, published.stderr
    assert f"{target}: publication 1, built " in published.stdout
    again = rfm("publish", target, *here, "--json", folder=project.folder)
    assert json.loads(again.stdout)["current"]["number"] == 1

    with eight_readers(target, TRUE_QUERY) as seen:
        project.load("customers", month("2025-01-31", numbers["2"]))
        project.build()
        second = rfm("publish", target, *here, "--json", folder=project.folder)
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
        assert project.dbt("run").success
        line = refused("publish", target, *here, folder=project.folder)
        assert line == (
            "rfm: the last call in target was dbt run, expected dbt build: run dbt build; nothing was published"
        )
        project.build("--select", "rfm__tier_summary")
        line = refused("publish", target, *here, folder=project.folder)
        assert line.startswith(
            "rfm: the last build left out accepted_values_rfm__backtest_part__all__grade__warning and "
        )
        assert line.endswith(" more: run dbt build without selecting or excluding; nothing was published")

        manifest = project.folder / "target" / "manifest.json"
        before = manifest.stat().st_mtime_ns
        build = subprocess.Popen(
            [sys.executable, "-m", "dbt_rfm.command", "build", "--profiles-dir", str(project.profiles)],
            cwd=project.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while manifest.stat().st_mtime_ns == before:
            time.sleep(0.05)
        build.kill()
        build.wait()
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
    described = json.loads(manifest.read_text(encoding="utf-8"))["nodes"]
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
    target = tmp_path_factory.mktemp("published") / "marts.duckdb"
    # The session's demo may have been built long ago, and others may have read it since.
    publishing.publish(demo.database, target, demo.database.parent / "target", 3)
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
        rfm("summary", "--json", "--database", path, folder=published_demo.parent).stdout
        for path in (demo.database, published_demo)
    )
    assert json.loads(summary) == json.loads(printed)


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
