/** A page in a browser, with all that it complained of and whom it asked. */
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';

export interface PageOptions {
  readonly width?: number;
  readonly scheme?: 'dark' | 'light';
  /** Lets axe in, which the page's own policy keeps out. */
  readonly isExamined?: boolean;
}

export class WatchedPage {
  readonly page: Page;
  /** Errors of the page and of its console. */
  readonly complaints: string[] = [];
  /** Every address that was asked. */
  readonly requests: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('pageerror', ({ message }) => this.complaints.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
    page.on('request', (request) => this.requests.push(request.url()));
  }

  static async open(
    browser: Browser,
    url: string,
    { width = 1_280, scheme = 'dark', isExamined = false }: PageOptions = {},
  ): Promise<WatchedPage> {
    const watched = new WatchedPage(
      await browser.newPage({
        viewport: { width, height: 900 },
        colorScheme: scheme,
        bypassCSP: isExamined,
        // What still fades in has little contrast.
        reducedMotion: isExamined ? 'reduce' : 'no-preference',
      }),
    );
    await watched.page.goto(url);
    return watched;
  }

  choose(tab: string): Promise<void> {
    return this.page.getByRole('tab', { name: tab, exact: true }).click();
  }

  /** What was asked of anybody but that server; nobody is asked by an address of data. */
  requestsElsewhere(url: string): readonly string[] {
    return this.requests.filter((one) => !one.startsWith(`${url}/`) && !/^(data|blob):/.test(one));
  }

  /** What axe calls serious or critical, with the element. */
  async seriousViolations(): Promise<readonly string[]> {
    const isThere = await this.page.evaluate<boolean>('typeof axe !== "undefined"');
    if (!isThere) await this.page.addScriptTag({ content: axe.source });
    return this.page.evaluate<string[]>(`axe.run().then(({ violations }) => violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ' ' + html)))`);
  }
}
