export { backfillWorkflow } from './backfill.ts';
export { campaignSyncWorkflow } from './campaign-sync.ts';
export { metaConnectionWorkflow } from './connection.ts';
export { dataDeletionWorkflow } from './data-deletion.ts';
export { leadAutomationWorkflow } from './lead-automation.ts';
export { leadIntakeWorkflow } from './lead-intake.ts';
export { leadReconciliationWorkflow } from './lead-reconciliation.ts';
export { messageWorkflow } from './message.ts';
