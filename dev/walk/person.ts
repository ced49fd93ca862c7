import { setTimeout as sleep } from 'node:timers/promises';

/** A page as it arrived, after redirects. */
export interface Page {
  url: URL;
  status: number;
  text: string;
}

type Values = Readonly<Record<string, string | readonly string[]>>;

/** A person whose browser runs no JavaScript: keeps cookies, follows links and redirects, fills in forms. */
export class Person {
  readonly #cookies = new Map<string, Map<string, string>>();
  readonly #home: URL;

  constructor(home: string) {
    this.#home = new URL(home);
  }

  visit(address: string | URL): Promise<Page> {
    return this.#go(new URL(address, this.#home), { method: 'GET' });
  }

  /**
   * Fills in the form of `page` whose opening tag or action holds `mark`, and sends it.
   * @throws {Error} naming the page when there is no such form.
   */
  submit(page: Page, mark: string, values: Values = {}): Promise<Page> {
    const { action, method, fields } = formOf(page, mark);
    for (const [name, value] of Object.entries(values)) {
      fields.delete(name);
      for (const each of [value].flat()) fields.append(name, each);
    }
    if (method === 'get') return this.#go(new URL(`${action.pathname}?${fields}`, action), { method: 'GET' });
    return this.#go(action, { method: 'POST', body: fields });
  }

  /** Reloads `address` until `holds`, at most for `withinMs`. */
  async waitFor(address: string | URL, holds: (page: Page) => boolean, withinMs = 60_000): Promise<Page> {
    const end = Date.now() + withinMs;
    for (;;) {
      const page = await this.visit(address);
      if (holds(page)) return page;
      if (Date.now() > end)
        throw new Error(`${page.url.pathname} did not get there within ${withinMs / 1000} s (HTTP ${page.status})`);
      await sleep(250);
    }
  }

  async json<T>(
    address: string,
    init: { method?: string; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<T> {
    const { method = 'GET', body, headers } = init;
    const response = await fetch(new URL(address, this.#home), {
      method,
      headers: { accept: 'application/json', 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${address}: HTTP ${response.status}`);
    return (await response.json()) as T;
  }

  async #go(url: URL, init: { method: string; body?: URLSearchParams }, hops = 0): Promise<Page> {
    if (hops > 10) throw new Error(`too many redirects at ${url.pathname}`);
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        cookie: this.#cookieHeader(url),
        ...(init.method === 'POST' ? { origin: url.origin } : {}),
      },
    });
    this.#keepCookies(url, response.headers.getSetCookie());
    const location = response.headers.get('location');
    if (response.status >= 300 && response.status < 400 && location)
      return this.#go(new URL(location, url), { method: 'GET' }, hops + 1);
    return { url, status: response.status, text: await response.text() };
  }

  #cookieHeader(url: URL): string {
    return [...(this.#cookies.get(url.host) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  #keepCookies(url: URL, lines: readonly string[]): void {
    const jar = this.#cookies.get(url.host) ?? new Map<string, string>();
    this.#cookies.set(url.host, jar);
    for (const line of lines) {
      const [, name, value, attributes] = /^([^=]+)=([^;]*)(.*)$/.exec(line) ?? [];
      if (name === undefined || value === undefined) continue;
      if (/max-age=0|expires=thu, 01 jan 1970/i.test(attributes ?? '')) jar.delete(name);
      else jar.set(name, value);
    }
  }
}

interface Form {
  action: URL;
  method: string;
  fields: URLSearchParams;
}

function formOf(page: Page, mark: string): Form {
  for (const [, opening = '', inner = ''] of page.text.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)) {
    const attributes = attributesOf(opening);
    if (!opening.includes(mark) && !inner.includes(mark)) continue;
    return {
      action: new URL(attributes.get('action') ?? page.url.href, page.url),
      method: (attributes.get('method') ?? 'get').toLowerCase(),
      fields: fieldsOf(inner),
    };
  }
  throw new Error(`no form "${mark}" on ${page.url.pathname} (HTTP ${page.status})`);
}

/** What a browser would send untouched: filled inputs, ticked boxes, chosen options; no buttons. */
function fieldsOf(html: string): URLSearchParams {
  const fields = new URLSearchParams();
  for (const [, opening = ''] of html.matchAll(/<input\b([^>]*)>/g)) {
    const attributes = attributesOf(opening);
    const name = attributes.get('name');
    const type = attributes.get('type') ?? 'text';
    if (name === undefined || attributes.has('disabled') || type === 'submit') continue;
    if ((type === 'checkbox' || type === 'radio') && !attributes.has('checked')) continue;
    fields.append(name, attributes.get('value') ?? (type === 'checkbox' ? 'on' : ''));
  }
  for (const [, opening = '', inner = ''] of html.matchAll(/<select\b([^>]*)>([\s\S]*?)<\/select>/g)) {
    const name = attributesOf(opening).get('name');
    const options = [...inner.matchAll(/<option\b([^>]*)>([^<]*)/g)];
    const chosen = options.find(([, tag = '']) => attributesOf(tag).has('selected')) ?? options[0];
    if (name !== undefined && chosen)
      fields.append(name, attributesOf(chosen[1] ?? '').get('value') ?? (chosen[2] ?? '').trim());
  }
  for (const [, opening = '', inner = ''] of html.matchAll(/<textarea\b([^>]*)>([\s\S]*?)<\/textarea>/g)) {
    const name = attributesOf(opening).get('name');
    if (name !== undefined) fields.append(name, decode(inner));
  }
  return fields;
}

function attributesOf(tag: string): Map<string, string> {
  return new Map(
    [...tag.matchAll(/([\w:-]+)(?:="([^"]*)")?/g)].map(([, name = '', value = '']) => [name, decode(value)]),
  );
}

const entities: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
};
const decode = (text: string): string =>
  text.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => entities[entity] ?? entity);
