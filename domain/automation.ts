/** Which rule a lead meets, and what its message says. Used by activities; the conditions' shapes are checked where rules are read. */

export interface NewLeadConditions {
  formIds?: readonly string[] | undefined;
  campaignIds?: readonly string[] | undefined;
}

/** Where a variable's words come from. */
export type VariableSource = 'first_name' | 'full_name' | 'campaign_name' | { text: string };

export interface SendTemplate {
  templateName: string;
  language: string;
  /** In placeholder order: the first fills {{1}}. */
  variables: readonly VariableSource[];
}

export interface LeadFacts {
  fullName: string | null;
  formId: string | null;
  campaignId: string | null;
  campaignName: string | null;
}

/** No condition matches every lead; each given one must hold. */
export function matches(
  { formIds, campaignIds }: NewLeadConditions,
  lead: Pick<LeadFacts, 'formId' | 'campaignId'>,
): boolean {
  if (formIds !== undefined && (lead.formId === null || !formIds.includes(lead.formId))) return false;
  return campaignIds === undefined || (lead.campaignId !== null && campaignIds.includes(lead.campaignId));
}

/** The words of each variable; null when the lead lacks one, since WhatsApp refuses empty parameters. */
export function fillVariables(sources: readonly VariableSource[], lead: LeadFacts): string[] | null {
  const words = sources.map((source) => {
    if (typeof source === 'object') return source.text.trim();
    if (source === 'campaign_name') return lead.campaignName?.trim() ?? '';
    const name = lead.fullName?.trim() ?? '';
    return source === 'first_name' ? (name.split(/\s+/)[0] ?? '') : name;
  });
  return words.every((word) => word !== '') ? words : null;
}

/** The template's body with its placeholders filled, as it stands in the conversation. */
export const render = (body: string, words: readonly string[]): string =>
  body.replace(/\{\{(\d+)\}\}/g, (placeholder, n: string) => words[Number(n) - 1] ?? placeholder);

/** How many distinct placeholders a template's body has. */
export const placeholdersIn = (body: string): number =>
  new Set([...body.matchAll(/\{\{(\d+)\}\}/g)].map(([, n]) => n)).size;
