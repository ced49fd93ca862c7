import { expect, it, vi } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { benchFigures } from './figures.ts';

it('The bench of the figures makes its tenant and measures it', async () => {
  const db = await testDatabase();
  const lines: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((line) => lines.push(String(line)) > 0);
  await benchFigures(db.ownerUrl, db.appUrl, { campaigns: 5, days: 70, leads: 40, rounds: 2 });
  write.mockRestore();
  const measured = lines
    .filter((line) => line.startsWith('{"name"'))
    .map((line) => JSON.parse(line) as { name: string; ratio?: number });
  expect(measured.map(({ name }) => name)).toEqual([
    'stats of 30 days, uncached',
    'stats of 30 days, uncached, p95',
    'stats of 30 days, cached, p95',
  ]);
  expect(measured[0]?.ratio).toBeGreaterThan(0); // that it is measured; how much is for the bench to say
});
