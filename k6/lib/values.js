// A metric's values as people read them.

export function formatValue({ type, isTime, values }) {
  const unit = isTime ? ' ms' : '';
  const round = (value) => (value === undefined ? '-' : `${Math.round(value * 100) / 100}`);
  switch (type) {
    case 'counter':
      return round(values.count);
    case 'rate':
      return `${round(values.rate * 100)} %`;
    case 'gauge':
      return round(values.value);
    default:
      return Object.entries(values)
        .map(([statistic, value]) => `${statistic} ${round(value)}${unit}`)
        .join(', ');
  }
}

export const was = (value) => (value === undefined ? '' : ` (was ${Math.round(value * 10_000) / 10_000})`);
