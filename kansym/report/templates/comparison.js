"use strict";
(() => {
  const { fields, runs, outcomes } = JSON.parse(document.getElementById("data").textContent);
  const panel = document.getElementById("detail");
  const content = panel.querySelector(".content");
  let chosen = null;

  // Texts of the records reach the page as text only, never as markup.
  const element = (tag, text, parent) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (parent) parent.append(made);
    return made;
  };
  const number = (value, digits = 6) => String(Number(value.toPrecision(digits))).replace(/^-/, "−").replace("e-", "e−");
  const nearOne = (value) => (value > 0.999 && value < 1 ? `1 − ${number(1 - value, 3)}` : value);
  const runAt = (place) => Object.fromEntries(fields.map((field, k) => [field, runs[place][k]]));

  // Name, value, and the element to put it in: with one it has a line of its own.
  function facts(run) {
    const complexity = run.truth_complexity === null ? run.complexity : `${run.complexity}, the law ${run.truth_complexity}`;
    const told = [
      ["formula", run.expression, "code"],
      ["law", run.truth ?? "not known", "code"],
      ["what it said", run.error, "code"],
      ["judged", run.recovered_by && `the law, by the rule “${run.recovered_by}”`],
      ["symbolic", run.symbolic === null ? null : run.symbolic ? "shown by sympy" : "not shown by sympy"],
      ["R² on test rows", nearOne(run.r2_test)],
      ["error on test rows", run.error_test],
      ["error on widened ranges", run.error_wide],
      ["complexity", run.complexity === null ? null : complexity],
      ["edit distance", run.edit_distance],
      ["formulas on the front", run.front_size || null],
      ["seconds", run.seconds === null ? null : `${number(run.seconds, 3)} of ${number(run.time_limit)}`],
      ["peak memory", run.peak_memory === null ? null : `${Math.round(run.peak_memory)} MiB`],
      ["seed", run.seed],
      ["versions", run.versions, "span"],
    ];
    return told.filter(([, value]) => value !== null && value !== "");
  }

  function show(button) {
    chosen?.removeAttribute("aria-current");
    chosen = button;
    chosen.setAttribute("aria-current", "true");
    content.replaceChildren();
    const found = button.dataset.runs.split(" ").map((place) => runAt(Number(place)));
    element("h2", `${found[0].method} on ${found[0].problem}`, content);
    for (const run of found) {
      const [sign, meaning] = outcomes[run.outcome];
      const head = element("h3", undefined, content);
      element("span", sign, head).className = `sign ${run.outcome}`;
      head.append(` ${found.length > 1 ? `seed ${run.seed}: ` : ""}${meaning}`);
      const list = element("dl", undefined, content);
      for (const [what, value, tag] of facts(run)) {
        const entry = element("div", undefined, list);
        if (tag) entry.className = "wide";
        element("dt", what, entry);
        element(tag ?? "span", typeof value === "number" ? number(value) : value, element("dd", undefined, entry));
      }
    }
    panel.hidden = false;
    content.scrollTop = 0;
    makeRoom(panel.offsetHeight);
    button.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  // What the panel would cover can be scrolled above it, and is where the browser scrolls by itself.
  function makeRoom(height) {
    document.body.style.paddingBottom = height ? `${height}px` : "";
    document.documentElement.style.scrollPaddingBottom = height ? `${height}px` : "";
  }

  function close() {
    panel.hidden = true;
    makeRoom(0);
    chosen?.removeAttribute("aria-current");
    chosen?.focus();
    chosen = null;
  }

  panel.querySelector(".close").addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !panel.hidden) close();
  });

  // One stop of the tab key for each table; the arrow keys move inside.
  function neighbour(table, button, key) {
    const rows = [...table.tBodies[0].rows].filter((row) => !row.hidden);
    const at = rows.indexOf(button.closest("tr"));
    const column = button.closest("td").cellIndex;
    const along = (cells) => cells.map((cell) => cell?.querySelector("button")).find(Boolean);
    const upright = (some) => along(some.map((row) => row.cells[column]));
    const cells = [...rows[at].cells];
    switch (key) {
      case "ArrowRight": return along(cells.slice(column + 1));
      case "ArrowLeft": return along(cells.slice(0, column).reverse());
      case "ArrowDown": return upright(rows.slice(at + 1));
      case "ArrowUp": return upright(rows.slice(0, at).reverse());
      case "Home": return along(cells);
      case "End": return along(cells.reverse());
    }
  }

  function stopAt(table, button) {
    table.querySelectorAll('button[tabindex="0"], button:not([tabindex])').forEach((other) => { other.tabIndex = -1; });
    if (button) button.tabIndex = 0;
  }

  for (const table of document.querySelectorAll("table.matrix")) {
    const body = table.tBodies[0];
    stopAt(table, body.querySelector("button"));
    table.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      stopAt(table, button);
      show(button);
    });
    table.addEventListener("keydown", (event) => {
      if (event.target.tagName !== "BUTTON") return;
      const next = neighbour(table, event.target, event.key);
      if (!next) return;
      event.preventDefault();
      stopAt(table, next);
      next.focus();
      if (!panel.hidden) show(next);
    });

    const form = table.closest("section").querySelector(".filter");
    const [search, differing] = form.querySelectorAll("input");
    const tally = form.querySelector("output");
    const filter = () => {
      const wanted = search.value.trim().toLowerCase();
      let shown = 0;
      for (const row of body.rows) {
        const named = row.cells[0].textContent.toLowerCase().includes(wanted);
        row.hidden = !named || (differing.checked && !("differs" in row.dataset));
        if (!row.hidden) shown += 1;
      }
      tally.textContent = `${shown} of ${body.rows.length} problems`;
      stopAt(table, body.querySelector("tr:not([hidden]) button"));
    };
    form.hidden = false;
    search.addEventListener("input", filter);
    differing.addEventListener("change", filter);
    filter();
  }
})();
