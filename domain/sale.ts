import { digitsOf } from './decimal.ts';

/** An earlier day is a slip of the keyboard. */
const EARLIEST_DAY = '2000-01-01';

/** Whether a sale may lie on this day: neither to come nor before anybody sold on WhatsApp. */
export const isSaleDay = (day: string, today: string): boolean => day >= EARLIEST_DAY && day <= today;

/** Whether decimal text has no cents where its currency has none. */
export const fitsCurrency = (amount: string, currency: string): boolean =>
  digitsOf(currency) > 0 || !/\.0*[1-9]/.test(amount);
