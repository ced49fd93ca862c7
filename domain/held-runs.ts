/** What a pause held back, and what becomes of it: nobody gets a flood when sending goes on. */

export const ages = ['hour', 'day', 'older'] as const;
/** How long ago it should have left: under an hour, under a day, longer. */
export type Age = (typeof ages)[number];

export const choices = ['drop', 'send', 'space'] as const;
/** Not at all, at once, or spread over some hours. */
export type Choice = (typeof choices)[number];

export interface Resumption {
  choices: Readonly<Record<Age, Choice>>;
  /** What is spread out is spread over so many hours. */
  hours: number;
}

export const DROP_ALL: Resumption = { choices: { hour: 'drop', day: 'drop', older: 'drop' }, hours: 1 };

/** Reasons of a wait that ends by a person's decision only. */
export const heldReasons = ['sending_paused', 'rule_paused', 'held_after_restore'] as const;

/** An age's bounds in hours. */
export const boundsOf = (age: Age): { from: number; to: number } =>
  ({ hour: { from: 0, to: 1 }, day: { from: 1, to: 24 }, older: { from: 24, to: 1_000_000 } })[age];
