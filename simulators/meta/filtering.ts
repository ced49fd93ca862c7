import { badParameter } from './errors.ts';
import { isObject, parseJson } from './http.ts';

/** One entry of `filtering=[…]`. */
export interface Filter {
  readonly field: string;
  readonly operator: string;
  readonly value: unknown;
}

/** Parses the `filtering` parameter; throws 100 when it is not a list of field, operator and value. */
export function parseFilters(text: string | undefined): Filter[] {
  if (text === undefined || text === '') {
    return [];
  }
  const value = parseJson(text);
  if (!Array.isArray(value)) {
    throw badParameter('Param filtering must be an array.');
  }
  return value.map((entry) => {
    if (!isObject(entry) || typeof entry['field'] !== 'string' || typeof entry['operator'] !== 'string') {
      throw badParameter('Param filtering[0] must have the fields field, operator and value.');
    }
    return { field: entry['field'], operator: entry['operator'], value: entry['value'] };
  });
}

/** A JSON list or a comma list of text, as `effective_status` accepts both. */
export function parseList(text: string | undefined): string[] {
  if (text === undefined || text === '') {
    return [];
  }
  const value = parseJson(text);
  return Array.isArray(value) ? value.map(String) : text.split(',').map((part) => part.trim());
}

/** Whether a value passes the filter; an unknown operator is error 100. */
export function passes(actual: unknown, { operator, value }: Filter): boolean {
  const list = Array.isArray(value) ? value.map(String) : [String(value)];
  const text = String(actual ?? '');
  const number = Number(actual);
  switch (operator) {
    case 'EQUAL':
      return text === list[0];
    case 'NOT_EQUAL':
      return text !== list[0];
    case 'IN':
    case 'ANY':
      return list.includes(text);
    case 'NOT_IN':
    case 'NONE':
      return !list.includes(text);
    case 'CONTAIN':
      return text.toLowerCase().includes((list[0] ?? '').toLowerCase());
    case 'NOT_CONTAIN':
      return !text.toLowerCase().includes((list[0] ?? '').toLowerCase());
    case 'GREATER_THAN':
      return number > Number(list[0]);
    case 'GREATER_THAN_OR_EQUAL':
      return number >= Number(list[0]);
    case 'LESS_THAN':
      return number < Number(list[0]);
    case 'LESS_THAN_OR_EQUAL':
      return number <= Number(list[0]);
    case 'IN_RANGE':
      return number >= Number(list[0]) && number <= Number(list[1]);
    default:
      throw badParameter(`Filter operator ${operator} is not supported`);
  }
}
