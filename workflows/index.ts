export { campaignSyncWorkflow } from './campaign-sync.ts';
export { metaConnectionWorkflow } from './connection.ts';
