/** Knobs of `/_control/settings`; each stands for something the reference leaves open or a test wants to see. */
export const defaultSettings = {
  /** Messages one number may send one person within 6 seconds before Meta says 131056. */
  pairBurst: 45,
  /** People an account may write to first in 24 hours, across its numbers; 0 = no limit. Beyond it: 131048. */
  portfolioLimit: 0,
  /** Marketing messages one person gets in 24 hours outside an open window; 0 = no limit. Beyond it: 131049. */
  marketingCap: 0,
  /** Share of delivered messages that are read. */
  readShare: 0.4,
  /** Until a new template is approved, in real milliseconds; 0 = never by itself. */
  reviewMs: 300,
  /** Requests a second for one sender: queued, direct. 0 = no limit. */
  queuedPerSecond: 200,
  directPerSecond: 80,
  /** The shared quota of everything else: a second, an hour. 0 = no limit. */
  managementPerSecond: 200,
  managementPerHour: 10_000,
  /** Share of events that carry a field or an enum value nobody knows. */
  surprises: 0.15,
  /** How long a receiver may take, in milliseconds. */
  webhookTimeoutMs: 10_000,
};

export type Settings = { -readonly [Name in keyof typeof defaultSettings]: number };

/** Changes some knobs. Throws a sentence on a name or a value that is none. */
export function changeSettings(settings: Settings, given: Readonly<Record<string, unknown>>): Settings {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(defaultSettings, name)) throw new Error(`no setting ${name}`);
    if (typeof value !== 'number' || !(value >= 0)) throw new Error(`${name} is a number from 0`);
  }
  return Object.assign(settings, given);
}
