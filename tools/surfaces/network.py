"""The network: a plain one of 3x3 convolutions, and its export with batch norms folded in and weights kept as float16."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Block(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, inside: int, outside: int, stride: int = 1, kernel: int = 3) -> None:
        super().__init__()
        self.c = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False)
        self.b = nn.BatchNorm2d(outside)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.b(self.c(x)))


class Res(nn.Module):
    """Two convolutions beside a way around them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a = Block(channels, channels)
        self.c = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.b = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.b(self.c(self.a(x))))


class Surface(nn.Module):
    """Maps at 1/4, 1/8 and 1/16 of a picture (BGR, 0..255), and what the teachers' maps would be there."""

    def __init__(self, taught: tuple[int, int, int] = (32, 64, 240)) -> None:
        super().__init__()
        self.s2 = Block(3, 16, 2, 5)
        self.s4 = nn.Sequential(Block(16, 32, 2), Res(32))
        self.s8 = nn.Sequential(Block(32, 64, 2), Res(64), Res(64))
        self.s16 = nn.Sequential(Block(64, 128, 2), Res(128), Res(128))
        self.h4, self.h8, self.h16 = (nn.Conv2d(c, t, 1) for c, t in zip((32, 64, 128), taught, strict=True))

    def maps(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        quarter = self.s4(self.s2((x - 110) / 60))
        eighth = self.s8(quarter)
        return quarter, eighth, self.s16(eighth)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        quarter, eighth, sixteenth = self.maps(x)
        return self.h4(F.avg_pool2d(quarter, 2)), self.h8(eighth), self.h16(sixteenth)


class _Folded(nn.Module):
    """A convolution with its batch norm multiplied in, kept in half the bytes."""

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        assert norm.running_var is not None
        assert norm.running_mean is not None
        factor = norm.weight.detach() / (norm.running_var + norm.eps).sqrt()
        self.register_buffer("weight", (conv.weight.detach() * factor[:, None, None, None]).half())
        self.register_buffer("bias", norm.bias.detach() - norm.running_mean * factor)
        self.stride, self.padding = conv.stride, conv.padding

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight.float(), self.bias, self.stride, self.padding)


class _Export(nn.Module):
    def __init__(self, net: Surface) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.net.maps(x)[1:]


def export(net: Surface, path: Path) -> None:
    """Write the two deeper maps as "features8" and "features16", for pictures of any size."""
    net.eval()
    for module in net.modules():
        if isinstance(module, (Block, Res)):
            module.c, module.b = _Folded(module.c, module.b), nn.Identity()  # type: ignore[assignment]  # only to export
    torch.onnx.export(
        _Export(net),
        (torch.zeros(1, 3, 256, 256),),
        str(path),
        input_names=["images"],
        output_names=["features8", "features16"],
        dynamic_axes={"images": {2: "height", 3: "width"}},
        opset_version=17,
        do_constant_folding=False,
        dynamo=False,
    )
