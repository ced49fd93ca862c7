/** Faults put into our own program on purpose, to see that the fault run finds them. The program itself knows nothing of them. */

export interface Patch {
  /** Relative to the clone. */
  file: string;
  find: string;
  replace: string;
}

export const mutations = {
  /** The row appears only after the POST: who dies between sends again, and no status finds its message meanwhile. */
  'claim after send': [
    {
      file: 'activities/messages.ts',
      find: 'const outcome = await post(deps, key, claim.message, claimedAt);',
      replace: `await deps.outbound.handBack(tenantId, claim.message.messageId, new Date());
  const outcome = await post(deps, key, claim.message, claimedAt);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await message.claim(now());`,
    },
    {
      file: 'adapters/postgres/outbound-messages.ts',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text
      find: "UPDATE outbound_messages SET state = 'claimed', sending_at = NULL, due_at = ${until.toISOString()}::timestamptz + interval '1 minute', updated_at = now()",
      replace: 'DELETE FROM outbound_messages',
    },
  ],
  /** A webhook that comes twice is two, and so is its run. */
  'no dedupe': [
    {
      file: 'adapters/postgres/inbox.ts',
      find: 'CASE WHEN g.own_id IS NULL THEN',
      replace: 'gen_random_uuid()::text || CASE WHEN g.own_id IS NULL THEN',
    },
    {
      file: 'activities/leads.ts',
      find: 'const occurrence = leadgenId ?? lead.meta_leadgen_id ?? leadId;',
      replace: 'const occurrence = crypto.randomUUID();',
    },
    {
      file: 'adapters/temporal/leads.ts',
      find: 'workflowId: leadIntakeWorkflowId(input),',
      replace: 'workflowId: leadIntakeWorkflowId(input) + crypto.randomUUID(),',
    },
  ],
  /** A 5xx counts as "not sent", to be tried again at once. */
  'retry on 503': [
    { file: 'adapters/ycloud/client.ts', find: 'DEFAULT_RETRY_MS = 5_000', replace: 'DEFAULT_RETRY_MS = 0' },
    {
      file: 'adapters/ycloud/client.ts',
      find: "if (response.status === 429)\n    return {\n      outcome: 'not_sent',",
      replace: "if (response.status === 429 || response.status >= 500)\n    return {\n      outcome: 'not_sent',",
    },
  ],
} as const satisfies Record<string, readonly Patch[]>;

export type Mutation = keyof typeof mutations;
