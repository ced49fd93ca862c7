import { expect, it } from 'vitest';
import { createDueQueue } from './due-queue.ts';
import { fraction } from './random.ts';

const drain = (queue: ReturnType<typeof createDueQueue<{ due: number; name: number }>>) => {
  const taken: { due: number; name: number }[] = [];
  for (let item = queue.take(); item; item = queue.take()) taken.push(item);
  return taken;
};

it('gives items by their time, and of one time in the order they came', () => {
  const queue = createDueQueue<{ due: number; name: number }>();
  const items = Array.from({ length: 500 }, (_, name) => ({ due: Math.floor(fraction(name) * 20), name }));
  for (const item of items) queue.add(item);
  expect(queue.first()?.due).toBe(0);
  expect(drain(queue)).toEqual(items.toSorted((a, b) => a.due - b.due || a.name - b.name));
  expect([queue.size(), queue.take(), queue.first()]).toEqual([0, undefined, undefined]);
});
