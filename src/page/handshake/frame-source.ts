/** Where the frames of the Handshake tab come from: a running twin, or a recording in the document itself. */
import type { FrameDetail, FrameLine, Recording } from '../../shared/tap/frame-line.ts';

export interface FrameSource {
  /** A recording does not grow. */
  readonly isLive: boolean;
  /** In words, for a heading. */
  readonly title: string;
  since(n: number): Promise<readonly FrameLine[]>;
  detail(n: number): Promise<FrameDetail>;
}

export function liveFrames(baseUrl: string): FrameSource {
  const get = async (path: string): Promise<Response> => {
    const response = await fetch(`${baseUrl}/twin/api/${path}`);
    if (response.ok) return response;
    const body = (await response.json().catch(() => null)) as {
      error?: { message?: string };
    } | null;
    throw new Error(body?.error?.message ?? `${response.status} from ${path}`);
  };
  return {
    isLive: true,
    title: 'live',
    since: async (n) => {
      const text = await (await get(`frames?since=${n}&limit=2000`)).text();
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as FrameLine);
    },
    detail: async (n) => (await (await get(`frame?n=${n}`)).json()) as FrameDetail,
  };
}

export function recordedFrames({ frames, title }: Recording): FrameSource {
  return {
    isLive: false,
    title,
    since: async (n) => frames.filter((frame) => (frame.n ?? 0) > n),
    detail: async (n) => {
      const found = frames.find((frame) => frame.n === n);
      if (found === undefined) throw new Error(`the recording has no frame ${n}`);
      return found;
    },
  };
}

/** What `frames --html` put into the document; null on a page that a twin serves. */
export function readRecording(): Recording | null {
  const text = document.getElementById('recording')?.textContent ?? '';
  return text.trim() === '' ? null : (JSON.parse(text) as Recording);
}
