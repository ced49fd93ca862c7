/** Two bodies of one event, field by field, for a person to judge. Pure. */

export interface ComparedField {
  /** Where the value stands, e.g. `whatsappMessage.status`. */
  path: string;
  first: string | null;
  second: string | null;
  differs: boolean;
}

const MOST_FIELDS = 200;
const LONGEST_VALUE = 500;

/** The fields of both, in the order of the first; what only one has stands beside null. Text that is no JSON is one field without a path. */
export function compareBodies(first: string, second: string | null): ComparedField[] {
  const [one, other] = [fieldsOf(first), second === null ? new Map<string, string>() : fieldsOf(second)];
  return [...new Set([...one.keys(), ...other.keys()])].slice(0, MOST_FIELDS).map((path) => {
    const [a, b] = [one.get(path) ?? null, other.get(path) ?? null];
    return { path, first: shortened(a), second: shortened(b), differs: second !== null && a !== b };
  });
}

function fieldsOf(body: string): Map<string, string> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return new Map([['', body]]);
  }
  return new Map(leavesOf(value, []));
}

const DEEPEST = 20;

function leavesOf(value: unknown, path: readonly string[]): [string, string][] {
  if (typeof value !== 'object' || value === null || path.length >= DEEPEST)
    return [[path.join('.'), typeof value === 'string' ? value : JSON.stringify(value)]];
  const entries = Object.entries(value);
  if (entries.length === 0) return [[path.join('.'), JSON.stringify(value)]];
  return entries.flatMap(([key, each]) => leavesOf(each, [...path, key]));
}

const shortened = (value: string | null): string | null =>
  value !== null && value.length > LONGEST_VALUE ? `${value.slice(0, LONGEST_VALUE)}…` : value;
