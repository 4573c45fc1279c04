// The figures of a selection: one pass over the customers.

const CHARGE_BIN = 10;
const MONTHS_BIN = 6;

class Sums {
  constructor(groups, kinds) {
    this.kinds = kinds;
    this.customers = new Float64Array(groups * kinds);
    this.cents = new Float64Array(groups * kinds);
    this.cltv = new Float64Array(groups * kinds);
  }
}

class Figures {
  constructor(data, spec) {
    this.data = data;
    this.spec = spec;
    this.dimensions = [...new Set(spec.visuals.map((visual) => visual.by).filter((name) => data.values[name])), "risk_segment"];
    this.monthBins = Math.ceil(data.longest / MONTHS_BIN) || 1;
    this.chargeBins = Math.floor(greatest(data.columns.monthly_charges) / 100 / CHARGE_BIN) + 1;
    this.all = this.of(null);
  }

  of(selection) {
    const { data } = this;
    const kinds = data.kinds.length;
    const found = {
      total: new Sums(1, kinds),
      by: Object.fromEntries(this.dimensions.map((name) => [name, new Sums(data.values[name].length, kinds)])),
      cells: new Float64Array((greatest(data.columns.cell) + 1) * kinds),
      density: data.values.gender.map(() => new Float64Array(this.monthBins * this.chargeBins)),
      monthly: data.values.gender.map(() => ({
        customers: new Float64Array(this.monthBins),
        cents: new Float64Array(this.monthBins),
      })),
      called: [],
    };
    this.scan(selection ? selection.tables() : [], found);
    return found;
  }

  scan(tables, found) {
    const { customers, columns, kinds: kindNames, ids_count: callable } = this.data;
    const kinds = kindNames.length;
    const { kind, monthly_charges: charges, source_cltv: cltvs, tenure_months: months, cell: cells, gender } = columns;
    const checked = tables.map(([name, passes]) => [columns[name], passes]);
    const grouped = this.dimensions.map((name) => [columns[name], found.by[name]]);
    const { total, density, monthly, called } = found;
    for (let i = 0; i < customers; i++) {
      let passes = 1;
      for (let t = 0; t < checked.length && passes; t++) passes = checked[t][1][checked[t][0][i]];
      if (!passes) continue;
      const k = kind[i], cents = charges[i], cltv = cltvs[i];
      total.customers[k]++;
      total.cents[k] += cents;
      total.cltv[k] += cltv;
      for (let d = 0; d < grouped.length; d++) {
        const sums = grouped[d][1], at = grouped[d][0][i] * kinds + k;
        sums.customers[at]++;
        sums.cents[at] += cents;
      }
      found.cells[cells[i] * kinds + k]++;
      const month = months[i] ? Math.floor((months[i] - 1) / MONTHS_BIN) : 0, g = gender[i];
      density[g][month * this.chargeBins + Math.floor(cents / (100 * CHARGE_BIN))]++;
      monthly[g].customers[month]++;
      monthly[g].cents[month] += cents;
      if (i < callable) called.push(i);
    }
  }

  // A measure of contract.metrics over one group of sums.
  measure(name, sums, group = 0) {
    const { column, condition } = this.spec.measures[name];
    const values = { "": sums.customers, monthly_charges: sums.cents, source_cltv: sums.cltv }[column];
    let sum = 0;
    this.data.kinds.forEach((conditions, k) => {
      if (!condition || conditions.includes(condition)) sum += values[group * sums.kinds + k];
    });
    return column === "monthly_charges" ? sum / 100 : sum;
  }

  // A metric of contract.metrics; null where it is unknown, or a ratio has nothing to divide by.
  metric(name, sums, group = 0) {
    if (!this.isKnown(name, sums, group)) return null;
    const { numerator, denominator, factor } = this.spec.metrics[name];
    const part = this.measure(numerator, sums, group);
    if (!denominator) return part;
    const whole = this.measure(denominator, sums, group);
    return whole ? (factor * part) / whole : null;
  }

  // Whether any of the customers has the score or the lifetime value that a metric needs; of nobody, everything is known.
  isKnown(name, sums, group = 0) {
    const { known } = this.spec.measures[this.spec.metrics[name].numerator];
    return !known || this.measure(known, sums, group) > 0 || this.measure("customers", sums, group) === 0;
  }
}
