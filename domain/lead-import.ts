import type { MappingTarget } from './form-mapping.ts';
import { type Answer, personOf } from './lead.ts';

/** What a file of leads says, line by line. Pure: the lines are already cells. */

export const MOST_LINES = 2000;

/** A line that can be added. */
export interface PersonLine {
  /** As a spreadsheet counts: the header is line 1. */
  line: number;
  fullName: string | null;
  /** E.164. */
  phone: string | null;
  email: string | null;
  answers: readonly Answer[];
}

export type ImportErrorCode = 'no_contact' | 'bad_phone' | 'bad_email' | 'too_long';

/** What is wrong with a line, without what stands there. */
export interface ImportError {
  line: number;
  code: ImportErrorCode;
}

export interface ReadFile {
  lines: PersonLine[];
  errors: ImportError[];
}

const EMAIL = /^[^\s@]{1,64}@[^\s@]+\.[^\s@]{2,}$/;
const LONGEST = { name: 200, email: 254, answer: 2000 } as const;
const MOST_ANSWERS = 50;

/** Whether the text can be an e-mail address. */
export const isEmail = (text: string): boolean => text.length <= LONGEST.email && EMAIL.test(text);

/** Reads each line by its header, as a form's answers are read; columns that nobody knows are kept as answers. */
export function readLines(
  header: readonly string[],
  rows: readonly { line: number; cells: readonly string[] }[],
  targetOf: (column: string) => MappingTarget,
  normalizePhone: (typed: string) => string | null,
): ReadFile {
  const read: ReadFile = { lines: [], errors: [] };
  for (const { line, cells } of rows) {
    const said = header
      .map((name, i) => ({ name, values: [cells[i]?.trim() ?? ''] }))
      .filter(({ values: [value] }) => value !== '');
    if (said.length === 0) continue;
    const { fullName, email, phone: typed, answers } = personOf(said, targetOf);
    const phone = typed === null ? null : normalizePhone(typed);
    const code = problemOf({ fullName, email, typed, phone, answers });
    if (code === null) read.lines.push({ line, fullName, email, phone, answers });
    else read.errors.push({ line, code });
  }
  return read;
}

function problemOf(given: {
  fullName: string | null;
  email: string | null;
  typed: string | null;
  phone: string | null;
  answers: readonly Answer[];
}): ImportErrorCode | null {
  const { fullName, email, typed, phone, answers } = given;
  if (email === null && typed === null) return 'no_contact';
  if (typed !== null && phone === null) return 'bad_phone';
  if (email !== null && !isEmail(email)) return 'bad_email';
  const isLong = answers.some(
    ({ name, values }) => name.length > LONGEST.name || (values[0] ?? '').length > LONGEST.answer,
  );
  return (fullName ?? '').length > LONGEST.name || isLong || answers.length > MOST_ANSWERS ? 'too_long' : null;
}
