import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../dev/stack/locate.ts';

const folder = join(root, 'docs/images');
const tour = readFileSync(join(root, 'docs/tour.md'), 'utf8');
const shown = [...tour.matchAll(/\]\(images\/([^)]+)\)/g)].map(([, file = '']) => file);

describe('the tour', () => {
  it('shows the same stops in both languages, each with words for who cannot see it', () => {
    const of = (locale: string) =>
      shown.filter((file) => file.endsWith(`.${locale}.webp`)).map((file) => file.split('.')[0]);
    expect(of('es')).toEqual(of('en'));
    expect(of('es').length).toBeGreaterThan(8);
    expect(tour).not.toContain('![]');
  });

  it('has every picture, and none that nobody shows', () => {
    expect(readdirSync(folder).sort()).toEqual([...new Set(shown)].sort());
  });

  it('stays under 2 MB', () => {
    const bytes = readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
    expect(bytes).toBeLessThan(2_000_000);
  });
});
