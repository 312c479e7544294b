"""Process groups that are not there: vLLM's group objects with their sizes and ranks, and nobody at the other end."""


class AbsentProcessGroup:
    """What layers ask of torch's own group."""

    def __init__(self, size: int, rank: int):
        self.sizes = (size, rank)

    def size(self) -> int:
        return self.sizes[0]

    def rank(self) -> int:
        return self.sizes[1]


def group(name: str, ranks: list[int], rank: int):
    """A group coordinator as vLLM's layers read it; a collective of it leaves its tensor as it is."""
    from vllm.distributed import parallel_state

    class AbsentGroup(parallel_state.GroupCoordinator):
        def __init__(self):
            self.unique_name = f"{name}:{rank}"
            self.rank, self.ranks, self.world_size = rank, ranks, len(ranks)
            self.local_rank = self.device_index = rank
            self.rank_in_group = ranks.index(rank)
            self.cpu_group = self.device_group = AbsentProcessGroup(len(ranks), self.rank_in_group)
            self.device_communicator = self.mq_broadcaster = None
            self.use_custom_op_call = False
            self.use_device_communicator = False
            self.device = "meta"
            self.is_shutdown = False

        def all_reduce(self, input_):
            return input_

        def broadcast(self, input_, src=0):
            return input_

        def broadcast_object(self, obj=None, src=0):
            return obj

        def barrier(self):
            return None

    return AbsentGroup()


def install_groups(parallel_config, stage: int) -> None:
    """The groups of tensor rank 0 of a pipeline stage.

    Source: vllm/distributed/parallel_state.py, initialize_model_parallel: ranks lie data × pipeline × prefill context ×
    tensor, the decode context groups divide the tensor group, the expert group is everything of one stage.
    """
    from vllm.distributed import parallel_state
    from vllm.v1.attention.ops import cp_common

    tensor = parallel_config.tensor_parallel_size
    stages = parallel_config.pipeline_parallel_size
    contexts = parallel_config.prefill_context_parallel_size
    replicas = parallel_config.data_parallel_size
    decode = parallel_config.decode_context_parallel_size
    per_stage = contexts * tensor
    rank = stage * per_stage
    replica = stages * per_stage

    def ranks_of(count, step):
        return [rank + step * index for index in range(count)]

    parallel_config.rank = rank
    # One node, on which memory that all cards see could be had: layers choose by this, and ask for none before they run.
    cp_common.in_the_same_node_as = lambda group, source_rank=0: [True] * group.size()
    parallel_state._WORLD = group("world", list(range(replica)), rank)
    parallel_state._INNER_DP_WORLD = parallel_state._WORLD
    parallel_state._TP = group("tp", ranks_of(tensor, 1), rank)
    parallel_state._ETP = parallel_state._TP
    parallel_state._DCP = group("dcp", ranks_of(decode, 1), rank)
    parallel_state._PCP = group("pcp", ranks_of(contexts, tensor), rank)
    parallel_state._PP = group("pp", [index * per_stage for index in range(stages)], rank)
    parallel_state._DP = group("dp", ranks_of(replicas, replica), rank)
    parallel_state._EP = group(
        "ep", [rank + replica * copy + index for copy in range(replicas) for index in range(per_stage)], rank
    )
    parallel_state._EPLB = parallel_state._EP
