import { CsvError, parse } from 'csv-parse/sync';

/** A line of a file, by its header's names; `line` is what a spreadsheet calls the row. */
export interface CsvLine {
  line: number;
  values: Readonly<Record<string, string>>;
}

export type CsvProblem = 'empty' | 'unreadable' | 'columns' | 'too_long';

const MOST_LINES = 5000;

/** Reads a file with a header, its columns parted by commas, semicolons or tabs. Names are compared without case; `needed` must all be there. */
export function readCsv(text: string, needed: readonly string[]): { lines: CsvLine[] } | { problem: CsvProblem } {
  if (text.trim() === '') return { problem: 'empty' };
  const [header = ''] = text.split('\n', 1);
  const delimiter = [';', '\t', ','].find((each) => header.includes(each)) ?? ',';
  try {
    const rows = parse(text, {
      bom: true,
      delimiter,
      trim: true,
      skip_empty_lines: true,
      info: true,
      relax_column_count: true,
    });
    const [names, ...lines] = (rows as unknown as { record: string[]; info: { lines: number } }[]).map(
      ({ record, info }) => ({ record, line: info.lines }),
    );
    const columns = (names?.record ?? []).map((name) => name.toLowerCase());
    if (needed.some((name) => !columns.includes(name))) return { problem: 'columns' };
    if (lines.length === 0) return { problem: 'empty' };
    if (lines.length > MOST_LINES) return { problem: 'too_long' };
    return {
      lines: lines.map(({ record, line }) => ({
        line,
        values: Object.fromEntries(columns.map((name, i) => [name, record[i] ?? ''])),
      })),
    };
  } catch (error) {
    if (error instanceof CsvError) return { problem: 'unreadable' };
    throw error;
  }
}
