import { describe, expect, it } from 'vitest';
import { compareBodies } from './body-comparison.ts';

const body = (status: string, more: object = {}) =>
  JSON.stringify({ id: 'evt_1', message: { status, tags: ['a'], ...more } });

describe('Two bodies of one event', () => {
  it('stand side by side, and what differs is marked', () => {
    expect(compareBodies(body('sent'), body('failed', { errorCode: 131049 }))).toEqual([
      { path: 'id', first: 'evt_1', second: 'evt_1', differs: false },
      { path: 'message.status', first: 'sent', second: 'failed', differs: true },
      { path: 'message.tags.0', first: 'a', second: 'a', differs: false },
      { path: 'message.errorCode', first: null, second: '131049', differs: true },
    ]);
  });

  it('are shown alone when there is one, as they are when they are no JSON, and shortened when they are long', () => {
    expect(compareBodies('{"a":{}}', null)).toEqual([{ path: 'a', first: '{}', second: null, differs: false }]);
    expect(compareBodies('<html>', '{}').map(({ first }) => first)).toEqual(['<html>']);
    expect(compareBodies(JSON.stringify({ a: 'x'.repeat(600) }), null)[0]?.first).toHaveLength(501);
  });

  it('have a bounded number of fields and depth', () => {
    const deep = `${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`;
    expect(compareBodies(deep, null)).toHaveLength(1);
    expect(compareBodies(JSON.stringify(Array.from({ length: 1000 }, (_, i) => i)), null)).toHaveLength(200);
  });
});
