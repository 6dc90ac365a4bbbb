"use strict";

(() => {
  const root = document.documentElement;
  const panels = [...document.querySelectorAll(".panel")];
  const tabs = [...document.querySelectorAll('[role="tab"]')];
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const template = JSON.parse(document.getElementById("template").textContent);
  const config = { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: false, showTips: false };
  // What a long list shows at first, and what each click adds.
  const PAGE = matchMedia("(max-width: 48rem)").matches ? 10 : 25;
  // The width of A4 within its margins, in pixels.
  const PAPER = 660;

  // Colours of the charts are named as CSS properties, and found here for the theme of the moment.
  const probe = document.createElement("i");
  probe.hidden = true;
  document.body.append(probe);
  let found = new Map();

  function colour(name) {
    const parts = /^var\((--[\w-]+)\)(?: (\d+)%)?$/.exec(name);
    if (!parts) return name;
    if (!found.has(name)) {
      probe.style.color = `var(${parts[1]})`;
      const [red, green, blue] = getComputedStyle(probe).color.match(/[\d.]+/g);
      found.set(name, `rgba(${red}, ${green}, ${blue}, ${(parts[2] || 100) / 100})`);
    }
    return found.get(name);
  }

  // Only what stands under a key of a colour is one; a grade may be called var(--text).
  function coloured(value, key) {
    if (typeof value === "string") return /color(scale)?$/.test(key) ? colour(value) : value;
    if (Array.isArray(value)) return value.map((one) => coloured(one, key));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, coloured(one, name)]));
  }

  // Charts and lists are made when the tab of their dataset is opened for the first time.
  const contents = new Map();

  function contentOf(panel) {
    if (!contents.has(panel)) contents.set(panel, JSON.parse(panel.querySelector("script.data").textContent));
    return contents.get(panel);
  }

  // What a chart depends on besides its figure.
  const looks = (width) => `${width || innerWidth} ${root.dataset.theme} ${dark.matches}`;

  // part: a panel, or one chart of it
  function draw(part, width) {
    part.dataset.drawn = looks(width);
    const { charts } = contentOf(part.closest(".panel"));
    const font = getComputedStyle(document.body).fontFamily;
    for (const plot of part.querySelectorAll(".plot")) {
      const figure = coloured(charts[plot.dataset.chart][plot.dataset.view || 0], "");
      const base = coloured(template, "");
      base.layout.font.family = font;
      const layout = { ...figure.layout, template: base };
      if (width) Object.assign(layout, { width, autosize: false });
      plot.style.minHeight = `${layout.height}px`;
      // Made anew, as a Sankey diagram that is changed moves for a while, on paper too.
      Plotly.newPlot(plot, figure.data, layout, config);
    }
  }

  function open(panel) {
    if (!panel.dataset.opened) {
      panel.dataset.opened = "true";
      panel.querySelectorAll("[data-listing]").forEach((listing) => fill(listing, contentOf(panel)));
      panel.querySelectorAll("table.sortable").forEach(makeSortable);
    }
    if (panel.dataset.drawn !== looks()) draw(panel);
  }

  function select(panel, focus) {
    for (const one of panels) one.hidden = one !== panel;
    tabs.forEach((tab, place) => {
      const isSelected = panels[place] === panel;
      tab.setAttribute("aria-selected", isSelected);
      tab.tabIndex = isSelected ? 0 : -1;
      if (!isSelected) return;
      if (focus) tab.focus();
      tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    });
    open(panel);
  }

  const current = () => panels.find((panel) => !panel.hidden);

  // Tabs, with the keys that the pattern for tabs has. The address names the dataset, and the section behind a slash.
  function go(place) {
    const panel = panels[(place + panels.length) % panels.length];
    history.replaceState(null, "", `#${encodeURIComponent(panel.dataset.name)}`);
    select(panel, true);
  }

  tabs.forEach((tab, place) => {
    tab.addEventListener("click", () => { go(place); scrollTo({ top: 0 }); });
    tab.addEventListener("keydown", (event) => {
      const target = {
        ArrowDown: place + 1, ArrowRight: place + 1, ArrowUp: place - 1, ArrowLeft: place - 1, Home: 0, End: -1,
      }[event.key];
      if (target === undefined) return;
      event.preventDefault();
      go(target);
    });
  });

  function follow() {
    let name = location.hash.slice(1);
    try { name = decodeURIComponent(name); } catch { /* An address that was typed by hand. */ }
    const wanted = panels.find((panel) => name === panel.dataset.name || name.startsWith(`${panel.dataset.name}/`));
    const panel = wanted || current() || panels[0];
    select(panel, false);
    const section = wanted && name.slice(panel.dataset.name.length + 1);
    if (section) panel.querySelector(`[data-section="${CSS.escape(section)}"]`)?.scrollIntoView();
  }

  for (const link of document.querySelectorAll(".contents a")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const section = document.getElementById(link.getAttribute("href").slice(1));
      history.replaceState(null, "", `#${encodeURIComponent(current().dataset.name)}/${section.dataset.section}`);
      section.scrollIntoView();
    });
  }
  addEventListener("hashchange", follow);

  // The choice among the views of a chart; the charts beside it that have the view follow.
  for (const choice of document.querySelectorAll("select[data-view]")) {
    choice.addEventListener("change", () => {
      const wanted = choice.selectedOptions[0].text;
      for (const other of choice.closest("section").querySelectorAll("select[data-view]")) {
        const view = [...other.options].findIndex((option) => option.text === wanted);
        if (view === -1) continue;
        const chart = other.closest(".chart");
        other.selectedIndex = view;
        chart.querySelector(".plot").dataset.view = view;
        draw(chart);
      }
    });
  }

  // Tables are sorted by what their cells say; numbers as numbers, and what has an order of its own by that.
  function keyOf(cell, isNumber) {
    if (cell.dataset.order !== undefined) return Number(cell.dataset.order);
    if (!isNumber) return cell.textContent.trim();
    const number = parseFloat(cell.textContent.replace(/[,+%]/g, ""));
    return Number.isNaN(number) ? null : number;
  }

  const collator = new Intl.Collator(root.lang, { numeric: true });

  function compare(left, right) {
    return typeof left === "number" && typeof right === "number" ? left - right : collator.compare(left, right);
  }

  function makeSortable(table) {
    const headers = [...table.tHead.rows[0].cells];
    headers.forEach((header, column) => header.querySelector("button")?.addEventListener("click", () => {
      const isNumber = header.classList.contains("number");
      const before = header.getAttribute("aria-sort");
      // Numbers begin with the largest, texts with the first.
      const sign = before ? (before === "ascending" ? -1 : 1) : (isNumber ? -1 : 1);
      headers.forEach((one) => one.removeAttribute("aria-sort"));
      header.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
      const rows = [...table.tBodies[0].rows].map((row) => [keyOf(row.cells[column], isNumber), row]);
      // What is missing comes last, whatever the direction.
      rows.sort(([left], [right]) => {
        if (left === null || right === null) return (left === null) - (right === null);
        return sign * compare(left, right);
      });
      table.tBodies[0].append(...rows.map(([, row]) => row));
      table.dispatchEvent(new Event("sorted"));
    }));
  }

  function fill(listing, content) {
    const { columns, rows } = content.listings[listing.dataset.listing];
    const body = listing.querySelector("tbody");
    const search = listing.querySelector("input");
    const output = listing.querySelector("output");
    const more = listing.querySelector("button.more");
    for (const row of rows) {
      const line = body.insertRow();
      row.forEach((text, place) => {
        const { name, kind, words } = columns[place];
        const cell = line.insertCell();
        cell.dataset.label = name;
        if (kind === "number") cell.className = "number";
        else if (kind === "words") cell.className = "words";
        else if (text.length <= 12) cell.className = "short";
        if (words) cell.dataset.order = Object.keys(words).indexOf(text);
        const inner = document.createElement(kind === "severity" ? "b" : "span");
        if (kind === "severity") inner.className = `severity ${text}`;
        if (kind === "status") inner.className = `status-${text}`;
        inner.textContent = words ? words[text] : text;
        cell.append(inner);
      });
    }
    const searched = new Map([...body.rows].map((row) => [row, row.textContent.toLowerCase()]));
    let shown = PAGE;
    function show() {
      const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let matches = 0;
      for (const row of body.rows) {
        const isFound = wanted.every((word) => searched.get(row).includes(word));
        if (isFound) matches += 1;
        row.hidden = !isFound || matches > shown;
      }
      const counts = { found: matches, all: rows.length, shown: Math.min(shown, matches) };
      const told = listing.dataset.found.replace(/{(\w+)}/g, (_, name) => counts[name]);
      output.textContent = matches ? told : listing.dataset.nothing;
      more.hidden = matches <= shown;
    }
    search.addEventListener("input", () => { shown = PAGE; show(); });
    more.addEventListener("click", () => { shown += PAGE * 4; show(); });
    listing.querySelector("table").addEventListener("sorted", show);
    show();
  }

  for (const button of document.querySelectorAll("button.later")) {
    button.addEventListener("click", () => {
      button.closest(".block").querySelectorAll("tr.later").forEach((row) => { row.hidden = false; });
      button.remove();
    });
  }

  // Light and dark: what the machine says, until somebody chooses.
  function recolour() {
    found = new Map();
    if (current()) draw(current());
  }
  document.getElementById("theme").addEventListener("click", () => {
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
    root.dataset.theme = isDark ? "light" : "dark";
    recolour();
  });
  dark.addEventListener("change", recolour);

  // Paper is light, and as wide as paper is.
  let theme;
  addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    root.dataset.theme = "light";
    found = new Map();
    draw(current(), PAPER);
  });
  addEventListener("afterprint", () => {
    if (theme) root.dataset.theme = theme; else delete root.dataset.theme;
    recolour();
  });

  follow();
})();
