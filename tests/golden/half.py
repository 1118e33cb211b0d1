"""Writes half_<net>_<optimizer>.safetensors: ten training steps in mixed precision, by PyTorch in float64.

    OMP_NUM_THREADS=1 python3 tests/golden/half.py

The steps are those of make.py, rounded to half precision (to nearest, ties to even) where `--precision mixed` stores half
precision, and nowhere else:

- the views, and the weights that convolutions and linear layers read, from the weights that the optimizer keeps;
- what a convolution, a linear layer, a normalization, a GELU, a layer scale or a pool gives, once: a batch
  normalization's after the residual and the ReLU that follow it, a layer scale's after the residual;
- the gradient of the predictions times the loss scale, the gradient of each op's input, and each sum of such gradients.

A ReLU's mask is that of what it gave, rounded. Statistics, the loss, gradients of parameters, the optimizer's state
and the moving average are not rounded; the gradients of parameters are divided by the scale.

Tensors and settings are as in step_*.safetensors, those of half_bottleneck_simclr as in step_resnet8_simclr; but for the
first values of the heads' batch norms, which shift each channel to one side of 0 as a ResNet's do: they are those of the
name "backbone.bn.<name>". Without that, rounding moves so many inputs of ReLUs across 0 that it makes other steps of the
same ones: of momentum, 0.7 of its norm.

Metadata: `scale`, and `losses` and `z_std` of each step. As bounds, what one more rounding does to the same steps: the
median over KINDS of it, each from several first weights. `errors` are relative errors of groups of tensors, of the losses
and of z_std, each taken as one vector; `grad1_errors` the norms of the errors of each gradient of step one, by name.
`errors_float32` are those of the same roundings of float32: near a tie, float32's error makes it another half.
"""

from statistics import median

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models.convnext import CNBlock, LayerNorm2d
from torchvision.models.resnet import BasicBlock, Bottleneck

import make

SCALE = 2.0**10
# Where a half may be rounded once more: a norm's normalized values before scale and shift; what is added to a residual;
# and the sums of a product over even and odd channels before these are added.
KINDS = "normalized values", "before the residual", "partial sums"
# First weights for each of them.
DRAWS = 5


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

    def initial(self, name, shape):
        is_heads = name.startswith(("projector.1", "predictor.1"))
        return make.initial(f"backbone.bn.{name}" if is_heads else name, shape)

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
        elif isinstance(module, nn.LayerNorm):
            module.forward = lambda x: store(self.normalize(module, read(x)))
        elif isinstance(module, nn.GELU):
            module.forward = lambda x: store(F.gelu(read(x)))
        elif isinstance(module, CNBlock):
            module.forward = lambda x: store(self.branch(module, x) + x)
        elif isinstance(module, make.Backbone):
            module.register_forward_hook(lambda _, __, mean: store(mean))
        elif isinstance(module, make.ConvNeXt):
            module.classifier.register_forward_pre_hook(lambda _, inputs: (store(inputs[0]),))

    def product(self, function, x, module):
        x, w = read(x), copy(module.weight)
        if self.once_more == "partial sums" and w.shape[1] > 3:
            even = torch.arange(w.shape[1]).reshape(1, -1, *[1] * (w.ndim - 2)) % 2 == 0
            return store(function(x, w * even, module.bias)) + store(function(x, w * ~even, None))
        return function(x, w, module.bias)

    def normalize(self, module, x):
        once_more = store if self.once_more == "normalized values" else lambda y: y
        channels_last = isinstance(module, nn.LayerNorm) and not isinstance(module, LayerNorm2d)
        shape = (-1,) if channels_last else (1, -1, *[1] * (x.ndim - 2))
        gamma, beta = module.weight.reshape(shape), module.bias.reshape(shape)
        if isinstance(module, nn.LayerNorm):
            axis = -1 if channels_last else 1
            y = (x - x.mean(axis, keepdim=True)) / (x.var(axis, unbiased=False, keepdim=True) + module.eps).sqrt()
            return once_more(y) * gamma + beta
        y = F.batch_norm(x, module.running_mean, module.running_var, training=True, **make.BN)
        y = once_more(y) * gamma + beta
        return store(y) if self.once_more == "before the residual" else y

    def branch(self, module, x):
        y = module.layer_scale * read(module.block(x))
        return store(y) if self.once_more == "before the residual" else y

    def backward(self, loss, parameters):
        (self.scale * loss).backward()
        for parameter in parameters:
            parameter.grad /= self.scale

    def z_std(self):
        steps = zip(self.z[::2], self.z[1::2])
        return [F.normalize(torch.cat(z)).std(0, unbiased=False).mean().item() for z in steps]


def run(dtype, once_more, settings, draw):
    half = Half(once_more)
    losses, _, gradients, state = make.train(dtype, draw=draw, half=half, **settings)
    return dict(
        losses=torch.tensor(losses), z_std=torch.tensor(half.z_std()), grad1=gradients, **state
    )


def relative_errors(actual, expected):
    def group(values):
        return values if isinstance(values, dict) else dict(all=values)

    return {key: make.relative_error(group(actual[key]), group(expected[key])) for key in expected}


def medians(errors):
    return {key: median(error[key] for error in errors) for key in errors[0]}


def steps(net, name, block, widths, seed, peak, **options):
    settings = dict(block=block, widths=widths, seed=seed, lr=[peak * share for share in make.SHAPE_OF_LR], **options)
    half = run(torch.float64, None, settings, 0)
    others = [run(torch.float64, kind, settings, draw) for kind in KINDS for draw in range(DRAWS)]
    float32 = [run(torch.float32, None, settings, draw) for draw in range(DRAWS)]
    errors, errors_float32 = (medians([relative_errors(o, half) for o in runs]) for runs in (others, float32))
    grad1_errors = medians([{key: (o["grad1"][key] - g).norm().item() for key, g in half["grad1"].items()} for o in others])
    prefixes = dict(theta="online", running_online="online", xi="target", running_target="target", momentum="momentum")
    tensors = {f"{prefixes[group]}.{key}": t for group in prefixes if group in half for key, t in half[group].items()}
    if name != "lars":
        tensors.update({f"grad1.{key}": t for key, t in half["grad1"].items()})
    metadata = dict(
        batch=make.N, size=make.SIZE, seed=seed, lr=settings["lr"], tau=make.TAU, **options, scale=SCALE,
        losses=half["losses"].tolist(), z_std=half["z_std"].tolist(), errors=errors, errors_float32=errors_float32,
        grad1_errors=grad1_errors,
    )
    if "objective" in options:
        metadata.update(make.objectives[options["objective"]], temperature=make.TEMPERATURE)
    make.write_safetensors(f"half_{net}_{name}", tensors, metadata)
    print("  losses", *(f"{loss:.4f}" for loss in metadata["losses"]))
    print("  errors", *(f"{group} {error:.1e}" for group, error in errors.items()))
    print("  float32", *(f"{group} {error:.1e}" for group, error in errors_float32.items()))


if __name__ == "__main__":
    torch.set_num_threads(1)
    for net, block, widths, seeds in (
        ("resnet8", BasicBlock, (16, 32, 64), (3, 8)),
        ("bottleneck", Bottleneck, (16, 32), (10, 175)),
        ("convnext", CNBlock, (16, 32), (16, 13)),
    ):
        steps(net, "sgd", block, widths, seeds[0], peak=0.02, mu=0.9, decay=5e-4, trust=0)
        steps(net, "lars", block, widths, seeds[1], peak=0.1, mu=0.9, decay=5e-4, trust=1e-3)
    options = dict(peak=0.02, mu=0.9, decay=5e-4, trust=0, objective="simclr")
    steps("bottleneck", "simclr", Bottleneck, (16, 32), 10, **options)
