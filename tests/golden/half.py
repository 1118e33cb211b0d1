"""Writes half_<net>_<optimizer>.safetensors: ten training steps in mixed precision, by PyTorch in float64.

    OMP_NUM_THREADS=2 python3 tests/golden/half.py

The steps are those of make.py, rounded to half precision (to nearest, ties to even) where `--precision mixed` stores half
precision, and nowhere else:

- the views, and the weights that convolutions and linear layers read, from the weights that the optimizer keeps;
- what a convolution, a linear layer, a batch normalization (after the residual and the ReLU that follow it) or a pool
  gives, once;
- the gradient of the predictions times the loss scale, the gradient of each op's input, and each sum of such gradients.

A ReLU's mask is that of what it gave, rounded. Statistics, the loss, gradients of parameters, the optimizer's state
and the moving average are not rounded; the gradients of parameters are divided by the scale.

Tensors and settings are as in step_*.safetensors. Metadata: `scale`; `losses` and `z_std` of each step; and as bounds
what one more rounding does to the same steps, as medians over `KINDS` of it, each from several first weights: `errors`,
the relative error of each group of tensors taken as one vector, of the losses and of z_std likewise, and
`grad1_errors`, the norm of the error of each gradient of step one, by name. `errors_float32` are those of the same
roundings computed in float32: half a step apart to either side of a tie makes two different halves, which is why they
are much larger than float32's own.
"""

from statistics import median

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck

import make

SCALE = 2.0**10
# First weights of which the median error is taken, for each kind of one more rounding.
DRAWS = 13


def f16(values):
    """Rounds once: PyTorch's .half() rounds float64 to float32 first."""
    halves = values.detach().numpy().astype(np.float16)
    assert np.isfinite(halves).all(), "overflow"
    return torch.from_numpy(halves).to(values.dtype)


class Store(torch.autograd.Function):
    """Rounds a result, and the sum of the gradients that its readers return."""

    @staticmethod
    def forward(_, x):
        return f16(x)

    @staticmethod
    def backward(_, dy):
        return f16(dy)


class Read(torch.autograd.Function):
    """Rounds the gradient that one op returns for its input."""

    @staticmethod
    def forward(_, x):
        return x.view_as(x)

    @staticmethod
    def backward(_, dx):
        return f16(dx)


class Copy(torch.autograd.Function):
    """The rounded copy of a weight, of which the gradient is not rounded."""

    @staticmethod
    def forward(_, w):
        return f16(w)

    @staticmethod
    def backward(_, dw):
        return dw


class Relu(torch.autograd.Function):
    """Stores what is above 0; the gradient passes where the rounded result is."""

    @staticmethod
    def forward(ctx, x):
        y = f16(x.relu())
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        (y,) = ctx.saved_tensors
        return f16(dy) * (y > 0)


store, read, copy = Store.apply, Read.apply, Copy.apply


class Half:
    """Mixed precision for make.train; `once_more` is one of KINDS."""

    def __init__(self, once_more=None, scale=SCALE):
        self.once_more, self.scale = once_more, scale

    def views(self, pair):
        return f16(pair)

    def prepare(self, online, target):
        self.z = []
        for network in (online, target):
            for name, module in network.named_modules():
                self.round(name, module)
        online["projector"].register_forward_hook(lambda _, __, z: self.z.append(z.detach()))

    def round(self, name, module):
        if isinstance(module, nn.Conv2d):
            module.forward = lambda x: store(self.product(module._conv_forward, x, module))
        elif isinstance(module, nn.Linear):
            module.forward = lambda x: store(self.product(F.linear, x, module))
        elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            # What follows another batch norm rounds: the ReLU, after the residual.
            end = store if "downsample" in name else lambda y: y
            module.forward = lambda x: end(self.normalize(module, read(x)))
        elif isinstance(module, nn.ReLU):
            module.forward = Relu.apply
        elif isinstance(module, make.Backbone):
            module.register_forward_hook(lambda _, __, mean: store(mean))

    def product(self, function, x, module):
        x, w = read(x), copy(module.weight)
        if self.once_more == "partial sums" and x.shape[1] > 3:
            parts = [function(x, torch.where(part, w, 0), None) for part in halves_of(w)]
            y = store(parts[0]) + store(parts[1])
            return y if module.bias is None else y + module.bias
        return function(x, w, module.bias)

    def normalize(self, module, x):
        once_more = store if self.once_more == "normalized" else lambda y: y
        shape = (1, -1, *[1] * (x.ndim - 2))
        gamma, beta = module.weight.reshape(shape), module.bias.reshape(shape)
        y = F.batch_norm(x, module.running_mean, module.running_var, training=True, **make.BN)
        y = once_more(y) * gamma + beta
        return store(y) if self.once_more == "before the residual" else y

    def backward(self, loss, parameters):
        (self.scale * loss).backward()
        for parameter in parameters:
            parameter.grad /= self.scale

    def z_std(self):
        steps = zip(self.z[::2], self.z[1::2])
        return [F.normalize(torch.cat(z)).std(0, unbiased=False).mean().item() for z in steps]
