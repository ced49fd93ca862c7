import { badParameter, GraphError } from './errors.ts';
import { type GraphCall, graphCall, isObject, parseJson, type Reply } from './http.ts';
import type { Simulator } from './simulator.ts';
import { metaJson } from './wire.ts';

const MAXIMUM_ITEMS = 50;

interface Item {
  readonly method: string;
  readonly relativeUrl: string;
  readonly body: string;
  readonly name: string | undefined;
  readonly dependsOn: string | undefined;
  readonly omitOnSuccess: boolean;
}

type Row = { code: number; headers?: { name: string; value: string }[]; body: string } | null;

/**
 * `POST /` with `batch`: items run in order, each with its own code; the outer status is 200.
 * `null` stands for an item that timed out, one whose dependency failed, and one that was asked to be silent on success.
 * More than 50 items are refused as a whole.
 */
export async function runBatch(
  sim: Simulator,
  call: GraphCall,
  answer: (item: GraphCall) => Promise<Reply>,
): Promise<Row[]> {
  const items = parseItems(call.params['batch']);
  const withHeaders = call.params['include_headers'] !== 'false';
  const results = new Map<string, { readonly text: string; readonly ok: boolean }>();
  const rows: Row[] = [];
  for (const [position, item] of items.entries()) {
    const needed = [item.dependsOn, ...references(item)].filter((name) => name !== undefined);
    // The fault leaves every second item unfinished, so a batch mixes results and nulls.
    const lost = call.fault?.kind === 'batch_null' && position % 2 === 1;
    if (lost || needed.some((name) => results.get(name)?.ok === false)) {
      rows.push(null);
      continue;
    }
    const reply = await answer(itemCall(sim, call, item, results));
    const text = metaJson(reply.json);
    const ok = reply.status === 200;
    if (item.name !== undefined) {
      results.set(item.name, { text, ok });
    }
    rows.push(ok && item.omitOnSuccess ? null : rowOf(reply, text, withHeaders));
  }
  return rows;
}

function parseItems(text: string | undefined): Item[] {
  const value = parseJson(text ?? '');
  if (!Array.isArray(value)) {
    throw badParameter('Param batch must be an array.');
  }
  if (value.length > MAXIMUM_ITEMS) {
    throw new GraphError(0, `Too many requests in batch message. Maximum batch size is ${MAXIMUM_ITEMS}`, {
      type: 'GraphBatchException',
    });
  }
  return value.map((entry: unknown) => {
    const item = isObject(entry) ? entry : {};
    const optional = (name: string) => (typeof item[name] === 'string' ? item[name] : undefined);
    const name = optional('name');
    return {
      method: optional('method') ?? 'GET',
      relativeUrl: optional('relative_url') ?? '',
      body: optional('body') ?? '',
      name,
      dependsOn: optional('depends_on'),
      omitOnSuccess:
        item['omit_response_on_success'] === true ||
        (item['omit_response_on_success'] === undefined && name !== undefined && isReferenced(value, name)),
    };
  });
}

/** An item that others refer to is silent on success unless it says otherwise, as Graph documents. */
function isReferenced(items: readonly unknown[], name: string): boolean {
  return items.some(
    (item) => isObject(item) && `${item['relative_url'] ?? ''}${item['body'] ?? ''}`.includes(`{result=${name}:`),
  );
}

function itemCall(
  sim: Simulator,
  outer: GraphCall,
  item: Item,
  results: ReadonlyMap<string, { readonly text: string }>,
): GraphCall {
  const url = new URL(fill(item.relativeUrl, results).replace(/^\/*/, '/'), 'http://simulator');
  const body = Object.fromEntries(new URLSearchParams(fill(item.body, results)));
  const proof = outer.params['appsecret_proof'];
  const own = { ...Object.fromEntries(url.searchParams), ...body };
  const token = own['access_token'] ?? outer.token;
  const params = own['access_token'] === undefined && proof !== undefined ? { ...own, appsecret_proof: proof } : own;
  const bare = url.pathname.replace(/^\/v\d+\.\d+/, '');
  const path = `/${outer.version === '' ? 'v26.0' : outer.version}${bare}`;
  const fault = sim.faults.take(item.method, path, true);
  return graphCall(item.method, path, params, token, fault);
}

/** Names that stand in `{result=name:…}`. */
function references({ relativeUrl, body }: Item): string[] {
  return [...`${relativeUrl} ${body}`.matchAll(/\{result=([^:}]+):/g)].map((match) => match[1] ?? '');
}

/** Replaces `{result=name:$.data.*.id}` by what that path finds in the earlier result, several values with commas. */
function fill(text: string, results: ReadonlyMap<string, { readonly text: string }>): string {
  return text.replace(/\{result=([^:}]+):\$\.?([^}]*)\}/g, (_whole, name: string, path: string) => {
    const value = parseJson(results.get(name)?.text ?? 'null');
    return atPath(
      value,
      path.split(/[.[\]]+/).filter((step) => step !== ''),
    )
      .map(String)
      .join(',');
  });
}

function atPath(value: unknown, path: readonly string[]): unknown[] {
  const [step, ...rest] = path;
  if (step === undefined) {
    return value === undefined || value === null ? [] : [value];
  }
  if (step === '*') {
    return Array.isArray(value) ? value.flatMap((entry) => atPath(entry, rest)) : [];
  }
  if (Array.isArray(value)) {
    return atPath(value[Number(step)], rest);
  }
  return isObject(value) ? atPath(value[step], rest) : [];
}

function rowOf(reply: Reply, text: string, withHeaders: boolean): Row {
  const headers = Object.entries(reply.headers).map(([name, value]) => ({ name, value }));
  return withHeaders ? { code: reply.status, headers, body: text } : { code: reply.status, body: text };
}
