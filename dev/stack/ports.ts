import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A loopback port nobody listens on. `wanted` (from the environment) wins when given. */
export async function freePort(wanted?: string): Promise<number> {
  if (wanted !== undefined && wanted !== '' && wanted !== '0') return Number(wanted);
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Whether something accepts connections on the loopback port. */
export async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** What is waited for will never come. */
export class Gone extends Error {
  override name = 'Gone';
}

/** Asks again and again until `holds` answers true; a throw counts as no, except `Gone`. */
export async function eventually(what: string, withinMs: number, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + withinMs;
  for (;;) {
    if (await holds().catch(noUnlessGone)) return;
    if (Date.now() > end) throw new Error(`${what} did not answer within ${withinMs / 1000} s`);
    await sleep(50);
  }
}

function noUnlessGone(error: unknown): false {
  if (error instanceof Gone) throw error;
  return false;
}
