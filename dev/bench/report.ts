export interface Measured {
  name: string;
  ratio?: number;
  value?: number;
  unit: string;
  baseline: string | null;
  goal: number | null;
  /** Which side of the goal is good. */
  better: 'more' | 'less';
  note?: string;
}

/** One JSON line a figure. */
export function report({ better, ratio, value, goal, ...rest }: Measured): void {
  const figure = ratio ?? value ?? Number.NaN;
  const met = goal === null ? null : better === 'more' ? figure >= goal : figure <= goal;
  const round = (number: number) => Math.round(number * 1000) / 1000;
  const measured = ratio === undefined ? { value: round(figure) } : { ratio: round(ratio) };
  process.stdout.write(
    `${JSON.stringify({ name: rest.name, ...measured, unit: rest.unit, baseline: rest.baseline, goal, met, ...(rest.note === undefined ? {} : { note: rest.note }) })}\n`,
  );
}
