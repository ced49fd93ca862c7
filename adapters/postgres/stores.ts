import type { Vault } from '../../domain/vault.ts';
import { createAdAccounts } from './ad-accounts.ts';
import { createAdInsights } from './ad-insights.ts';
import { createApiKeys } from './api-keys.ts';
import { createArchives } from './archives.ts';
import { createAuditTrail } from './audit-trail.ts';
import { createAutomationLogs } from './automation-logs.ts';
import { createAutomationRuns } from './automation-runs.ts';
import { createBreakdowns } from './breakdowns.ts';
import { createCampaigns } from './campaigns.ts';
import { createChatwootOutbox } from './chatwoot-outbox.ts';
import { createConnectionChecks } from './connection-checks.ts';
import { createConnections } from './connections.ts';
import { createControlTotals } from './control-totals.ts';
import { createConversations } from './conversations.ts';
import { createCreativePictures } from './creative-pictures.ts';
import { createCredentials, type Fallbacks } from './credentials.ts';
import { createDeletionRequests } from './deletion-requests.ts';
import { createErasureRequests } from './erasure-requests.ts';
import { createExchangeRates } from './exchange-rates.ts';
import { createFigures } from './figures.ts';
import { createFormMappings } from './form-mappings.ts';
import { createFrames } from './frames.ts';
import { createGauges } from './gauges.ts';
import { createHubPage } from './hub-page.ts';
import { createInbox } from './inbox.ts';
import { createInboxPages } from './inbox-pages.ts';
import { createInsightReports } from './insight-reports.ts';
import { createInsights } from './insights.ts';
import { createLeadDistinctions } from './lead-distinctions.ts';
import { createLeadDossiers } from './lead-dossiers.ts';
import { createLeadEntries } from './lead-entries.ts';
import { createLeadForms } from './lead-forms.ts';
import { createLeadMerges } from './lead-merges.ts';
import { createLeadPages } from './lead-pages.ts';
import { createLeadRecords } from './lead-records.ts';
import { createLeadRetention } from './lead-retention.ts';
import { createLeadSpeed } from './lead-speed.ts';
import { createLeads } from './leads.ts';
import { createMessageCosts } from './message-costs.ts';
import { createMessagesByHand } from './messages-by-hand.ts';
import { createMetaUsers } from './meta-users.ts';
import { createOauthAttempts } from './oauth-attempts.ts';
import { createOpportunities } from './opportunities.ts';
import { createOutboundMessages } from './outbound-messages.ts';
import { createPages } from './pages.ts';
import { createPasswordLinks } from './password-links.ts';
import { createPastEvents } from './past-events.ts';
import type { Database } from './pool.ts';
import { createReminderRules } from './reminder-rules.ts';
import { createReplies } from './replies.ts';
import { createRestatements } from './restatements.ts';
import { createRuleTrials } from './rule-trials.ts';
import { createRules } from './rules.ts';
import { createSales } from './sales.ts';
import { createSellers } from './sellers.ts';
import { createSenders } from './senders.ts';
import { createSending } from './sending.ts';
import { createSessions } from './sessions.ts';
import { createSettings } from './settings.ts';
import { createStats } from './stats.ts';
import { createStatsDetail } from './stats-detail.ts';
import { createSuppressions } from './suppressions.ts';
import { createSyncRuns } from './sync-runs.ts';
import { createSystemEvents } from './system-events.ts';
import { createTeam } from './team.ts';
import { createTemplates } from './templates.ts';
import { createTestMessages } from './test-messages.ts';
import { createUnconfirmedMessages } from './unconfirmed-messages.ts';
import { createUsers } from './users.ts';
import { createVaultEntries } from './vault-entries.ts';

export type Stores = ReturnType<typeof createStores>;

/** Every store over one database. */
export function createStores(database: Database, vault: Vault, fallbacks: Fallbacks) {
  const sealed = { ...database, vault };
  return {
    adAccounts: createAdAccounts(database),
    adInsights: createAdInsights(database),
    apiKeys: createApiKeys(database),
    auditTrail: createAuditTrail(database),
    automationLogs: createAutomationLogs(database),
    archives: createArchives(database),
    automationRuns: createAutomationRuns(database),
    breakdowns: createBreakdowns(database),
    campaigns: createCampaigns(database),
    chatwootOutbox: createChatwootOutbox(sealed),
    connectionChecks: createConnectionChecks(database),
    connections: createConnections(sealed),
    controlTotals: createControlTotals(database),
    conversations: createConversations(database),
    creativePictures: createCreativePictures(database),
    credentials: createCredentials(database, vault, fallbacks),
    deletionRequests: createDeletionRequests(sealed),
    exchangeRates: createExchangeRates(database),
    figures: createFigures(database),
    formMappings: createFormMappings(database),
    frames: createFrames(database),
    gauges: createGauges(database),
    hubPage: createHubPage(database),
    inbox: createInbox(database),
    inboxPages: createInboxPages(database),
    insightReports: createInsightReports(database),
    insights: createInsights(database),
    leadDistinctions: createLeadDistinctions(database),
    leadDossiers: createLeadDossiers(database),
    leadEntries: createLeadEntries(database),
    leadForms: createLeadForms(database),
    leadMerges: createLeadMerges(database),
    leadPages: createLeadPages(database),
    leadRecords: createLeadRecords(database),
    leadRetention: createLeadRetention(database),
    erasureRequests: createErasureRequests(database),
    leadSpeed: createLeadSpeed(database),
    leads: createLeads(database),
    metaUsers: createMetaUsers(database),
    messageCosts: createMessageCosts(database),
    messagesByHand: createMessagesByHand(database),
    oauthAttempts: createOauthAttempts(sealed),
    opportunities: createOpportunities(database),
    outboundMessages: createOutboundMessages(database),
    pages: createPages(sealed),
    restatements: createRestatements(database),
    passwordLinks: createPasswordLinks(database),
    pastEvents: createPastEvents(database),
    reminderRules: createReminderRules(database),
    replies: createReplies(database),
    ruleTrials: createRuleTrials(database),
    rules: createRules(database),
    sales: createSales(database),
    sending: createSending(database),
    sellers: createSellers(database),
    senders: createSenders(database),
    sessions: createSessions(database),
    settings: createSettings(database),
    stats: createStats(database),
    statsDetail: createStatsDetail(database),
    syncRuns: createSyncRuns(database),
    systemEvents: createSystemEvents(database),
    team: createTeam(database),
    suppressions: createSuppressions(database),
    testMessages: createTestMessages(database),
    templates: createTemplates(database),
    unconfirmedMessages: createUnconfirmedMessages(database),
    users: createUsers(database),
    vaultEntries: createVaultEntries(sealed),
  };
}
