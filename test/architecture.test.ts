import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../dev/stack/locate.ts';
import { type Import, importsOf } from './imports.ts';

const left = ['node_modules', '.venv', '.data', '.git'];
const files = globSync('**/*', { cwd: root, exclude: ({ name }) => left.includes(name), withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(root, join(entry.parentPath, entry.name)));
const sources = files.filter((file) => file.endsWith('.ts'));
const code = sources.filter((file) => !file.endsWith('.test.ts') && !file.endsWith('.d.ts'));
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8');
const imports = code.flatMap((file) => importsOf(file, textOf(file)));

/** What may be imported from where. `own` are packages and node: modules; `types` may be imported as types only. */
interface Rule {
  from: RegExp;
  may: RegExp;
  types?: RegExp;
  own: RegExp;
}

const programs = /^(server|worker|wiring|config)\.ts$/;
const sharedAdapters = /^adapters\/(log|metrics)\.ts$/;
const rules: Record<string, Rule> = {
  'domain/ knows zod and nothing else': { from: /^domain\//, may: /^domain\//, own: /^zod$/ },
  'workflows/ knows its own SDK, decisions, and types of activities': {
    from: /^workflows\//,
    may: /^(workflows|domain)\//,
    types: /^activities\//,
    own: /^@temporalio\/(workflow|common)$/,
  },
  'activities/ meets adapters as types': {
    from: /^activities\//,
    may: /^(activities|domain)\//,
    types: /^adapters\//,
    own: /^(@temporalio\/activity|node:.*)$/,
  },
  'adapters/temporal/ knows workflow ids and signals too': {
    from: /^adapters\/temporal\//,
    may: /^(adapters\/temporal|domain|workflows)\//,
    types: /^(adapters\/(log|metrics)|config)\.ts$/,
    own: /^(@temporalio\/.*|node:.*)$/,
  },
  'web/ reaches Meta only through workflows': {
    from: /^web\//,
    may: /^(web|domain)\//,
    types: /^(adapters\/(crypto|postgres|redis|temporal)\/.*|adapters\/[\w-]+\.ts|config\.ts)$/,
    own: /^(?!@temporalio|slonik|ioredis|pg$).*$/,
  },
  'simulators/ share nothing with the product': { from: /^simulators\//, may: /^simulators\//, own: /^.*$/ },
};

describe('who may import whom', () => {
  it.each(Object.entries(rules))('%s', (_, rule) => {
    const broken = imports.filter(({ file }) => rule.from.test(file)).filter((each) => !isAllowed(each, rule));
    expect(broken.map(sentence)).toEqual([]);
  });

  it('an adapter knows its own technology and no other adapter', () => {
    const ours = imports.filter(({ file, local }) => file.startsWith('adapters/') && local);
    const broken = ours.filter(({ file, target, typeOnly }) => {
      if (file.startsWith('adapters/temporal/') || target.startsWith('domain/')) return false;
      return technology(file) !== technology(target) && !(typeOnly && sharedAdapters.test(target));
    });
    expect(broken.map(sentence)).toEqual([]);
  });

  it('each simulator stands alone', () => {
    const broken = imports.filter(({ file, target, local }) => {
      return local && file.startsWith('simulators/') && technology(file) !== technology(target);
    });
    expect(broken.map(sentence)).toEqual([]);
  });

  it('nothing that runs in production imports dev/ or test/', () => {
    const production = imports.filter(({ file }) => !/^(dev|test|vitest\.config\.ts)/.test(file));
    expect(production.filter(({ target }) => /^(dev|test)\//.test(target)).map(sentence)).toEqual([]);
  });

  it('only programs, dev/ and test/ import a program', () => {
    const broken = imports.filter(({ file, target, typeOnly }) => {
      return programs.test(target) && !typeOnly && !programs.test(file) && !/^(dev|test)\//.test(file);
    });
    expect(broken.map(sentence)).toEqual([]);
  });

  it('workflows reach no module that loads zod', () => {
    const withZod = reachable('workflows/index.ts').filter((file) =>
      imports.some((each) => each.file === file && each.target === 'zod' && !each.typeOnly),
    );
    expect(withZod).toEqual([]);
  });
});

describe('the shape of the tree', () => {
  it('no file is longer than 300 lines', () => {
    const long = sources.map((file) => [file, textOf(file).split('\n').length - 1] as const).filter(([, n]) => n > 300);
    expect(long).toEqual([]);
  });

  it('no file names a place on the machine it was written on', () => {
    const kept = files.filter((file) => /\.(ts|mjs|json|eta|md|yml|yaml|sql|css)$/.test(file));
    const named = kept.filter((file) => textOf(file).includes(`${root}/`) || /\/(home|Users)\/\w/.test(textOf(file)));
    expect(named).toEqual([]);
  });

  it('no address is taken for a path: a clone in a folder with a space has another one', () => {
    const taken = sources.filter((file) => /import\.meta\.url\)\.pathname/.test(textOf(file)));
    expect(taken).toEqual([]);
  });

  it('the lock file names no registry', () => {
    expect(textOf('package-lock.json')).not.toContain('"resolved"');
  });
});

function isAllowed({ file, target, local, typeOnly }: Import, rule: Rule): boolean {
  if (!local) return rule.own.test(target);
  if (file === target || rule.may.test(target)) return true;
  return typeOnly && (rule.types?.test(target) ?? false);
}

const sentence = ({ file, target, typeOnly }: Import): string =>
  `${file} imports ${typeOnly ? 'types of ' : ''}${target}`;

/** The folder of one outside thing, or the file itself where it stands alone: `adapters/postgres`, `adapters/log.ts`. */
const technology = (file: string): string => file.split('/').slice(0, 2).join('/');

/** A module and everything it loads when it runs. */
function reachable(start: string): string[] {
  const found = new Set([start]);
  for (const file of found) {
    for (const each of imports) if (each.file === file && each.local && !each.typeOnly) found.add(each.target);
  }
  return [...found];
}
