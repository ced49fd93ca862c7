import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';

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
  stop(): Promise<void>;
}

let guardian: ChildProcess | undefined;

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
  keepLog(child, options);
  guard(pid, stopSignal);
  void exited.then(() => guardian?.connected && guardian.send({ forget: pid }));
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  return {
    name,
    pid,
    exited,
    isRunning,
    async stop() {
      if (!isRunning()) return;
      child.kill(stopSignal);
      const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await exited;
      clearTimeout(late);
    },
  };
}

function guard(pid: number, signal: NodeJS.Signals): void {
  if (guardian === undefined || !guardian.connected) {
    guardian = fork(new URL('./guardian.mjs', import.meta.url), { detached: true, stdio: 'ignore' });
    guardian.unref();
    guardian.channel?.unref();
  }
  guardian.send({ watch: pid, signal });
}

function keepLog(child: ChildProcess, { name, logFile, verbose, onLine }: ProgramOptions): void {
  mkdirSync(dirname(logFile), { recursive: true });
  const file = createWriteStream(logFile, { flags: 'a' });
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      file.write(`${line}\n`);
      if (verbose) process.stdout.write(`${name} | ${line}\n`);
      onLine?.(line);
    });
  }
  child.once('close', () => file.end());
}
