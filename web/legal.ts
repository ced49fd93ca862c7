import type { Request, Response } from 'express';
import type { Config } from '../config.ts';
import { translator } from './i18n.ts';
import { renderPage } from './render.ts';
import type { Route } from './route.ts';

type LegalConfig = Pick<Config, 'COMPANY_NAME' | 'COMPANY_EMAIL' | 'COMPANY_ADDRESS' | 'PUBLIC_URL'>;

/** One view behind three addresses, as Meta's app review asks for them. */
export const legalRoutes = (config: LegalConfig): Route[] =>
  ['/legal', '/privacy', '/terms'].map((path) => ({
    method: 'get',
    path,
    access: 'public',
    handler: (req: Request, res: Response) => {
      const company = {
        name: config.COMPANY_NAME,
        email: config.COMPANY_EMAIL,
        address: config.COMPANY_ADDRESS,
        url: config.PUBLIC_URL,
      };
      renderPage(req, res, 'legal/page', { title: translator(req)('legal:title'), company, at: path.slice(1) });
    },
  }));
