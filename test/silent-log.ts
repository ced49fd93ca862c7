import { pino } from 'pino';
import type { Logger } from '../adapters/log.ts';

/** A logger that says nothing. */
export const silentLog: Logger = pino({ level: 'silent' });
