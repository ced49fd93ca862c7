import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, Gone } from './ports.ts';

export interface ProgramOptions {
  name: string;
  command: string;
  args: readonly string[];
  env?: Readonly<Record<string, string | undefined>>;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** What it prints goes here; created with its folder. */
  logFile: string;
  /** Also print each line, with the program's name in front. */
  verbose?: boolean;
  stopSignal?: NodeJS.Signals;
  onLine?: (line: string) => void;
}

/** A running child. It ends with us whatever happens to us (see guardian.mjs). */
export interface Program {
  name: string;
  pid: number;
  /** Resolves when the process is gone, however it went. */
  exited: Promise<void>;
  isRunning(): boolean;
  /** The last line it printed before it ended. */
  lastWords(): Promise<string>;
  stop(): Promise<void>;
}

const KILL_AFTER_MS = 15_000;
let guardian: ChildProcess | undefined;

/** Starts a program and waits until `isReady` holds. Throws, with the program's last line, when it ends before or is late; it is stopped then. */
export async function startAndWait(
  options: ProgramOptions,
  isReady: () => Promise<boolean>,
  withinMs = 20_000,
): Promise<Program> {
  const program = startProgram(options);
  try {
    await untilReady(program, isReady, withinMs);
    return program;
  } catch (error) {
    await program.stop();
    throw error;
  }
}

/** Throws, with the program's last line, when it ends before it is ready, and when it is late; then it goes on running. */
export function untilReady(program: Program, isReady: () => Promise<boolean>, withinMs: number): Promise<void> {
  return eventually(program.name, withinMs, async () => {
    if (await isReady().catch(() => false)) return true;
    if (program.isRunning()) return false;
    throw new Gone(`${program.name} ended before it was ready: ${await program.lastWords()}`);
  });
}

export function startProgram(options: ProgramOptions): Program {
  const { name, command, args, env, cwd, uid, gid, stopSignal = 'SIGTERM' } = options;
  const child = spawn(command, args, {
    env: env ?? process.env,
    ...(cwd === undefined ? {} : { cwd }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    // Ctrl-C reaches the whole group of the terminal: in a group of their own, children stop when we say, in order.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => {}); // a program that closes its stdin is none of our business
  const exited = once(child, 'exit').then(
    () => {},
    () => {},
  );
  const { pid } = child;
  if (pid === undefined) throw new Error(`${name} did not start: ${command}`);
  const lastLine = keepLog(child, options);
  const closed = once(child, 'close').catch(() => {});
  guard(pid, stopSignal);
  void exited.then(() => guardian?.connected && guardian.send({ forget: pid }));
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  return {
    name,
    pid,
    exited,
    isRunning,
    async lastWords() {
      await Promise.race([closed, sleep(500)]); // its own children may keep the pipes open
      return lastLine();
    },
    async stop() {
      if (!isRunning()) return;
      child.kill(stopSignal);
      const late = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
      await exited;
      clearTimeout(late);
    },
  };
}

/** A running child that writes straight to our own output. */
export interface Foreground {
  /** Its exit code; 128 + n when a signal ended it. */
  exited: Promise<number>;
  stop(): Promise<void>;
}

export function startForeground(command: string, args: readonly string[], env = process.env): Foreground {
  const child = spawn(command, args, { env, stdio: ['pipe', 'inherit', 'inherit'] });
  child.stdin.on('error', () => {});
  const { pid } = child;
  if (pid !== undefined) guard(pid, 'SIGTERM');
  const exited = once(child, 'exit').then(([code, signal]) => {
    if (guardian?.connected) guardian.send({ forget: pid });
    return (code as number | null) ?? 128 + constants.signals[signal as NodeJS.Signals];
  });
  return {
    exited,
    async stop() {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
      await exited;
      clearTimeout(late);
    },
  };
}

/** The file or folder goes when we do, however we end. Returns what removes it now. */
export function removedWithUs(path: string): () => void {
  theGuardian().send({ remove: path });
  return () => {
    rmSync(path, { recursive: true, force: true });
    if (guardian?.connected) guardian.send({ removed: path });
  };
}

function guard(pid: number, signal: NodeJS.Signals): void {
  theGuardian().send({ watch: pid, signal });
}

function theGuardian(): ChildProcess {
  if (guardian?.connected) return guardian;
  guardian = fork(new URL('./guardian.mjs', import.meta.url), { detached: true, stdio: 'ignore', execArgv: [] });
  guardian.unref();
  guardian.channel?.unref();
  return guardian;
}

function keepLog(child: ChildProcess, { name, logFile, verbose, onLine }: ProgramOptions): () => string {
  let last = '';
  mkdirSync(dirname(logFile), { recursive: true });
  const file = createWriteStream(logFile, { flags: 'a' });
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      last = line;
      file.write(`${line}\n`);
      if (verbose) process.stderr.write(`${name} | ${line}\n`);
      onLine?.(line);
    });
  }
  child.once('close', () => file.end());
  return () => last;
}
