"use strict";
(() => {
  const root = document.documentElement;
  const card = document.getElementById("card");
  const known = new Map();
  for (const article of document.getElementById("cards").content.children) known.set(article.dataset.of, article);
  let held = null; // what was tapped: its card stays until something else is
  let anchor = null; // returns the box that the card stands beside

  // Light or dark: what the reader chose last, or what the system says.
  const remember = (theme) => { try { localStorage.setItem("disentangle-theme", theme); } catch { /* a private window */ } };
  const remembered = () => { try { return localStorage.getItem("disentangle-theme"); } catch { return null; } };
  const dark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  if (remembered()) root.dataset.theme = remembered();
  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    remember(root.dataset.theme);
  });

  // Cards: on pointing at something, on focus, and, to stay, on a tap.
  const make = (name, text, class_ = "") => Object.assign(document.createElement(name), { textContent: text, className: class_ });
  const place = (box) => {
    const gap = 14, { width, height } = card.getBoundingClientRect();
    const right = box.right + gap + width < innerWidth;
    card.style.left = `${Math.max(8, right ? box.right + gap : box.left - gap - width)}px`;
    card.style.top = `${Math.min(Math.max(8, box.top + box.height / 2 - height / 2), Math.max(8, innerHeight - height - 8))}px`;
  };
  const show = (content, beside) => {
    anchor = beside;
    card.replaceChildren(content);
    card.hidden = false;
    place(anchor());
  };
  const mark = (id) => {
    for (const point of document.querySelectorAll(".point.chosen")) point.classList.remove("chosen");
    if (id !== null) for (const point of document.querySelectorAll(".point")) point.classList.toggle("chosen", point.dataset.card === id);
  };
  const open = (point, event) => {
    const article = known.get(point.dataset.card);
    if (!article) return;
    const fixed = point.matches(".strand-of") && event ? new DOMRect(event.clientX, event.clientY, 0, 0) : null;
    show(article.cloneNode(true), () => fixed ?? (point.querySelector(".mark") ?? point).getBoundingClientRect());
    mark(point.dataset.card);
  };
  const close = () => {
    if (held) return;
    card.hidden = true;
    card.classList.remove("held");
    mark(null);
    document.querySelector(".spot")?.remove();
  };
  const release = () => { held = null; close(); };
  for (const point of document.querySelectorAll(".point")) {
    point.addEventListener("pointerenter", (event) => { if (!held && event.pointerType !== "touch") open(point, event); });
    point.addEventListener("pointerleave", close);
    point.addEventListener("focus", () => { if (point.matches(":focus-visible")) { held = null; open(point); } });
    point.addEventListener("blur", () => { if (held !== point) close(); });
    point.addEventListener("click", (event) => {
      event.stopPropagation();
      held = point;
      open(point, event);
      card.classList.add("held");
    });
  }
  document.addEventListener("click", (event) => { if (!card.contains(event.target)) release(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") release(); });
  addEventListener("scroll", () => { if (!card.hidden) place(anchor()); }, { passive: true });

  // Dots of trials are one path; which of them is meant follows from the data beside it.
  const said = (names, row) => {
    const article = make("article", ""), list = make("dl", "");
    article.append(make("h3", row[2]), list);
    names.forEach((name, place) => { if (place > 0 && row[place + 2] !== "") list.append(make("dt", name), make("dd", row[place + 2])); });
    return article;
  };
  const ring = (x, y) => {
    const circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    for (const [name, value] of Object.entries({ class: "spot", cx: x, cy: y, r: 5 })) circle.setAttribute(name, value);
    return circle;
  };
  for (const data of document.querySelectorAll("script.dots")) {
    const { names, rows } = JSON.parse(data.textContent), svg = data.nextElementSibling;
    const nearest = (event) => {
      if (event.target.closest(".point") || svg.querySelector(".trials.gone")) return null;
      const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      let best = null, least = 64;
      for (const row of rows) {
        const far = (row[0] - x) ** 2 + (row[1] - y) ** 2;
        if (far < least) [best, least] = [row, far];
      }
      return best;
    };
    const look = (event) => {
      const row = nearest(event);
      if (!row) return false;
      document.querySelector(".spot")?.remove();
      mark(null);
      svg.append(ring(row[0], row[1]));
      show(said(names, row), () => svg.querySelector(".spot").getBoundingClientRect());
      return true;
    };
    svg.addEventListener("pointermove", (event) => {
      if (held || event.pointerType === "touch" || event.target.closest(".point")) return;
      if (!look(event)) close();
    });
    svg.addEventListener("pointerleave", close);
    svg.addEventListener("click", (event) => {
      if (event.target.closest(".point")) return;
      held = null;
      if (look(event)) { event.stopPropagation(); held = svg; card.classList.add("held"); }
    });
  }

  // Layers of a figure that can be hidden.
  for (const key of document.querySelectorAll(".key")) {
    key.addEventListener("click", () => {
      const shown = key.getAttribute("aria-pressed") !== "true";
      key.setAttribute("aria-pressed", String(shown));
      for (const part of key.closest("figure").querySelectorAll(`svg .${key.dataset.layer}`)) part.classList.toggle("gone", !shown);
    });
  }

  // The section in sight, in the navigation.
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-20% 0px -70% 0px" });
  for (const section of document.querySelectorAll("section")) seen.observe(section);

  // The best candidate under a limit.
  const form = document.getElementById("limit");
  if (form) {
    const rows = JSON.parse(document.getElementById("candidates").textContent);
    const fields = form.elements, answer = form.querySelector(".answer");
    const labels = [...fields.best.options].map((option) => option.text);
    const choose = () => {
      const best = Number(fields.best.value), on = 1 - best, limit = fields.limit.valueAsNumber;
      form.querySelector(".limited").textContent = labels[on];
      const low = (row) => row[fields.sure.checked ? "highs" : "means"][on];
      const within = rows.filter((row) => (!fields.network.value || row.architecture === fields.network.value) && low(row) <= limit);
      within.sort((one, other) => one.means[best] - other.means[best] || one.means[on] - other.means[on]);
      if (!within.length) { answer.replaceChildren(Number.isNaN(limit) ? "" : "None of the candidates is within this limit."); return; }
      const [row] = within;
      answer.replaceChildren(
        make("b", `${row.name} (${row.architecture})`), `: ${labels.map((label, n) => `${label} ${row.metrics[n]}`).join(", ")}. `,
        make("code", row.command), " ", make("code", row.model),
      );
    };
    const middle = (on) => rows.map((row) => row.means[on]).sort((a, b) => a - b)[Math.floor(rows.length / 2)];
    const start = () => { fields.limit.value = middle(1 - Number(fields.best.value)).toFixed(2); choose(); };
    fields.best.addEventListener("change", start);
    form.addEventListener("input", choose);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    start();
  }

  // Tables that sort by the column whose head is pressed: numbers as such, and what is none behind them.
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.querySelectorAll("th")], body = table.tBodies[0];
    heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
      const falls = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", falls ? "descending" : "ascending");
      const value = (row) => row.cells[column].textContent.trim();
      const turn = falls ? -1 : 1;
      const order = (one, other) => {
        const [a, b] = [Number.parseFloat(one), Number.parseFloat(other)];
        if (Number.isNaN(a) !== Number.isNaN(b)) return Number.isNaN(a) ? 1 : -1;
        return turn * (a - b || one.localeCompare(other, "en", { numeric: true }));
      };
      body.append(...[...body.rows].sort((one, other) => order(value(one), value(other))));
    }));
  }
})();
