/** Knobs of `POST /_control/settings`; each default is how Meta usually behaves. */
export interface Settings {
  /** Whether the token reply carries `expires_in`: every third code exchange leaves it out, always, or never. */
  expiresIn: 'mixed' | 'always' | 'never';
  /** Whether exchanging a long-lived token again moves its expiry. */
  extensionMovesExpiry: boolean;
  /** "Require App Secret": calls without `appsecret_proof` are refused. */
  requireProof: boolean;
  /** The access tier named in the usage headers; it decides the hourly limits. */
  tier: 'standard_access' | 'development_access';
  /** Calls an hour per account and type instead of the formula's; 0 uses the formula. */
  hourlyLimit: number;
  /** Rows a synchronous insights call may have before 100/1487534. */
  insightsMaxRows: number;
  /** How often an asynchronous report must be asked for before it is done. */
  reportPolls: number;
  /** Seconds that an authorisation code lives. */
  codeLifetimeSeconds: number;
  /** Lifetime of a long-lived user token in seconds. */
  longLivedSeconds: number;
  /** Whether configurations for business sign-in give a system user's token that never expires. */
  configGivesSystemUser: boolean;
  /** Webhook POSTs at the same time. */
  deliveryConcurrency: number;
}

/** The defaults, as a fresh object. */
export function defaultSettings(): Settings {
  return {
    expiresIn: 'mixed',
    extensionMovesExpiry: true,
    requireProof: false,
    tier: 'standard_access',
    hourlyLimit: 0,
    insightsMaxRows: 25_000,
    reportPolls: 2,
    codeLifetimeSeconds: 600,
    longLivedSeconds: 5_184_000,
    configGivesSystemUser: true,
    deliveryConcurrency: 16,
  };
}

/** Takes over the known keys whose type fits and returns the names that were not taken. */
export function applySettings(settings: Settings, changes: Readonly<Record<string, unknown>>): string[] {
  const refused: string[] = [];
  for (const [name, value] of Object.entries(changes)) {
    if (name in settings && typeof value === typeof settings[name as keyof Settings]) {
      Object.assign(settings, { [name]: value });
    } else {
      refused.push(name);
    }
  }
  return refused;
}
