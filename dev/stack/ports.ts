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

/** Waits until something accepts connections on the loopback port. */
export async function listening(port: number, what: string, withinMs = 20_000): Promise<void> {
  await eventually(what, withinMs, async () => {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return true;
    } finally {
      socket.destroy();
    }
  });
}

/** Asks again and again until `holds` answers true; a throw counts as no. */
export async function eventually(what: string, withinMs: number, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + withinMs;
  for (;;) {
    if (await holds().catch(() => false)) return;
    if (Date.now() > end) throw new Error(`${what} did not answer within ${withinMs / 1000} s`);
    await sleep(50);
  }
}
