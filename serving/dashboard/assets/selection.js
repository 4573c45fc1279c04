// What is filtered: values within a filter are alternatives, filters narrow each other. It is kept in the address.

class Selection {
  constructor(filters, values, longest) {
    this.filters = filters;
    this.values = values;
    this.longest = longest;
    this.clear();
  }

  clear() {
    this.chosen = Object.fromEntries(this.filters.map(({ name }) => [name, new Set()]));
    this.from = 0;
    this.to = this.longest;
  }

  get isWhole() {
    return !this.isRange && this.filters.every(({ name }) => this.chosen[name].size === 0);
  }

  get isRange() {
    return this.from > 0 || this.to < this.longest;
  }

  toggle(name, code) {
    if (!this.chosen[name].delete(code)) this.chosen[name].add(code);
  }

  setRange(from, to) {
    const months = (text, otherwise) => (/^\d+$/.test(text) ? Math.min(Number(text), this.longest) : otherwise);
    this.from = months(from, 0);
    this.to = months(to, this.longest);
  }

  // By filter, whether each code passes; only of filters that leave something out.
  tables() {
    const tables = [];
    for (const { name } of this.filters) {
      if (!this.chosen[name].size) continue;
      const passes = new Uint8Array(this.values[name].length);
      for (const code of this.chosen[name]) passes[code] = 1;
      tables.push([name, passes]);
    }
    if (this.isRange) {
      const passes = new Uint8Array(this.longest + 1);
      passes.fill(1, this.from, Math.max(this.from, this.to + 1));
      tables.push(["tenure_months", passes]);
    }
    return tables;
  }

  toAddress() {
    const parts = new URLSearchParams();
    for (const { name } of this.filters) for (const code of this.chosen[name]) parts.append(name, this.values[name][code]);
    if (this.isRange) parts.append("months", `${this.from}-${this.to}`);
    return parts.toString();
  }

  fromAddress(text) {
    this.clear();
    const parts = new URLSearchParams(text);
    for (const { name } of this.filters) {
      for (const value of parts.getAll(name)) {
        const code = this.values[name].indexOf(value);
        if (code >= 0) this.chosen[name].add(code);
      }
    }
    const range = /^(\d+)-(\d+)$/.exec(parts.get("months") || "");
    if (range) this.setRange(range[1], range[2]);
  }
}
