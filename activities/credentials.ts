import type { YCloud } from '../adapters/ycloud/client.ts';
import type { CredentialTest, TestOutcome } from '../domain/credential.ts';
import { AppError } from '../domain/error.ts';

export interface CredentialTestDeps {
  ycloud: Pick<YCloud, 'phoneNumbers'>;
  askChatwoot: (url: string, token: string) => Promise<TestOutcome>;
}

/** Asks the service itself whether it takes a secret; null where only its next webhook can tell. */
export function createCredentialTest({ ycloud, askChatwoot }: CredentialTestDeps): CredentialTest {
  return async ({ provider, category, secret, settings }) => {
    if (category !== 'api_key') return null;
    if (provider === 'chatwoot') return settings.url === undefined ? null : askChatwoot(settings.url, secret);
    return ycloud.phoneNumbers(secret).then(
      (): TestOutcome => 'works',
      (error: unknown): TestOutcome =>
        error instanceof AppError && error.code === 'unauthorized' ? 'rejected' : 'no_answer',
    );
  };
}
