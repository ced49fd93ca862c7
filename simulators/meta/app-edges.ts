import { randomInt } from 'node:crypto';
import type { Context } from './context.ts';
import { badParameter, GraphError } from './errors.ts';
import { isObject, parseJson } from './http.ts';
import { pageOf } from './paging.ts';

/** `POST /{app}/subscriptions`: makes the handshake with the callback first; its refusal is error 2200. */
export async function subscribeApp({ sim, call, caller }: Context): Promise<{ success: true }> {
  requireAppToken(caller.info.kind);
  const { object, callback_url: callbackUrl, fields = '', verify_token: verifyToken = '' } = call.params;
  if (object !== 'page') {
    throw badParameter('Param object must be one of {page}');
  }
  if (callbackUrl === undefined || !URL.canParse(callbackUrl)) {
    throw badParameter('Param callback_url must be a valid URL');
  }
  await handshake(callbackUrl, verifyToken);
  sim.app.callbackUrl = callbackUrl;
  sim.app.verifyToken = verifyToken;
  sim.app.fields = fields
    .replace(/[[\]"\s]/g, '')
    .split(',')
    .filter((field) => field !== '');
  return { success: true };
}

/** Asks the callback for its challenge. Throws 2200 unless it comes back unchanged. */
export async function handshake(callbackUrl: string, verifyToken: string): Promise<void> {
  const challenge = String(randomInt(1_000_000_000, 2_000_000_000));
  const url = new URL(callbackUrl);
  url.searchParams.set('hub.mode', 'subscribe');
  url.searchParams.set('hub.challenge', challenge);
  url.searchParams.set('hub.verify_token', verifyToken);
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000), redirect: 'manual' }).then(
    async (response) => ({ status: response.status, text: await response.text() }),
    () => ({ status: 0, text: '' }),
  );
  if (answer.status !== 200 || answer.text !== challenge) {
    throw new GraphError(
      2200,
      `(#2200) Callback verification failed with the following errors: HTTP Status Code = ${answer.status}; Verification: ${answer.text === challenge ? 'matched' : 'the challenge did not match'}`,
    );
  }
}

/** `GET /{app}/subscriptions`. */
export function appSubscriptions({ sim, call, caller }: Context): unknown {
  requireAppToken(caller.info.kind);
  const { callbackUrl, fields } = sim.app;
  if (callbackUrl === undefined) {
    return pageOf(call, sim.url, []);
  }
  const row = {
    object: 'page',
    callback_url: callbackUrl,
    active: true,
    fields: fields.map((name) => ({ name, version: 'v26.0' })),
  };
  return { data: [row] };
}

/** `DELETE /{app}/subscriptions`. */
export function unsubscribeApp({ sim, caller }: Context): { success: true } {
  requireAppToken(caller.info.kind);
  sim.app.callbackUrl = undefined;
  sim.app.fields = [];
  return { success: true };
}

function requireAppToken(kind: string): void {
  if (kind !== 'APP') {
    throw new GraphError(15, '(#15) This method must be called with an app access_token.');
  }
}

const MAXIMUM_AGE_SECONDS = 7 * 86_400;

/** `POST /{dataset}/events`: one event older than seven days fails the whole request; at most 1000 events. */
export function receiveEvents({ sim, call }: Context): Record<string, unknown> {
  const events = parseJson(call.params['data'] ?? '');
  if (!Array.isArray(events) || events.length === 0 || events.length > 1000) {
    throw badParameter('Param data must be an array of 1 to 1000 events');
  }
  events.forEach((event: unknown, index) => {
    checkEvent(isObject(event) ? event : {}, index, sim.clock.seconds());
  });
  return { events_received: events.length, messages: [] };
}

function checkEvent(event: Record<string, unknown>, index: number, now: number): void {
  const time = Number(event['event_time']);
  const invalid = (userTitle: string, userMessage: string) =>
    new GraphError(100, 'Invalid parameter', { subcode: 2_804_003, transient: false, userTitle, userMessage });
  if (typeof event['event_name'] !== 'string' || !isObject(event['user_data'])) {
    throw invalid('Missing parameter', `data[${index}] needs event_name and user_data.`);
  }
  if (!Number.isFinite(time) || time > now + 60) {
    throw invalid('Invalid event time', `data[${index}].event_time is not a time in the past.`);
  }
  if (time < now - MAXIMUM_AGE_SECONDS) {
    throw invalid('Event timestamp too old', `data[${index}].event_time is older than 7 days.`);
  }
}
