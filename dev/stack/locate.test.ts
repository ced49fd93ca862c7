import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { locate, onPath } from './locate.ts';
import { postgresBinaries } from './postgres-home.ts';

const folder = mkdtempSync(join(realpathSync(tmpdir()), 'hub locate '));
afterAll(() => rmSync(folder, { recursive: true }));

function aBinary(place: string, name: string, says = 'hello'): string {
  mkdirSync(join(folder, place), { recursive: true });
  const path = join(folder, place, name);
  writeFileSync(path, `#!/bin/sh\necho '${says}'\n`);
  chmodSync(path, 0o755);
  return path;
}

describe('where a server program comes from', () => {
  it('takes the one on PATH before the pinned package', () => {
    const mine = aBinary('path', 'temporal');
    const pinned = aBinary('pinned', 'temporal');
    expect(locate('temporal', [pinned], join(folder, 'path'))).toBe(mine);
    expect(locate('temporal', [pinned], join(folder, 'nowhere'))).toBe(pinned);
  });

  it('passes over folders, files that do not run, and relative folders of PATH', () => {
    mkdirSync(join(folder, 'a/valkey-server'), { recursive: true });
    mkdirSync(join(folder, 'b'), { recursive: true });
    writeFileSync(join(folder, 'b/valkey-server'), '', { mode: 0o644 });
    expect(onPath('valkey-server', [join(folder, 'a'), join(folder, 'b'), '.', ''].join(delimiter))).toEqual([]);
  });

  it('says how to get what is nowhere', () => {
    expect(() => locate('temporal', [], '')).toThrow('`npm run demo` installs it');
  });

  it('takes PostgreSQL from PATH only when it is new enough and has initdb beside it', async () => {
    aBinary('pg14', 'postgres', 'postgres (PostgreSQL) 14.9');
    aBinary('pg14', 'initdb');
    aBinary('lonely', 'postgres', 'postgres (PostgreSQL) 17.2');
    const packaged = await postgresBinaries('');
    const old = [join(folder, 'pg14'), join(folder, 'lonely')].join(delimiter);
    expect(await postgresBinaries(old)).toEqual(packaged);

    const postgres = aBinary('pg16', 'postgres', 'postgres (PostgreSQL) 16.4 (Debian 16.4-1)');
    const initdb = aBinary('pg16', 'initdb');
    expect(await postgresBinaries([old, join(folder, 'pg16')].join(delimiter))).toEqual({ postgres, initdb });
  });
});
