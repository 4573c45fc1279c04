// Each visual of the page from the figures of a selection: its drawing and the table behind it.

const SHOWN_REASONS = 10;

function groups(figures, found, name) {
  const sums = found.by[name];
  return figures.data.values[name].map((value, at) => ({
    value,
    metric: (metric) => figures.metric(metric, sums, at),
    customers: figures.measure("customers", sums, at),
  }));
}

function shareBars(width, visual, rows, describe) {
  const known = rows.filter((row) => row.customers);
  const drawn = known.map((row) => ({
    label: describe(row.value),
    text: `${strong(inWords(row.metric("churn_rate"), "percent"), "churned")} left · ${whole.format(row.metric("churned_customers"))} of ${whole.format(row.customers)}`,
    parts: [["churned", row.metric("churn_rate")], ["retained", 100 - row.metric("churn_rate")]],
  }));
  const words = known.map((row) => `${describe(row.value)} ${inWords(row.metric("churn_rate"), "percent")}`).join(", ");
  return key([["churned", "Churned"], ["retained", "Retained"]]) + bars(width, `${visual.title}. Churn rate: ${words}`, drawn, 100);
}

function metricTable(visual, figures, first, rows, name = (row) => row.value) {
  const specs = visual.metrics.map((metric) => figures.spec.metrics[metric]);
  const body = rows.map((row) => [name(row), ...specs.map((spec) => inWords(row.metric(spec.name), spec.unit))]);
  return table([first, ...specs.map((spec) => spec.label)], body);
}

const months = (group) => `${group} months`;
const same = (value) => value;

const VISUALS = {
  retention_funnel(width, visual, figures, found) {
    const rows = groups(figures, found, visual.by);
    return [shareBars(width, visual, rows, months), metricTable(visual, figures, "Months", rows)];
  },

  churn_by_contract(width, visual, figures, found) {
    const rows = groups(figures, found, visual.by);
    return [shareBars(width, visual, rows, same), metricTable(visual, figures, "Contract", rows)];
  },

  revenue_by_payment(width, visual, figures, found) {
    const rows = groups(figures, found, visual.by).filter((row) => row.customers);
    const most = Math.max(...rows.map((row) => row.metric("monthly_revenue_lost") + row.metric("monthly_revenue_retained")));
    const drawn = rows.map((row) => ({
      label: row.value,
      text: `${strong(money.format(row.metric("monthly_revenue_lost")), "churned")} lost · ${money.format(row.metric("monthly_revenue_retained"))} kept`,
      parts: [["churned", row.metric("monthly_revenue_lost")], ["retained", row.metric("monthly_revenue_retained")]],
    }));
    const words = rows.map((row) => `${row.value} ${money.format(row.metric("monthly_revenue_lost"))} lost`).join(", ");
    const drawing = key([["churned", "Churned, USD a month"], ["retained", "Retained, USD a month"]]) + bars(width, `${visual.title}: ${words}`, drawn, most);
    const mean = { metrics: [...visual.metrics, "mean_monthly_charges_of_churned"] };
    return [drawing, metricTable(mean, figures, "Payment method", rows)];
  },

  reasons(width, visual, figures, found) {
    const rows = groups(figures, found, visual.by).filter((row) => row.metric("churned_customers"));
    rows.sort((a, b) => b.metric("churned_customers") - a.metric("churned_customers"));
    if (!rows.length) return ['<p class="soft">Nobody among these customers has left.</p>', metricTable(visual, figures, "Reason", [])];
    const most = rows[0].metric("churned_customers");
    const drawn = rows.slice(0, SHOWN_REASONS).map((row) => ({
      label: row.value,
      text: `${strong(whole.format(row.metric("churned_customers")), "churned")} · ${money.format(row.metric("monthly_revenue_lost"))} a month`,
      parts: [["churned", row.metric("churned_customers")]],
    }));
    const rest = rows.length - drawn.length;
    const note = rest > 0 ? `<p class="soft">and ${rest} more in the data table</p>` : "";
    const words = drawn.slice(0, 3).map((row) => row.label).join(", ");
    return [bars(width, `${visual.title}. Most often: ${words}`, drawn, most) + note, metricTable(visual, figures, "Reason", rows)];
  },

  risk_matrix(width, visual, figures, found) {
    const { data, spec } = figures;
    const kinds = data.kinds.length, cells = [], quadrants = {};
    for (let cell = 0; cell * kinds < found.cells.length; cell++) {
      let churned = 0, retained = 0;
      data.kinds.forEach((conditions, k) => {
        if (conditions.includes("churned")) churned += found.cells[cell * kinds + k];
        else retained += found.cells[cell * kinds + k];
      });
      if (churned || retained) cells.push([cell % data.score_bins, Math.floor(cell / data.score_bins), churned, retained]);
    }
    const segments = groups(figures, found, visual.split);
    for (const row of segments) quadrants[row.value] = row.customers;
    const options = { scoreBins: data.score_bins, cltvBin: data.cltv_bin, scoreBin: spec.score_bin, score: spec.high_risk, cltv: spec.high_cltv, segments: spec.segments, quadrants };
    const words = segments.map((row) => `${row.value}: ${whole.format(row.customers)}`).join("; ");
    const drawing = key([["churned", "Churned"], ["retained", "Retained: their score is 0"]]) + matrix(width, `${visual.title}. ${words}`, cells, options);
    return [drawing, metricTable({ metrics: ["customers", "churned_customers", "churn_rate"] }, figures, "Risk segment", segments)];
  },

  tenure_and_charges(width, visual, figures, found) {
    const { data, monthBins, chargeBins } = figures;
    const most = Math.max(1, ...found.density.map((counts) => greatest(counts)));
    const shown = data.values.gender.map((gender, g) => ({ gender, g, means: meansOf(found.monthly[g]), total: sumOf(found.monthly[g].customers) }));
    const panels = shown.filter((panel) => panel.total);
    const each = panels.length > 1 && width >= 456 ? (width - 16) / 2 : width;
    const options = { monthBins, chargeBins, monthsBin: MONTHS_BIN, chargeBin: CHARGE_BIN, most };
    const drawing = panels.map((panel) => {
      const mean = sumOf(found.monthly[panel.g].cents) / 100 / panel.total;
      const title = `${panel.gender} · ${whole.format(panel.total)} · mean ${exact.format(mean)}`;
      return `<div><h3>${escaped(title)}</h3>${density(each, `${visual.title}, ${title}`, found.density[panel.g], panel.means, options)}</div>`;
    });
    const rows = panels.flatMap((panel) => panel.means.map((mean, m) => [panel.gender, `${m ? m * MONTHS_BIN + 1 : 0}–${(m + 1) * MONTHS_BIN}`, whole.format(found.monthly[panel.g].customers[m]), inWords(mean, "USD")]));
    return [key([["density", "Darker: more customers. Line: their mean charge, USD a month"]]) + `<div class="panels">${drawing.join("")}</div>`, table(["Gender", "Months", "Customers", "Mean monthly charges"], rows)];
  },
};

function meansOf({ customers, cents }) {
  return Array.from(customers, (count, m) => (count ? cents[m] / 100 / count : null));
}

function sumOf(values) {
  return values.reduce((sum, value) => sum + value, 0);
}
