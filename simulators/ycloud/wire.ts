import { createHmac } from 'node:crypto';

/** `t=<unix seconds>,s=<hex>`: HMAC-SHA256 of `t.body` with the whole secret, `whsec_` included; nothing after the body. */
export function signature(secret: string, body: string, seconds: number): string {
  return `t=${seconds},s=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;
}

/** Posts one signed event and returns the status; 0 when there was no answer. It goes to loopback addresses only. */
export async function postEvent(
  { url, secret }: { url: string; secret: string },
  body: string,
  signal: AbortSignal,
): Promise<number> {
  if (!isLoopback(url)) return 0;
  // The receiver lives in the machine's time, whatever this simulator's clock was moved to.
  const seconds = Math.floor(Date.now() / 1000);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'ycloud-signature': signature(secret, body, seconds) },
      body,
      redirect: 'manual', // a redirect is no success, and could lead away from this machine
      signal,
    });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}

const isLoopback = (url: string): boolean =>
  URL.canParse(url) && /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(new URL(url).hostname);
