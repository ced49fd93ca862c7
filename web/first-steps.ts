import type { FirstSteps } from '../adapters/postgres/first-steps.ts';

export interface FirstStepsDeps {
  stepsOf: (tenantId: number) => Promise<FirstSteps>;
  /** Whether the installation's own webhook stands: tenants without a key of their own live on it. */
  hasGlobalWebhook: () => Promise<boolean>;
}

export interface Step {
  name: 'connect' | 'webhook' | 'sender' | 'template' | 'rule' | 'lead';
  isDone: boolean;
  /** The first that is not done: the one to press. */
  isNext: boolean;
  href: string;
}

/** What there is to do until the first lead is followed up, in its order; null once all of it was done. */
export function createFirstStepList({ stepsOf, hasGlobalWebhook }: FirstStepsDeps) {
  // Nobody is a beginner twice, and the hub is opened often: who was through is not asked about again.
  const through = new Set<number>();
  return async (tenantId: number, isConnected: boolean): Promise<readonly Step[] | null> => {
    if (isConnected && through.has(tenantId)) return null;
    const facts = await stepsOf(tenantId);
    const hasWebhook = facts.has_own_webhook || facts.has_events || (!facts.has_own_key && (await hasGlobalWebhook()));
    const steps = [
      { name: 'connect', isDone: isConnected, href: '/crm/connection' },
      { name: 'webhook', isDone: hasWebhook, href: '/crm/settings/credentials?add' },
      { name: 'sender', isDone: facts.has_sender, href: '/crm/settings/whatsapp' },
      { name: 'template', isDone: facts.has_template, href: '/crm/marketing/templates' },
      { name: 'rule', isDone: facts.has_rule, href: '/crm/marketing/automation-rules' },
      { name: 'lead', isDone: facts.has_lead, href: '/crm/reconciliation' },
    ] as const;
    const next = steps.find(({ isDone }) => !isDone);
    if (next === undefined) through.add(tenantId);
    return next === undefined ? null : steps.map((step) => ({ ...step, isNext: step === next }));
  };
}
export type FirstStepList = ReturnType<typeof createFirstStepList>;
