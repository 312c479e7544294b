"""Workloads with speculative decoding, stepped over vLLM's own schedulers with a stand-in model.

    python producers/spec_traces.py MODEL_DIR SEEDS > test/golden/spec-traces.json

MODEL_DIR holds a config.json (the tinymodel of the golden data); SEEDS is `0:100`. The stand-in model and its drafts decide
as the head.notes of traces-next.json say. A draft model is none: eagle, mtp and draft_model are set on a config for n-grams,
which is all that the scheduler reads of them.
"""

import json
import random
import sys

import torch

from vllm.config import (
    CacheConfig,
    KVEventsConfig,
    ModelConfig,
    ObservabilityConfig,
    ParallelConfig,
    SchedulerConfig,
    SpeculativeConfig,
    VllmConfig,
)
from vllm.sampling_params import SamplingParams
from vllm.utils.hashing import sha256
from vllm.v1.core.kv_cache_utils import get_request_block_hasher, init_none_hash
from vllm.v1.core.sched.async_scheduler import AsyncScheduler
from vllm.v1.core.sched.scheduler import Scheduler
from vllm.v1.core.single_type_kv_cache_manager import register_all_kvcache_specs
from vllm.v1.kv_cache_interface import (
    ChunkedLocalAttentionSpec,
    FullAttentionSpec,
    KVCacheConfig,
    KVCacheGroupSpec,
    MambaSpec,
    SlidingWindowSpec,
)
from vllm.v1.outputs import DraftTokenIds, ModelRunnerOutput
from vllm.v1.request import Request, RequestStatus
from vllm.v1.structured_output import StructuredOutputManager

EOS = 2
BLOCK = 16
WRONG = 3


class Events:
    """In the place of the publisher: keeps the last batch."""

    def __init__(self):
        self.batch = None

    def publish(self, batch):
        self.batch = batch.events

    def shutdown(self):
        pass


def spec_of(spec, asked):
    common = dict(block_size=BLOCK, num_kv_heads=1, head_size=8, dtype=torch.float16)
    if spec["kind"] == "swa":
        # As the planner has it beside chained MTP modules.
        drafts = asked["num_speculative_tokens"] if asked else 0
        modules = asked.get("mtp_modules", 1) if asked else 1
        extra = drafts - 1 if min(modules, drafts) > 1 else 0
        return SlidingWindowSpec(**common, sliding_window=spec["window"], extra_retained_tokens=extra)
    if spec["kind"] == "chunked":
        return ChunkedLocalAttentionSpec(**common, attention_chunk_size=spec["chunk"])
    if spec["kind"] == "mamba":
        return MambaSpec(
            block_size=BLOCK,
            shapes=((16, 16),),
            dtypes=(torch.float16,),
            mamba_cache_mode=spec["mode"],
        )
    return FullAttentionSpec(**common)


class Engine:
    def __init__(self, model, config):
        self.config = config
        self.extra = config["oracle_extra"]
        asked = config.get("speculative_config")
        self.is_async = config.get("async_scheduling", False)
        self.queue_size = 2 if self.is_async else 1
        self.vllm_config = self.make_config(model, asked)
        groups = [
            KVCacheGroupSpec([f"layer.{i}.{n}" for n in range(spec["layers"])], spec_of(spec, asked))
            for i, spec in enumerate(config["specs"])
        ]
        kv_cache_config = KVCacheConfig(
            num_blocks=config["num_blocks"],
            kv_cache_tensors=[],
            kv_cache_groups=groups,
            prefix_cache_retention_interval=0,
        )
        register_all_kvcache_specs(self.vllm_config)
        cls = AsyncScheduler if self.is_async else Scheduler
        self.scheduler = cls(
            vllm_config=self.vllm_config,
            kv_cache_config=kv_cache_config,
            block_size=BLOCK,
            hash_block_size=BLOCK,
            log_stats=True,
            structured_output_manager=StructuredOutputManager(self.vllm_config),
        )
        self.events = Events()
        self.scheduler.kv_event_publisher = self.events
        self.scheduler.use_v2_model_runner = True
        self.lookahead = self.vllm_config.num_hash_lookahead_tokens
        self.hasher = get_request_block_hasher(BLOCK, sha256, self.lookahead)
        self.requests = {}
        self.scripts = {}
        self.drafts = {}
        self.batches = []
        self.tables = {}
        self.numbers = {}

    def make_config(self, model, asked):
        config = self.config
        speculative = None
        if asked:
            method = asked["method"] if asked["method"] == "ngram" else "ngram_gpu"
            fields = dict(
                method=method,
                num_speculative_tokens=asked["num_speculative_tokens"],
                prompt_lookup_max=4,
                prompt_lookup_min=2,
            )
            model_config = ModelConfig(
                model=model, skip_tokenizer_init=True, max_model_len=config["max_model_len"]
            )
            speculative = SpeculativeConfig(
                **fields, target_model_config=model_config, target_parallel_config=ParallelConfig()
            )
            if modules := asked.get("mtp_modules"):
                model_config.hf_config.num_nextn_predict_layers = modules
            for key in ("disable_eagle_block_drop", "disable_lookahead_block_hashes"):
                if key in asked:
                    setattr(speculative, key, asked[key])
        else:
            model_config = ModelConfig(
                model=model, skip_tokenizer_init=True, max_model_len=config["max_model_len"]
            )
        vllm_config = VllmConfig(
            model_config=model_config,
            scheduler_config=SchedulerConfig(
                max_num_seqs=config["max_num_seqs"],
                max_num_batched_tokens=config["max_num_batched_tokens"],
                max_model_len=config["max_model_len"],
                is_encoder_decoder=False,
                enable_chunked_prefill=True,
                async_scheduling=self.is_async,
                watermark=config.get("watermark", 0.0),
                long_prefill_token_threshold=config.get("long_prefill_token_threshold", 0),
                policy=config.get("scheduling_policy", "fcfs"),
                prefill_schedule_interval=config.get("prefill_schedule_interval", 1),
            ),
            cache_config=CacheConfig(
                block_size=BLOCK, enable_prefix_caching=config.get("enable_prefix_caching", True)
            ),
            parallel_config=ParallelConfig(),
            speculative_config=speculative,
            kv_events_config=KVEventsConfig(enable_kv_cache_events=True, publisher="null"),
            observability_config=ObservabilityConfig(),
        )
        if asked and "num_speculative_tokens_per_batch_size" in asked:
            # Model runner v1, which stands in where Triton is missing, takes it of some methods only.
            vllm_config.speculative_config.num_speculative_tokens_per_batch_size = [
                tuple(entry) for entry in asked["num_speculative_tokens_per_batch_size"]
            ]
        vllm_config.cache_config.num_gpu_blocks = config["num_blocks"]
        if any(s["kind"] == "mamba" for s in config["specs"]):
            vllm_config.cache_config.mamba_cache_mode = "align"
        if asked and asked["method"] not in ("ngram", "ngram_gpu"):
            vllm_config.speculative_config.method = asked["method"]
        return vllm_config

    def token(self, request, position):
        script = self.scripts.get(request.request_id) or []
        token = (
            script[position]
            if position < len(script)
            else 1000 + (sum(request.prompt_token_ids) + 7 * position) % 2000
        )
        params = request.sampling_params
        if position < params.min_tokens:
            while token in params.all_stop_token_ids:
                token += 1
        return token

    def propose(self, request, n_out, count):
        total = sum(request.prompt_token_ids)
        if self.extra.get("ragged"):
            count = (total + n_out) % (count + 1)
        return [
            self.token(request, q) if (total + 3 * q) % 10 < self.extra["accept"] else WRONG
            for q in range(n_out, n_out + count)
        ]

    def execute(self, output, chunks):
        ids, sampled = [], []
        drafted = {}
        admitted = {r.req_id for r in output.scheduled_new_reqs}
        admitted |= set(output.scheduled_cached_reqs.resumed_req_ids)
        for req_id in output.num_scheduled_tokens:
            ids.append(req_id)
            request = self.requests[req_id]
            if chunks[req_id]:
                sampled.append([])
                drafted[req_id] = []
                continue
            scheduled = output.scheduled_spec_decode_tokens.get(req_id, [])
            if scheduled and scheduled[0] == -1:
                scheduled = [] if req_id in admitted else self.drafts.get(req_id, [])[: len(scheduled)]
            start = request.num_output_tokens
            tokens = []
            for draft in scheduled:
                tokens.append(self.token(request, start + len(tokens)))
                if tokens[-1] != draft:
                    break
            else:
                tokens.append(self.token(request, start + len(tokens)))
            sampled.append(tokens)
            if self.scheduler.num_spec_tokens:
                count = output.num_spec_tokens_to_schedule
                drafted[req_id] = self.propose(request, start + len(tokens), count)
        self.drafts |= drafted
        self.last_drafted = drafted
        return ModelRunnerOutput(
            req_ids=ids,
            req_id_to_index={req_id: i for i, req_id in enumerate(ids)},
            sampled_token_ids=sampled,
            logprobs=None,
            prompt_logprobs_dict={},
            pooler_output=[],
        )

    def step(self, aborts_during):
        """One turn of the busy loop: (schedule record or None, model_executed, outputs or None)."""
        scheduler = self.scheduler
        record, executed = None, False
        if scheduler.has_requests():
            output = scheduler.schedule()
            record = self.schedule_record(output)
            executed = output.total_num_scheduled_tokens > 0
            chunks = {i: scheduler.requests[i].is_prefill_chunk for i in output.num_scheduled_tokens}
            self.batches.append((output, chunks))
            if (
                self.queue_size > 1
                and len(self.batches) < self.queue_size
                and (executed or scheduler.has_requests())
            ):
                return record, executed, None
        if not self.batches:
            return record, executed, None
        output, chunks = self.batches.pop(0)
        result = self.execute(output, chunks)
        if aborts_during:
            scheduler.finish_requests(aborts_during, RequestStatus.FINISHED_ABORTED)
        outputs = scheduler.update_from_output(output, result)
        if scheduler.num_spec_tokens and not self.is_async and output.total_num_scheduled_tokens:
            drafted = self.last_drafted
            scheduler.update_draft_token_ids(DraftTokenIds(list(drafted), list(drafted.values())))
        return record, executed, outputs

    def schedule_record(self, output):
        scheduler = self.scheduler
        manager = scheduler.kv_cache_manager
        for req_id in output.finished_req_ids:
            self.tables.pop(req_id, None)
        changed = {}
        for req_id in output.num_scheduled_tokens:
            table = [list(ids) for ids in manager.get_block_ids(req_id)]
            if self.tables.get(req_id) != table:
                changed[req_id] = self.tables[req_id] = table
        cached = output.scheduled_cached_reqs
        resumed, running = [], []
        for i, req_id in enumerate(cached.req_ids):
            blocks = cached.new_block_ids[i]
            blocks = None if blocks is None else [list(b) for b in blocks]
            entry = {"id": req_id, "computed": cached.num_computed_tokens[i]}
            if req_id in cached.resumed_req_ids:
                resumed.append(entry | {"blocks": self.tables[req_id]})
            else:
                running.append(entry | {"new_blocks": blocks})
        # Model runner v2 takes a resumed request as a new one.
        admitted = [
            {"id": r.req_id, "computed": r.num_computed_tokens, "blocks": [list(b) for b in r.block_ids]}
            for r in output.scheduled_new_reqs
        ]
        record = {
            "tokens": [[i, n] for i, n in output.num_scheduled_tokens.items()],
            "spec_tokens": {i: list(t) for i, t in output.scheduled_spec_decode_tokens.items()},
            "total": output.total_num_scheduled_tokens,
            "new": [r for r in admitted if not self.requests[r["id"]].num_preemptions],
            "resumed": resumed + [r for r in admitted if self.requests[r["id"]].num_preemptions],
            "cached": running,
            "preempted": sorted(output.preempted_req_ids or []),
            "worker_finished_req_ids": sorted(output.finished_req_ids),
            "free_blocks": manager.block_pool.get_num_free_blocks(),
            "running": [r.request_id for r in scheduler.running],
            "waiting": [r.request_id for r in scheduler.waiting],
        }
        if changed:
            record["tables"] = changed
        return record

    def out_record(self, client, outputs):
        stats = outputs.scheduler_stats
        record = {"client": client, "outputs": [self.output_record(o) for o in outputs.outputs]}
        if stats is not None:
            drafts = stats.spec_decoding_stats
            prefix = stats.prefix_cache_stats
            record["stats_extra"] = {
                **({} if drafts is None else {"spec_decoding_stats": vars(drafts)}),
                "waiting_lora_adapters": {},
                "running_lora_adapters": {},
                "num_kv_fetch_reqs_by_stage": dict(stats.num_kv_fetch_reqs_by_stage),
            }
            record["stats"] = {
                "num_running_reqs": stats.num_running_reqs,
                "num_waiting_reqs": stats.num_waiting_reqs,
                "num_skipped_waiting_reqs": stats.num_skipped_waiting_reqs,
                "kv_cache_usage": stats.kv_cache_usage,
                "prefix_cache": {
                    key: getattr(prefix, key)
                    for key in (
                        "reset",
                        "requests",
                        "queries",
                        "hits",
                        "preempted_requests",
                        "preempted_queries",
                        "preempted_hits",
                    )
                },
            }
        record["weight_version"] = "default"
        return record

    def output_record(self, output):
        record = {"id": output.request_id, "new_token_ids": list(output.new_token_ids)}
        if output.finish_reason is not None:
            record["finish_reason"] = int(output.finish_reason)
        if output.stop_reason is not None:
            record["stop_reason"] = output.stop_reason
        if output.events:
            record["events"] = [int(e.type) for e in output.events]
        if (prefill := output.prefill_stats) is not None:
            record["prefill_stats"] = {
                key: getattr(prefill, key)
                for key in (
                    "num_prompt_tokens",
                    "num_computed_tokens",
                    "num_cached_tokens",
                    "num_local_cached_tokens",
                    "num_external_cached_tokens",
                    "num_cache_creation_tokens",
                )
            }
        return record

    def event_record(self, event):
        number = lambda h: None if h is None else self.numbers.setdefault(h, len(self.numbers))
        kind = type(event).__name__
        if kind == "BlockStored":
            return {
                "t": kind,
                "hashes": [number(h) for h in event.block_hashes],
                "parent": number(event.parent_block_hash),
                "num_tokens": len(event.token_ids),
                "block_size": event.block_size,
                "group": event.group_idx,
                "kind": event.kv_cache_spec_kind,
                "window": event.kv_cache_spec_sliding_window,
            }
        if kind == "BlockRemoved":
            return {"t": kind, "hashes": [number(h) for h in event.block_hashes], "group": event.group_idx}
        return {"t": kind}

    def after_record(self):
        scheduler = self.scheduler
        pool = scheduler.kv_cache_manager.block_pool
        record = {
            "running": [r.request_id for r in scheduler.running],
            "waiting": [r.request_id for r in scheduler.waiting],
            "free_blocks": pool.get_num_free_blocks(),
            "kv_cache_usage": scheduler.kv_cache_manager.usage,
            "computed": {i: r.num_computed_tokens for i, r in scheduler.requests.items()},
        }
        if self.config["num_blocks"] <= 40:
            record["free_queue"] = [
                b.block_id for b in pool.free_block_queue.get_all_free_blocks()
            ]
        return record

    def add(self, record):
        params = SamplingParams(
            max_tokens=record["sampling"]["max_tokens"],
            min_tokens=record["sampling"].get("min_tokens", 0),
            stop_token_ids=record["sampling"].get("stop_token_ids"),
            temperature=0.0,
        )
        params.update_from_generation_config({}, EOS)
        request = Request(
            request_id=record["id"],
            prompt_token_ids=record["prompt_token_ids"],
            sampling_params=params,
            pooling_params=None,
            arrival_time=record["arrival_time"],
            priority=record.get("priority", 0),
            block_hasher=self.hasher if self.config.get("enable_prefix_caching", True) else None,
        )
        self.requests[record["id"]] = request
        self.scripts[record["id"]] = record.get("output_script")
        self.scheduler.add_request(request)


def run(model, trace):
    engine = Engine(model, trace["config"])
    last = max([r["arrival_step"] for r in trace["requests"]] + [o["step"] for o in trace["ops"]])
    steps = []
    step = 0
    while step <= last or engine.scheduler.has_requests() or engine.batches:
        ops, during = [], []
        for op in trace["ops"]:
            if op["step"] != step:
                continue
            ops.append({"op": op["op"], "ids": op["ids"]})
            if op["op"] == "abort":
                engine.scheduler.finish_requests(op["ids"], RequestStatus.FINISHED_ABORTED)
            else:
                during += op["ids"]
        for record in trace["requests"]:
            if record["arrival_step"] == step:
                ops.append({"op": "add", "id": record["id"]})
                engine.add(record)
        schedule, executed, outputs = engine.step(during)
        entry = {"step": step}
        if ops:
            entry["ops"] = ops
        if schedule is not None:
            entry["schedule"] = schedule
        entry["model_executed"] = executed
        entry["out"] = [engine.out_record(c, o) for c, o in (outputs or {}).items()]
        entry["after"] = engine.after_record()
        if engine.events.batch:
            entry["kv_events"] = [engine.event_record(e) for e in engine.events.batch]
            engine.events.batch = None
        steps.append(entry)
        step += 1
        if step > 600:
            raise RuntimeError("endless")
    trace["steps"] = steps
    return trace


SPECS = {
    "full": [{"kind": "full", "layers": 2, "block_size": BLOCK}],
    "swa": [{"kind": "swa", "layers": 2, "block_size": BLOCK, "window": 40}],
    "hybrid": [
        {"kind": "full", "layers": 2, "block_size": BLOCK},
        {"kind": "swa", "layers": 2, "block_size": BLOCK, "window": 48},
    ],
    "chunked": [
        {"kind": "full", "layers": 2, "block_size": BLOCK},
        {"kind": "chunked", "layers": 2, "block_size": BLOCK, "chunk": 64},
    ],
    "mamba": [
        {"kind": "full", "layers": 2, "block_size": BLOCK},
        {"kind": "mamba", "layers": 2, "block_size": BLOCK, "mode": "align"},
    ],
}


def workload(seed):
    rng = random.Random(seed)
    method = rng.choice(["ngram", "ngram", "ngram_gpu", "ngram_gpu", "eagle", "mtp", "draft_model"])
    is_async = method != "ngram" and rng.random() < 0.6
    kind = rng.choice(["full", "full", "swa", "hybrid", "chunked", "mamba"])
    if method in ("eagle", "mtp") and kind == "chunked":
        kind = "full"
    count = rng.randint(1, 6)
    max_len = rng.choice([100, 160, 256])
    speculative = {"method": method, "num_speculative_tokens": count}
    if method in ("eagle", "mtp"):
        choice = rng.random()
        if choice < 0.3:
            speculative["disable_eagle_block_drop"] = True
        elif choice < 0.6:
            speculative["disable_lookahead_block_hashes"] = True
    if method == "mtp" and rng.random() < 0.5:
        speculative["mtp_modules"] = rng.randint(2, 3)
    if rng.random() < 0.15:
        edge = rng.randint(1, 3)
        speculative["num_speculative_tokens_per_batch_size"] = [
            [1, edge, count],
            [edge + 1, 64, rng.randint(0, count)],
        ]
    seqs = rng.choice([2, 4, 16])
    per_request = -(-max_len // BLOCK) + 2
    groups = len(SPECS[kind])
    config = {
        "num_blocks": 1 + groups * per_request + rng.randint(0, 3 * per_request),
        "max_model_len": max_len,
        "max_num_batched_tokens": rng.choice([24, 32, 64, 2048]) + 16 * count,
        "max_num_seqs": seqs,
        "specs": SPECS[kind],
        "oracle_extra": {"accept": rng.randint(0, 10), "ragged": rng.random() < 0.4},
        "speculative_config": speculative,
    }
    if kind == "mamba":
        config["mamba_cache_mode"] = "align"
    if is_async:
        config["async_scheduling"] = True
    if rng.random() < 0.25:
        config["scheduling_policy"] = "priority"
    if rng.random() < 0.2:
        config["long_prefill_token_threshold"] = rng.randint(8 + count, 30)
    if rng.random() < 0.15:
        config["enable_prefix_caching"] = False
    if rng.random() < 0.15:
        config["prefill_schedule_interval"] = rng.randint(2, 4)
    prefixes = [[rng.randint(10, 999) for _ in range(max_len)] for _ in range(2)]
    requests = []
    for i in range(rng.randint(2, 9)):
        shared = rng.choice([0, 16, 32, 33, 48, 64])
        own = rng.randint(1, 60)
        prompt = (rng.choice(prefixes)[:shared] + [rng.randint(10, 999) for _ in range(own)])[: max_len - 2]
        if requests and rng.random() < 0.2:
            prompt = list(rng.choice(requests)["prompt_token_ids"])
        sampling = {"max_tokens": rng.randint(1, 40)}
        request = {
            "id": f"r{i}",
            "arrival_step": rng.randint(0, 12),
            "prompt_token_ids": prompt,
            "sampling": sampling,
        }
        if rng.random() < 0.3:
            script = [rng.randint(5, 90) for _ in range(rng.randint(1, 12))]
            script[rng.randrange(len(script))] = EOS
            if rng.random() < 0.5:
                stop = rng.choice(script)
                if stop != EOS:
                    sampling["stop_token_ids"] = [stop]
            if rng.random() < 0.5:
                sampling["min_tokens"] = min(rng.randint(1, 6), sampling["max_tokens"])
            request["output_script"] = script
        if config.get("scheduling_policy") == "priority":
            request["priority"] = rng.randint(0, 3)
        requests.append(request)
    requests.sort(key=lambda r: r["arrival_step"])
    for i, request in enumerate(requests):
        request["arrival_time"] = 1000.0 + i
    ops = [
        {
            "step": rng.randint(1, 20),
            "op": rng.choice(["abort", "abort_during_execution"]),
            "ids": [rng.choice(requests)["id"]],
        }
        for _ in range(rng.choice([0, 0, 1, 2]))
    ]
    arrivals = {r["id"]: r["arrival_step"] for r in requests}
    ops = [op for op in ops if arrivals[op["ids"][0]] < op["step"]]
    ops.sort(key=lambda op: op["step"])
    return {
        "id": f"spec-{seed}-{method}-{kind}",
        "config": config,
        "requests": requests,
        "ops": ops,
    }


def main():
    model, seeds = sys.argv[1:3]
    init_none_hash(sha256)
    first, end = map(int, seeds.split(":"))
    traces = []
    for seed in range(first, end):
        trace = workload(seed)
        try:
            traces.append(run(model, trace))
        except Exception as error:  # noqa: BLE001
            print(f"{trace['id']}: {type(error).__name__}: {error}", file=sys.stderr)
    json.dump({"vllm_version": "0.33.0", "traces": traces}, sys.stdout, separators=(",", ":"))


if __name__ == "__main__":
    main()
