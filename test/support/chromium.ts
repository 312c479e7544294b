import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Where Debian's package `chromium` puts it. */
const EXECUTABLE = '/usr/bin/chromium';

export const hasChromium = existsSync(EXECUTABLE);
/** For the title of tests that are skipped. */
export const chromiumReason = hasChromium ? '' : ` (skipped: ${EXECUTABLE} is missing)`;

if (!hasChromium) console.warn(`${EXECUTABLE} is missing: the page is not tested in a browser`);

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: EXECUTABLE, args: ['--no-sandbox'] });
}
