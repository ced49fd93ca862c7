import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isObject, parseJson } from './http.ts';
import type { Simulator } from './simulator.ts';

/**
 * Keeps what Meta would remember while the simulator is down: which pages are subscribed, and the app's own settings.
 * With it a stopped and started demo goes on receiving leads. Leads, ledger and clock begin anew.
 */
export interface SavedConnections {
  /** Writes the file when something changed since the last time. */
  save(): void;
}

/** Takes over the file where there is one; without a path nothing is kept. A preset callback wins over a saved one. */
export function openSavedConnections(sim: Simulator, path: string | undefined): SavedConnections {
  if (path === undefined) {
    return { save: () => undefined };
  }
  if (existsSync(path)) {
    restore(sim, parseJson(readFileSync(path, 'utf8')));
  }
  let written = textOf(sim);
  return {
    save: () => {
      const text = textOf(sim);
      if (text !== written) {
        writeFileSync(`${path}.new`, text, { mode: 0o600 });
        renameSync(`${path}.new`, path);
        written = text;
      }
    },
  };
}

function textOf({ app, subscribedPages }: Simulator): string {
  const { callbackUrl, verifyToken, fields } = app;
  return JSON.stringify({ callbackUrl, verifyToken, fields, subscribedPages: [...subscribedPages] });
}

function restore(sim: Simulator, saved: unknown): void {
  if (!isObject(saved)) {
    return;
  }
  const pages = Array.isArray(saved['subscribedPages']) ? saved['subscribedPages'] : [];
  for (const [pageId, fields] of pages) {
    sim.subscribedPages.set(String(pageId), Array.isArray(fields) ? fields.map(String) : []);
  }
  if (sim.app.callbackUrl === undefined && typeof saved['callbackUrl'] === 'string') {
    sim.app.callbackUrl = saved['callbackUrl'];
    sim.app.fields = Array.isArray(saved['fields']) ? saved['fields'].map(String) : [];
  }
}
