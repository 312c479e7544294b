"""Workloads through vLLM's own scheduler with a KV connector that does what is written beside the requests.

Makes test/golden/kv-connector-traces.json in the format of traces-next.json: prompts, what the connector has of them
(`kv`), and every step of the schedulers (`Scheduler`, `AsyncScheduler`), with the engine core's order of scheduling, running
and taking in. The model is none: output token k is 1000 + (sum of the prompt + 7 k) % 2000.

    python producers/kv_connector_traces.py [--check]
    python producers/kv_connector_traces.py --random 200 --seed 7 --out FILE     # more of them, to compare with

Beside the fields of traces-next.json a request's `kv` may have: `fail`, the load fails, "request" as a whole or a list of
positions among the request's blocks; `hold`, so many steps its blocks stay after it has finished.
"""

import argparse
import json
import random
import sys
from collections import deque
from pathlib import Path

import torch
from common import finish, root_of
from vllm.config import (
    CacheConfig,
    DeviceConfig,
    KVEventsConfig,
    KVTransferConfig,
    LoRAConfig,
    ModelConfig,
    ParallelConfig,
    SchedulerConfig,
    VllmConfig,
)
from vllm.distributed.kv_transfer.kv_connector.factory import KVConnectorFactory
from vllm.distributed.kv_transfer.kv_connector.v1.base import (
    KVConnectorBase_V1,
    KVConnectorMetadata,
    SupportsHMA,
)
from vllm.lora.request import LoRARequest
from vllm.sampling_params import SamplingParams
from vllm.utils.hashing import get_hash_fn_by_name
from vllm.v1.core.kv_cache_utils import get_request_block_hasher, init_none_hash
from vllm.v1.core.sched.async_scheduler import AsyncScheduler
from vllm.v1.core.sched.scheduler import Scheduler
from vllm.v1.core.single_type_kv_cache_manager import register_all_kvcache_specs
from vllm.v1.kv_cache_interface import (
    FullAttentionSpec,
    KVCacheConfig,
    KVCacheGroupSpec,
    SlidingWindowSpec,
)
from vllm.v1.outputs import KVConnectorOutput, ModelRunnerOutput
from vllm.v1.request import Request, RequestStatus
from vllm.v1.structured_output import StructuredOutputManager

EOS_TOKEN_ID = 2
MODEL = Path(__file__).resolve().parent.parent / "test" / "golden" / "tinymodel"
NAME = "ScriptedConnector"


class Loads(KVConnectorMetadata):
    def __init__(self, starting):
        self.starting = starting


class ScriptedConnector(KVConnectorBase_V1, SupportsHMA):
    def __init__(self, vllm_config, role, kv_cache_config):
        super().__init__(vllm_config, role, kv_cache_config)
        self.scripts = {}
        self.asked = {}
        self.starting = []
        self.held = {}

    def get_num_new_matched_tokens(self, request, num_computed_tokens):
        script = self.scripts.get(request.request_id)
        if not script:
            return 0, False
        asked = self.asked[request.request_id] = self.asked.get(request.request_id, 0) + 1
        if asked <= script.get("later", 0):
            return None, False
        known = max(0, min(script["tokens"], request.num_tokens - 1))
        tokens = max(0, known - num_computed_tokens)
        return tokens, tokens > 0 and script.get("async", False)

    def update_state_after_alloc(self, request, blocks, num_external_tokens):
        script = self.scripts.get(request.request_id)
        if not num_external_tokens:
            return
        ids = blocks.get_block_ids()
        failing = script.get("fail")
        failed = failing == "request"
        invalid = [] if failing in (None, "request") else [
            ids[0][i] for i in failing if i < len(ids[0])
        ]
        self.starting.append(
            (request.request_id, script.get("delay", 0), script.get("async", False), failed, invalid)
        )

    def build_connector_meta(self, scheduler_output):
        meta = Loads(self.starting)
        self.starting = []
        return meta

    def request_finished(self, request, block_ids):
        return self.request_finished_all_groups(request, (block_ids,))

    def request_finished_all_groups(self, request, block_ids):
        script = self.scripts.get(request.request_id) or {}
        hold = script.get("hold", 0)
        done = request.status in (
            RequestStatus.FINISHED_STOPPED,
            RequestStatus.FINISHED_LENGTH_CAPPED,
        )
        if not hold or not done:
            return False, None
        self.held[request.request_id] = hold
        return True, {"held_blocks": [list(ids) for ids in block_ids]}

    def start_load_kv(self, forward_context, **kwargs):
        pass

    def wait_for_layer_load(self, layer_name):
        pass

    def save_kv_layer(self, layer_name, kv_layer, attn_metadata, **kwargs):
        pass

    def wait_for_save(self):
        pass


class Worker:
    """Counts steps as it is given them; loads and holds end by that count."""

    def __init__(self, connector):
        self.connector = connector
        self.step = 0
        self.loading = {}
        self.holding = {}

    def run(self, output, requests, asked_for):
        self.step += 1
        invalid, failed = [], set()
        for req_id, delay, is_async, fails, blocks in output.kv_connector_metadata.starting:
            if is_async:
                self.loading[req_id] = (self.step + delay, fails, blocks)
            else:
                invalid += blocks
        for req_id, hold in self.connector.held.items():
            self.holding[req_id] = self.step + hold
        self.connector.held.clear()
        received = [req_id for req_id, (end, _, _) in self.loading.items() if end <= self.step]
        for req_id in received:
            _, fails, blocks = self.loading.pop(req_id)
            invalid += blocks
            if fails:
                failed.add(req_id)
        sent = [req_id for req_id, end in self.holding.items() if end <= self.step]
        for req_id in sent:
            del self.holding[req_id]
        transfers = KVConnectorOutput(
            finished_sending=set(sent) or None,
            finished_recving=set(received) or None,
            invalid_block_ids=set(invalid),
            failed_recving=failed,
        )
        ids = list(output.num_scheduled_tokens)
        sampled = []
        for req_id in ids:
            request = requests[req_id]
            if request.is_prefill_chunk:
                sampled.append([])
                continue
            k = asked_for.pop(0)
            prompt = request.prompt_token_ids
            sampled.append([1000 + (sum(prompt) + 7 * k) % 2000])
        return ModelRunnerOutput(
            req_ids=ids,
            req_id_to_index={req_id: i for i, req_id in enumerate(ids)},
            sampled_token_ids=sampled,
            logprobs=None,
            prompt_logprobs_dict={},
            pooler_output=[],
            kv_connector_output=None if transfers.is_empty() else transfers,
        )


def make_config(config):
    model = ModelConfig(
        model=str(MODEL), dtype="float32", seed=0, max_model_len=config["max_model_len"],
        skip_tokenizer_init=True,
    )
    block_size = config.get("block_size", 16)
    scheduler = SchedulerConfig(
        max_num_seqs=config["max_num_seqs"],
        max_num_batched_tokens=config["max_num_batched_tokens"],
        max_model_len=config["max_model_len"],
        is_encoder_decoder=False,
        enable_chunked_prefill=True,
        async_scheduling=config.get("async_scheduling", False),
        policy=config.get("scheduling_policy", "fcfs"),
        watermark=config.get("watermark", 0.0),
        long_prefill_token_threshold=config.get("long_prefill_token_threshold", 0),
    )
    cache = CacheConfig(
        block_size=block_size,
        enable_prefix_caching=config.get("enable_prefix_caching", True),
    )
    transfer = KVTransferConfig(**config["kv_transfer_config"])
    lora = None
    if config.get("enable_lora"):
        lora = LoRAConfig(max_loras=config.get("max_loras", 1), max_lora_rank=8, lora_dtype="auto")
    vllm_config = VllmConfig(
        model_config=model, scheduler_config=scheduler, cache_config=cache,
        parallel_config=ParallelConfig(), kv_transfer_config=transfer, lora_config=lora,
        device_config=DeviceConfig(device="cpu"),
        kv_events_config=KVEventsConfig(enable_kv_cache_events=True, publisher="null"),
    )
    return vllm_config


def make_groups(config):
    block_size = config.get("block_size", 16)
    groups = []
    specs = config.get("specs") or [{"kind": "full", "layers": 2, "block_size": block_size}]
    for spec in specs:
        common = dict(block_size=block_size, num_kv_heads=1, head_size=1, dtype=torch.float32)
        made = (
            FullAttentionSpec(**common)
            if spec["kind"] == "full"
            else SlidingWindowSpec(**common, sliding_window=spec["window"])
        )
        names = [f"layer.{len(groups)}.{i}" for i in range(spec["layers"])]
        groups.append(KVCacheGroupSpec(names, made))
    return groups


class Engine:
    def __init__(self, trace):
        config = trace["config"]
        self.vllm_config = make_config(config)
        self.vllm_config.cache_config.num_gpu_blocks = config["num_blocks"]
        register_all_kvcache_specs(self.vllm_config)
        block_size = config.get("block_size", 16)
        self.kv_cache_config = KVCacheConfig(
            num_blocks=config["num_blocks"], kv_cache_tensors=[],
            kv_cache_groups=make_groups(config),
        )
        is_async = config.get("async_scheduling", False)
        cls = AsyncScheduler if is_async else Scheduler
        self.scheduler = cls(
            vllm_config=self.vllm_config, kv_cache_config=self.kv_cache_config,
            block_size=block_size, hash_block_size=block_size, log_stats=True,
            structured_output_manager=StructuredOutputManager(self.vllm_config),
        )
        self.scheduler.use_v2_model_runner = True
        self.events = []
        scheduler = self.scheduler

        class Publisher:
            def publish(publisher, batch):
                self.events.extend(batch.events)

            def shutdown(publisher):
                pass

        scheduler.kv_event_publisher = Publisher()
        self.queue_size = self.vllm_config.max_concurrent_batches
        self.batches = deque()
        self.worker = Worker(scheduler.connector)
        scheduler.connector.scripts.update(
            {r["id"]: r["kv"] for r in trace["requests"] if r.get("kv")}
        )
        hash_fn = get_hash_fn_by_name("sha256")
        init_none_hash(hash_fn)
        self.hasher = get_request_block_hasher(block_size, hash_fn)
        self.aborts = []

    def add(self, record):
        params = SamplingParams(**record["sampling"])
        params.update_from_generation_config({}, EOS_TOKEN_ID)
        lora = record.get("lora")
        request = Request(
            request_id=record["id"],
            prompt_token_ids=list(record["prompt_token_ids"]),
            sampling_params=params,
            pooling_params=None,
            arrival_time=record["arrival_time"],
            lora_request=LoRARequest(lora["name"], lora["id"], "/lora") if lora else None,
            priority=record.get("priority", 0),
            block_hasher=self.hasher,
        )
        self.scheduler.add_request(request)

    def abort(self, ids):
        self.scheduler.finish_requests(ids, RequestStatus.FINISHED_ABORTED)

    def step(self, on_scheduled, on_execution):
        scheduler = self.scheduler
        executed = False
        if scheduler.has_requests():
            output = scheduler.schedule()
            # Which output token each request samples, counted when the step was planned.
            asked = [
                scheduler.requests[r].num_computed_tokens - scheduler.requests[r].num_prompt_tokens
                for r in output.num_scheduled_tokens
                if not scheduler.requests[r].is_prefill_chunk
            ]
            on_scheduled(output)
            result = self.worker.run(output, scheduler.requests, asked)
            executed = output.total_num_scheduled_tokens > 0
            self.batches.appendleft((output, result))
            if len(self.batches) < self.queue_size and (executed or scheduler.has_requests()):
                on_execution(False)
                return {}, executed
        elif not self.batches:
            return {}, False
        output, result = self.batches.pop()
        on_execution(True)
        return scheduler.update_from_output(output, result), executed


def record_stats(stats):
    prefix = stats.prefix_cache_stats
    return {
        "num_running_reqs": stats.num_running_reqs,
        "num_waiting_reqs": stats.num_waiting_reqs,
        "num_skipped_waiting_reqs": stats.num_skipped_waiting_reqs,
        "kv_cache_usage": stats.kv_cache_usage,
        "prefix_cache": {
            name: getattr(prefix, name)
            for name in (
                "reset", "requests", "queries", "hits",
                "preempted_requests", "preempted_queries", "preempted_hits",
            )
        },
    }


def record_output(output):
    record = {"id": output.request_id, "new_token_ids": list(output.new_token_ids)}
    if output.finish_reason is not None:
        record["finish_reason"] = int(output.finish_reason)
    if output.stop_reason is not None:
        record["stop_reason"] = output.stop_reason
    if output.events:
        record["events"] = [int(event.type) for event in output.events]
    if output.prefill_stats is not None:
        stats = output.prefill_stats
        record["prefill_stats"] = {
            name: getattr(stats, name)
            for name in (
                "num_prompt_tokens", "num_computed_tokens", "num_cached_tokens",
                "num_local_cached_tokens", "num_external_cached_tokens",
                "num_cache_creation_tokens",
            )
        }
    return record


class Recorder:
    def __init__(self, engine):
        self.engine = engine
        self.tables = {}
        self.hashes = {}
        self.ever_preempted = set()
        self.seen_preemptions = set()

    def waiting(self):
        scheduler = self.engine.scheduler
        queues = [*scheduler.kv_holding_waiting, *scheduler.waiting]
        return [request.request_id for request in queues]

    def schedule(self, output):
        scheduler = self.engine.scheduler
        manager = scheduler.kv_cache_manager
        for req_id in output.finished_req_ids:
            self.tables.pop(req_id, None)
        preempted = sorted(output.preempted_req_ids or ())
        new, resumed, cached, tables = [], [], [], {}
        for data in output.scheduled_new_reqs:
            record = {
                "id": data.req_id, "computed": data.num_computed_tokens,
                "blocks": [list(ids) for ids in data.block_ids],
            }
            (resumed if data.req_id in self.ever_preempted else new).append(record)
        self.ever_preempted.update(preempted)
        data = output.scheduled_cached_reqs
        for i, req_id in enumerate(data.req_ids):
            blocks = data.new_block_ids[i]
            cached.append({
                "id": req_id, "computed": data.num_computed_tokens[i],
                "new_blocks": None if blocks is None else [list(ids) for ids in blocks],
            })
        for req_id in output.num_scheduled_tokens:
            ids = [list(group) for group in manager.get_block_ids(req_id)]
            if self.tables.get(req_id) != ids:
                self.tables[req_id] = ids
                tables[req_id] = ids
        self.record["schedule"] = {
            "tokens": [list(item) for item in output.num_scheduled_tokens.items()],
            "total": output.total_num_scheduled_tokens,
            "new": new, "resumed": resumed, "cached": cached, "preempted": preempted,
            "worker_finished_req_ids": sorted(output.finished_req_ids),
            "free_blocks": manager.block_pool.get_num_free_blocks(),
            "running": [request.request_id for request in scheduler.running],
            "waiting": self.waiting(),
            "spec_tokens": {},
            **({"tables": tables} if tables else {}),
        }

    def number(self, value):
        return self.hashes.setdefault(value, len(self.hashes))

    def events(self):
        made = []
        for event in self.engine.events:
            kind = type(event).__name__
            if kind == "BlockStored":
                made.append({
                    "t": kind, "hashes": [self.number(h) for h in event.block_hashes],
                    "parent": None if event.parent_block_hash is None
                    else self.number(event.parent_block_hash),
                    "num_tokens": len(event.token_ids), "block_size": event.block_size,
                    "group": event.group_idx, "kind": event.kv_cache_spec_kind,
                    "window": event.kv_cache_spec_sliding_window,
                })
            elif kind == "BlockRemoved":
                made.append({
                    "t": kind, "hashes": [self.number(h) for h in event.block_hashes],
                    "group": event.group_idx,
                })
            else:
                made.append({"t": kind})
        self.engine.events.clear()
        return made

    def after(self):
        scheduler = self.engine.scheduler
        manager = scheduler.kv_cache_manager
        pool = manager.block_pool
        record = {
            "running": [request.request_id for request in scheduler.running],
            "waiting": self.waiting(),
            "free_blocks": pool.get_num_free_blocks(),
            "kv_cache_usage": manager.usage,
            "computed": {r: q.num_computed_tokens for r, q in scheduler.requests.items()},
        }
        if self.engine.kv_cache_config.num_blocks <= 40:
            record["free_queue"] = [b.block_id for b in pool.free_block_queue.get_all_free_blocks()]
        return record

    def outputs(self, outputs):
        made = []
        for client, message in outputs.items():
            record = {"client": client, "outputs": [record_output(o) for o in message.outputs]}
            stats = message.scheduler_stats
            if stats is not None:
                connector = stats.connector_prefix_cache_stats
                record["stats"] = record_stats(stats)
                record["stats_extra"] = {
                    "waiting_lora_adapters": {}, "running_lora_adapters": {},
                    "num_kv_fetch_reqs_by_stage": dict(stats.num_kv_fetch_reqs_by_stage),
                    "connector_prefix_cache_stats": {
                        name: getattr(connector, name)
                        for name in ("reset", "requests", "queries", "hits")
                    },
                }
            record["weight_version"] = "default"
            made.append(record)
        return made


def run(trace):
    engine = Engine(trace)
    recorder = Recorder(engine)
    arrivals = {}
    for record in trace["requests"]:
        arrivals.setdefault(record["arrival_step"], []).append(record)
    ops = {}
    for op in trace["ops"]:
        ops.setdefault(op["step"], []).append(op)
    last = max([*arrivals, *ops])
    steps = []
    step = 0
    while step <= last or engine.scheduler.has_requests() or engine.batches:
        if step > 600:
            raise RuntimeError(f"{trace['id']} does not end")
        record = recorder.record = {"step": step}
        made = []
        during = []
        for op in ops.get(step, ()):
            made.append({"op": op["op"], "ids": op["ids"]})
            if op["op"] == "abort":
                engine.abort(op["ids"])
            else:
                during += op["ids"]
        for request in arrivals.get(step, ()):
            made.append({"op": "add", "id": request["id"]})
            engine.add(request)
        if made:
            record["ops"] = made

        def on_execution(takes_in, during=during):
            if during and takes_in:
                engine.abort(during)

        outputs, executed = engine.step(recorder.schedule, on_execution)
        record["model_executed"] = executed
        record["out"] = recorder.outputs(outputs)
        record["after"] = recorder.after()
        events = recorder.events()
        if events:
            record["kv_events"] = events
        steps.append(record)
        step += 1
    return engine, steps


def resolve(trace, engine):
    config = trace["config"]
    scheduler = engine.scheduler
    coordinator = scheduler.kv_cache_manager.coordinator
    return {
        "num_gpu_blocks": config["num_blocks"],
        "block_size": scheduler.block_size,
        "scheduler_block_size": scheduler.block_size,
        "hash_block_size": scheduler.hash_block_size,
        "max_concurrent_batches": engine.queue_size,
        "max_in_flight_tokens": engine.vllm_config.max_in_flight_tokens,
        "scheduler": type(scheduler).__name__,
        "policy": config.get("scheduling_policy", "fcfs"),
        "enable_prefix_caching": config.get("enable_prefix_caching", True),
        "prefix_cache_retention_interval": coordinator.retention_interval,
        "watermark_blocks": scheduler.kv_cache_manager.watermark_blocks,
        "max_num_seqs": config["max_num_seqs"],
        "max_num_batched_tokens": config["max_num_batched_tokens"],
        "max_model_len": config["max_model_len"],
        "groups": [
            {
                "kind": type(group.kv_cache_spec).__name__,
                "block_size": group.kv_cache_spec.block_size,
                "sliding_window": getattr(group.kv_cache_spec, "sliding_window", None),
                "mamba_cache_mode": None,
                "layers": len(group.layer_names),
            }
            for group in engine.kv_cache_config.kv_cache_groups
        ],
    }


def workload(name, seed):
    """A mix drawn from a seed: what the connector does, a scarce pool, chunks, priorities, adapters, aborts."""
    rng = random.Random(seed)
    hybrid = rng.random() < 0.3
    config = {
        "num_blocks": rng.choice([14, 18, 24, 33, 65]),
        "max_model_len": 256,
        "max_num_batched_tokens": rng.choice([32, 64, 128, 2048]),
        "max_num_seqs": rng.choice([2, 4, 16]),
        "async_scheduling": rng.random() < 0.5,
        "scheduling_policy": rng.choice(["fcfs", "fcfs", "priority"]),
        "enable_prefix_caching": rng.random() < 0.85,
        "kv_transfer_config": {
            "kv_connector": NAME,
            "kv_role": rng.choice(["kv_both", "kv_both", "kv_consumer", "kv_producer"]),
            "kv_load_failure_policy": rng.choice(["recompute", "fail"]),
        },
    }
    if rng.random() < 0.2:
        config["watermark"] = 0.1
    if rng.random() < 0.2:
        config["long_prefill_token_threshold"] = 24
    if rng.random() < 0.2:
        config["enable_lora"] = True
        config["max_loras"] = 1
    if hybrid:
        config["specs"] = [
            {"kind": "full", "layers": 2, "block_size": 16},
            {"kind": "swa", "layers": 2, "block_size": 16, "window": rng.choice([20, 48])},
        ]
    prompts = [[rng.randrange(100, 4000) for _ in range(150)] for _ in range(3)]
    requests = []
    step = 0
    for i in range(rng.randrange(3, 12)):
        step += rng.choice([0, 0, 1, 2, 5])
        length = rng.randrange(4, 140)
        prompt = rng.choice(prompts)[:length]
        if rng.random() < 0.4:
            prompt = prompt + [rng.randrange(100, 4000) for _ in range(rng.randrange(1, 20))]
        record = {
            "id": f"r{i}", "arrival_step": step, "prompt_token_ids": prompt,
            "sampling": {"max_tokens": rng.choice([1, 2, 5, 20, 40])},
            "arrival_time": 1000.0 + i,
        }
        if config["scheduling_policy"] == "priority":
            record["priority"] = rng.randrange(3)
        if config.get("enable_lora") and rng.random() < 0.6:
            lora = rng.randrange(1, 3)
            record["lora"] = {"name": f"l{lora}", "id": lora}
        if rng.random() < 0.7:
            kv = {"tokens": rng.choice([16, 32, 40, 48, 64, 100, 500])}
            if rng.random() < 0.3:
                kv["later"] = rng.randrange(1, 4)
            if rng.random() < 0.6:
                kv["async"] = True
                kv["delay"] = rng.randrange(0, 6)
            if rng.random() < 0.25:
                whole = kv.get("async") and (hybrid or rng.random() < 0.5)
                if whole:
                    kv["fail"] = "request"
                elif not hybrid:
                    kv["fail"] = sorted({rng.randrange(0, 8) for _ in range(rng.randrange(1, 3))})
            if rng.random() < 0.3:
                kv["hold"] = rng.randrange(1, 5)
            record["kv"] = kv
        requests.append(record)
    ops = []
    for record in requests:
        if rng.random() < 0.15:
            ops.append({
                "step": record["arrival_step"] + rng.randrange(1, 6),
                "op": rng.choice(["abort", "abort_during_execution"]),
                "ids": [record["id"]],
            })
    ops.sort(key=lambda op: op["step"])
    return {
        "id": name, "description": f"drawn with seed {seed}", "config": config,
        "requests": requests, "ops": ops,
    }


def make(seeds):
    traces = []
    for seed in seeds:
        trace = workload(f"kv-{seed}", seed)
        try:
            engine, steps = run(trace)
        except (AssertionError, RuntimeError) as error:
            print(f"kv-{seed}: {type(error).__name__}: {error}", file=sys.stderr)
            if "--trace" in sys.argv:
                raise
            continue
        traces.append({**trace, "resolved": resolve(trace, engine), "steps": steps})
    return traces


def dump(traces):
    head = {
        "vllm_version": "0.33.0", "model_runner": "v2", "eos_token_id": EOS_TOKEN_ID,
        "producer": "producers/kv_connector_traces.py",
        "output_rule": "output token k (0-based) of a request is 1000 + (sum(prompt_token_ids) + 7*k) % 2000",
    }
    lines = ",\n".join(json.dumps(trace, separators=(",", ":")) for trace in traces)
    return f'{{"head":{json.dumps(head)},\n"traces":[\n{lines}\n]}}\n'


# Every one ends (a request that the pool cannot hold never would) and depends on no order of a set of ids.
SEEDS = (0, 2, 3, 4, 8, 13, 16, 18, 24, 36, 44, 50)

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--random", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--trace", action="store_true")
    args = parser.parse_args()
    KVConnectorFactory.register_connector(NAME, "__main__", NAME)
    if args.random is not None:
        args.out.write_text(dump(make(range(args.seed, args.seed + args.random))))
    else:
        path = root_of() / "test" / "golden" / "kv-connector-traces.json"
        finish({path: dump(make(SEEDS))}, args.check)
