// Filters: a button that opens a panel of checkboxes, with a search where there are many.

function element(tag, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
}

class FilterControl {
  constructor(root, filter, values, counts, selection, onChange) {
    Object.assign(this, { root, filter, values, counts, selection, onChange });
    this.opener = root.querySelector(".opener");
    this.panel = root.querySelector(".panel");
    this.opener.addEventListener("click", () => (this.panel.hidden ? this.open() : this.close()));
    root.addEventListener("keydown", (event) => this.onKey(event));
    root.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !root.contains(event.relatedTarget)) this.close();
    });
    document.addEventListener("pointerdown", (event) => {
      if (!root.contains(event.target)) this.close();
    });
  }

  open() {
    if (!this.options) this.build();
    if (this.search?.value) this.find("");
    this.mark();
    this.panel.hidden = false;
    this.opener.setAttribute("aria-expanded", "true");
    (this.search || this.boxes[0])?.focus();
  }

  close() {
    this.panel.hidden = true;
    this.opener.setAttribute("aria-expanded", "false");
  }

  build() {
    this.options = element("div", { className: "options" });
    this.boxes = [];
    this.values.forEach((value, code) => {
      const box = element("input", { type: "checkbox", value: String(code) });
      box.addEventListener("change", () => {
        this.selection.toggle(this.filter.name, code);
        this.onChange();
      });
      this.boxes.push(box);
      const count = element("span", { className: "count", textContent: whole.format(this.counts[code]) });
      this.options.append(element("label", {}, box, element("span", { textContent: value }), count));
    });
    if (this.filter.search) this.panel.append(this.buildSearch());
    const clear = element("button", { type: "button", className: "quiet", textContent: "Clear" });
    clear.addEventListener("click", () => {
      this.selection.chosen[this.filter.name].clear();
      this.onChange();
    });
    this.panel.append(this.options, element("div", { className: "row" }, (this.said = element("span", { className: "soft", role: "status" })), clear));
  }

  buildSearch() {
    this.search = element("input", { type: "search", placeholder: `Search ${this.values.length} values`, autocomplete: "off" });
    this.search.setAttribute("aria-label", `Search ${this.filter.label}`);
    this.search.addEventListener("input", () => this.find(this.search.value));
    return this.search;
  }

  find(text) {
    this.search.value = text;
    const wanted = text.trim().toLowerCase();
    let shown = 0;
    this.boxes.forEach((box, code) => {
      const fits = this.values[code].toLowerCase().includes(wanted);
      box.parentElement.hidden = !fits;
      shown += fits;
    });
    this.said.textContent = wanted ? `${shown} of ${this.values.length}` : "";
  }

  onKey(event) {
    if (event.key === "Escape" && !this.panel.hidden) {
      this.close();
      this.opener.focus();
    } else if (["ArrowDown", "ArrowUp"].includes(event.key) && !this.panel.hidden) {
      event.preventDefault();
      const stops = [this.search, ...this.boxes.filter((box) => !box.parentElement.hidden)].filter(Boolean);
      const at = stops.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
      stops[Math.min(Math.max(at, 0), stops.length - 1)]?.focus();
    }
  }

  mark() {
    const chosen = this.selection.chosen[this.filter.name];
    this.root.classList.toggle("active", chosen.size > 0);
    const first = [...chosen][0];
    this.root.querySelector(".chosen").textContent = !chosen.size ? "all" : chosen.size === 1 ? this.values[first] : `${chosen.size} chosen`;
    if (this.boxes) this.boxes.forEach((box, code) => (box.checked = chosen.has(code)));
  }
}
