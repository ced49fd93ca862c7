import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { control } from './control.ts';
import { GraphError } from './errors.ts';
import type { Fault } from './faults.ts';
import { answer } from './graph.ts';
import { parseCall, type Reply, readBody } from './http.ts';
import { media } from './media.ts';
import { dialog } from './oauth-dialog.ts';
import { openSavedConnections } from './saved-connections.ts';
import { createSimulator, type Simulator, type SimulatorOptions } from './simulator.ts';
import { metaJson } from './wire.ts';

/** A listening simulator. `world` is what the seed made; `sim` is all its state, for tests in the same process. */
export interface MetaSimulator {
  readonly url: string;
  readonly sim: Simulator;
  readonly world: Simulator['world'];
  close(): Promise<void>;
}

/** Starts the simulator on 127.0.0.1; port 0, the default, takes any free one. Rejects when the port is taken. */
export async function startMetaSimulator(options: SimulatorOptions): Promise<MetaSimulator> {
  const sim = createSimulator(options);
  const connections = openSavedConnections(sim, options.stateFile);
  const server = createServer({ maxHeaderSize: 65_536, keepAliveTimeout: 65_000 }, (request, response) => {
    void serve(sim, request, response).finally(connections.save);
  });
  await listen(server, options.port ?? 0);
  sim.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: sim.url,
    sim,
    world: sim.world,
    close: async () => {
      sim.webhooks.clear();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** One request: control and pictures apart, then faults, the call, and the ledger. */
async function serve(sim: Simulator, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://simulator');
  const method = request.method ?? 'GET';
  try {
    const body = await readBody(request);
    if (url.pathname.startsWith('/_control/')) {
      send(response, await control(sim, method, url, body));
      return;
    }
    const fault = sim.faults.take(method, url.pathname);
    if (fault?.kind === 'slow') {
      await pause(fault.value ?? 1000);
    }
    const status = await respond(sim, request, response, url, body, fault);
    sim.ledger.call({ method, path: url.pathname, status });
  } catch (error) {
    const reply = failure(error);
    sim.ledger.call({ method, path: url.pathname, status: reply.status });
    if (!response.headersSent && !response.destroyed) {
      send(response, reply);
    }
  }
}

/** Answers, or misbehaves as the fault says. Gives the status for the ledger: 0 for a cut connection. */
async function respond(
  sim: Simulator,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  body: Buffer,
  fault: Fault | undefined,
): Promise<number> {
  if (fault?.kind === 'cut_before') {
    request.socket.destroy();
    return 0;
  }
  if (fault?.kind === 'html') {
    const status = fault.value ?? 502;
    send(response, {
      status,
      headers: { 'Content-Type': 'text/html; charset=utf-8' },
      text: `<html><head><title>Error ${status}</title></head><body><h1>Sorry, something went wrong.</h1></body></html>`,
    });
    return status;
  }
  const reply = await route(sim, request, url, body, fault);
  if (fault?.kind === 'cut_after_accept') {
    request.socket.destroy();
    return 0;
  }
  if (fault?.kind === 'truncate') {
    truncate(response, reply);
    return 0;
  }
  send(response, reply);
  return reply.status;
}

async function route(
  sim: Simulator,
  request: IncomingMessage,
  url: URL,
  body: Buffer,
  fault: Fault | undefined,
): Promise<Reply> {
  if (url.pathname.startsWith('/media/')) {
    return media(sim, url);
  }
  const call = await parseCall(request, body, fault);
  if (call.path === 'dialog/oauth') {
    return dialog(sim, call, new URLSearchParams(body.toString('utf8')).getAll('granted'));
  }
  return answer(sim, call);
}

function send(response: ServerResponse, reply: Reply): void {
  const text = reply.text ?? metaJson(reply.json);
  response.writeHead(reply.status, { ...reply.headers, 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}

/** Announces the whole body, sends half of it, and breaks off. */
function truncate(response: ServerResponse, reply: Reply): void {
  const whole = reply.text ?? metaJson(reply.json);
  const text = typeof whole === 'string' ? Buffer.from(whole) : whole;
  response.writeHead(reply.status, { ...reply.headers, 'Content-Length': text.length });
  response.write(text.subarray(0, Math.floor(text.length / 2)), () => response.destroy());
}

/** A mistake of the simulator itself shows its message, so that it is not taken for Meta's behaviour. */
function failure(error: unknown): Reply {
  const headers = { 'Content-Type': 'application/json; charset=UTF-8' };
  if (error instanceof GraphError) {
    return { status: error.status, headers, json: error.body('Asimulator') };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { status: 500, headers, json: { simulator_error: message } };
}
