/** Small trend charts as SVG paths in a 600 × 128 box that stretches; words and axes stay HTML around it. */

const WIDTH = 600;
const HEIGHT = 128;

/** The round number at the top of the axis: 1, 2, 3, 4, 6 or 8 times a power of ten, at least the highest value. */
export function axisTop(values: readonly number[]): number {
  const highest = Math.max(...values, 0);
  if (highest === 0) return 1;
  const power = 10 ** Math.floor(Math.log10(highest));
  const step = [1, 2, 3, 4, 6, 8, 10].find((factor) => factor * power >= highest) ?? 10;
  return step * power;
}

/** One bar a value. */
export function bars(values: readonly number[], top: number): string {
  const room = WIDTH / Math.max(values.length, 1);
  const width = Math.max(room * 0.7, 1);
  return values
    .map((value, i) => `M${round(i * room + room * 0.15)} ${HEIGHT}V${heightOf(value, top)}h${round(width)}V${HEIGHT}z`)
    .join('');
}

/** A line through the values, first to last over the whole width. */
export function line(values: readonly number[], top: number): string {
  const step = values.length > 1 ? WIDTH / (values.length - 1) : WIDTH;
  return values.map((value, i) => `${i === 0 ? 'M' : 'L'}${round(i * step)} ${heightOf(value, top)}`).join('');
}

/** The line, closed down to the base. */
export const area = (values: readonly number[], top: number): string =>
  values.length === 0 ? '' : `${line(values, top)}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}z`;

const heightOf = (value: number, top: number): number =>
  round(HEIGHT - (Math.min(Math.max(value, 0), top) / top) * HEIGHT);
const round = (value: number): number => Math.round(value * 10) / 10;
