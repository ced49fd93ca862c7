import type { TestOutcome } from '../../domain/credential.ts';
import { askChatwoot, type ChatwootHttpOptions } from './http.ts';

/** Asks the Chatwoot at `url` whose token it is. Never throws, follows no redirect. */
export async function askChatwootProfile(
  url: string,
  token: string,
  options: ChatwootHttpOptions = {},
): Promise<TestOutcome> {
  const { status } = await askChatwoot({ url, token }, { path: '/api/v1/profile' }, options);
  if (status >= 200 && status < 300) return 'works';
  return status === 401 || status === 403 ? 'rejected' : 'no_answer';
}
