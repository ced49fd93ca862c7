import { createHmac } from 'node:crypto';
import { Agent, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';

/** `t=<unix seconds>,s=<hex>`: HMAC-SHA256 of `t.body` with the whole secret, `whsec_` included; nothing after the body. */
export function signature(secret: string, body: string, seconds: number): string {
  return `t=${seconds},s=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;
}

const agent = new Agent({ keepAlive: true });

/**
 * Posts one signed event and returns the status; 0 when there was no answer. It goes to loopback addresses only, and follows
 * no redirect. (Not `fetch`: under load its streams cost ten times the memory.)
 */
export async function postEvent(
  { url, secret }: { url: string; secret: string },
  body: string,
  signal: AbortSignal,
): Promise<number> {
  if (!isLoopback(url)) return 0;
  // The receiver lives in the machine's time, whatever this simulator's clock was moved to.
  const seconds = Math.floor(Date.now() / 1000);
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'ycloud-signature': signature(secret, body, seconds),
  };
  const isSecure = url.startsWith('https:');
  return new Promise((resolve) => {
    const options = { method: 'POST', headers, signal, ...(isSecure ? {} : { agent }) };
    const request = (isSecure ? secureRequest : plainRequest)(url, options, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
      response.on('error', () => resolve(0)).once('close', () => resolve(0)); // after an end it changes nothing
    });
    request.on('error', () => resolve(0)).end(body);
  });
}

const isLoopback = (url: string): boolean =>
  URL.canParse(url) && /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(new URL(url).hostname);
