"""The meta device in the place of the GPU: shapes and types without memory."""

import math

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_unflatten


#: Factories whose values a model may read while it is built; what is larger is data for the forward pass.
COUNTING = (torch.tensor, torch.arange, torch.linspace, torch.as_tensor)
LARGEST_ON_HOST = 65536
FILLING = (torch.zeros, torch.ones, torch.full, torch.eye)


class CudaToMeta(TorchFunctionMode):
    """What a model asks for on its GPU by name is made on the meta device too; a lone number keeps its value.

    With `host_arithmetic` small tensors that are made of values are real ones, on the host, for the models that read
    numbers back while they are built; they turn to meta tensors where they meet one.
    """

    def __init__(self, host_arithmetic: bool = False):
        super().__init__()
        self.host_arithmetic = host_arithmetic

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if is_gpu(kwargs.get("device")) or type(kwargs.get("device")) is int:
            kwargs["device"] = torch.device("meta")
        if func is torch.Tensor.cuda:
            return args[0].to("meta")
        if func is torch.Tensor.to:
            args = tuple(torch.device("meta") if is_gpu(arg) else arg for arg in args)
        if (
            func in COUNTING
            and kwargs.get("device") is None
            and (self.host_arithmetic or (func is torch.tensor and is_number(args)))
        ):
            return self.on_host(func, args, kwargs)
        if func in FILLING and kwargs.get("device") is None and self.host_arithmetic:
            sizes = [size for arg in args[:2] for size in (arg if isinstance(arg, list | tuple) else [arg])]
            small = all(isinstance(size, int) for size in sizes) and math.prod(sizes) <= LARGEST_ON_HOST
            kwargs["device"] = torch.device("cpu" if small else "meta")
        if self.host_arithmetic:
            args, kwargs = one_device(func, args, kwargs)
        return func(*args, **kwargs)

    def on_host(self, func, args, kwargs):
        sizes = [arg for arg in [*args, *kwargs.values()] if isinstance(arg, int | float)]
        small = func in (torch.tensor, torch.as_tensor) or all(abs(size) <= LARGEST_ON_HOST for size in sizes)
        return func(*args, **{**kwargs, "device": torch.device("cpu" if small else "meta")})


def is_number(args) -> bool:
    return len(args) == 1 and isinstance(args[0], bool | int | float)


def one_device(func, args, kwargs):
    """Where a meta tensor is among the arguments, all are."""
    leaves, shape = tree_flatten((args, kwargs))
    tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
    if func is torch.Tensor.copy_ or len({tensor.device.type for tensor in tensors}) < 2:
        return args, kwargs
    return tree_unflatten([leaf.to("meta") if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves], shape)


def is_gpu(device) -> bool:
    if isinstance(device, torch.device):
        return device.type == "cuda"
    return isinstance(device, str) and device.startswith("cuda")
