"use strict";
(() => {
  // Without scripts all formulas stand below each other, and the points are links to them; with scripts one is shown.
  for (const section of document.querySelectorAll("section.output")) {
    const articles = [...section.querySelectorAll("article")];
    const points = [...section.querySelectorAll("a.point")];
    const status = section.querySelector("output");

    function show(anchor, tell) {
      const place = articles.findIndex((article) => article.id === anchor);
      if (place < 0) return;
      articles.forEach((article, k) => { article.hidden = k !== place; });
      for (const mark of section.querySelectorAll("[data-formula]")) {
        if (mark.dataset.formula === anchor) mark.setAttribute("aria-current", "true");
        else mark.removeAttribute("aria-current");
      }
      points.forEach((point, k) => { point.setAttribute("tabindex", k === place ? "0" : "-1"); });
      if (tell) status.textContent = `Formula ${place + 1} of ${articles.length} is shown below.`;
    }

    // Points may be smaller than a finger: a touch of the chart means the nearest one.
    function nearest(event) {
      if (!event.target.closest("svg.chart") || event.target.closest("article")) return null;
      const distances = points.map((point) => {
        const box = point.querySelector(".hit").getBoundingClientRect();
        return Math.hypot(box.x + box.width / 2 - event.clientX, box.y + box.height / 2 - event.clientY);
      });
      const least = Math.min(...distances);
      return least <= 24 ? points[distances.indexOf(least)] : null;
    }

    section.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-formula]") ?? nearest(event);
      if (!link) return;
      event.preventDefault();
      show(link.dataset.formula, true);
      if (!link.classList.contains("point")) document.getElementById(link.dataset.formula).scrollIntoView({ block: "nearest" });
    });

    // One stop of the tab key for the chart; the arrow keys move inside.
    section.addEventListener("keydown", (event) => {
      const place = points.indexOf(event.target.closest("a.point"));
      if (place < 0) return;
      const moves = { ArrowRight: place + 1, ArrowLeft: place - 1, ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: points.length - 1 };
      if (!(event.key in moves)) return;
      event.preventDefault();
      const next = points[Math.min(Math.max(moves[event.key], 0), points.length - 1)];
      show(next.dataset.formula, true);
      next.focus();
    });

    show(section.querySelector("article[data-selected]").id, false);
    show(location.hash.slice(1), false);
  }

  async function copy(code) {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    } catch {
      // Where a page has no clipboard of its own, such as a file in some browsers, the selection can be copied.
      const selection = getSelection();
      selection.selectAllChildren(code);
      return document.execCommand("copy");
    }
  }

  for (const button of document.querySelectorAll("button.copy")) {
    const label = button.firstChild;
    button.hidden = false;
    button.addEventListener("click", async () => {
      label.textContent = (await copy(button.closest(".source").querySelector("code"))) ? "Copied" : "Selected";
      setTimeout(() => { label.textContent = "Copy"; }, 2000);
    });
  }
})();
