"""The DP coordinator of one vLLM version over scripted sockets, a scripted poller and a scripted clock, with frontends that
tell of first requests. Run once for each version, with that version importable; prints its scenarios as JSON.

    python producers/coordinator_versions.py > 0.31.0.json

test/golden/coordinator-versions.json has those of 0.28.0, 0.30.0, 0.31.0 and 0.32.0 in one list.
"""

import json
import random
from contextlib import contextmanager
from unittest import mock

import msgspec
import zmq

import vllm
from vllm.v1.engine import EngineCoreOutputs, coordinator
from vllm.v1.metrics.stats import SchedulerStats

NUM_SCENARIOS = 15
MAX_IDLE = 3
# As on a real clock nothing has been published for long when the loop begins.
EPOCH = 1_000_000


class Ended(Exception):
    pass


class Socket:
    def __init__(self, name, script):
        self.name, self.script, self.received = name, script, []

    def recv(self):
        return self.received.pop(0)

    def send(self, frame, *_args, **_kwargs):
        self.send_multipart((frame,))

    def send_multipart(self, frames, *_args, **_kwargs):
        self.script.sends.append([self.script.now, self.name, [bytes(f).hex() for f in frames]])


class Script:
    """Sockets, poller and clock of one scenario."""

    def __init__(self, engine_count, events):
        self.now, self.sends, self.num_idle = 0, [], 0
        self.events = list(events)
        self.due = self.events[0][0] if self.events else 0
        self.sockets = {name: Socket(name, self) for name in ("front", "output", "back")}
        self.sockets["back"].received = [b"\x01"] * engine_count

    @contextmanager
    def make_socket(self, path, **_options):
        yield self.sockets[path]

    def register(self, *_args):
        pass

    def poll(self, timeout):
        if not self.events or self.due > self.now + timeout:
            if not self.events:
                self.num_idle += 1
                if self.num_idle > MAX_IDLE:
                    raise Ended
            self.now += timeout
            return []
        self.now = max(self.now, self.due)
        _, name, message = self.events.pop(0)
        self.due = self.now + (self.events[0][0] if self.events else 0)
        socket = self.sockets[name]
        socket.received.append(encoded(message))
        return [(socket, zmq.POLLIN)]


def encoded(message):
    if isinstance(message, str):
        return bytes.fromhex(message)
    stats = None
    if "stats" in message:
        waiting, running, usage, step, wave = message["stats"]
        stats = SchedulerStats(
            num_waiting_reqs=waiting,
            num_running_reqs=running,
            kv_cache_usage=usage,
            step_counter=step,
            current_wave=wave,
        )
    return msgspec.msgpack.encode(
        EngineCoreOutputs(
            engine_index=message["engine_index"],
            scheduler_stats=stats,
            timestamp=1.0,
            start_wave=message.get("start_wave"),
            wave_complete=message.get("wave_complete"),
        )
    )


def random_events(rng, engine_count):
    events, step, wave = [], 0, 0
    for _ in range(rng.randrange(4, 14)):
        after, rank = rng.choice([0, 0, 49, 51, 100, 250, 5001]), rng.randrange(engine_count)
        kind = rng.choice(["first", "first", "first", "stats", "start", "complete", "scale"])
        if kind == "first":
            known = rng.choice([wave, wave, max(0, wave - 1), wave + 1])
            notice = (rank.to_bytes(2, "little"), known)
            events.append([after, "front", msgspec.msgpack.encode(notice).hex()])
        elif kind == "stats":
            step += rng.randrange(2)
            numbers = [rng.randrange(8), rng.randrange(8), rng.random(), step, wave]
            events.append([after, "output", {"engine_index": rank, "stats": numbers}])
        elif kind == "start":
            events.append([after, "output", {"engine_index": rank, "start_wave": wave}])
        elif kind == "complete":
            events.append([after, "output", {"engine_index": 0, "wave_complete": wave}])
            wave, step = wave + 1, 0
        elif rng.random() < 0.2:
            count = ("SCALE_ELASTIC_EP", engine_count)
            events.append([after, "front", msgspec.msgpack.encode(count).hex()])
    return events


def run(engine_count, enable_wave_coordination, events):
    script = Script(engine_count, events)
    # Of the process only what the loop uses: no context is made.
    process = coordinator.DPCoordinatorProc.__new__(coordinator.DPCoordinatorProc)
    process.ctx = None
    process.engines = [coordinator.EngineState() for _ in range(engine_count)]
    process.stats_update_interval_ms = 100
    process.enable_wave_coordination = enable_wave_coordination
    with (
        mock.patch.object(coordinator, "make_zmq_socket", script.make_socket),
        mock.patch.object(coordinator.zmq, "Poller", lambda: script),
        mock.patch.object(coordinator.time, "time", lambda: EPOCH + script.now / 1000),
    ):
        try:
            process.process_input_socket("front", "output", "back")
        except Ended:
            pass
    return script.sends


def main():
    scenarios = []
    for index in range(NUM_SCENARIOS):
        rng = random.Random(index)
        engine_count, enabled = rng.randrange(1, 4), index % 5 != 4
        events = random_events(rng, engine_count)
        scenarios.append(
            {
                "id": f"{vllm.__version__}-{index:03d}",
                "vllm_version": vllm.__version__,
                "engine_count": engine_count,
                "enable_wave_coordination": enabled,
                "events": events,
                "sends": run(engine_count, enabled, events),
            }
        )
    print(json.dumps(scenarios))


if __name__ == "__main__":
    main()
