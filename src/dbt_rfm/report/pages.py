"""From what the marts say of a dataset to the page that shows it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from dbt_rfm.marts import Row
from dbt_rfm.numbers import amount, change, count, money, ratio, share
from dbt_rfm.report import figures
from dbt_rfm.report.blocks import Block, Cell, Chart, Headline, Listing, Note, Page, Section, Table
from dbt_rfm.report.facts import SHOWN_CODES, SHOWN_GROUPS, Dataset
from dbt_rfm.report.reasons import in_chinese
from dbt_rfm.report.texts import SEVERITY_ORDER, WARNINGS, Say
from dbt_rfm.words import SEVERITIES, Language

# Of findings, reasons and dates, how many are shown at once.
SHOWN_ROWS = 10
NOTHING = Cell("–")


class PageOfDataset:
    """The page of one dataset in one language."""

    def __init__(self, dataset: Dataset, say: Say, language: Language) -> None:
        """Take what the page is about."""
        self.dataset = dataset
        self.say = say
        self.language = language
        self.tiers = figures.tiers_of(dataset)

    def page(self) -> Page:
        """Return the page; sections that have nothing to say are left out, or say why."""
        sections = [
            self.tiers_now() if self.dataset.tiers else self.scores_now(),
            self.money_share(),
            self.tiers_over_time(),
            self.heatmap(),
            self.migration(),
            self.cut_points(),
            self.warnings(),
            self.regions(),
            self.service(),
            self.backtest(),
            self.rules(),
            self.quality(),
        ]
        return Page(
            self.dataset.name,
            f"{self.dataset.as_of_date} · {count(self.dataset.last['customers'])}",
            self.facts(),
            self.headlines(),
            [section for section in sections if section is not None],
        )

    def facts(self) -> list[str]:
        """Return what the whole page is about."""
        dataset, say = self.dataset, self.say
        return [
            say("graded_on", date=dataset.as_of_date),
            say("compared_with", date=dataset.before["as_of_date"]) if dataset.before else say("one_date"),
            say("graded_by", rulebook=dataset.rulebook),
            *([say("dates_count", dates=count(len(dataset.dates)))] if dataset.before else []),
            *([say("regions_count", regions=count(dataset.last["regions"]))] if dataset.last["regions"] > 1 else []),
        ]

    def headlines(self) -> list[Headline]:
        """Return the headline figures, each with its change since the as-of date before."""
        dataset, say = self.dataset, self.say
        last, before = dataset.last, dataset.before

        def moved(column: str) -> str:
            if before is None or before[column] is None or last[column] is None:
                return ""
            difference = last[column] - before[column]
            if not difference:
                return say("unchanged")
            written = f"{difference:+,.2f}" if isinstance(difference, Decimal) else change(difference)
            part = f"{100 * difference / before[column]:+.1f}%" if before[column] > 0 else "-0.0%"
            return written if part[1:] == "0.0%" else f"{written} ({part})"

        shown = [Headline(say("customers"), count(last["customers"]), moved("customers"))]
        if dataset.has_money:
            shown.append(Headline(say("money"), money(last["monetary"]), moved("monetary")))
        if dataset.tiers:
            best = dataset.tiers[0]
            shown.append(
                Headline(
                    say("best_share", grade=best["grade"]),
                    share(best["customer_share"] or 0),
                    self._best_change(),
                    say("best_money_share", share=share(best["monetary_share"])) if best["monetary_share"] else "",
                )
            )
        new = sum(row["new_warnings"] for row in dataset.warned_kinds)
        shown.append(
            Headline(
                say("warned"),
                count(last["warned_customers"]),
                moved("warned_customers"),
                say("new_warnings", count=count(new)) if new else "",
            )
        )
        not_scored = last["rejected_customers"]
        rejected = Headline(
            say("rejected_rows"),
            count(last["rejected_rows"]),
            moved("rejected_rows"),
            say("rejected_customers", count=count(not_scored)) if not_scored else "",
        )
        # Rows of orders belong to no as-of date.
        if dataset.undated_rows:
            rejected = Headline(say("rejected_rows"), count(dataset.undated_rows), detail=say("all_dates"))
        return [*shown, rejected]

    def _best_change(self) -> str:
        best = self.dataset.tiers[0]
        if best["change"] is None or self.dataset.before is None or not self.dataset.before["customers"]:
            return ""
        earlier = Decimal(best["customers"] - best["change"]) / self.dataset.before["customers"]
        points = 100 * (Decimal(best["customers"]) / self.dataset.last["customers"] - earlier)
        return self.say("points", change=f"{points:+.1f}") if round(points, 1) else self.say("unchanged")

    def grade(self, name: str | None) -> Cell:
        """Return the cell of a grade, in its colour."""
        if name is None:
            return NOTHING
        grades = self.dataset.grades
        order = grades.index(name) if name in grades else len(grades)
        return Cell(name, order=order, tier=self.tiers.get(name, "--outside"))

    def legend(self, grades: list[str]) -> list[tuple[str, str]]:
        """Return the colours of grades."""
        return [(grade, self.tiers.get(grade, "--outside")) for grade in grades]

    def tiers_now(self) -> Section:
        """The tiers of the last as-of date."""
        dataset, say = self.dataset, self.say
        averages = {row["grade"]: row for row in dataset.tier_history if row["as_of_date"] == dataset.as_of_date}
        compared = dataset.compared_date
        has = {
            column: any(averages[row["grade"]][column] is not None for row in dataset.tiers if row["grade"] in averages)
            for column in ["average_recency_days", "average_frequency", "average_monetary"]
        }
        headers = [(say("grade"), False), (say("customers"), True)]
        headers += [(say("change"), True)] if compared else []
        headers += [(say("customer_share"), True)]
        headers += [(say("money"), True), (say("monetary_share"), True)] if dataset.has_money else []
        headers += [(say(column), True) for column, is_there in has.items() if is_there]
        rows = []
        for row in dataset.tiers:
            average = averages.get(row["grade"], {})
            cells = [self.grade(row["grade"]), Cell(count(row["customers"]))]
            cells += [optional(row["change"], change)] if compared else []
            cells += [shared(row["customer_share"])]
            cells += [optional(row["monetary"], money), shared(row["monetary_share"])] if dataset.has_money else []
            cells += [optional(average.get(column), two_decimals) for column, is_there in has.items() if is_there]
            rows.append(cells)
        hints = [say("averages_only")] if any(has.values()) else []
        hints += [say("change_hint", date=compared)] if compared else []
        caption = say("tiers_caption", date=compared) if compared else say("tiers_caption_single")
        return Section(
            "tiers",
            say("tiers"),
            [
                Table(" ".join(hints) or say("tiers"), headers, rows, is_captioned=bool(hints)),
                Chart(say("tiers"), caption, [("", figures.tiers_now(dataset, say))]),
            ],
        )

    def scores_now(self) -> Section:
        """How the totals or codes of a rulebook without grades are spread."""
        dataset, say = self.dataset, self.say
        if dataset.codes:
            rows, caption = dataset.codes, say("codes_caption", shown=min(len(dataset.codes), SHOWN_CODES))
            names = [row["score_code"] for row in rows]
        else:
            rows, caption = dataset.totals, say("totals_caption")
            names = [ranged(row["lower_end"], row["highest"]) for row in rows]
        blocks: list[Block] = []
        if rows:
            header = say("score_code") if dataset.codes else say("total_score")
            headers = [(header, False), (say("customers"), True), (say("customer_share"), True)]
            headers += [(say("money"), True)] if dataset.has_money else []
            cells = [
                [
                    Cell(name, order=place),
                    Cell(count(row["customers"])),
                    shared(Decimal(row["customers"]) / dataset.last["customers"]),
                    *([optional(row["monetary"], money)] if dataset.has_money else []),
                ]
                for place, (name, row) in enumerate(zip(names, rows, strict=True))
            ]
            blocks = [
                Chart(say("totals"), caption, [("", figures.spread(names, rows, say))]),
                Table(say("totals"), headers, cells),
            ]
        return Section("tiers", say("totals"), blocks)

    def money_share(self) -> Section | None:
        """What each tier brings."""
        dataset, say = self.dataset, self.say
        if not dataset.tiers or not dataset.has_money:
            return None
        best = dataset.tiers[0]
        return Section(
            "money",
            say("money_share"),
            [
                Chart(
                    say("money_share"),
                    say("money_share_caption"),
                    [("", figures.money_against_customers(dataset, say))],
                    [(say("customer_share"), "--before"), (say("monetary_share"), "--accent")],
                )
            ],
            say(
                "money_share_lead",
                grade=best["grade"],
                customers=share(best["customer_share"] or 0),
                money=share(best["monetary_share"] or 0),
            ),
        )

    def tiers_over_time(self) -> Section | None:
        """The tiers of every as-of date."""
        dataset, say = self.dataset, self.say
        if dataset.before is None or not dataset.tier_history:
            return None
        kinds = [("customers", True, "customer_share"), ("customers", False, "view_customers")]
        if dataset.has_money:
            kinds += [("monetary", True, "monetary_share"), ("monetary", False, "view_monetary")]
        views = [
            (say(name), figures.tiers_over_time(dataset, say, column, is_share)) for column, is_share, name in kinds
        ]
        return Section(
            "history",
            say("over_time"),
            [
                Chart(
                    say("over_time"), say("over_time_caption"), views, self.legend(dataset.grades), choice=say("shown")
                )
            ],
        )

    def heatmap(self) -> Section:
        """Customers by recency and frequency."""
        dataset, say = self.dataset, self.say
        if dataset.grid is None:
            return Section("grid", say("heatmap"), [Note(self._no_heatmap())])
        caption = say("heatmap_caption") if dataset.has_money else say("heatmap_caption_no_money")
        if dataset.grid.is_ranged:
            caption = f"{caption} {say('heatmap_ranges')}"
        return Section(
            "grid",
            say("heatmap"),
            [Chart(say("heatmap"), caption, [("", figures.heatmap(dataset, say))])],
        )

    def _no_heatmap(self) -> str:
        metrics = [row["name"] for row in self.dataset.rules if row["part"] == "metric"]
        missing = [name for name in ["recency", "frequency"] if name not in metrics]
        if not missing or not metrics:
            return self.say("text_scores", rulebook=self.dataset.rulebook)
        named = self.say("and").join(self.say("no_metric", metric=name) for name in missing)
        return self.say("no_heatmap", rulebook=self.dataset.rulebook, metrics=named)

    def migration(self) -> Section | None:
        """Who moved since the as-of date before."""
        dataset, say = self.dataset, self.say
        if not any(row["customers"] for row in dataset.moves):
            return None
        order = {grade: place for place, grade in enumerate(dataset.grades)}
        counts = dict.fromkeys(["up", "down", "same", "new", "left"], 0)
        for row in dataset.moves:
            counts[direction(row, order)] += row["customers"]
        before = dataset.moves[0]["previous_as_of_date"]
        return Section(
            "migration",
            say("migration"),
            [
                Chart(
                    say("migration"),
                    say("migration_caption", before=before, after=dataset.as_of_date),
                    [("", figures.migration(dataset, say))],
                )
            ],
            say("migration_lead", **{name: count(customers) for name, customers in counts.items()}),
        )

    def cut_points(self) -> Section | None:
        """Where the scores change, and how that moved."""
        dataset, say = self.dataset, self.say
        metrics: dict[str, list[Row]] = {row["name"]: [] for row in dataset.rules if row["part"] == "metric"}
        for row in dataset.cut_points:
            metrics.setdefault(row["metric"], []).append(row)
        metrics = {name: rows for name, rows in metrics.items() if rows}
        if not metrics:
            return None
        sizes: dict[str, int] = {}
        for row in dataset.cut_points:
            if row["as_of_date"] == dataset.as_of_date:
                sizes[row["region"]] = sizes.get(row["region"], 0) + row["customers"]
        largest = sorted(sizes, key=lambda region: (-sizes[region], region))
        regions = largest[:SHOWN_GROUPS]
        dates = [row["as_of_date"] for row in dataset.dates]
        blocks: list[Block] = []
        if len(largest) > len(regions):
            blocks.append(Note(say("only_largest", shown=count(len(regions)), all=count(len(largest)))))
        if dataset.before is not None:
            for name, rows in metrics.items():
                of_region = {region: [row for row in rows if row["region"] == region] for region in regions}
                scores = figures.cut_scores(rows)
                views = [
                    (region, figures.cut_points(own, scores, dates, say)) for region, own in of_region.items() if own
                ]
                if views:
                    legend = [(f"{say('score')} {amount(score)}", shade) for score, shade in scores.items()]
                    choice = say("region_of_group")
                    blocks.append(Chart(name, "", views, legend, choice=choice, is_titled=True, is_wide=False))
        blocks.append(self._cut_table(metrics, regions))
        return Section("cuts", say("cut_points"), blocks, say("cut_points_lead") if dataset.before else "")

    def _cut_table(self, metrics: dict[str, list[Row]], regions: list[str]) -> Table:
        dataset, say = self.dataset, self.say
        has_regions = len(regions) > 1
        headers = [(say("metric"), False), *([(say("region"), False)] if has_regions else []), (say("score"), True)]
        headers += [(say(name), True) for name in ["best_value", "worst_value", "customers", "tied"]]
        rows = [
            [
                Cell(name),
                *([Cell(row["region"])] if has_regions else []),
                Cell(amount(row["score"])),
                optional(row["best_value"], amount),
                optional(row["worst_value"], amount),
                Cell(count(row["customers"])),
                Cell(count(row["tied_customers"])),
            ]
            for region in regions
            for name, of_metric in metrics.items()
            for row in of_metric
            if row["as_of_date"] == dataset.as_of_date and row["region"] == region
        ]
        shown = 20 if has_regions else len(rows)
        return Table(
            say("cut_points_table", date=dataset.as_of_date),
            headers,
            rows[:shown],
            is_captioned=True,
            hidden=rows[shown:],
            hidden_text=say("cuts_more", count=count(len(rows) - shown)),
        )

    def warnings(self) -> Section:
        """Who needs attention: counts by kind, and the list."""
        dataset, say = self.dataset, self.say
        if not dataset.listed:
            return Section("warnings", say("warnings"), [Note(say("warnings_none", date=dataset.as_of_date))])
        headers = [(say("warning"), False), (say("severity"), False)]
        headers += [(say("warned_new"), True), (say("warned_repeated"), True)]
        headers += [(say("money_at_risk"), True)] if dataset.has_money else []
        kinds = [
            [
                Cell(self.warning(row["warning"])),
                self.severity(row["severity"]),
                Cell(count(row["new_warnings"])),
                Cell(count(row["repeated_warnings"])),
                *([optional(row["money_at_risk"], money)] if dataset.has_money else []),
            ]
            for row in dataset.warned_kinds
        ]
        listed, total = len(dataset.listed), dataset.warning_count
        lead = (
            say("warnings_all", all=count(total))
            if listed == total
            else say("warnings_listed", shown=count(listed), all=count(total))
        )
        return Section(
            "warnings",
            say("warnings"),
            [Table(say("warnings"), headers, kinds), self._listing()],
            lead,
        )

    def warning(self, name: str) -> str:
        """Return the name of a warning, in words where it is one that every project has."""
        return WARNINGS[name].in_language(self.language) if name in WARNINGS else name

    def severity(self, name: str) -> Cell:
        """Return the cell of a severity."""
        return Cell(SEVERITIES[name].in_language(self.language), SEVERITY_ORDER.index(name), severity=name)

    def _listing(self) -> Listing:
        dataset, say = self.dataset, self.say
        suffix = "_zh" if self.language is Language.CHINESE else ""
        has_regions = any(row["region"] != "all" for row in dataset.listed)
        has_grades = any(row["grade"] is not None for row in dataset.listed)
        words = {name: said.in_language(self.language) for name, said in SEVERITIES.items()}
        columns = [
            {"name": say("customer_id"), "kind": "text"},
            *([{"name": say("region"), "kind": "text"}] if has_regions else []),
            {"name": say("severity"), "kind": "severity", "words": words},
            {"name": say("warning"), "kind": "text"},
            {"name": say("reason"), "kind": "words"},
            {"name": say("suggested_action"), "kind": "words"},
            *([{"name": say("money_at_risk"), "kind": "number"}] if dataset.has_money else []),
            *([{"name": say("grade_move"), "kind": "text"}] if has_grades else []),
            {"name": say("status"), "kind": "status", "words": {"new": say("new"), "repeated": say("repeated")}},
        ]
        rows = [
            [
                row["customer_id"],
                *([row["region"]] if has_regions else []),
                row["severity"],
                self.warning(row["warning"]),
                row[f"reason{suffix}"] or "",
                row[f"suggested_action{suffix}"] or "",
                *(["–" if row["money_at_risk"] is None else money(row["money_at_risk"])] if dataset.has_money else []),
                *([f"{row['previous_grade'] or '–'} → {row['grade'] or '–'}"] if has_grades else []),
                "repeated" if row["is_repeated"] else "new",
            ]
            for row in dataset.listed
        ]
        return Listing(say("warnings"), columns, rows)

    def regions(self) -> Section | None:
        """The regions side by side, where there are several."""
        dataset, say = self.dataset, self.say
        if len(dataset.regions) < 2 or not dataset.tiers:
            return None
        headers = [(say("region"), False), (say("customers"), True), (say("customer_share"), True)]
        headers += [(say("money"), True)] if dataset.has_money else []
        headers += [(say("best_customers"), True), (say("best_customer_share"), True)]
        rows = [
            [
                Cell(row["region"]),
                Cell(count(row["customers"])),
                Cell(share(Decimal(row["customers"]) / dataset.last["customers"])),
                *([optional(row["monetary"], money)] if dataset.has_money else []),
                Cell(count(row["best_customers"])),
                shared(Decimal(row["best_customers"]) / row["customers"] if row["customers"] else None),
            ]
            for row in dataset.regions[:SHOWN_GROUPS]
        ]
        caption = say("regions")
        if len(dataset.regions) > SHOWN_GROUPS:
            caption = say("only_largest", shown=count(SHOWN_GROUPS), all=count(len(dataset.regions)))
        return Section("regions", say("regions"), [Table(caption, headers, rows)])

    def service(self) -> Section | None:
        """What each grade is promised, and when the contacts are due."""
        dataset, say = self.dataset, self.say
        if not dataset.service:
            return None
        units: dict[str, list[str]] = {}
        for row in dataset.resources:
            units.setdefault(row["grade"], []).append(f"{row['resource']}: {amount(row['units'])}")
        headers = [(say("grade"), False), (say("customers"), True), (say("every_days"), True), (say("overdue"), True)]
        headers += [(say("next_contact"), False), (say("services"), False)]
        headers += [(say("resources"), False)] if units else []
        grades = dataset.grades
        ordered = sorted(
            dataset.service, key=lambda row: grades.index(row["grade"]) if row["grade"] in grades else len(grades)
        )
        rows = [
            [
                self.grade(row["grade"]),
                Cell(count(row["customers"])),
                optional(row["contact_every_days"], count),
                Cell(count(row["overdue_customers"])),
                optional(row["next_contact_date"], str),
                optional(row["services"], str),
                *([Cell(", ".join(units.get(row["grade"], ["–"])))] if units else []),
            ]
            for row in ordered
        ]
        blocks: list[Block] = [Table(say("service"), headers, rows)]
        if dataset.contacts:
            planned = {row["grade"] for row in dataset.contacts}
            blocks.append(
                Chart(
                    say("service"),
                    say("service_caption"),
                    [("", figures.contacts(dataset, say))],
                    self.legend([grade for grade in grades if grade in planned]),
                )
            )
        return Section("service", say("service"), blocks)

    def backtest(self) -> Section:
        """What came after the grades and warnings."""
        dataset, say = self.dataset, self.say
        rows = dataset.followed_grades
        if not rows:
            return Section("backtest", say("backtest"), [Note(say("backtest_none"))])
        everybody = next((row for row in rows if row["part"] == "all"), None)
        lead = ""
        if everybody is not None and everybody["gini"] is not None:
            lead = say(
                "backtest_lead",
                periods=count(everybody["periods"]),
                gini=ratio(everybody["gini"]),
                fifth=share(everybody["top_fifth_share"] or 0),
            )
        headers = [(say("grade"), False), (say("periods"), True), (say("came_back"), True)]
        headers += [(say("following_money"), True), (say("lift_of_money"), True)]
        cells = [
            [
                Cell(say("everybody"), order=-1) if row["part"] == "all" else self.grade(row["grade"]),
                Cell(count(row["periods"])),
                optional(row["return_share"], share),
                optional(row["monetary_share"], share),
                optional(row["monetary_lift"], ratio),
            ]
            for row in rows
        ]
        blocks: list[Block] = []
        if any(row["part"] == "grade" and row["monetary_lift"] is not None for row in rows):
            blocks.append(Chart(say("backtest"), say("backtest_caption"), [("", figures.lift(dataset, say))]))
        blocks.append(Table(say("backtest"), headers, cells))
        if dataset.followed_warnings:
            names = ["warned_count", "precision", "base_rate", "lift", "recall", "lift_within"]
            judged = [
                [
                    Cell(self.warning(row["warning"])),
                    Cell(count(row["customers"])),
                    optional(row["precision"], share),
                    optional(row["base_silent_share"], share),
                    optional(row["lift"], ratio),
                    optional(row["recall"], share),
                    optional(row["lift_within_grades"], ratio),
                ]
                for row in dataset.followed_warnings
            ]
            blocks.append(Note(say("warnings_judged"), kind="heading"))
            blocks.append(
                Table(
                    say("warnings_judged_caption"),
                    [(say("warning"), False), *((say(name), True) for name in names)],
                    judged,
                    is_captioned=True,
                )
            )
        return Section("backtest", say("backtest"), blocks, lead)

    def rules(self) -> Section:
        """The rulebook in words, and what the audit finds."""
        dataset, say = self.dataset, self.say
        blocks: list[Block] = []
        lead = ""
        is_chinese = self.language is Language.CHINESE
        if dataset.rules:
            rows: list[list[Cell]] = []
            part = ""
            for row in dataset.rules:
                words = row["definition_zh" if is_chinese else "definition"] or ""
                if row["part"] == "rulebook":
                    lead = words
                    continue
                heading = say(f"part_{row['part']}") if row["part"] != part else ""
                part = row["part"]
                scores = ranged(row["lowest_score"], row["highest_score"])
                name = self.grade(row["name"]) if part in {"grade", "action"} else Cell(row["name"])
                rows.append(
                    [
                        Cell(heading),
                        name,
                        Cell(words),
                        Cell("" if row["weight"] is None else amount(row["weight"])),
                        Cell(scores),
                    ]
                )
            headers = [(say("rule_part"), False), (say("rule_name"), False), (say("rule_words"), False)]
            headers += [(say("rule_weight"), True), (say("rule_scores"), True)]
            blocks.append(Table(say("rules"), headers, rows, is_sortable=False))
        else:
            blocks.append(Note(say("rules_gone", rulebook=dataset.rulebook)))
        blocks.append(Note(say("audit"), kind="heading"))
        blocks.append(self._audit())
        return Section("rules", say("rules"), blocks, lead)

    def _audit(self) -> Block:
        say = self.say
        if not self.dataset.audit:
            return Note(say("audit_none"))
        sentence = "sentence_zh" if self.language is Language.CHINESE else "sentence"
        shown: list[list[Cell]] = []
        hidden: list[list[Cell]] = []
        told = set()
        for row in sorted(self.dataset.audit, key=lambda row: SEVERITY_ORDER.index(row["severity"])):
            place = "" if row["region"] in {None, "all"} else f"{row['region']}: "
            cells = [self.severity(row["severity"]), Cell(place + row[sentence])]
            # Of what many regions show, one is told at first.
            key = (row["finding"], row["subject"], row["rulebook"])
            is_shown = row["severity"] != "info" and key not in told and len(shown) < SHOWN_ROWS
            (shown if is_shown else hidden).append(cells)
            told.add(key)
        return Table(
            say("audit"),
            [(say("severity"), False), (say("finding"), False)],
            shown,
            is_sortable=False,
            hidden=hidden,
            hidden_text=say("audit_more", count=count(len(hidden))),
        )

    def quality(self) -> Section:
        """What was not used, and why."""
        dataset, say = self.dataset, self.say
        if not dataset.rejected:
            return Section("quality", say("quality"), [Note(say("quality_none"))])
        stages = {"input": say("stage_input"), "grading": say("stage_grading")}
        totals = {stage: sum(row["rows"] for row in dataset.rejected if row["stage"] == stage) for stage in stages}
        in_words = in_chinese if self.language is Language.CHINESE else str
        reasons = [
            [Cell(stages[row["stage"]]), Cell(in_words(row["reasons"])), Cell(count(row["rows"]))]
            for row in dataset.rejected
        ]
        dated = [row for row in [*dataset.dates, *dataset.rejected_elsewhere] if row["as_of_date"] is not None]
        undated = [row for row in dataset.rejected_elsewhere if row["as_of_date"] is None]
        by_date = [
            [
                Cell(say("undated") if row["as_of_date"] is None else str(row["as_of_date"])),
                Cell(count(row["customers"])),
                Cell(count(row["rejected_customers"])),
                Cell(count(row["rejected_rows"])),
            ]
            for row in [*sorted(dated, key=lambda row: row["as_of_date"], reverse=True), *undated]
        ]
        blocks = [
            Table(
                say("quality"),
                [(say("stage"), False), (say("reasons"), False), (say("rows"), True)],
                reasons[:SHOWN_ROWS],
                hidden=reasons[SHOWN_ROWS:],
                hidden_text=say("reasons_more", count=count(len(reasons) - SHOWN_ROWS)),
            )
        ]
        if any(row["rejected_rows"] or row["rejected_customers"] for row in dataset.dates):
            names = ["as_of_date", "used", "not_scored", "rejected_rows"]
            blocks.append(
                Table(
                    say("quality_dates"),
                    [(say(name), name != "as_of_date") for name in names],
                    by_date[:SHOWN_ROWS],
                    is_captioned=True,
                    hidden=by_date[SHOWN_ROWS:],
                    hidden_text=say("dates_more", count=count(len(by_date) - SHOWN_ROWS)),
                )
            )
        lead = say("quality_lead", rows=count(totals["input"]), customers=count(totals["grading"]))
        return Section("quality", say("quality"), blocks, lead)


def optional(value: Any, write: Callable[[Any], str]) -> Cell:
    """Return a cell for what may be missing."""
    return NOTHING if value is None else Cell(write(value))


def shared(value: Decimal | float | None) -> Cell:
    """Return the cell of a share, with a bar."""
    return NOTHING if value is None else Cell(share(value), part=round(float(value), 4))


def two_decimals(value: Decimal | float) -> str:
    """Return an average."""
    return f"{value:,.2f}"


def ranged(low: Decimal | None, high: Decimal | None) -> str:
    """Return a range of scores; one number where both ends are the same, nothing where there is none."""
    ends = [amount(end) for end in (low, high) if end is not None]
    return "–".join(dict.fromkeys(ends))


def direction(row: Row, order: dict[str, int]) -> str:
    """Return which way customers went: up, down, same, new or left."""
    if row["previous_grade"] == figures.NEW:
        return "new"
    if row["grade"] == figures.LEFT:
        return "left"
    before, after = order.get(row["previous_grade"], len(order)), order.get(row["grade"], len(order))
    return "same" if before == after else "up" if after < before else "down"
