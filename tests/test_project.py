"""What has to be true of the repository itself."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgpack
import pytest
import yaml

from conftest import DERIVED_MARTS, HISTORY_MARTS, REPOSITORY, Project
from dbt_rfm.marts import Marts
from dbt_rfm.summary import Summary

MARTS = [*HISTORY_MARTS, *DERIVED_MARTS, "rulebooks"]


@pytest.fixture(scope="module")
def manifest(demo: Project) -> dict[str, Any]:
    return json.loads(Path(demo.arguments[1], "manifest.json").read_text(encoding="utf-8"))


def test_the_lock_file_names_only_the_public_registry() -> None:
    hosts = set(re.findall(r"https?://([^/\"]+)", (REPOSITORY / "uv.lock").read_text(encoding="utf-8")))
    assert hosts == {"pypi.org", "files.pythonhosted.org"}


def test_the_seeds_are_what_their_script_makes(tmp_path: Path) -> None:
    script = (REPOSITORY / "scripts" / "make_demo_seeds.py").read_text(encoding="utf-8")
    (tmp_path / "scripts").mkdir()
    (tmp_path / "seeds").mkdir()
    copy = tmp_path / "scripts" / "make_demo_seeds.py"
    copy.write_text(script, encoding="utf-8")
    subprocess.run([sys.executable, str(copy)], check=True)
    for seed in ["raw_maoming_appraisal.csv", "raw_kunming_platform.csv"]:
        assert (tmp_path / "seeds" / seed).read_bytes() == (REPOSITORY / "seeds" / seed).read_bytes()


def test_the_arguments_of_every_macro_are_documented_as_they_are(manifest: dict[str, Any]) -> None:
    """dbt-bouncer sees that there are descriptions; this sees that they are of the arguments in the signature, typed."""
    wrong = []
    for macro in manifest["macros"].values():
        if macro["package_name"] == "rfm" and not macro["name"].startswith("materialization_"):
            signature = re.search(r"{%-?\s*(?:macro|test)\s+\w+\((.*?)\)\s*-?%}", macro["macro_sql"], re.DOTALL)
            assert signature, macro["name"]
            names = re.findall(r"(\w+)\s*(?:=[^,]+)?(?:,|$)", signature[1])
            if names != [argument["name"] for argument in macro["arguments"] if argument["type"]]:
                wrong.append(macro["name"])
    assert wrong == []


def test_every_column_of_a_model_is_described(demo: Project, manifest: dict[str, Any]) -> None:
    """Columns that the demo's own vars add (extra columns, values and scores of metrics) are described as a kind."""
    generated = re.compile(r"(recency|frequency|monetary)_(value|score)|project_complexity|disputes")
    for node in manifest["nodes"].values():
        if node["resource_type"] in {"model", "seed"}:
            found = demo.query(f"select column_name from (describe {node['name']})")
            undescribed = [
                row["column_name"]
                for row in found
                if row["column_name"] not in node["columns"] and not generated.fullmatch(row["column_name"])
            ]
            assert undescribed == [], node["name"]


def test_the_marts_keep_their_contract(manifest: dict[str, Any]) -> None:
    for mart in MARTS:
        node = manifest["nodes"][f"model.rfm.rfm__{mart}"]
        assert all(column["data_type"] for column in node["columns"].values())
        assert "Grain: " in node["description"]
        if mart != "rulebooks":
            assert list(node["columns"])[:3] == ["dataset", "as_of_date", "region"]


def test_names_carry_the_prefix(manifest: dict[str, Any]) -> None:
    for node in manifest["nodes"].values():
        if node["resource_type"] in {"model", "test"}:
            assert "rfm__" in node["name"]
    for unit_test in manifest["unit_tests"].values():
        assert unit_test["name"].startswith("rfm__")
    assert manifest["unit_tests"]


def test_a_build_has_no_deprecation(demo: Project) -> None:
    result = demo.dbt("parse", "--no-partial-parse", "--show-all-deprecations", "--warn-error")
    assert result.success, result.text
    assert "deprecat" not in result.text.lower()


def test_dbt_can_read_again_what_it_parsed(demo: Project) -> None:
    """It gives up on keys that are no texts in any yml file of the project, and parses everything in every build."""
    kept = Path(demo.arguments[1], "partial_parse.msgpack").read_bytes()
    assert msgpack.unpackb(kept, strict_map_key=True)["nodes"]


def test_the_readmes_excerpts_are_what_a_build_prints(demo: Project) -> None:
    with Marts(demo.database) as marts:
        printed = Summary.of(marts).as_text().split("\n\nLook next")[0].split("\n\n")
    falls = demo.query(
        "select customer_id || ': ' || sentence as line from rfm__grade_changes where direction = 'down'"
    )
    for name in ["README.md", "README.zh-CN.md"]:
        text = (REPOSITORY / name).read_text(encoding="utf-8")
        assert [part for part in printed if part not in text] == [], name
        assert sum(fall["line"] in text for fall in falls) == 3, name


def test_the_readmes_name_every_mart_and_every_key() -> None:
    project = yaml.safe_load((REPOSITORY / "dbt_project.yml").read_text(encoding="utf-8"))
    keys = {key for rulebook in project["vars"]["rfm__rulebooks"].values() for key in rulebook}
    keys |= {key for dataset in project["vars"]["rfm__datasets"].values() for key in dataset}
    keys |= {
        "within",
        "missing",
        "as_of_date",
        "window",
        "refunds",
        "inactive",
        "frequency",
        "ties",
        "tie_break",
        "clamp",
        "round",
        "extra",
    } - {"extra"}
    for name in ["README.md", "README.zh-CN.md"]:
        text = (REPOSITORY / name).read_text(encoding="utf-8")
        assert [mart for mart in MARTS if f"`rfm__{mart}`" not in text] == [], name
        assert [key for key in keys if f"`{key}" not in text] == [], name
