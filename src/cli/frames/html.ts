/** A recording as one file: the page of /twin with the frames inside. It works from disk, without a server. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { ConfigError, reasonOf } from '../../shared/errors.ts';
import { ownFile } from '../../shared/own-files.ts';
import type { FrameDetail, Recording } from '../../shared/tap/frame-line.ts';

/** Frames that one page takes. */
export const MAX_PAGE_FRAMES = 20_000;
/** Characters of JSON that one page takes. */
export const MAX_PAGE_CHARACTERS = 64 * 1024 * 1024;

const PLACE = '<script id="recording" type="application/json"></script>';

/** The frames of a page as JSON, up to its bounds. */
export class PageFrames {
  readonly #frames: string[] = [];
  readonly #maxFrames: number;
  readonly #maxCharacters: number;
  #characters = 0;
  #numLeftOut = 0;

  constructor(maxFrames = MAX_PAGE_FRAMES, maxCharacters = MAX_PAGE_CHARACTERS) {
    this.#maxFrames = maxFrames;
    this.#maxCharacters = maxCharacters;
  }

  get numFrames(): number {
    return this.#frames.length;
  }

  get numLeftOut(): number {
    return this.#numLeftOut;
  }

  /** Whether a further frame would be left out; it then need not be decoded. */
  get isFull(): boolean {
    return this.#numLeftOut > 0 || this.#frames.length >= this.#maxFrames;
  }

  leaveOut(): void {
    this.#numLeftOut += 1;
  }

  add(detail: FrameDetail): void {
    const text = JSON.stringify(detail);
    if (this.isFull || this.#characters + text.length > this.#maxCharacters) {
      this.leaveOut();
      return;
    }
    this.#frames.push(text);
    this.#characters += text.length;
  }

  /** The page; `template` is the page without a recording, `vllmVersion` whose frames they are. */
  page(template: string, title: string, vllmVersion: string): string {
    const at = template.indexOf(PLACE);
    if (at === -1) throw new TypeError('the page has no place for a recording');
    const head: Omit<Recording, 'frames'> = {
      schema: 'vllm-twin.recording/1',
      vllm_version: vllmVersion,
      title,
      num_left_out: this.#numLeftOut,
    };
    const json = `${JSON.stringify(head).slice(0, -1)},"frames":[${this.#frames.join(',')}]}`;
    const end = PLACE.indexOf('</script>');
    return [
      template.slice(0, at),
      PLACE.slice(0, end),
      // No text in a prompt can end the script: JSON needs no `<` of its own.
      json.replaceAll('<', '\\u003c'),
      template.slice(at + end),
    ].join('');
  }
}

/** Throws E_BAD_FILE where the page was not built or the file cannot be written; then nothing is left of it. */
export async function writePage(
  path: string,
  {
    title,
    vllmVersion,
    frames,
  }: { readonly title: string; readonly vllmVersion: string; readonly frames: PageFrames },
): Promise<void> {
  const template = await readTemplate();
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, frames.page(template, title, vllmVersion));
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {});
    const reason = reasonOf(cause);
    throw new ConfigError('E_BAD_FILE', `--html ${path}: cannot be written (${reason})`, { cause });
  }
}

async function readTemplate(): Promise<string> {
  const path = ownFile('page/index.html');
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new ConfigError('E_BAD_FILE', `${path}: the page is not there; run npm run build`, {
      cause,
    });
  }
}
