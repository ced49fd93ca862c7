import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../dev/stack/locate.ts';
import { loadWords, translate } from '../web/i18n.ts';
import { textOf } from './html.ts';

const words = loadWords();
const views = globSync('views/**/*.eta', { cwd: root });
const sources = [...views, ...globSync('web/*.ts', { cwd: root }).filter((file) => !file.endsWith('.test.ts'))];
const read = (file: string) => readFileSync(join(root, file), 'utf8');

/** Every text by its whole key. */
function flat(value: unknown, prefix: string): Map<string, string> {
  if (typeof value === 'string') return new Map([[prefix, value]]);
  const inner = Object.entries(value as object).map(([key, each]) => [
    ...flat(each, prefix ? `${prefix}.${key}` : key),
  ]);
  return new Map(inner.flat());
}
const flatIn = (locale: 'es' | 'en'): Map<string, string> =>
  new Map(
    Object.entries(words[locale]).flatMap(([name, texts]) =>
      [...flat(texts, '')].map(([key, text]) => [`${name}:${key}`, text] as const),
    ),
  );
const [es, en] = [flatIn('es'), flatIn('en')];
const variablesOf = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name).sort();

describe('both languages', () => {
  it('have the same texts', () => {
    expect([...es.keys()].filter((key) => !en.has(key))).toEqual([]);
    expect([...en.keys()].filter((key) => !es.has(key))).toEqual([]);
  });

  it('fill the same blanks in each text', () => {
    const differing = [...es].filter(
      ([key, text]) => variablesOf(text).join() !== variablesOf(en.get(key) ?? '').join(),
    );
    expect(differing).toEqual([]);
  });

  it('have words for each, never an empty text', () => {
    expect([...es, ...en].filter(([, text]) => text.trim() === '')).toEqual([]);
  });

  it('have every text that a view or a route asks for', () => {
    const asked = sources.flatMap((file) =>
      [...read(file).matchAll(/\bt\(\s*'([a-z-]+:[\w.]+)'/g)].map(([, key = '']) => ({ file, key })),
    );
    const exists = (key: string) => ['', '_other'].some((ending) => es.has(key + ending));
    expect(asked.filter(({ key }) => !exists(key))).toEqual([]);
    expect(asked.length).toBeGreaterThan(150);
  });

  it('have texts behind every key that is put together at run time', () => {
    const started = sources.flatMap((file) =>
      [...read(file).matchAll(/\bt\(\s*(?:[^`'()]*\? )?`([a-z-]+:[\w.]*)\$\{/g)].map(([, key = '']) => ({ file, key })),
    );
    expect(started.filter(({ key }) => ![...es.keys()].some((each) => each.startsWith(key)))).toEqual([]);
  });

  it('count in words that fit the number', () => {
    expect([0, 1, 2].map((count) => translate('es')('leads:count', { count }))).toEqual([
      '0 personas en total',
      '1 persona en total',
      '2 personas en total',
    ]);
    expect([0, 1, 2].map((count) => translate('en')('leads:count', { count }))).toEqual([
      '0 people in all',
      '1 person in all',
      '2 people in all',
    ]);
  });
});

describe('the views', () => {
  it('hold no word of their own', () => {
    const bare = views.map((file) => [file, textOf(withoutCode(read(file)))] as const);
    expect(bare.filter(([, text]) => /\p{L}/u.test(text.replace('act_', '')))).toEqual([]); // `act_` is how Meta writes account ids
  });

  it('hold no word of their own in what is read out or hinted either', () => {
    const spoken = /\b(?:aria-label|title|placeholder|alt|data-copied)="([^"]*)"/g;
    const found = views.flatMap((file) =>
      [...withoutCode(read(file)).matchAll(spoken)]
        .filter(([, text = '']) => /\p{L}/u.test(text))
        .map(([text]) => [file, text]),
    );
    expect(found).toEqual([]);
  });

  it('escape everything but partials and the body', () => {
    const raw = views.flatMap((file) =>
      [...read(file).matchAll(/<%~([\s\S]*?)%>/g)].map(([, code = '']) => ({ file, code: code.trim() })),
    );
    const trusted = /^(include\(|icon\(|here\(|it\.body$|it\.rendered\.|live$)/;
    expect(raw.filter(({ code }) => !trusted.test(code))).toEqual([]);
  });

  it('pass an object to every partial, else it would see all of its parent', () => {
    const without = views.flatMap((file) =>
      [...read(file).matchAll(/include\('[^']+'\)/g)].map(([call]) => ({ file, call })),
    );
    expect(without).toEqual([]);
  });

  it('carry no inline script, style or handler, and quote every attribute they fill', () => {
    const broken = /<script(?! src=)|<style|\sstyle=|\son[a-z]+=|\shx-on|\s[\w-]+=<%/;
    expect(views.filter((file) => broken.test(read(file)))).toEqual([]);
  });

  it('carry the CSRF token in every form that writes', () => {
    const forms = views.flatMap((file) =>
      [...read(file).matchAll(/<form[^>]*method="post"[\s\S]*?<\/form>/g)].map(([form]) => ({ file, form })),
    );
    const without = forms.filter(({ form }) => !/_partials\/csrf|name="_csrf"/.test(form));
    expect(without.map(({ file }) => file)).toEqual(['views/auth/sign-in.eta']);
  });
});

/** Markup without Eta's tags; what stands in a string inside a tag is code. */
const withoutCode = (text: string) => text.replace(/<%[\s\S]*?%>/g, ' ').replace(/<!DOCTYPE html>/, '');
