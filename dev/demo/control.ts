import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { root } from '../stack/locate.ts';

interface ControlFile {
  port: number;
  token: string;
}

const defaultFile = join(root, '.data/control.json');

/**
 * The door through which `npm run demo:restart` reaches a running demo: loopback, and a token that only who may read `.data` knows. It also marks the
 * clone as taken: throws when a demo runs here already.
 */
export async function openControl(
  restart: (name: string) => Promise<number | null>,
  file = defaultFile,
): Promise<{ close(): void }> {
  if (await isOpen(file)) throw new Error('a demo runs in this clone already; a second one needs a clone of its own');
  const token = randomBytes(24).toString('base64url');
  const server = createServer((req, res) => {
    if (!isAuthorised(req, token)) return void res.writeHead(403).end();
    if (req.method === 'GET') return void res.end('a demo runs here');
    restart((req.url ?? '').slice(1)).then(
      (pid) => res.end(JSON.stringify({ pid })),
      (error) => res.writeHead(400).end(JSON.stringify({ error: String(error.message ?? error) })),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  rmSync(file, { force: true });
  writeFileSync(file, JSON.stringify({ port, token }), { mode: 0o600, flag: 'wx' });
  return {
    close() {
      rmSync(file, { force: true });
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Has the running demo start a program again. Throws one sentence when no demo runs here, or when it cannot. */
export async function askToRestart(name: string, file = defaultFile): Promise<number | null> {
  const reply = await ask('POST', name, file).catch(() => undefined);
  if (reply === undefined) throw new Error('no demo runs in this clone');
  const { pid, error } = (await reply.json()) as { pid: number | null; error?: string };
  if (error !== undefined) throw new Error(error);
  return pid;
}

const isOpen = (file: string): Promise<boolean> =>
  ask('GET', '', file).then(
    (reply) => reply.ok,
    () => false,
  );

async function ask(method: string, name: string, file: string): Promise<Response> {
  const { port, token } = JSON.parse(readFileSync(file, 'utf8')) as ControlFile;
  return fetch(`http://127.0.0.1:${port}/${name}`, { method, headers: { authorization: `Bearer ${token}` } });
}

function isAuthorised(req: IncomingMessage, token: string): boolean {
  const given = Buffer.from(req.headers.authorization ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
