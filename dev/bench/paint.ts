import { launchBrowser } from '../stack/browser.ts';
import { report } from './report.ts';
import type { SeededBench } from './stack.ts';

const SLOWER = 4;
const VISITS = 5;

/** Evaluated before the page's own script: what the browser paints largest, and what moves without being asked. */
const watch = `
  window.seen = { paint: 0, shift: 0 };
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.seen.paint = entry.startTime; })
    .observe({ type: 'largest-contentful-paint', buffered: true });
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.seen.shift += entry.value; })
    .observe({ type: 'layout-shift', buffered: true });`;

/** The dashboard as a slow phone and a slow desktop paint it: the processor slowed four times, nothing in the browser's cache. */
export async function benchPaint({ places, tenants }: SeededBench): Promise<void> {
  const { email = '', password = '' } = tenants[0] ?? {};
  const browser = await launchBrowser();
  try {
    for (const { name, width, height } of [
      { name: 'a phone', width: 360, height: 780 },
      { name: 'a desktop', width: 1440, height: 900 },
    ]) {
      const paints: number[] = [];
      let shift = 0;
      // Once: signing in is open ten times a minute.
      const context = await browser.newContext({ viewport: { width, height }, locale: 'es-AR' });
      const first = await context.newPage();
      await first.goto(`${places.webUrl}/login`);
      await first.fill('[name=email]', email);
      await first.fill('[name=password]', password);
      await Promise.all([first.waitForURL(/crm.marketing/), first.click('#sign-in button[type=submit]')]);
      await first.close();
      for (let visit = 0; visit < VISITS; visit++) {
        const page = await context.newPage();
        const cdp = await context.newCDPSession(page);
        await cdp.send('Network.setCacheDisabled', { cacheDisabled: true });
        await cdp.send('Emulation.setCPUThrottlingRate', { rate: SLOWER });
        await page.addInitScript(watch);
        await page.goto(`${places.webUrl}/crm/marketing`, { waitUntil: 'load' });
        await page.waitForTimeout(1500); // live regions connect and reload meanwhile
        const seen = (await page.evaluate('window.seen')) as { paint: number; shift: number };
        paints.push(seen.paint);
        shift = Math.max(shift, seen.shift);
        await page.close();
      }
      await context.close();
      const about = { baseline: null, better: 'less' as const };
      const median = paints.sort((a, b) => a - b)[Math.floor(VISITS / 2)] ?? Number.NaN;
      report({
        ...about,
        name: `largest contentful paint of the dashboard on ${name}, processor slowed four times`,
        value: median,
        unit: 'ms',
        goal: 2500, // what Web Vitals calls good
      });
      report({ ...about, name: `layout shift of the dashboard on ${name}`, value: shift, unit: 'score', goal: 0.01 });
    }
  } finally {
    await browser.close();
  }
}
