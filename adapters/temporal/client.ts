import { readFileSync } from 'node:fs';
import { Client, Connection } from '@temporalio/client';
import type { Config } from '../../config.ts';
import { adAccountIdKey, hubStatusKey, leadIdKey, ruleIdKey, tenantIdKey } from './search-attributes.ts';

type TemporalConfig = Pick<
  Config,
  'TEMPORAL_ADDRESS' | 'TEMPORAL_NAMESPACE' | 'TEMPORAL_API_KEY' | 'TEMPORAL_TLS_CERT' | 'TEMPORAL_TLS_KEY'
>;

/** What both a client's and a worker's connection need: address, and TLS or API key where configured. */
export function connectionOptions(config: TemporalConfig) {
  const {
    TEMPORAL_ADDRESS: address,
    TEMPORAL_API_KEY: apiKey,
    TEMPORAL_TLS_CERT: cert,
    TEMPORAL_TLS_KEY: key,
  } = config;
  const clientCertPair = cert && key ? { crt: readFileSync(cert), key: readFileSync(key) } : undefined;
  return {
    address,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(clientCertPair === undefined ? {} : { tls: { clientCertPair } }),
  };
}

export interface TemporalClient {
  client: Client;
  /** Whether Temporal answers now. Never throws. */
  isUp(): Promise<boolean>;
  close(): Promise<void>;
}

/** A client that connects on first use: the server starts, and takes webhooks, while Temporal is down. */
export function createTemporalClient(config: TemporalConfig): TemporalClient {
  const connection = Connection.lazy({ ...connectionOptions(config), connectTimeout: '3 seconds' });
  return {
    client: new Client({ connection, namespace: config.TEMPORAL_NAMESPACE }),
    async isUp() {
      try {
        await connection.withDeadline(Date.now() + 1500, () => connection.workflowService.getSystemInfo({}));
        return true;
      } catch {
        return false;
      }
    },
    close: () => connection.close(),
  };
}

const KEYWORD = 2;
const INT = 3;

/** Makes the search attributes that operators filter by. Repeating it is harmless. */
export async function ensureSearchAttributes(client: Client): Promise<void> {
  const searchAttributes = {
    [tenantIdKey.name]: INT,
    ...Object.fromEntries([leadIdKey, ruleIdKey, adAccountIdKey, hubStatusKey].map(({ name }) => [name, KEYWORD])),
  };
  const { connection, options } = client;
  if (!('operatorService' in connection))
    throw new TypeError('search attributes need a client with an operator service');
  await (connection as Connection).operatorService.addSearchAttributes({
    namespace: options.namespace,
    searchAttributes,
  });
}
