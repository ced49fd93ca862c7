/** The workflow of one rule for one lead: the same for a repeat, so that starting twice is harmless. */
export const automationWorkflowId = (run: {
  tenantId: number;
  ruleId: string;
  leadId: string;
  occurrence: string;
}): string => `automation:${run.tenantId}:${run.ruleId}:${run.leadId}:${run.occurrence}`;
