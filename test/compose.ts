import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { root } from '../dev/stack/locate.ts';

const text = z.union([z.string(), z.number()]).transform(String);
const duration = z.string().regex(/^(\d+(ms|s|m|h))+$/);
const words = z.array(text);
const environment = z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), text);

/** A service as the Compose Specification names its keys; strict, so that a misspelt key is an error and not silence. */
const service = z.strictObject({
  image: z.string(),
  build: z.string().optional(),
  command: words.optional(),
  entrypoint: words.optional(),
  restart: z.string().regex(/^(no|always|unless-stopped|on-failure(:\d+)?)$/),
  init: z.boolean().optional(),
  stop_grace_period: duration.optional(),
  environment: environment.default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  depends_on: z
    .record(
      z.string(),
      z.strictObject({ condition: z.enum(['service_started', 'service_healthy', 'service_completed_successfully']) }),
    )
    .default({}),
  healthcheck: z
    .strictObject({
      test: z.tuple([z.enum(['CMD', 'CMD-SHELL']), text]).rest(text),
      interval: duration,
      timeout: duration,
      retries: z.number().int().positive(),
      start_period: duration.optional(),
    })
    .optional(),
});
const file = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9_-]*$/),
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.null()),
});

export type Service = z.output<typeof service>;

/** The production stack as Compose would read it in this environment: merged, filled in, every key known. Throws what Compose would say. */
export function readCompose(env: Readonly<Record<string, string>>): z.output<typeof file> {
  const source = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true }) as Record<
    string,
    unknown
  >;
  const known = Object.entries(source).filter(([key]) => !key.startsWith('x-'));
  return file.parse(filledIn(Object.fromEntries(known), env));
}

function filledIn(value: unknown, env: Readonly<Record<string, string>>): unknown {
  if (typeof value === 'string') return interpolate(value, env);
  if (Array.isArray(value)) return value.map((each) => filledIn(each, env));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, filledIn(each, env)]));
}

/** `${NAME}`, `${NAME:-default}` and `${NAME:?message}`, innermost first, since a default may hold another variable. */
function interpolate(value: string, env: Readonly<Record<string, string>>): string {
  const innermost = /\$\{([A-Z][A-Z0-9_]*)(?::([-?])([^${}]*))?\}/;
  const found = innermost.exec(value);
  if (!found) {
    if (value.includes('$')) throw new Error(`not understood: ${value}`);
    return value;
  }
  const [whole, name = '', kind, rest = ''] = found;
  const given = env[name] ?? '';
  if (given === '' && kind === '?') throw new Error(`required variable ${name} is missing a value: ${rest}`);
  return interpolate(
    value.replace(whole, () => given || (kind === '-' ? rest : '')),
    env,
  );
}
