import { parse } from 'csv-parse/sync';

export interface CsvLines {
  header: string[];
  rows: { line: number; cells: string[] }[];
}

export type CsvProblem = 'empty' | 'not_csv' | 'too_many';

/** A spreadsheet's text as cells; the sign between them is the one that the header has most of. Gives why it cannot be read otherwise. */
export function csvLines(text: string, mostLines: number): CsvLines | CsvProblem {
  const [head = ''] = text.split(/\r?\n/, 1);
  const delimiter = [';', '\t', ','].sort((a, b) => head.split(b).length - head.split(a).length)[0] ?? ',';
  const records: CsvLines['rows'] = [];
  try {
    parse(text, {
      bom: true,
      delimiter,
      relax_column_count: true,
      skip_empty_lines: true,
      to: mostLines + 2,
      on_record: (cells: string[], { lines }) => void records.push({ line: lines, cells }),
    });
  } catch {
    return 'not_csv';
  }
  const [header, ...rows] = records;
  if (header === undefined || rows.length === 0) return 'empty';
  if (rows.length > mostLines) return 'too_many';
  return {
    header: header.cells.map((name) => name.trim()),
    rows,
  };
}
