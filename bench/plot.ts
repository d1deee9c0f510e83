// The figures as a picture: each ratio on one logarithmic axis, its spread, the bound at 1, and the goal. SVG, for light and
// dark pages.

import { type Figure, isMet } from './figure.ts';

const rowHeight = 26;
const labels = 330;
const plot = 420;
const values = 150;
const top = 34;
/** Ratios beyond these are drawn at the edge. */
const [least, most] = [0.1, 10];

const style = `
  text { font: 13px system-ui, sans-serif; fill: #333; }
  .axis { stroke: #bbb; } .bound { stroke: #333; } .spread { stroke-width: 2; } .goal { fill: none; stroke: #777; stroke-width: 1.5; }
  .met { fill: #1f6f5c; stroke: #1f6f5c; } .missed { fill: #b3541e; stroke: #b3541e; } .plain { fill: #777; stroke: #777; }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd; } .axis { stroke: #555; } .bound { stroke: #ddd; }
    .met { fill: #6fcdb3; stroke: #6fcdb3; } .missed { fill: #f0a070; stroke: #f0a070; }
  }`;

/** Of those figures that have a bound. */
export function drawFigures(figures: readonly Figure[]): string {
  const rows = figures.filter(({ ratio }) => ratio !== undefined);
  const [width, height] = [labels + plot + values, top + rows.length * rowHeight + 10];
  const axis = [0.1, 0.2, 0.5, 1, 2, 5, 10].map((ratio) => {
    const at = x(ratio).toFixed(1);
    const kind = ratio === 1 ? 'bound' : 'axis';
    return (
      `<text x="${at}" y="16" text-anchor="middle">${ratio}</text>` +
      `<line class="${kind}" x1="${at}" x2="${at}" y1="22" y2="${height}"/>`
    );
  });
  const drawn = rows.map((figure, index) => drawRow(figure, top + (index + 0.5) * rowHeight));
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">` +
    `<title>Ratios to the bound</title><style>${style}</style>${axis.join('')}${drawn.join('')}</svg>\n`
  );
}

function x(ratio: number): number {
  const bounded = Math.min(most, Math.max(least, ratio));
  return labels + (Math.log(bounded / least) / Math.log(most / least)) * plot;
}

function drawRow(figure: Figure, y: number): string {
  const { section, name, unit, ratio = 1, low = ratio, high = ratio, goal } = figure;
  const met = isMet(figure);
  const kind = met === undefined ? 'plain' : met ? 'met' : 'missed';
  const limit = goal?.of === 'ratio' ? (goal.atMost ?? goal.atLeast) : undefined;
  const mark =
    limit === undefined
      ? ''
      : `<path class="goal" d="M${(x(limit) - 5).toFixed(1)} ${y - 9}h10M${x(limit).toFixed(1)} ${y - 9}v18m-5 0h10"/>`;
  const said = met === undefined ? '' : met ? ', met' : ', missed';
  return (
    `<text x="${labels - 12}" y="${y + 4}" text-anchor="end">${escape(`${section}: ${name}, ${unit}`)}</text>` +
    `<line class="spread ${kind}" x1="${x(low).toFixed(1)}" x2="${x(high).toFixed(1)}" y1="${y}" y2="${y}"/>${mark}` +
    `<circle class="${kind}" cx="${x(ratio).toFixed(1)}" cy="${y}" r="4.5"/>` +
    `<text x="${labels + plot + 12}" y="${y + 4}">${ratio.toFixed(2)}${said}</text>`
  );
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
