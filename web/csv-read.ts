import { CsvError, parse } from 'csv-parse/sync';

/** A file as cells; `line` is what a spreadsheet calls the row. */
export interface CsvCells {
  header: string[];
  rows: { line: number; cells: string[] }[];
}

/** A line of a file, by its header's names. */
export interface CsvLine {
  line: number;
  values: Readonly<Record<string, string>>;
}

export type CsvProblem = 'empty' | 'unreadable' | 'columns' | 'too_long';

const MOST_LINES = 5000;

/** Reads a file with a header. Columns are parted by the sign that the header has most of: semicolons, tabs or commas. */
export function readCells(text: string, mostLines: number): CsvCells | { problem: CsvProblem } {
  const [head = ''] = text.split(/\r?\n/, 1);
  const delimiter = [';', '\t', ','].sort((a, b) => head.split(b).length - head.split(a).length)[0] ?? ',';
  const records: CsvCells['rows'] = [];
  try {
    parse(text, {
      bom: true,
      delimiter,
      trim: true,
      relax_column_count: true,
      skip_empty_lines: true,
      to: mostLines + 2,
      on_record: (cells: string[], { lines }) => void records.push({ line: lines, cells }),
    });
  } catch (error) {
    if (error instanceof CsvError) return { problem: 'unreadable' };
    throw error;
  }
  const [header, ...rows] = records;
  if (header === undefined || rows.length === 0) return { problem: 'empty' };
  if (rows.length > mostLines) return { problem: 'too_long' };
  return { header: header.cells, rows };
}

/** The same by column: names are compared without case; `needed` must all be there. */
export function readCsv(text: string, needed: readonly string[]): { lines: CsvLine[] } | { problem: CsvProblem } {
  const read = readCells(text, MOST_LINES);
  if ('problem' in read) return read;
  const columns = read.header.map((name) => name.toLowerCase());
  if (needed.some((name) => !columns.includes(name))) return { problem: 'columns' };
  return {
    lines: read.rows.map(({ line, cells }) => ({
      line,
      values: Object.fromEntries(columns.map((name, i) => [name, cells[i] ?? ''])),
    })),
  };
}
