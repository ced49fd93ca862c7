// Ends the programs it was told of when its parent dies, even by SIGKILL: the IPC channel closes. PostgreSQL, Temporal and Valkey watch nobody themselves.
// Files and folders it was told of go with them.
import { rmSync } from 'node:fs';

const KILL_AFTER_MS = 8000;
const watched = new Map();
const paths = new Set();

process.on('message', ({ watch, forget, signal, remove, removed }) => {
  if (watch) watched.set(watch, signal);
  if (forget) watched.delete(forget);
  if (remove) paths.add(remove);
  if (removed) paths.delete(removed);
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
process.once('disconnect', () => {
  for (const [pid, signal] of watched) kill(pid, signal);
  const deadline = Date.now() + KILL_AFTER_MS;
  endWhenAllAreGone();
  setInterval(() => {
    if (Date.now() > deadline) for (const pid of watched.keys()) kill(pid, 'SIGKILL');
    else for (const pid of watched.keys()) kill(pid, 0);
    endWhenAllAreGone();
  }, 100);
});

function kill(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch {
    watched.delete(pid); // gone already
  }
}

function endWhenAllAreGone() {
  if (watched.size > 0) return;
  for (const path of paths) rmSync(path, { recursive: true, force: true });
  process.exit(0);
}
