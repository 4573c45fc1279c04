// Charts as SVG text. Sizes are pixels; colours are classes.

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const money = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD", maximumFractionDigits: 0 });
const exact = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
const NARROW = 420;
const UNITS = {
  customers: (value) => whole.format(value),
  percent: (value) => `${value.toFixed(2)} %`,
  USD: (value) => exact.format(value),
};

function inWords(value, unit) {
  return value === null || value === undefined ? "–" : UNITS[unit](value);
}

// For cards: large amounts without cents.
function inShort(value, unit) {
  return unit === "USD" && value !== null && Math.abs(value) >= 1e6 ? money.format(value) : inWords(value, unit);
}

function escaped(text) {
  return String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

function picture(width, height, label, body) {
  return `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(label)}">${body}</svg>`;
}

function key(parts) {
  return `<p class="key">${parts.map(([name, text]) => `<span class="is-${name}">${escaped(text)}</span>`).join("")}</p>`;
}

function table(head, rows) {
  const cells = (row) => row.map((value, i) => (i ? `<td>${escaped(value)}</td>` : `<th scope="row">${escaped(value)}</th>`));
  const header = head.map((text) => `<th scope="col">${escaped(text)}</th>`).join("");
  return `<table><thead><tr>${header}</tr></thead><tbody>${rows.map((row) => `<tr>${cells(row).join("")}</tr>`).join("")}</tbody></table>`;
}

// Rows of bars, a label above each, its figures at the right of the label, or below the bar where there is no room.
// rows: {label, text, parts: [[class, value]], whole}; a bar's parts are drawn on a scale from 0 to `most`.
function bars(width, label, rows, most) {
  const isNarrow = width < NARROW, step = isNarrow ? 64 : 46, body = [];
  rows.forEach((row, i) => {
    const top = i * step;
    body.push(`<text x="0" y="${top + 14}">${escaped(row.label)}</text>`);
    body.push(isNarrow ? `<text x="0" y="${top + 51}">${row.text}</text>` : `<text x="${width}" y="${top + 14}" text-anchor="end">${row.text}</text>`);
    body.push(`<rect class="back" x="0" y="${top + 21}" width="${width}" height="14" rx="3"/>`);
    let left = 0;
    for (const [name, value] of row.parts) {
      const length = most ? (value / most) * width : 0;
      if (length > 0) body.push(`<rect class="${name}" x="${left}" y="${top + 21}" width="${Math.max(1, length)}" height="14" rx="2"/>`);
      left += length;
    }
  });
  return picture(width, rows.length * step, label, body.join(""));
}

// A label on several lines where there is no room for one.
function label(x, y, anchor, text, count, isNarrow) {
  const lines = isNarrow ? text.split(", ") : [text];
  const spans = lines.map((line, i) => `<tspan x="${x}" dy="${i ? 14 : 0}">${line}</tspan>`).join("");
  return `<text class="halo soft" x="${x}" y="${y}" text-anchor="${anchor}">${spans}</text><text class="halo strong" x="${x}" y="${y + 14 * lines.length + 2}" text-anchor="${anchor}">${whole.format(count)}</text>`;
}

function strong(text, name) {
  return `<tspan class="strong ${name}">${escaped(text)}</tspan>`;
}

// cells: [[score bin, cltv bin, churned, retained]]; quadrants: {segment: customers}.
function matrix(width, words, cells, { scoreBins, cltvBin, scoreBin, score, cltv, segments, quadrants }) {
  const height = Math.round(Math.min(460, Math.max(300, width * 0.78)));
  const left = 52, bottom = 40, top = 8;
  const rows = Math.max(Math.ceil(cltv / cltvBin) * 2, ...cells.map((cell) => cell[1] + 1));
  const wide = (width - left) / scoreBins, high = (height - bottom - top) / rows;
  const x = (bin) => left + bin * wide, y = (bin) => height - bottom - bin * high;
  const most = Math.max(1, ...cells.map((cell) => cell[2] + cell[3]));
  const body = [];
  for (let bin = 0; bin <= rows; bin += Math.max(1, Math.round(rows / 5))) {
    body.push(`<line class="axis" x1="${left}" x2="${width}" y1="${y(bin)}" y2="${y(bin)}"/>`);
    body.push(`<text class="soft" x="${left - 8}" y="${y(bin) + 4}" text-anchor="end">${money.format(bin * cltvBin)}</text>`);
  }
  body.push(`<text class="soft" x="${x(0.5)}" y="${height - bottom + 16}" text-anchor="middle">≤ 0</text>`);
  for (let bin = 3; bin <= scoreBins; bin += 2) {
    const anchor = bin === scoreBins ? "end" : "middle";
    body.push(`<text class="soft" x="${x(bin)}" y="${height - bottom + 16}" text-anchor="${anchor}">${(bin - 1) * scoreBin}</text>`);
  }
  body.push(`<text class="soft" x="${width}" y="${height - 6}" text-anchor="end">churn score →</text>`);
  body.push(`<text class="soft" x="0" y="${height - 6}">↑ CLTV${width < NARROW ? "" : ", monthly charges × months"}</text>`);
  const reach = Math.min(wide, high * 1.4) * 0.5;
  for (const [name, at] of [["retained", 3], ["churned", 2]]) {
    for (const cell of cells) {
      if (!cell[at]) continue;
      const radius = Math.max(1.6, Math.sqrt(cell[at] / most) * reach);
      body.push(`<circle class="dot ${name}" cx="${x(cell[0] + 0.5)}" cy="${y(cell[1] + 0.5)}" r="${radius.toFixed(1)}"/>`);
    }
  }
  const cutX = x(score / scoreBin + 1), cutY = y(cltv / cltvBin);
  body.push(`<line class="cut" x1="${cutX}" x2="${cutX}" y1="${top}" y2="${height - bottom}"/>`);
  body.push(`<line class="cut" x1="${left}" x2="${width}" y1="${cutY}" y2="${cutY}"/>`);
  const corners = [
    [segments.high_value_low_risk, cutX - 8, top + 14, "end"],
    [segments.high_value_high_risk, width - 2, top + 14, "end"],
    [segments.low_value_low_risk, cutX - 8, cutY + 18, "end"],
    [segments.low_value_high_risk, width - 2, cutY + 18, "end"],
  ];
  for (const [segment, atX, atY, anchor] of corners) {
    body.push(label(atX, atY, anchor, segment, quadrants[segment] || 0, width < NARROW));
  }
  return picture(width, height, words, body.join(""));
}

// One panel: customers by months (x) and charges (y) as shades, their mean charge as a line.
function density(width, label, counts, means, { monthBins, chargeBins, monthsBin, chargeBin, most }) {
  const height = 230, left = 40, bottom = 34, top = 6;
  const wide = (width - left) / monthBins, high = (height - bottom - top) / chargeBins;
  const body = [];
  for (let bin = 0; bin <= chargeBins; bin += Math.max(1, Math.ceil(chargeBins / 5))) {
    const y = height - bottom - bin * high;
    body.push(`<text class="soft" x="${left - 6}" y="${y + 4}" text-anchor="end">$${bin * chargeBin}</text>`);
  }
  for (let m = 0; m < monthBins; m++) {
    for (let c = 0; c < chargeBins; c++) {
      const count = counts[m * chargeBins + c];
      if (!count) continue;
      const shade = (0.08 + 0.82 * Math.sqrt(count / most)).toFixed(2);
      body.push(`<rect class="density" fill-opacity="${shade}" x="${(left + m * wide).toFixed(1)}" y="${(height - bottom - (c + 1) * high).toFixed(1)}" width="${(wide - 1).toFixed(1)}" height="${(high - 1).toFixed(1)}"/>`);
    }
  }
  const points = means.flatMap((mean, m) => (mean === null ? [] : [`${(left + (m + 0.5) * wide).toFixed(1)},${(height - bottom - (mean / chargeBin) * high).toFixed(1)}`]));
  body.push(`<polyline class="mean" points="${points.join(" ")}"/>`);
  for (let m = 0; m <= monthBins; m += Math.max(1, Math.round(monthBins / 4))) {
    const anchor = m === monthBins ? "end" : "middle";
    body.push(`<text class="soft" x="${left + m * wide}" y="${height - bottom + 15}" text-anchor="${anchor}">${m * monthsBin}</text>`);
  }
  body.push(`<text class="soft" x="${width}" y="${height - 4}" text-anchor="end">months as a customer →</text>`);
  return picture(width, height, label, body.join(""));
}

function sparkline(width, label, values) {
  const height = 64, pad = 6, low = Math.min(...values), span = Math.max(...values) - low || 1;
  const step = (width - 2 * pad) / Math.max(1, values.length - 1);
  const place = (value, i) => [pad + i * step, height - pad - ((value - low) / span) * (height - 2 * pad)];
  const points = values.map((value, i) => place(value, i).map((n) => n.toFixed(1)).join(","));
  const [x, y] = place(values.at(-1), values.length - 1);
  return picture(width, height, label, `<polyline class="mean" points="${points.join(" ")}"/><circle class="end" cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3.5"/>`);
}
