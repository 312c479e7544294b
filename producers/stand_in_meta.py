"""The meta device in the place of the GPU: shapes and types without memory."""

import torch
from torch.overrides import TorchFunctionMode


class CudaToMeta(TorchFunctionMode):
    """What a model asks for on its GPU by name is made on the meta device too; a lone number keeps its value."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if is_gpu(kwargs.get("device")) or type(kwargs.get("device")) is int:
            kwargs["device"] = torch.device("meta")
        if func in (torch.Tensor.to, torch.Tensor.cuda):
            if func is torch.Tensor.cuda:
                return args[0].to("meta")
            args = tuple(torch.device("meta") if is_gpu(arg) else arg for arg in args)
        if func is torch.tensor and "device" not in kwargs and isinstance(args[0], bool | int | float):
            kwargs["device"] = torch.device("cpu")
        return func(*args, **kwargs)


def is_gpu(device) -> bool:
    if isinstance(device, torch.device):
        return device.type == "cuda"
    return isinstance(device, str) and device.startswith("cuda")
