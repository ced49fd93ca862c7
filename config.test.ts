import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ConfigError, configSchema, envExample, parseConfig } from './config.ts';

const required = {
  DATABASE_URL: 'postgres://hub_app:secret@127.0.0.1:5432/hub',
  TEMPORAL_ADDRESS: '127.0.0.1:7233',
  ENCRYPTION_KEYS: 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=',
  JWT_SECRET: 'x'.repeat(32),
  PUBLIC_URL: 'https://hub.example.com/',
  META_APP_ID: '111222333444555',
  META_APP_SECRET: 'app-secret',
  META_VERIFY_TOKEN: 'verify-me',
};

describe('configuration', () => {
  it('fills in the defaults and derives the redirect address', () => {
    const config = parseConfig(required);
    expect(config.META_REDIRECT_URI).toBe('https://hub.example.com/crm/auth/meta/callback');
    expect(config.META_GRAPH_VERSION).toBe('v26.0');
    expect(config.MARKETING_RATE_LIMIT).toBe(20);
  });

  it.each(Object.keys(required))('names %s in one line when it is missing', (name) => {
    const env = { ...required, [name]: '' };
    expect(() => parseConfig(env)).toThrow(new ConfigError(`${name} is missing`));
  });

  it('names a malformed value without printing it', () => {
    expect(() => parseConfig({ ...required, ENCRYPTION_KEYS: 'not-a-key' })).toThrow(/^ENCRYPTION_KEYS is malformed/);
    expect(() => parseConfig({ ...required, ENCRYPTION_KEYS: 'not-a-key' })).not.toThrow(/not-a-key/);
  });

  it('wants the keys of a bucket that it is told to archive into', () => {
    const env = { ...required, ARCHIVE_URL: 's3://archive/hub' };
    expect(() => parseConfig(env)).toThrow(/^AWS_ACCESS_KEY_ID is missing: ARCHIVE_URL names a bucket$/);
    const keys = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' };
    expect(parseConfig({ ...env, ...keys }).AWS_REGION).toBe('us-east-1');
    expect(parseConfig({ ...required, ARCHIVE_URL: '/var/lib/hub/archive' }).ARCHIVE_URL).toBe('/var/lib/hub/archive');
  });

  it('keeps .env.example equal to the schema', () => {
    expect(readFileSync(new URL('./.env.example', import.meta.url), 'utf8')).toBe(envExample());
    for (const name of Object.keys(configSchema.shape)) expect(envExample()).toContain(`${name}=`);
  });
});
