// The first program of every command: installs what is missing, then hands over to `dev/<command>.ts` on the Node of node_modules.
// It runs in a fresh clone on Node 20, so: plain JavaScript, `node:` imports only.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installMissing } from './install.mjs';

const STOP_WITHIN_MS = 20_000;
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [command = 'demo', ...args] = process.argv.slice(2);
let running; // the child whose turn it is
let stopping = false;

// Ctrl-C reaches the child too, through the terminal's group; one more signal does it no harm.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(signal));
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) stop('SIGTERM'); // npm was killed
}, 500).unref();

try {
  const program = join(root, 'dev', `${command}.ts`);
  if (!existsSync(program)) throw new Error(`there is no command "${command}"`);
  await installMissing(root, run);
  const node = join(root, 'node_modules', '.bin', 'node');
  process.exit(await run(node, [program, ...args], { ...process.env, STOP_ON_STDIN_END: 'true' }));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}

/** Runs a program in the clone and resolves with its exit code. Its stdin stays open as long as we live: that is how it learns of our death. */
function run(program, programArgs, env = process.env) {
  return new Promise((resolve, reject) => {
    running = spawn(program, programArgs, { cwd: root, env, stdio: ['pipe', 'inherit', 'inherit'] });
    running.stdin.on('error', () => {});
    running.once('error', ({ code }) => reject(new Error(`${program} does not run (${code}); is it installed?`)));
    running.once('exit', (code, signal) => {
      const status = code ?? 128 + constants.signals[signal];
      if (stopping) process.exit(status);
      resolve(status);
    });
  });
}

function stop(signal) {
  stopping = true;
  if (running === undefined || running.exitCode !== null || running.signalCode !== null)
    process.exit(128 + constants.signals[signal]);
  running.kill(signal);
  setTimeout(() => running.kill('SIGKILL'), STOP_WITHIN_MS).unref();
}
