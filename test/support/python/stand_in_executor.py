"""An executor without a model for vLLM's own engine cores: `--distributed-executor-backend stand_in_executor.StandInExecutor`.

Scheduler, KV cache manager, handshake and sockets are vLLM's; only the forward pass is made up. Each request that has all its
tokens computed gets one token a step, counting up from FIRST_TOKEN_ID, so that a test knows the text to come. It fits vLLM
0.31.0 too, whose workers are told less.
"""

from concurrent.futures import Future

import numpy as np
import torch
from vllm.v1.executor.abstract import Executor
from vllm.v1.kv_cache_interface import FullAttentionSpec
from vllm.v1.outputs import LogprobsLists, ModelRunnerOutput
from vllm.v1.worker.worker_base import CompilationTimes

FIRST_TOKEN_ID = 900
NUM_TOKEN_IDS = 100
AVAILABLE_BYTES = 1 << 30


class StandInExecutor(Executor):
    """One worker's answers to what EngineCore asks at start-up and in each step."""

    def _init_executor(self) -> None:
        self.prompt_lengths: dict[str, int] = {}
        self.computed: dict[str, int] = {}
        self.num_sampled: dict[str, int] = {}
        self.num_logprobs: dict[str, int] = {}
        self.output: ModelRunnerOutput | None = None

    def collective_rpc(self, method, timeout=None, args=(), kwargs=None, non_block=False):
        result = [getattr(self, f"worker_{method}")(*args, **(kwargs or {}))]
        if not non_block:
            return result
        future: Future = Future()
        future.set_result(result)
        return future

    def check_health(self) -> None:
        return

    def shutdown(self) -> None:
        return

    def execute_model(self, scheduler_output, non_block=False):
        self.output = self._sample(scheduler_output)
        return self._answer(None, non_block)

    def sample_tokens(self, grammar_output, non_block=False):
        output, self.output = self.output, None
        return self._answer(output, non_block)

    @staticmethod
    def _answer(value, non_block):
        if not non_block:
            return value
        future: Future = Future()
        future.set_result(value)
        return future

    def _sample(self, scheduler_output) -> ModelRunnerOutput:
        for request_id in scheduler_output.finished_req_ids:
            for table in (self.prompt_lengths, self.computed, self.num_sampled, self.num_logprobs):
                table.pop(request_id, None)
        for request in scheduler_output.scheduled_new_reqs:
            self.prompt_lengths[request.req_id] = len(request.prompt_token_ids)
            self.computed[request.req_id] = request.num_computed_tokens
            self.num_sampled[request.req_id] = 0
            self.num_logprobs[request.req_id] = request.sampling_params.logprobs or 0
        cached = scheduler_output.scheduled_cached_reqs
        self.computed.update(zip(cached.req_ids, cached.num_computed_tokens))
        request_ids = list(scheduler_output.num_scheduled_tokens)
        sampled = []
        for request_id in request_ids:
            num_new = scheduler_output.num_scheduled_tokens[request_id]
            known = self.prompt_lengths[request_id] + self.num_sampled[request_id]
            # In the midst of a prompt nothing is sampled.
            if self.computed[request_id] + num_new < known:
                sampled.append([])
                continue
            sampled.append([FIRST_TOKEN_ID + self.num_sampled[request_id] % NUM_TOKEN_IDS])
            self.num_sampled[request_id] += 1
        return ModelRunnerOutput(
            req_ids=request_ids,
            req_id_to_index={request_id: i for i, request_id in enumerate(request_ids)},
            sampled_token_ids=sampled,
            logprobs=self._logprobs(request_ids, sampled),
        )

    def _logprobs(self, request_ids, sampled) -> LogprobsLists | None:
        """A row a request: its token, then the ids below it, each half as likely as the one before."""
        width = 1 + max((self.num_logprobs[request_id] for request_id in request_ids), default=0)
        if width == 1:
            return None
        first = np.array([tokens[0] if tokens else 0 for tokens in sampled], dtype=np.int32)
        places = np.arange(width, dtype=np.int32)
        return LogprobsLists(
            logprob_token_ids=first[:, None] - places,
            logprobs=np.broadcast_to(-np.log(2.0) * (places + 1), (len(sampled), width)).astype(np.float32),
            sampled_token_ranks=np.ones(len(sampled), dtype=np.int32),
        )

    def worker_get_kv_cache_spec(self):
        model, parallel = self.model_config, self.parallel_config
        spec = FullAttentionSpec(
            block_size=self.cache_config.block_size or 16,
            num_kv_heads=model.get_num_kv_heads(parallel),
            head_size=model.get_head_size(),
            dtype=torch.bfloat16,
        )
        num_layers = model.get_num_layers(parallel)
        return {f"layers.{layer}.attn": spec for layer in range(num_layers)}

    def worker_get_supported_kv_cache_layouts(self):
        return ["NHD"]

    def worker_set_kv_cache_layout(self, name, interleave_size=1) -> None:
        return

    def worker_determine_available_memory(self) -> int:
        return AVAILABLE_BYTES

    def worker_initialize_from_config(self, configs) -> None:
        return

    def worker_compile_or_warm_up_model(self) -> CompilationTimes:
        return CompilationTimes(language_model=0.0, encoder=0.0)

    def worker_get_supported_tasks(self) -> tuple[str, ...]:
        return ("generate",)

    def worker_add_lora(self, lora_request) -> bool:
        return True

    def worker_execute_dummy_batch(self) -> None:
        return

    def worker_synchronize_device(self) -> None:
        return

    def worker_reset_mm_cache(self) -> None:
        return

    def worker_reset_encoder_cache(self) -> None:
        return

    def worker_sleep(self, level: int) -> None:
        return

    def worker_wake_up(self, tags) -> None:
        return
