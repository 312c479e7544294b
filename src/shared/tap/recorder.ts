/**
 * Writes what a tap shows to files: a frame becomes a line at once, lines are gathered, and written while the process goes
 * on. What comes faster than the disk takes it is counted and said, never waited for.
 */
import { reasonOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { FrameLineWriter } from './frame-json.ts';
import type { RecordingFile } from './recording-file.ts';
import type { TappedFrame } from './tap.ts';

/** How long a line may wait to be written: what a process loses that is killed. */
export const FLUSH_MS = 100;
/** Of a buffer that lines are gathered in; a longer line has one of its own. A full one is written at once. */
const CHUNK_BYTES = 256 * 1024;
/** Buffers that are kept to be filled again: new memory costs more than what is written into it. */
const MAX_SPARE_CHUNKS = 4;
/** Bytes that wait for the disk; frames beyond them are dropped. */
export const MAX_BUFFERED_BYTES = 32 * 1024 * 1024;

export interface RecorderOptions {
  readonly file: RecordingFile;
  readonly logger: Pick<Logger, 'warn' | 'error'>;
  /** Called once where the recording ends for good: nothing more need be shown. */
  readonly onFailure: () => void;
  readonly maxBufferedBytes?: number;
}

export class Recorder {
  readonly #options: RecorderOptions;
  readonly #maxBufferedBytes: number;
  readonly #lines = new FrameLineWriter();
  /** Full chunks, and the one that is being written, in order. */
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  /** What comes behind the queue, and how far it is filled. */
  #chunk: Buffer = Buffer.alloc(0);
  #chunkBytes = 0;
  readonly #spare: Buffer[] = [];
  #isWriting = false;
  #timer: NodeJS.Timeout | null = null;
  /** Since the last frame that was taken. */
  #numDroppedNow = 0;
  #numDropped = 0;
  #isOver = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#maxBufferedBytes = options.maxBufferedBytes ?? MAX_BUFFERED_BYTES;
  }

  /** Frames that found no room. */
  get numDropped(): number {
    return this.#numDropped;
  }

  /** What waits for the disk. */
  get bufferedBytes(): number {
    return this.#queuedBytes + this.#chunkBytes;
  }

  /** Takes a frame in. */
  readonly take = (frame: TappedFrame): void => {
    if (this.#isOver) return;
    if (this.bufferedBytes >= this.#maxBufferedBytes) {
      this.#drop();
      return;
    }
    const line = this.#lines.lineOf(frame);
    if (this.bufferedBytes + line.length > this.#maxBufferedBytes) {
      this.#drop();
      return;
    }
    this.#noteDropped();
    this.#put(line);
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#write();
    }, FLUSH_MS);
    // A process that has nothing else to do ends; its last lines are written then.
    this.#timer.unref();
  };

  /** Writes all that waits, at once; for the end of the process. Idempotent; nothing is taken in afterwards. */
  end(): void {
    if (this.#isOver) return;
    this.#noteDropped();
    this.#seal();
    this.#stop();
    const { file, logger } = this.#options;
    try {
      for (const lines of this.#queue) file.appendSync(lines);
    } catch (error) {
      logger.error(`The recording ${file.path} lacks its end: ${reasonOf(error)}`);
    }
    this.#clear();
    if (this.#numDropped > 0)
      logger.warn(
        `The recording ${file.path} lacks ${this.#numDropped} frames: they came faster than they could be written`,
      );
  }

  /** Lines are ASCII: a byte a character. */
  #put(line: string): void {
    if (line.length > CHUNK_BYTES) {
      this.#seal();
      this.#queue.push(Buffer.from(line, 'latin1'));
      this.#queuedBytes += line.length;
      this.#write();
      return;
    }
    if (this.#chunkBytes + line.length > this.#chunk.length) {
      this.#seal();
      this.#write();
      this.#chunk = this.#spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
    }
    this.#chunkBytes += this.#chunk.write(line, this.#chunkBytes, line.length, 'latin1');
  }

  /** Queues what the chunk holds. */
  #seal(): void {
    if (this.#chunkBytes > 0) this.#queue.push(this.#chunk.subarray(0, this.#chunkBytes));
    this.#queuedBytes += this.#chunkBytes;
    this.#chunk = Buffer.alloc(0);
    this.#chunkBytes = 0;
  }

  #write(): void {
    if (this.#isWriting) return;
    if (this.#queue.length === 0) this.#seal();
    const [lines] = this.#queue;
    if (lines === undefined) return;
    this.#isWriting = true;
    this.#options.file.append(lines, (error) => {
      this.#isWriting = false;
      if (this.#isOver) return;
      if (error !== null) {
        this.#fail(error);
        return;
      }
      // It stays in the queue until it is written: whoever ends the process meanwhile writes it again.
      this.#queue.shift();
      this.#queuedBytes -= lines.length;
      this.#spareChunkOf(lines);
      // Less than a chunk waits for the timer.
      if (this.#queue.length > 0) this.#write();
    });
  }

  #spareChunkOf({ buffer }: Buffer): void {
    if (buffer.byteLength === CHUNK_BYTES && this.#spare.length < MAX_SPARE_CHUNKS)
      this.#spare.push(Buffer.from(buffer));
  }

  #drop(): void {
    if (this.#numDropped === 0)
      this.#options.logger.warn(
        `Frames are missing from the recording ${this.#options.file.path}: more than ${this.#maxBufferedBytes} bytes wait for the disk`,
      );
    this.#numDropped += 1;
    this.#numDroppedNow += 1;
  }

  /** Says in the file how many are missing here. */
  #noteDropped(): void {
    if (this.#numDroppedNow === 0) return;
    this.#put(`{"dropped":${this.#numDroppedNow}}\n`);
    this.#numDroppedNow = 0;
  }

  #fail(error: Error): void {
    const { file, logger, onFailure } = this.#options;
    this.#stop();
    this.#clear();
    logger.error(`The recording ${file.path} ends here, serving goes on: ${reasonOf(error)}`);
    onFailure();
  }

  #stop(): void {
    this.#isOver = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #clear(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#chunkBytes = 0;
    this.#options.file.close();
  }
}
