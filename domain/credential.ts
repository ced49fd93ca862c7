import { z } from 'zod';

/** What the Vault holds, by integration; Meta's access comes from its sign-in and stands with the connection. */
export const credentialKinds = [
  { provider: 'ycloud', category: 'api_key' },
  { provider: 'ycloud', category: 'webhook_secret' },
  { provider: 'chatwoot', category: 'api_key' },
  { provider: 'chatwoot', category: 'webhook_secret' },
] as const;
export type CredentialKind = (typeof credentialKinds)[number];

/** `works` and `rejected` are the service's own answers; `no_answer` says nothing about the secret. */
export type TestOutcome = 'works' | 'rejected' | 'no_answer';

/** Chatwoot is installed by each tenant where it likes, so its key has an address and an account. */
export const credentialSettings = z.object({ url: z.string().optional(), accountId: z.string().optional() });
export type CredentialSettings = z.output<typeof credentialSettings>;

export interface NewCredential {
  provider: CredentialKind['provider'];
  category: CredentialKind['category'];
  secret: string;
  settings: CredentialSettings;
}

/** Asks the service itself whether it takes the secret; null where only its next webhook can tell. */
export type CredentialTest = (given: NewCredential) => Promise<TestOutcome | null>;

/** A secret that is kept although nobody could be asked about it is better than a form that cannot be left. */
export const isAcceptable = (outcome: TestOutcome | null): boolean => outcome !== 'rejected';
