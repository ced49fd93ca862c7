// Ends the programs it was told of when its parent dies, even by SIGKILL: the IPC channel closes. PostgreSQL, Temporal and Valkey watch nobody themselves.
const watched = new Map();

process.on('message', ({ watch, forget, signal }) => {
  if (watch) watched.set(watch, signal);
  if (forget) watched.delete(forget);
});
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.once('disconnect', () => {
  for (const [pid, signal] of watched) kill(pid, signal);
  setTimeout(() => {
    for (const pid of watched.keys()) kill(pid, 'SIGKILL');
    process.exit(0);
  }, 8000);
});

function kill(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch {
    watched.delete(pid); // gone already
  }
  if (watched.size === 0) process.exit(0);
}
