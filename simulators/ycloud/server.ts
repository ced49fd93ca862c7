import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { control } from './control.ts';
import { Refusal, refusalOf, refusalOfCode } from './errors.ts';
import type { Fault, ReplyKind } from './faults.ts';
import { jsonObject, readBody, sendHalf, sendHtml, sendJson, sendRefusal } from './http.ts';
import { answer, isSend } from './routes.ts';
import { createSimulator, type Simulator, type YCloudOptions } from './simulator.ts';

export type { YCloudOptions } from './simulator.ts';
export type YCloudSimulator = Awaited<ReturnType<typeof startYCloudSimulator>>;

/** YCloud's v2 API and its webhooks on a loopback port. Throws what `listen` throws, such as a port in use. */
export async function startYCloudSimulator(options: YCloudOptions) {
  const simulator = createSimulator(options);
  const server = createServer((req, res) => {
    handle(simulator, req, res).catch(() => res.destroy()); // the caller has gone: nobody to tell
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    ...simulator,
    async close() {
      simulator.stop();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function handle(simulator: Simulator, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const method = req.method ?? 'GET';
  const [pathname = '/', search = ''] = (req.url ?? '/').split(/\?(.*)/s);
  if (pathname.startsWith('/_control/')) return control(simulator, method, pathname, await readBody(req), res);
  const requestId = `req_${randomBytes(9).toString('base64url')}`;
  res.setHeader('YCloud-Request-ID', requestId);
  const fault = simulator.faults.forReply(method, pathname);
  const outcome = await serve(simulator, { method, pathname, search, req, res, fault });
  const isCut = fault?.kind === 'cut_before' || fault?.kind === 'cut_after_accept';
  const status = isCut ? 0 : outcome.refusal ? outcome.refusal.status : 200;
  simulator.ledger.call({ method, path: pathname, status });
  if (isCut) return void res.destroy();
  // The call is done by then: a slow answer to an impatient caller is an accepted message.
  if (fault?.kind === 'slow') await sleep(Number(fault.value ?? 1000));
  if (fault?.kind === 'html') return sendHtml(res, status);
  if (outcome.refusal) return sendRefusal(res, outcome.refusal, requestId);
  if (fault?.kind === 'truncate') return sendHalf(res, outcome.reply);
  sendJson(res, 200, outcome.reply);
}

interface Request {
  method: string;
  pathname: string;
  search: string;
  req: IncomingMessage;
  res: ServerResponse;
  fault: Fault<ReplyKind> | undefined;
}

/** Does what is asked, unless a fault comes before it or hides what came of it. */
async function serve(simulator: Simulator, request: Request): Promise<{ reply?: unknown; refusal?: Refusal }> {
  const { fault, req } = request;
  try {
    const body = await readBody(req);
    const before = fault && refusalBefore(fault);
    if (before) return { refusal: before };
    const reply = await perform(simulator, request, body);
    return fault?.kind === 'status_after_accept' ? { refusal: refusalOf(Number(fault.value ?? 500)) } : { reply };
  } catch (error) {
    if (req.destroyed && !req.complete) throw error;
    return { refusal: error instanceof Refusal ? error : refusalOf(500) };
  }
}

/** Faults in whose stead nothing happens at all. */
function refusalBefore({ kind, value }: Fault<ReplyKind>): Refusal | undefined {
  if (kind === 'status' || kind === 'cut_before') return refusalOf(Number(value ?? 500));
  if (kind === 'html') return refusalOf(Number(value ?? 502));
  return kind === 'code' ? refusalOfCode(String(value ?? '131000')) : undefined;
}

function perform(simulator: Simulator, { method, pathname, search, req, res, fault }: Request, body: Buffer): unknown {
  const account = simulator.accounts.ofKey(req.headers['x-api-key']);
  if (!account) throw new Refusal(401, 'UNAUTHORIZED', 'INVALID_API_KEY');
  if (!isSend(method, pathname))
    for (const [name, value] of Object.entries(simulator.limits.manage(account.id))) res.setHeader(name, value);
  const query = new URLSearchParams(search);
  const isCut = fault?.kind === 'cut_after_accept';
  return answer(simulator, { method, pathname, query, body: jsonObject(body), account, isCut });
}
