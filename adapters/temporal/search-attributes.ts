import { defineSearchAttributeKey } from '@temporalio/common';

/** How operators filter in the Temporal UI. Made by `ensureSearchAttributes` at worker start. */
export const tenantIdKey = defineSearchAttributeKey('TenantId', 'INT');
export const leadIdKey = defineSearchAttributeKey('LeadId', 'KEYWORD');
export const ruleIdKey = defineSearchAttributeKey('RuleId', 'KEYWORD');
export const adAccountIdKey = defineSearchAttributeKey('AdAccountId', 'KEYWORD');
export const hubStatusKey = defineSearchAttributeKey('HubStatus', 'KEYWORD');
