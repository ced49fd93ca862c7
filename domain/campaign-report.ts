import { decimal, ZERO } from './decimal.ts';
import type { OutcomeRow } from './explain.ts';

/** What stands behind a campaign in the tables: sums by ad from Meta's detail, our leads by ad. */
export interface CampaignRows {
  adsets: readonly { adset_id: string; name: string; status: string | null }[];
  ads: readonly {
    ad_id: string;
    adset_id: string;
    name: string;
    status: string | null;
    thumbnail_url: string | null;
  }[];
  figures: readonly {
    ad_id: string;
    adset_id: string;
    spend: string;
    impressions: number;
    clicks: number;
    meta_leads: number;
  }[];
  leads: readonly { ad_id: string; adset_id: string | null; leads: number }[];
}

/** Sums of an ad or an ad set. */
export interface DetailSums {
  spend: bigint;
  impressions: number;
  clicks: number;
  metaLeads: number;
  leads: number;
  sales: number;
  revenue: bigint;
  /** Sales without a rate: the revenue is unknown. */
  unconverted: number;
}

export interface DetailLine extends DetailSums {
  id: string;
  /** Null for what Meta lists no more: deleted, but its money was spent. */
  name: string | null;
  status: string | null;
  adsetName?: string | null;
}

export interface CampaignReport {
  adsets: DetailLine[];
  ads: DetailLine[];
  /** What the campaign's books hold beyond all its ads: ads deleted since then vanish from Meta's detail. */
  beyondAds: bigint;
}

const nothing = (): DetailSums => ({
  spend: ZERO,
  impressions: 0,
  clicks: 0,
  metaLeads: 0,
  leads: 0,
  sales: 0,
  revenue: ZERO,
  unconverted: 0,
});

/** Ad sets and ads of a campaign with their part of its figures; `booksSpend` is the campaign's own. Ads are never summed to it. */
export function campaignReport(
  rows: CampaignRows,
  outcomes: readonly OutcomeRow[],
  booksSpend: bigint,
): CampaignReport {
  const adsetOf = new Map(rows.ads.map((ad) => [ad.ad_id, ad.adset_id]));
  const byAd = new Map<string, DetailSums>(rows.ads.map((ad) => [ad.ad_id, nothing()]));
  const byAdset = new Map<string, DetailSums>(rows.adsets.map((adset) => [adset.adset_id, nothing()]));
  const add = (adId: string, adsetId: string | null | undefined, enter: (sums: DetailSums) => void) => {
    enter(at(byAd, adId));
    const parent = adsetOf.get(adId) ?? adsetId;
    if (parent) enter(at(byAdset, parent));
  };
  for (const row of rows.figures)
    add(row.ad_id, row.adset_id, (sums) => {
      sums.spend += decimal(row.spend);
      sums.impressions += row.impressions;
      sums.clicks += row.clicks;
      sums.metaLeads += row.meta_leads;
    });
  for (const row of rows.leads)
    add(row.ad_id, row.adset_id, (sums) => {
      sums.leads += row.leads;
    });
  for (const row of outcomes)
    if (row.kind === 'sale' && row.adId !== null)
      add(row.adId, null, (sums) => {
        sums.sales += row.one;
        if (row.converted === null) sums.unconverted += 1;
        else sums.revenue += row.converted;
      });
  const adsets = new Map(rows.adsets.map((adset) => [adset.adset_id, adset]));
  const ads = new Map(rows.ads.map((ad) => [ad.ad_id, ad]));
  const detail = [...byAd.values()].reduce((sum, { spend }) => sum + spend, ZERO);
  return {
    adsets: linesOf(byAdset, (id) => ({ name: adsets.get(id)?.name ?? null, status: adsets.get(id)?.status ?? null })),
    ads: linesOf(byAd, (id) => {
      const ad = ads.get(id);
      const adsetName = adsets.get(ad?.adset_id ?? '')?.name ?? null;
      return { name: ad?.name ?? null, status: ad?.status ?? null, adsetName };
    }),
    beyondAds: booksSpend - detail,
  };
}

function at(sums: Map<string, DetailSums>, id: string): DetailSums {
  const known = sums.get(id) ?? nothing();
  sums.set(id, known);
  return known;
}

function linesOf(
  sums: ReadonlyMap<string, DetailSums>,
  named: (id: string) => Omit<DetailLine, keyof DetailSums | 'id'>,
) {
  const lines: DetailLine[] = [...sums].map(([id, figures]) => ({ id, ...named(id), ...figures }));
  return lines.sort((a, b) => (b.spend > a.spend ? 1 : b.spend < a.spend ? -1 : a.id < b.id ? -1 : 1));
}
