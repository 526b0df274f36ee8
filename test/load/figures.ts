/** Figures from samples. */

/** The value below which that part (0 to 1) of the samples lies. */
export function percentile(samples: readonly number[], part: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

export const most = (samples: readonly number[]): number =>
  samples.reduce((most, sample) => Math.max(most, sample), 0);

/** Milliseconds to a precision that they have. */
export const ms = (value: number): string => value.toFixed(value < 10 ? 1 : 0);

export const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

/** p50, p95, p99 and the maximum. */
export const spread = (samples: readonly number[]): string[] =>
  [percentile(samples, 0.5), percentile(samples, 0.95), percentile(samples, 0.99), most(samples)].map(ms);

/** The slope of a line through the points by least squares: units of y for one of x. */
export function slope(points: readonly { readonly x: number; readonly y: number }[]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(p => p.x)), mean(points.map(p => p.y))];
  const spread = points.reduce((sum, p) => sum + (p.x - x) ** 2, 0);
  return spread === 0 ? 0 : points.reduce((sum, p) => sum + (p.x - x) * (p.y - y), 0) / spread;
}
