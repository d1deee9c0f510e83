// A run's report as one HTML file that needs nothing else: no script, no network, readable in the dark and on a phone.

import { formatValue, was } from './values.js';

const style = `
:root { color-scheme: light dark; --text: #1c2330; --quiet: #5b6575; --line: #d9dee6; --page: #f6f7f9; --card: #fff;
  --good: #0b6b3a; --bad: #b3261e; --bar: #3867c8; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ef; --quiet: #9aa5b5; --line: #323a47; --page: #12161c;
  --card: #1a2029; --good: #5fd08f; --bad: #ff8a80; --bar: #7ea6ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 56rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { margin: 0; font-size: 1.5rem; } h2 { margin: 2rem 0 .5rem; font-size: 1.1rem; }
p { margin: .25rem 0; } .quiet { color: var(--quiet); }
.verdict { margin: 1rem 0; padding: .75rem 1rem; border-left: .4rem solid; background: var(--card); }
.good { color: var(--good); } .bad { color: var(--bad); } .verdict p { color: var(--text); }
table { width: 100%; border-collapse: collapse; background: var(--card); }
th, td { padding: .4rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--quiet); font-weight: 500; font-size: .875rem; }
code { font: .875rem ui-monospace, monospace; } strong { font-weight: 650; }
svg { display: block; width: 100%; max-width: 36rem; height: auto; background: var(--card); font: 13px system-ui, sans-serif; }
svg text { fill: var(--text); } svg rect { fill: var(--bar); }
@media (max-width: 36rem) { thead { display: none; } tr { display: block; padding: .4rem 0;
  border-bottom: 1px solid var(--line); } td { display: block; border: 0; padding: .1rem .6rem; } }
`;

const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text) => String(text).replace(/[&<>"']/g, (character) => escapes[character]);

export function renderPage({ script, title, isPassed, endedAt, seconds, total, exactness, ...rest }) {
  const { thresholds, metrics, settings } = rest;
  const verdict = isPassed ? 'Passed' : 'Failed';
  const missed = thresholds.filter(({ isMet }) => !isMet).length;
  const reason = isPassed
    ? 'every threshold is met'
    : `${missed} of ${thresholds.length} thresholds are not met`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(script)}: ${verdict.toLowerCase()}</title>
<style>${style}</style>
</head>
<body>
<h1>${escape(title)}</h1>
<p class="quiet">k6/${escape(script)}.js, ${escape(endedAt)}, ${seconds.toFixed(1)} s${
    total === undefined ? '' : `, total <code>${escape(total)}</code>`
  }</p>
<div class="verdict ${isPassed ? 'good' : 'bad'}"><strong>${verdict}</strong>: ${reason}
${exactness === undefined ? '' : `<p>${escape(exactness)}</p>`}</div>
<h2>Thresholds</h2>
${table(
  ['', 'metric', 'must be'],
  thresholds.map(({ name, rule, isMet, value }) => [
    `<strong class="${isMet ? 'good' : 'bad'}">${isMet ? '✓ met' : '✗ failed'}</strong>`,
    `<code>${escape(name)}</code>`,
    `<code>${escape(rule)}</code>${escape(was(value))}`,
  ]),
)}
${metrics
  .filter(({ isTime }) => isTime)
  .map(renderTimes)
  .join('\n')}
<h2>Figures</h2>
${table(
  ['metric', 'what it is', 'value'],
  metrics.map((metric) => [
    `<code>${escape(metric.name)}</code>`,
    escape(metric.description),
    escape(formatValue(metric)),
  ]),
)}
<h2>Settings</h2>
${table(
  ['name', 'value'],
  settings.map(([name, value]) => [`<code>${escape(name)}</code>`, escape(value)]),
)}
</body>
</html>
`;
}

const table = (head, rows) => `<table>
<thead><tr>${head.map((cell) => `<th>${cell}</th>`).join('')}</tr></thead>
<tbody>
${rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('\n')}
</tbody>
</table>`;

/** A bar for each percentile of a time. */
function renderTimes({ description, values }) {
  const bars = Object.entries(values);
  const longest = Math.max(...bars.map(([, ms]) => ms), Number.MIN_VALUE);
  const [left, room, step] = [56, 280, 28];
  const height = bars.length * step + 12;
  const drawn = bars.map(([statistic, ms], row) => {
    const width = Math.max(1, (ms / longest) * room);
    const y = row * step + 10;
    return `<text x="${left - 8}" y="${y + 14}" text-anchor="end">${escape(statistic)}</text>
<rect x="${left}" y="${y}" width="${width.toFixed(1)}" height="18" rx="2"/>
<text x="${(left + width + 8).toFixed(1)}" y="${y + 14}">${ms.toFixed(1)} ms</text>`;
  });
  return `<h2>Times: ${escape(description)}</h2>
<svg viewBox="0 0 430 ${height}" role="img" aria-label="Times: ${escape(description)}, by percentile">
${drawn.join('\n')}
</svg>`;
}
