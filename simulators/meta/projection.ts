import { badParameter } from './errors.ts';

/** One entry of `fields=`: a name, its `.modifier(…)` calls, and what stands in its braces as text. */
export interface FieldSpec {
  readonly name: string;
  readonly args: Readonly<Record<string, string>>;
  readonly sub: string | undefined;
}

/** A value that is itself a node: without braces only its default fields are shown. */
export class NodeRef {
  readonly record: Readonly<Record<string, unknown>>;
  readonly defaults: readonly string[];

  constructor(record: Readonly<Record<string, unknown>>, defaults: readonly string[] = ['id']) {
    this.record = record;
    this.defaults = defaults;
  }
}

/** Parses Graph's field expansion: `id,creative{id,thumbnail_url},ads.limit(2){name}`. Unbalanced text is error 2500. */
export function parseFields(text: string): FieldSpec[] {
  return splitTop(text).map((part) => {
    const name = /^[\w.]*?(?=\.\w+\(|\{|$)/.exec(part)?.[0] ?? '';
    if (name === '') {
      throw badParameter(`Syntax error "Expected name" near: "${part.slice(0, 20)}"`);
    }
    const args: Record<string, string> = {};
    let rest = part.slice(name.length);
    let sub: string | undefined;
    while (rest !== '') {
      const modifier = /^\.(\w+)\(/.exec(rest);
      const open = modifier === null ? 0 : modifier[0].length - 1;
      const close = closing(rest, open);
      const inner = rest.slice(open + 1, close);
      if (modifier === null || modifier[1] === 'fields') {
        sub = inner;
      } else {
        args[modifier[1] ?? ''] = inner;
      }
      rest = rest.slice(close + 1);
    }
    return { name, args, sub };
  });
}

/** Splits at the commas that stand outside of every bracket. */
function splitTop(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let current = '';
  for (const character of text) {
    depth += '{(['.includes(character) ? 1 : '})]'.includes(character) ? -1 : 0;
    if (character === ',' && depth === 0) {
      parts.push(current);
      current = '';
    } else {
      current += character;
    }
  }
  return [...parts, current].map((part) => part.trim()).filter((part) => part !== '');
}

function closing(text: string, open: number): number {
  let depth = 0;
  for (let index = open; index < text.length; index += 1) {
    const character = text[index] ?? '';
    depth += '{(['.includes(character) ? 1 : '})]'.includes(character) ? -1 : 0;
    if (depth === 0) {
      return index;
    }
  }
  throw badParameter('Syntax error "Expected end of string instead of }" in fields');
}

/**
 * Takes the wanted fields out of a record, in the order asked for, and `id` always.
 * A field that is known but empty is left out, as Graph does; `expand` answers names that are edges.
 */
export function project(
  record: Readonly<Record<string, unknown>>,
  specs: readonly FieldSpec[],
  expand: (spec: FieldSpec) => unknown = () => undefined,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const spec of specs) {
    const value = spec.name in record ? projectValue(record[spec.name], spec) : expand(spec);
    if (value !== undefined) {
      result[spec.name] = value;
    }
  }
  if (record['id'] !== undefined && !('id' in result)) {
    result['id'] = record['id'];
  }
  return result;
}

function projectValue(value: unknown, spec: FieldSpec): unknown {
  if (!(value instanceof NodeRef)) {
    return value;
  }
  const specs = spec.sub === undefined ? value.defaults.map(plainField) : parseFields(spec.sub);
  return project(value.record, specs);
}

/** A field without modifiers or braces. */
export function plainField(name: string): FieldSpec {
  return { name, args: {}, sub: undefined };
}
