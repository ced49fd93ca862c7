import type { BreakdownKind } from '../domain/breakdown.ts';
import { costPerLeadOf, roasOf } from './breakdown-lines.ts';
import type { TextLine } from './breakdown-service.ts';
import type { Format } from './format.ts';
import type { Translate } from './i18n.ts';

/** Lines as words. */
export const breakdownRows = (
  lines: readonly TextLine[],
  by: BreakdownKind,
  currency: string,
  { t, format }: { t: Translate; format: Format },
) =>
  lines.map((line) => {
    const roas = roasOf(line);
    return {
      id: line.id,
      name: nameOf(line, by, t),
      parent: line.parent,
      status: line.status === null ? '' : t(`hub:status.${line.status}`, { defaultValue: line.status }),
      isActive: line.status === 'ACTIVE',
      href: by === 'campaign' ? `/crm/marketing/campaigns/${line.id}` : null,
      picture: line.pictureOf === null ? null : `/thumbnails/${line.pictureOf}`,
      spend: format.money(line.spend, currency),
      impressions: format.number(line.impressions),
      clicks: format.number(line.clicks),
      leads: format.number(line.leads),
      costPerLead: format.money(costPerLeadOf(line, currency), currency),
      sales: format.number(line.sales),
      revenue: format.money(line.revenue, currency),
      roas: roas === null ? '—' : format.money(roas, currency),
    };
  });

function nameOf({ id, name }: TextLine, by: BreakdownKind, t: Translate): string {
  if (by === 'channel') return t(`breakdown:channel.${id === '' ? 'other' : id}`);
  if (name !== null && name !== '') return name;
  if (by === 'form') return id === '' ? t('breakdown:noForm') : t('breakdown:form', { id });
  return t('campaign:gone');
}
