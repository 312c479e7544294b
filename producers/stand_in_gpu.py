"""A GPU that is not there: vLLM's CUDA platform with a card's name, capability and memory, and torch without a driver.

vLLM's compiled kernels are loaded for real (their tables say what a card can do), over an empty libcuda.so.1 that is
compiled on the spot; nothing is ever launched, since every tensor lies on the meta device.
"""

import ctypes
import re
import shutil
import subprocess
import sys
import tempfile
import types
from pathlib import Path

GIB = 1 << 30
#: Compute capability, memory that the driver reports, number of multiprocessors and name by the card's short name.
CARDS = {
    "T4": ((7, 5), 15, 40, "Tesla T4"),
    "V100": ((7, 0), 32, 80, "Tesla V100-SXM2-32GB"),
    "A100": ((8, 0), 80, 108, "NVIDIA A100-SXM4-80GB"),
    "A30": ((8, 0), 24, 56, "NVIDIA A30"),
    "A10": ((8, 6), 24, 72, "NVIDIA A10"),
    "A10G": ((8, 6), 24, 80, "NVIDIA A10G"),
    "A40": ((8, 6), 48, 84, "NVIDIA A40"),
    "A5000": ((8, 6), 24, 64, "NVIDIA RTX A5000"),
    "A6000": ((8, 6), 48, 84, "NVIDIA RTX A6000"),
    "RTX3090": ((8, 6), 24, 82, "NVIDIA GeForce RTX 3090"),
    "L4": ((8, 9), 24, 58, "NVIDIA L4"),
    "L20": ((8, 9), 48, 92, "NVIDIA L20"),
    "L40": ((8, 9), 48, 142, "NVIDIA L40"),
    "L40S": ((8, 9), 48, 142, "NVIDIA L40S"),
    "RTX4090": ((8, 9), 24, 128, "NVIDIA GeForce RTX 4090"),
    "H100": ((9, 0), 80, 132, "NVIDIA H100 80GB HBM3"),
    "H200": ((9, 0), 141, 132, "NVIDIA H200"),
    "H20": ((9, 0), 96, 78, "NVIDIA H20"),
    "GH200": ((9, 0), 96, 132, "NVIDIA GH200 480GB"),
    "B200": ((10, 0), 180, 148, "NVIDIA B200"),
    "GB200": ((10, 0), 186, 148, "NVIDIA GB200"),
    "B300": ((10, 3), 275, 148, "NVIDIA B300"),
    "GB300": ((10, 3), 279, 148, "NVIDIA GB300"),
    "RTX5070TI": ((12, 0), 16, 70, "NVIDIA GeForce RTX 5070 Ti"),
    "RTX5080": ((12, 0), 16, 84, "NVIDIA GeForce RTX 5080"),
    "RTX5090": ((12, 0), 32, 170, "NVIDIA GeForce RTX 5090"),
    "RTXPRO6000": ((12, 0), 95, 188, "NVIDIA RTX PRO 6000 Blackwell Server Edition"),
    "GB10": ((12, 1), 120, 48, "NVIDIA GB10"),
}
DRIVER_SYMBOLS = """cuCtxGetCurrent cuCtxSetCurrent cuDeviceGetAttribute cuDevicePrimaryCtxRetain cuDriverGetVersion
cuGetErrorString cuGetProcAddress_v2 cuMemAddressFree cuMemAddressReserve cuMemCreate cuMemGetAllocationGranularity
cuMemMap cuMemRelease cuMemSetAccess cuMemUnmap cuPointerGetAttribute cuTensorMapEncodeTiled""".split()
NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE


def card_of(profile: str) -> tuple[tuple[int, int], int, int, str]:
    """The card of a profile such as `H100-80GiB`: the part after the dash is its memory, in GiB."""
    short, _, memory = profile.partition("-")
    key = re.sub(r"[^A-Z0-9]", "", short.upper())
    if key not in CARDS:
        raise SystemExit(f"unknown GPU {profile!r}: known are {', '.join(CARDS)}")
    capability, default_gib, processors, name = CARDS[key]
    size = re.match(r"[0-9.]+", memory)
    return capability, int(float(size.group() if size else default_gib) * GIB), processors, name


def load_empty_driver() -> bool:
    """Loads an empty libcuda.so.1, so that the libraries that need one are found; False without a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return False
    source = "".join(f"int {symbol}(void) {{ return {NO_DEVICE}; }}\n" for symbol in DRIVER_SYMBOLS)
    with tempfile.TemporaryDirectory() as folder:
        code, library = Path(folder, "empty.c"), Path(folder, "libcuda.so.1")
        code.write_text(source)
        flags = ["-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", str(library), str(code)]
        subprocess.run([compiler, *flags], check=True)
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    return True


class Idle:
    """A stream or an event that does nothing."""

    cuda_stream = 0
    stream_id = 0

    def __init__(self, *args, **kwargs):
        del args, kwargs
        self.device = "cuda:0"

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: None

    def __enter__(self):
        return self

    def __exit__(self, *args):
        return None


def install_driverless_torch() -> None:
    """To be called once and before vLLM is imported."""
    if not load_empty_driver():
        sys.modules["vllm._C_stable_libtorch"] = types.ModuleType("vllm._C_stable_libtorch")
    import torch

    cuda = torch.cuda
    cuda.is_available = lambda: True
    cuda._lazy_init = lambda: None
    cuda.init = lambda: None
    cuda.is_initialized = lambda: False
    cuda.device_count = lambda: 64
    cuda.current_device = lambda: 0
    cuda.set_device = lambda device: None
    cuda.synchronize = lambda device=None: None
    cuda.empty_cache = lambda: None
    cuda.mem_get_info = lambda device=None: (GIB, GIB)
    cuda.memory_allocated = lambda device=None: 0
    cuda.max_memory_allocated = lambda device=None: 0
    cuda.manual_seed_all = lambda seed: None
    cuda.Stream = cuda.Event = Idle
    cuda.current_stream = cuda.default_stream = lambda device=None: Idle()
    cuda.stream = lambda stream: Idle()
    torch.accelerator.is_available = lambda: True
    torch.accelerator.device_count = lambda: 64
    torch.accelerator.current_device_index = lambda: 0
    torch.accelerator.empty_cache = lambda: None
    torch.accelerator.synchronize = lambda device=None: None


def install_triton_target(capability: int) -> None:
    """Triton's own driver would compile a helper against libcuda; models only ask it for its target."""
    import torch
    from triton.backends.compiler import GPUTarget
    from triton.runtime import driver

    driver.set_active(
        types.SimpleNamespace(
            get_current_target=lambda: GPUTarget("cuda", capability, 32),
            get_current_device=lambda: 0,
            get_active_torch_device=lambda: torch.device("cuda", 0),
            get_device_interface=lambda: torch.cuda,
            utils=types.SimpleNamespace(
                get_device_properties=lambda device: {
                    "max_shared_mem": 232448 if capability in (90, 100, 103) else 101376,
                    "multiprocessor_count": torch.cuda.get_device_properties(0).multi_processor_count,
                }
            ),
        )
    )


def install_card(profile: str) -> None:
    """Makes vLLM's current platform the card of the profile. Once in a process: what vLLM asks of a card it keeps."""
    import torch
    import vllm.platforms
    from vllm.platforms.cuda import NonNvmlCudaPlatform
    from vllm.platforms.interface import DeviceCapability

    (major, minor), memory, processors, name = card_of(profile)

    class Card(NonNvmlCudaPlatform):
        @classmethod
        def get_device_capability(cls, device_id=0):
            return DeviceCapability(major, minor)

        @classmethod
        def get_device_name(cls, device_id=0):
            return name

        @classmethod
        def get_device_total_memory(cls, device_id=0):
            return memory

        @classmethod
        def num_compute_units(cls, device_id=0):
            return processors

        @classmethod
        def device_count(cls):
            return 64

        @classmethod
        def is_fully_connected(cls, device_ids):
            return True

        @classmethod
        def is_integrated_gpu(cls, device_id=0):
            return False

        @classmethod
        def is_arch_support_pdl(cls):
            return major >= 9

        @classmethod
        def set_device(cls, device):
            return None

    properties = types.SimpleNamespace(
        major=major,
        minor=minor,
        name=name,
        total_memory=memory,
        multi_processor_count=processors,
        is_integrated=False,
        warp_size=32,
        shared_memory_per_block=49152,
        shared_memory_per_block_optin=232448 if major in (9, 10) else 101376,
        max_threads_per_multi_processor=2048,
        regs_per_multiprocessor=65536,
        L2_cache_size=50 << 20,
    )
    torch.cuda.get_device_capability = lambda device=None: (major, minor)
    torch.cuda.get_device_properties = lambda device=None: properties
    torch.cuda.get_device_name = lambda device=None: name
    install_triton_target(major * 10 + minor)
    platform = Card()
    vllm.platforms._current_platform = platform
    for module in list(sys.modules.values()):
        held = getattr(module, "__dict__", {}).get("current_platform")
        if isinstance(held, NonNvmlCudaPlatform):
            module.current_platform = platform
