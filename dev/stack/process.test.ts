import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it } from 'vitest';
import { eventually } from './ports.ts';
import { startAndWait, startProgram } from './process.ts';

const folder = mkdtempSync(join(tmpdir(), 'hub process '));
const logFile = join(folder, 'program.log');
afterAll(() => rmSync(folder, { recursive: true }));

// A program that watches neither its parent nor its stdin, like PostgreSQL, Temporal and Valkey.
const deaf = (name = 'deaf') => ({
  name,
  command: process.execPath,
  args: ['-e', 'setInterval(() => {}, 1e6)'],
  logFile,
});

interface TinyStack {
  child: ChildProcess;
  /** Of the deaf program inside. */
  pid: number;
  temporary: string;
}

/** A program of its own that starts a deaf one and a temporary folder, and then waits or ends. */
async function tinyStack(after: string): Promise<TinyStack> {
  const temporary = mkdtempSync(join(folder, 'temporary-'));
  const file = join(folder, 'tiny-stack.ts');
  writeFileSync(
    file,
    `import { removedWithUs, startProgram } from ${JSON.stringify(join(import.meta.dirname, 'process.ts'))};
     removedWithUs(${JSON.stringify(temporary)});
     const { pid, stop } = startProgram(${JSON.stringify(deaf())});
     console.log(pid);
     ${after}`,
  );
  const child = spawn(process.execPath, [file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  return { child, pid: Number(line), temporary };
}

describe('a program that we started', () => {
  it.each<NodeJS.Signals>(['SIGKILL', 'SIGTERM'])('ends with us when %s ends us', async (signal) => {
    const { child, pid, temporary } = await tinyStack('setInterval(() => {}, 1e6);');
    expect(isAlive(pid)).toBe(true);
    child.kill(signal);
    await eventually('the end of the program', 5000, async () => !isAlive(pid));
    await eventually('the end of the folder', 5000, async () => !existsSync(temporary));
  });

  it('ends with us when we just end', async () => {
    const { pid, temporary } = await tinyStack('process.exit(3);');
    await eventually('the end of the program', 5000, async () => !isAlive(pid) && !existsSync(temporary));
  });

  it('leaves no guardian behind after an orderly stop', async () => {
    const { child } = await tinyStack(
      "process.stdin.resume().once('end', async () => { await stop(); process.exit(0); });",
    );
    const guardian = guardianOf(child.pid);
    expect(isAlive(guardian)).toBe(true);
    child.stdin?.end();
    await eventually('the end of the guardian', 3000, async () => !isAlive(guardian));
  });

  it('stops when told, and says that it did', async () => {
    const program = startProgram(deaf());
    expect(program.isRunning()).toBe(true);
    await program.stop();
    expect(program.isRunning()).toBe(false);
    expect(isAlive(program.pid)).toBe(false);
  });

  it('tells its last words when it ends before it is ready', async () => {
    const options = { ...deaf('server'), args: ['-e', 'console.error("PORT is malformed"); process.exit(1)'] };
    await expect(startAndWait(options, async () => false)).rejects.toThrow(
      'server ended before it was ready: PORT is malformed',
    );
  });

  it('is stopped when it is not ready in time', async () => {
    const late = startAndWait(deaf('server'), async () => false, 300);
    await expect(late).rejects.toThrow('server did not answer within 0.3 s');
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function guardianOf(parent: number | undefined): number {
  const { stdout } = spawnSync('ps', ['-eo', 'pid,ppid,args'], { encoding: 'utf8' });
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/));
  const row = rows.find(([, ppid, ...args]) => ppid === String(parent) && args.join(' ').includes('guardian.mjs'));
  return Number(row?.[0]);
}
