import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './stack/locate.ts';

/** The database of the environment, else of the demo that runs in this clone. */
export function databaseOfDiagnosis(env: NodeJS.ProcessEnv = process.env): string {
  const file = join(root, '.data/demo.json');
  const url =
    env['DATABASE_URL'] ??
    (existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { databaseUrl: string }).databaseUrl : undefined);
  if (url) return url;
  process.stderr.write('DATABASE_URL is missing, and no demo runs in this clone\n');
  process.exit(1);
}

/** Phones keep their country code and last three digits; names and addresses their first letter. */
export function maskPhones<T>(report: T): T {
  return JSON.parse(JSON.stringify(report), (key, value: unknown) => {
    if (typeof value !== 'string') return value;
    if (key === 'phone') return value.replace(/^(\+?\d{0,2}).*?(\d{0,3})$/s, '$1…$2');
    return key === 'full_name' ? value.replace(/\p{L}+/gu, (word) => `${[...word][0]}…`) : value;
  }) as T;
}

/** One table a part, in plain text. */
export function printReport(report: object): string {
  const parts = Object.entries(report).map(
    ([name, rows]) => `${name}\n${tableOf((Array.isArray(rows) ? rows : [rows]) as Record<string, unknown>[])}`,
  );
  return `${parts.join('\n\n')}\n`;
}

function tableOf(rows: readonly Record<string, unknown>[]): string {
  const [first] = rows;
  if (!first) return '  none';
  const columns = Object.keys(first);
  const lines = [columns, ...rows.map((row) => columns.map((column) => cell(row[column])))];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => (line[i] ?? '').length)));
  return lines
    .map(
      (line) =>
        `  ${line
          .map((text, i) => text.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}`,
    )
    .join('\n');
}

const cell = (value: unknown): string =>
  value === null || value === undefined ? '—' : typeof value === 'object' ? JSON.stringify(value) : String(value);
