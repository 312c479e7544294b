import type { StructTable, WireTables } from './struct-table.ts';

/** How the ranks of a mixture-of-experts model come to step together: who says what to the coordinator. */
export interface WaveRules {
  /**
   * Who tells it of a request for ranks that stand still: the rank that got the request, by `start_wave`, or the frontend
   * that sends it, by FIRST_REQ. Source: vllm/v1/engine/core.py DPEngineCoreProc.add_request (0.28.0 to 0.33.0).
   */
  readonly startedBy: 'engine' | 'frontend';
  /**
   * Rank 0 says that the ranks run, and only then does the coordinator take them to.
   * Source: vllm/v1/engine/core.py DPEngineCoreProc.run_busy_loop (0.28.0 to 0.33.0).
   */
  readonly isStartReported: boolean;
}

/** What INIT may tell ranks that step together, by vLLM's names. Source: vllm/v1/engine/utils.py wait_for_engine_startup. */
export type ParallelConfigKey =
  | 'data_parallel_master_ip'
  | 'data_parallel_master_port'
  | '_data_parallel_master_port_list'
  | '_coord_store_port'
  | 'data_parallel_size';

/**
 * What a vLLM version says on the wire. The next one is made from its neighbour: the neighbour's tables, and in place of
 * those that changed what `extend`, `insert`, `replace`, `move` or `without` makes of them.
 */
export interface WireVersion {
  readonly vllmVersion: string;
  readonly waves: WaveRules;
  /** What INIT tells ranks that step together, in its order. */
  readonly parallelConfigKeys: readonly ParallelConfigKey[];
  /**
   * Methods of engine cores that frontends of later versions call, and this one's has not.
   * Source: vllm/v1/engine/core.py EngineCore, vllm/v1/engine/core_client.py AsyncMPClient (0.28.0 to 0.33.0).
   */
  readonly absentCalls: readonly string[];
  readonly tables: WireTables;
  /** Structs that are handed on unread, by their names in the code. */
  readonly described: Readonly<Record<string, StructTable>>;
}
