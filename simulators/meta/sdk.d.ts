/** Types of the parts of Meta's Node SDK that the fidelity test touches; the package has none. */
declare module 'facebook-nodejs-business-sdk' {
  type Data = Record<string, unknown>;
  export interface Row extends Data {
    readonly id: string;
    readonly _data: Data;
  }
  export interface Cursor extends Array<Row> {
    hasNext(): boolean;
    next(): Promise<Cursor>;
  }
  export class FacebookAdsApi {
    static readonly VERSION: string;
    static init(token: string, locale?: string, crashLog?: boolean): FacebookAdsApi;
    call(method: string, path: readonly string[], params?: Data): Promise<Data>;
  }
  export class FacebookAdsApiBatch {
    constructor(api: FacebookAdsApi);
    add(
      method: string,
      path: readonly string[],
      params?: Data,
      files?: unknown,
      onSuccess?: (response: { body: Data; headers: unknown }) => void,
      onFailure?: (response: { error: { status: number } }) => void,
    ): unknown;
    execute(): Promise<FacebookAdsApiBatch | null>;
  }
  class Node {
    constructor(id: string);
    readonly id: string;
    readonly _data: Data;
    get(fields: readonly string[], params?: Data): Promise<Node>;
  }
  export class User extends Node {
    getBusinesses(fields: readonly string[], params?: Data): Promise<Cursor>;
    getAdAccounts(fields: readonly string[], params?: Data): Promise<Cursor>;
    getAccounts(fields: readonly string[], params?: Data): Promise<Cursor>;
  }
  export class AdAccount extends Node {
    getCampaigns(fields: readonly string[], params?: Data): Promise<Cursor>;
    getAds(fields: readonly string[], params?: Data): Promise<Cursor>;
    getInsights(fields: readonly string[], params?: Data): Promise<Cursor>;
    getInsightsAsync(fields: readonly string[], params?: Data): Promise<AdReportRun>;
  }
  export class Campaign extends Node {
    getInsights(fields: readonly string[], params?: Data): Promise<Cursor>;
  }
  export class AdReportRun extends Node {
    getInsights(fields: readonly string[], params?: Data): Promise<Cursor>;
  }
  export class Page extends Node {
    getLeadGenForms(fields: readonly string[], params?: Data): Promise<Cursor>;
  }
  export class LeadgenForm extends Node {
    getLeads(fields: readonly string[], params?: Data): Promise<Cursor>;
  }
  export class Lead extends Node {}
}
