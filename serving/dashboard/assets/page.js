// The page: data, selection, figures, charts.

class Page {
  constructor(data, spec) {
    Object.assign(this, { data, spec });
    this.figures = new Figures(data, spec);
    this.selection = new Selection(spec.filters, data.values, data.longest);
    this.calls = new Calls(document.getElementById("calls"), data);
    this.range = [document.getElementById("tenure-from"), document.getElementById("tenure-to")];
    this.controls = spec.filters.map((filter) => {
      const root = document.querySelector(`.filter[data-name="${filter.name}"]`);
      return new FilterControl(root, filter, data.values[filter.name], this.countsOf(filter.name), this.selection, () => this.changed());
    });
    this.listen();
    this.selection.fromAddress(location.hash.slice(1));
    this.drawTrend();
    this.repaint();
  }

  countsOf(name) {
    const counts = new Float64Array(this.data.values[name].length);
    for (const code of this.data.columns[name]) counts[code]++;
    return counts;
  }

  listen() {
    for (const input of this.range) {
      input.max = this.data.longest;
      input.addEventListener("input", () => {
        this.selection.setRange(this.range[0].value, this.range[1].value);
        this.changed();
      });
    }
    for (const button of document.querySelectorAll("#reset, [data-reset]")) {
      button.addEventListener("click", () => {
        this.selection.clear();
        for (const input of this.range) input.value = "";
        this.changed();
      });
    }
    document.getElementById("chips").addEventListener("click", (event) => this.removeChip(event.target));
    window.addEventListener("hashchange", () => {
      this.selection.fromAddress(location.hash.slice(1));
      this.repaint();
    });
    document.querySelector(".skip").addEventListener("click", (event) => {
      event.preventDefault(); // the address holds the filters
      document.getElementById("figures").focus();
    });
    document.getElementById("theme").addEventListener("click", () => {
      const isDark = getComputedStyle(document.documentElement).colorScheme === "dark";
      document.documentElement.dataset.theme = isDark ? "light" : "dark";
    });
    let width = innerWidth;
    window.addEventListener("resize", () => {
      if (innerWidth === width) return;
      width = innerWidth;
      this.drawTrend();
      this.repaint();
    });
    window.addEventListener("beforeprint", () => this.repaint());
  }

  changed() {
    const began = performance.now();
    this.repaint();
    history.replaceState(null, "", `#${this.selection.toAddress()}`); // last: Safari refuses it when it comes too often
    requestAnimationFrame(() => setTimeout(() => performance.measure("repaint", { start: began, end: performance.now() })));
  }

  repaint() {
    const found = this.figures.of(this.selection);
    const matching = this.figures.measure("customers", found.total);
    document.getElementById("matching").textContent = this.selection.isWhole ? `All ${whole.format(matching)} customers` : `${whole.format(matching)} of ${whole.format(this.data.customers)} customers`;
    document.getElementById("empty").hidden = matching > 0;
    document.querySelector(".charts").hidden = document.getElementById("calls").hidden = !matching;
    this.drawControls();
    this.drawCards(found);
    if (!matching) return;
    this.drawVisuals(found);
    this.calls.show(found.called, this.figures.isKnown("customers_at_risk", found.total));
  }

  drawControls() {
    for (const control of this.controls) control.mark();
    const [from, to] = this.range;
    if (document.activeElement !== from) from.value = this.selection.from > 0 ? this.selection.from : "";
    if (document.activeElement !== to) to.value = this.selection.to < this.data.longest ? this.selection.to : "";
    from.placeholder = "0";
    to.placeholder = this.data.longest;
    const chips = this.spec.filters.flatMap(({ name, label }) => [...this.selection.chosen[name]].map((code) => chip(`${label}: ${this.data.values[name][code]}`, name, code)));
    if (this.selection.isRange) chips.push(chip(`Months: ${this.selection.from} to ${this.selection.to}`, "months", 0));
    document.getElementById("chips").replaceChildren(...chips);
  }

  removeChip(target) {
    const { name, code } = target.dataset;
    if (!name) return;
    if (name === "months") this.selection.setRange("", "");
    else this.selection.toggle(name, Number(code));
    this.changed();
    (document.querySelector("#chips button") || document.querySelector(".opener")).focus();
  }

  drawCards(found) {
    const { figures, spec } = this;
    for (const card of document.querySelectorAll(".card")) {
      const metric = spec.metrics[card.dataset.metric], beside = spec.metrics[metric.secondary];
      const text = (of, sums) => (figures.isKnown(of.name, sums) ? inShort(figures.metric(of.name, sums), of.unit) : spec.not_available);
      card.querySelector(".value").textContent = text(metric, found.total);
      card.querySelector(".beside").textContent = !figures.isKnown(metric.name, found.total) ? "The files carry no scores" : beside ? `${beside.label}: ${text(beside, found.total)}` : "";
      card.querySelector(".whole").textContent = this.selection.isWhole ? "" : `All customers: ${text(metric, figures.all.total)}`;
    }
  }

  drawVisuals(found) {
    for (const visual of this.spec.visuals) {
      const figure = document.querySelector(`[data-visual="${visual.name}"]`);
      const drawing = figure.querySelector(".drawing");
      const [picture, behind] = VISUALS[visual.name](drawing.clientWidth || 320, visual, this.figures, found);
      drawing.innerHTML = picture;
      figure.querySelector("details .scroll").innerHTML = behind;
    }
  }

  drawTrend() {
    const { trend } = this.data, { metrics } = this.spec;
    const root = document.getElementById("trend");
    const shown = this.spec.cards.map((name) => metrics[name]).filter(({ name }) => trend.some(([, values]) => values[name] !== undefined));
    const known = (name) => trend.filter(([, values]) => values[name] !== undefined);
    const isOneDay = trend.length && trend[0][0].slice(0, 10) === trend.at(-1)[0].slice(0, 10);
    const when = (moment) => (isOneDay ? `at ${moment.slice(11, 16)} UTC` : `on ${moment.slice(0, 10)}`);
    const room = root.querySelector(".trends").clientWidth || 320;
    const across = Math.min(shown.length, Math.floor((room + 16) / 236)) || 1;
    const width = (room - 16 * (across - 1)) / across;
    const panels = shown.map((metric) => {
      const points = known(metric.name), values = points.map(([, found]) => found[metric.name]);
      const ends = `${inShort(values[0], metric.unit)} ${when(points[0][0])}, ${inShort(values.at(-1), metric.unit)} ${when(points.at(-1)[0])}`;
      const drawing = values.length > 1 ? sparkline(width, `${metric.label}: ${ends}`, values) : "";
      return `<div><h3>${escaped(metric.label)}</h3>${drawing}<p class="soft">${escaped(values.length > 1 ? ends : `${inShort(values[0], metric.unit)}: one run so far`)}</p></div>`;
    });
    root.querySelector(".trends").innerHTML = panels.join("");
    const rows = trend.map(([moment, values]) => [`${moment.slice(0, 16).replace("T", " ")} UTC`, ...shown.map((metric) => inWords(values[metric.name], metric.unit))]);
    root.querySelector("details .scroll").innerHTML = table(["Run", ...shown.map((metric) => metric.label)], rows);
  }
}

function chip(text, name, code) {
  const button = element("button", { type: "button", textContent: text });
  Object.assign(button.dataset, { name, code });
  button.setAttribute("aria-label", `Remove ${text}`);
  return element("li", {}, button);
}

async function main() {
  const { data, spec } = JSON.parse(document.getElementById("content").textContent);
  try {
    new Page(await unpack(data), spec);
  } catch (error) {
    const problem = document.getElementById("problem");
    problem.hidden = false;
    problem.textContent = `This page cannot be drawn (${error.message}). It needs a browser of 2023 or later; otherwise write it again with: churn dashboard`;
    throw error;
  }
  requestAnimationFrame(() => setTimeout(() => {
    performance.measure("ready", { start: 0, end: performance.now() });
    document.documentElement.dataset.ready = "yes";
  }));
}

main();
