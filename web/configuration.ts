import { type ApiKeyDeps, apiKeyRoutes } from './api-keys.ts';
import { type AuditDeps, auditRoutes } from './audit.ts';
import { type CompanyDeps, companyRoutes } from './company.ts';
import { type CredentialDeps, credentialRoutes } from './credentials.ts';
import { type LeadRetentionDeps, leadRetentionRoutes } from './lead-retention.ts';
import type { Route } from './route.ts';
import { type SenderDeps, senderRoutes } from './senders.ts';
import { type TeamDeps, teamRoutes } from './team.ts';

export type ConfigurationDeps = CredentialDeps &
  SenderDeps &
  TeamDeps &
  CompanyDeps &
  LeadRetentionDeps &
  ApiKeyDeps &
  AuditDeps;

/** What a tenant sets up for itself, and the trail of who did. */
export const configurationRoutes = (deps: ConfigurationDeps): Route[] => [
  ...credentialRoutes(deps),
  ...senderRoutes(deps),
  ...teamRoutes(deps),
  ...companyRoutes(deps),
  ...leadRetentionRoutes(deps),
  ...apiKeyRoutes(deps),
  ...auditRoutes(deps),
];
