// The call list, and its export.

const CALLS_SHOWN = 10;

class Calls {
  constructor(root, data) {
    Object.assign(this, { root, data, shown: CALLS_SHOWN, rows: [] });
    this.more = root.querySelector("#more");
    this.more.addEventListener("click", () => {
      this.shown *= 4;
      this.draw();
    });
    root.querySelector("#export").addEventListener("click", () => this.save());
  }

  show(rows, isKnown) {
    this.rows = rows;
    this.nobody = isKnown ? "Nobody: no customer at risk matches." : "Not available: the files carry no scores.";
    this.shown = CALLS_SHOWN;
    this.draw();
  }

  columns() {
    const { data } = this;
    const { columns, values } = data;
    const of = (name) => (row) => values[name][columns[name][row]];
    const named = [
      ["City", of("city"), true],
      ["Contract", of("contract"), true],
      ["Payment method", of("payment_method"), true],
      ["Months", (row) => columns.tenure_months[row]],
      ["Monthly charges, USD", (row) => (columns.monthly_charges[row] / 100).toFixed(2)],
      ["CLTV, USD", (row) => columns.source_cltv[row]],
      ["Score", (row) => columns.source_churn_score[row]],
    ];
    return data.ids.length ? [[data.ids_label, (row) => data.ids[row], true], ...named] : named;
  }

  draw() {
    const columns = this.columns(), rows = this.rows.slice(0, this.shown);
    const head = columns.map(([name, , isText]) => `<th scope="col"${isText ? ' class="text"' : ""}>${escaped(name)}</th>`).join("");
    const body = rows.map((row) => `<tr>${columns.map(([, value, isText]) => `<td${isText ? ' class="text"' : ""}>${escaped(this.shownValue(value(row)))}</td>`).join("")}</tr>`);
    this.root.querySelector("table").innerHTML = `<thead><tr>${head}</tr></thead><tbody>${body.join("") || `<tr><td class="text" colspan="${columns.length}">${this.nobody}</td></tr>`}</tbody>`;
    this.more.hidden = this.rows.length <= this.shown;
    this.more.textContent = `Show more of ${whole.format(this.rows.length)}`;
    const button = this.root.querySelector("#export");
    button.textContent = `Export CSV (${whole.format(this.rows.length)})`;
    button.disabled = !this.rows.length;
  }

  shownValue(value) {
    return typeof value === "number" ? whole.format(value) : value;
  }

  save() {
    const columns = this.columns();
    const lines = [columns.map(([name]) => name), ...this.rows.map((row) => columns.map(([, value]) => value(row)))];
    const text = lines.map((line) => line.map(csvCell).join(",")).join("\r\n") + "\r\n";
    const link = element("a", { href: URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" })), download: "customers-to-call.csv" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }
}

// A spreadsheet would evaluate a cell that starts like a formula.
function csvCell(value) {
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
