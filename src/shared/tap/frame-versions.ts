/**
 * Which vLLM version each frame is of: the given one, or what its engine said of itself in EngineCoreReadyResponse. What
 * goes before that is the same in all versions. An engine's own recording does not name the engine: there the last word
 * counts. Where no engine says it, as in a recording's later parts alone, it is what the recording says of itself.
 */
import { saidVersion } from '../protocol/said-version.ts';
import { knownVersion } from '../protocol/versions/known-version.ts';
import { WIRE_VERSIONS } from '../protocol/versions/wire-versions.ts';
import type { WireVersion } from '../protocol/wire-version.ts';
import { VLLM_VERSION } from '../version.ts';
import type { RawFrame } from './raw-frame.ts';
import type { RecordingHead } from './recording-format.ts';

/** Engines whose version is kept; of others the last one's counts. */
const MAX_ENGINES = 4_096;

export class FrameVersions {
  readonly #given: WireVersion | null;
  readonly #byEngine = new Map<number, WireVersion>();
  readonly #seen = new Set<string>();
  #last: WireVersion;

  /** `given` null: what the frames say, and `otherwise` where they say nothing that is known. */
  constructor(given: WireVersion | null, otherwise: WireVersion = WIRE_VERSIONS[VLLM_VERSION]) {
    this.#given = given;
    this.#last = given ?? otherwise;
  }

  /** Takes note of what an engine says of itself; of all frames, in their order. */
  see(frame: RawFrame): void {
    if (this.#given !== null || frame.type !== 'EngineCoreReadyResponse') return;
    const version = versionIn(frame);
    if (version === null) return;
    this.#last = version;
    this.#seen.add(version.vllmVersion);
    const { peer } = frame;
    if (peer === null || (this.#byEngine.size >= MAX_ENGINES && !this.#byEngine.has(peer))) return;
    this.#byEngine.set(peer, version);
  }

  of({ peer }: RawFrame): WireVersion {
    return (peer === null ? undefined : this.#byEngine.get(peer)) ?? this.#last;
  }

  /** All that frames are of so far, `0.31.0, 0.33.0`. */
  get text(): string {
    return this.#seen.size === 0 ? this.#last.vllmVersion : [...this.#seen].join(', ');
  }
}

/** The version that all recordings say they are of; ours where they differ, or say none that is known. */
export function versionOfHeads(heads: readonly Pick<RecordingHead, 'vllm_version'>[]): WireVersion {
  const [version, ...others] = new Set(heads.map((head) => knownVersion(head.vllm_version)));
  return others.length === 0 && version ? version : WIRE_VERSIONS[VLLM_VERSION];
}

function versionIn({ parts }: RawFrame): WireVersion | null {
  const said = saidVersion([Buffer.from(parts[0] ?? '', 'base64')]);
  return said === null ? null : knownVersion(said);
}
