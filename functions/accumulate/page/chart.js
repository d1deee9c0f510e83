// Lines, drawn as SVG: a small one for each total, a large one for the chosen total. Attributes only, no styles: the
// page's policy permits none.

/** @typedef {import('./history.js').Point} Point */

/**
 * @param {string} tag
 * @param {Readonly<Record<string, string | number>>} attributes
 */
function makeSvg(tag, attributes) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/**
 * @param {readonly Point[]} points
 * @param {number} now
 */
function measure(points, now) {
  const from = points[0]?.at ?? now;
  const values = points.map(({ value }) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return { from, low, high, isDrawable: Number.isFinite(high - low) && points.length > 0 };
}

/**
 * A total holds its value until it changes, so the line goes in steps.
 * @param {readonly Point[]} points
 * @param {{ from: number, to: number, low: number, high: number }} range
 * @param {{ left: number, top: number, width: number, height: number }} box
 */
function drawSteps(points, { from, to, low, high }, { left, top, width, height }) {
  const x = (/** @type {number} */ at) => left + (to > from ? ((at - from) / (to - from)) * width : 0);
  const y = (/** @type {number} */ value) =>
    top + (high > low ? (1 - (value - low) / (high - low)) * height : height / 2);
  const [first] = points;
  let path = `M${left} ${y(first?.value ?? 0).toFixed(1)}`;
  for (const { at, value } of points) path += `H${x(at).toFixed(1)}V${y(value).toFixed(1)}`;
  path += `H${left + width}`;
  const area = `${path}V${top + height}H${left}Z`;
  return [makeSvg('path', { d: area, class: 'area' }), makeSvg('path', { d: path, class: 'line' })];
}

/**
 * @param {readonly Point[]} points
 * @param {number} now
 */
export function drawSparkline(points, now) {
  const svg = makeSvg('svg', { viewBox: '0 0 144 28', 'aria-hidden': 'true' });
  const { isDrawable, ...range } = measure(points, now);
  if (isDrawable) {
    svg.append(...drawSteps(points, { ...range, to: now }, { left: 1, top: 3, width: 142, height: 22 }));
  }
  return svg;
}

/** @param {number} value */
function label(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e15 || size < 1e-6)) return value.toExponential(4);
  return Number(value.toPrecision(9)).toLocaleString('en', { maximumFractionDigits: 9 });
}

/** @param {readonly Point[]} points */
function describeFlat(points) {
  return points.length > 1 ? 'changes too small to draw' : 'no change yet';
}

/**
 * @param {string} name
 * @param {readonly Point[]} points
 * @param {number} now
 * @param {number} width in pixels
 */
export function drawChart(name, points, now, width) {
  const { isDrawable, ...range } = measure(points, now);
  const svg = makeSvg('svg', { viewBox: `0 0 ${width} 180`, role: 'img' });
  if (!isDrawable) {
    svg.setAttribute('aria-label', `${name} is too large to draw`);
    const text = makeSvg('text', { x: 0, y: 90 });
    text.textContent = 'too large to draw';
    svg.append(text);
    return svg;
  }
  const { from, low, high } = range;
  svg.setAttribute('aria-label', `${name} between ${label(low)} and ${label(high)}`);
  const box = { left: 0, top: 20, width, height: 135 };
  for (const y of [box.top, box.top + box.height]) {
    svg.append(makeSvg('line', { x1: 0, x2: width, y1: y, y2: y, class: 'grid' }));
  }
  svg.append(...drawSteps(points, { ...range, to: now }, box));
  /** @type {readonly [x: number, y: number, anchor: string, text: string][]} */
  const labels = [
    [0, 14, 'start', label(high)],
    [width, 14, 'end', high > low ? '' : describeFlat(points)],
    [0, 174, 'start', `${high > low ? `${label(low)}, ` : ''}${new Date(from).toLocaleTimeString()}`],
    [width, 174, 'end', 'now'],
  ];
  for (const [x, y, anchor, content] of labels) {
    const text = makeSvg('text', { x, y, 'text-anchor': anchor });
    text.textContent = content;
    svg.append(text);
  }
  return svg;
}
