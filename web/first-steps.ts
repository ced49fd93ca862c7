import type { FirstSteps } from '../adapters/postgres/first-steps.ts';

export interface Step {
  name: 'connect' | 'webhook' | 'sender' | 'template' | 'rule' | 'lead';
  isDone: boolean;
  /** The first that is not done: the one to press. */
  isNext: boolean;
  href: string;
}

/** What there is to do until the first lead is followed up. `hasGlobalWebhook`: tenants without a key of their own live on the installation's. */
export function createFirstStepList({ hasGlobalWebhook }: { hasGlobalWebhook: () => Promise<boolean> }) {
  // Nobody is a beginner twice, and the hub is opened often: who was through is not looked up again.
  const through = new Set<number>();
  return {
    isOver: (tenantId: number, isConnected: boolean): boolean => isConnected && through.has(tenantId),

    /** The steps in their order; null once all are done. */
    async of(tenantId: number, isConnected: boolean, facts: FirstSteps): Promise<readonly Step[] | null> {
      const hasWebhook =
        facts.has_own_webhook || facts.has_events || (!facts.has_own_key && (await hasGlobalWebhook()));
      const steps = [
        { name: 'connect', isDone: isConnected, href: '/crm/connection' },
        { name: 'webhook', isDone: hasWebhook, href: '/crm/settings/credentials?add&kind=ycloud.webhook_secret' },
        { name: 'sender', isDone: facts.has_sender, href: '/crm/settings/whatsapp' },
        { name: 'template', isDone: facts.has_template, href: '/crm/marketing/templates' },
        { name: 'rule', isDone: facts.has_rule, href: '/crm/marketing/automation-rules' },
        { name: 'lead', isDone: facts.has_lead, href: '/crm/reconciliation' },
      ] as const;
      const next = steps.find(({ isDone }) => !isDone);
      if (next === undefined) through.add(tenantId);
      return next === undefined ? null : steps.map((step) => ({ ...step, isNext: step === next }));
    },
  };
}
export type FirstStepList = ReturnType<typeof createFirstStepList>;
