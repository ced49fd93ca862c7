import { expect, it } from 'vitest';
import { importsOf } from './imports.ts';

it('tells what a module loads from what it only types', () => {
  const text = `
import { readFileSync } from 'node:fs';
import type { Lead } from '../domain/lead.ts';
import {
  type Store,
  createStore,
} from './postgres/store.ts';
import { type A, type B } from './types.ts';
import './side-effect.ts';
export * from './everything.ts';
export type { Kept } from './kept.ts';
const later = await import('./later.ts');
const words = "import { x } from 'nowhere'";
`;
  expect(importsOf('adapters/x.ts', text).map(({ target, typeOnly }) => [target, typeOnly])).toEqual([
    ['node:fs', false],
    ['domain/lead.ts', true],
    ['adapters/postgres/store.ts', false],
    ['adapters/types.ts', true],
    ['adapters/side-effect.ts', false],
    ['adapters/everything.ts', false],
    ['adapters/kept.ts', true],
    ['adapters/later.ts', false],
  ]);
});
