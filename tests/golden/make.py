"""Writes the golden files that PyTorch computes: ops.safetensors and step_*.safetensors.

    OMP_NUM_THREADS=2 python3 tests/golden/make.py

Written with torch 1.13, torchvision 0.14, NumPy 1.24. Inputs, weights and views are not stored but hashed from their
names, here and in src/reference/hash.ts alike, to the same bits. All values are computed in float64 from float32 inputs and stored
as float32; each value of the metadata is JSON.

ops.safetensors, in our layouts (activations NHWC, convolutions [R, S, C, K], linear layers [in, out]): the metadata
lists the `cases`, each with its op, the shapes of its operands and its sizes. A case's operand x is
hash_signed("<case>.x"), its cotangent hash_signed("<case>.dy"), its results are "<case>.y", "<case>.dx" and so on.

step_<net>_<optimizer>.safetensors, in PyTorch's layouts: ten training steps of BYOL; step_resnet8_simclr and _mixed with
SGD of other members of the family, see `objectives`. Tensors: online.*, target.* and
momentum.* after the ten steps, and in the files of SGD the gradients of step one, grad1.*, which the optimizer has
no part in. Metadata: the settings, `losses` of each step before its update, and what PyTorch's own float32 loses on
the same steps, as the median of runs whose first weights differ by an ulp here and there: `losses_float32`, and
`errors`, the relative error ||float32 - float64|| / ||float64|| of each group of tensors taken as one vector, and the
largest relative error of a loss.

Where rounding changes the sign of a ReLU's input, the gradient jumps by far more than rounding, and the steps after
it multiply that. So that the comparison tells about code and not about chance, the seeds of the views were searched
for steps on which no such input comes near 0: `clearance` is how near, in units of float32's error there. Without
that the error of theta ranges from 1e-7 to 1e-2 from seed to seed.
"""

import copy
import json
import math
import pathlib
from functools import partial
from statistics import median

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models.convnext import CNBlock, LayerNorm2d
from torchvision.models.resnet import BasicBlock, Bottleneck

FOLDER = pathlib.Path(__file__).parent
# This one ships with the product: its doctor takes the same steps.
SHIPPED, SHIPPED_FOLDER = "step_bottleneck_sgd", FOLDER / "../../src/inspect/doctor"
BN = dict(momentum=0.1, eps=1e-5)
N, SIZE = 6, 8  # images in a batch, pixels of their sides
# Runs in float32 of which the median error is taken.
DRAWS = 25
SHAPE_OF_LR = (0.25, 0.5, 0.75, 1, 1, 0.95, 0.85, 0.7, 0.5, 0.3)
TAU = (0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)


def hash_uniform(tag, n):
    """n float64 values in [0, 1): Wellons' lowbias32 of the index, keyed by the FNV-1a hash of the tag."""

    def mix(h):
        h = (h ^ (h >> 16)) * np.uint32(0x7FEB352D)
        h = (h ^ (h >> 15)) * np.uint32(0x846CA68B)
        return h ^ (h >> 16)

    seed = 0x811C9DC5
    for byte in tag.encode():
        seed = (seed ^ byte) * 0x01000193 % 2**32
    return mix(mix(np.arange(n, dtype=np.uint32)) + np.uint32(seed)) / 2.0**32


def hash_signed(tag, shape):
    """A float64 tensor of values in [-1, 1) that float32 can hold."""
    values = 2 * hash_uniform(tag, math.prod(shape)) - 1
    return torch.from_numpy(values.astype(np.float32)).double().reshape(shape)


def write_safetensors(name, tensors, metadata):
    header, chunks, end = {"__metadata__": {key: json.dumps(value) for key, value in metadata.items()}}, [], 0
    for key, tensor in tensors.items():
        chunk = tensor.detach().numpy().astype("<f4").tobytes()
        header[key] = dict(dtype="F32", shape=list(tensor.shape), data_offsets=[end, end + len(chunk)])
        end += len(chunk)
        chunks.append(chunk)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path = (SHIPPED_FOLDER if name == SHIPPED else FOLDER) / f"{name}.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(chunks))
    print(path.name, path.stat().st_size, "bytes")


def byol_loss(online, target):
    """The two terms of every image are added, then averaged over the batch."""
    terms = [2 - 2 * F.cosine_similarity(q, z, dim=1) for q, z in zip(online, reversed(target))]
    return (terms[0] + terms[1]).mean()


def info_nce(q, z, beta, alpha):
    """Grill et al. 2020, section 5, by autograd: its negative plus 4. q and z are lists of both views."""
    terms = []
    for view in (0, 1):
        mine, own, other = (F.normalize(rows, dim=1) for rows in (q[view], z[view], z[1 - view]))
        within = (mine @ own.T / alpha).masked_fill(torch.eye(len(mine), dtype=torch.bool), -math.inf)
        across = mine @ other.T / alpha
        negatives = torch.logsumexp(torch.cat([within, across], dim=1), dim=1)
        terms.append(2 - 2 * (mine * other).sum(1) + 2 * beta * alpha * negatives)
    return (terms[0] + terms[1]).mean()


class Optimizer:
    """torch.optim.SGD, and with `trust` LARS, with `clip` as solo-learn's clips it: a parameter's rate is at most lr.

    What has one axis gets neither decay nor trust ratio, nor do layer scales.
    """

    def __init__(self, parameters, mu, decay, trust, clip=False):
        adapted = {name for name, p in parameters.items() if p.ndim > 1 and not name.endswith("layer_scale")}
        self.weights = [parameters[name] for name in parameters if name in adapted]
        self.decay, self.trust, self.clip = decay, trust, clip
        groups = [
            dict(params=self.weights, weight_decay=0 if trust else decay),
            dict(params=[parameters[name] for name in parameters if name not in adapted]),
        ]
        self.sgd = torch.optim.SGD(groups, lr=0, momentum=mu)

    def step(self, lr):
        for p in self.weights if self.trust else []:
            p.grad += self.decay * p.detach()
            w, g = p.detach().norm(), p.grad.norm()
            ratio = self.trust * w / g if w > 0 and g > 0 else 1
            p.grad *= min(ratio / lr, 1) if self.clip else ratio
        for group in self.sgd.param_groups:
            group["lr"] = lr
        self.sgd.step()

    def momentum(self, parameter):
        return self.sgd.state[parameter]["momentum_buffer"]


@torch.no_grad()
def move_average(target, online, tau):
    for xi, theta in zip(target, online):
        xi.mul_(tau).add_(theta, alpha=1 - tau)


# Ops, each from our layouts to ours.


def nchw(function, x, *weights, **options):
    return function(x.permute(0, 3, 1, 2), *weights, **options).permute(0, 2, 3, 1)


def conv2d(x, w, stride, padding, **_):
    return dict(y=nchw(F.conv2d, x, w.permute(3, 2, 0, 1), stride=stride, padding=padding))


def max_pool(x, window, stride, padding, **_):
    return dict(y=nchw(F.max_pool2d, x, kernel_size=window, stride=stride, padding=padding))


def global_average_pool(x, **_):
    return dict(y=nchw(F.adaptive_avg_pool2d, x, output_size=1).flatten(1))


def depthwise_conv2d(x, w, bias, **_):
    return dict(y=nchw(F.conv2d, x, w.permute(3, 2, 0, 1), bias=bias, padding=3, groups=len(bias)))


def layer_norm(x, gamma, beta, **_):
    return dict(y=F.layer_norm(x, gamma.shape, gamma, beta, eps=1e-6))


def gelu(x, **_):
    return dict(y=F.gelu(x))


def layer_scale(x, scale, residual, **_):
    return dict(y=residual + scale * x)


def linear(x, w, b=None, **_):
    return dict(y=F.linear(x, w.T, b))


def batch_norm(x, gamma, beta, running_mean, running_var, groups, rows, C):
    mean, var = running_mean.detach().clone(), running_var.detach().clone()
    views = x.reshape(groups, rows, C)
    y = torch.cat([F.batch_norm(view, mean, var, gamma, beta, training=True, **BN) for view in views])
    return dict(y=y.reshape(x.shape), running_mean=mean, running_var=var)


def batch_norm_relu(**inputs):
    results = batch_norm(**inputs)
    return dict(results, y=results["y"].relu())


def loss_op(q, z, N, **_):
    return dict(y=byol_loss(q.split(N), z.split(N)))


def info_nce_op(q, N, beta, alpha, z=None, **_):
    return dict(y=info_nce(q.split(N), (q if z is None else z).split(N), beta, alpha))


def float32_error(inputs, sizes, constants):
    """The largest absolute error of PyTorch's own float32 gradients."""
    gradients = []
    for dtype in (torch.float32, torch.float64):
        copies = {key: value.detach().to(dtype) for key, value in inputs.items()}
        for key in copies.keys() - set(constants):
            copies[key].requires_grad_()
        info_nce_op(**copies, **sizes)["y"].backward()
        gradients.append({key: value.grad.double() for key, value in copies.items() if value.grad is not None})
    return max((gradients[0][key] - gradients[1][key]).abs().max().item() for key in gradients[0])


def optimizer(theta, xi, g1, g2, lr, tau, **options):
    """Two steps from zero momentum."""
    theta, xi = theta.detach().clone(), xi.detach().clone()
    stepper = Optimizer(dict(theta=theta), **options)
    for gradient in (g1, g2):
        theta.grad = gradient.detach().clone()
        stepper.step(lr)
        move_average([xi], [theta], tau)
    return dict(theta=theta, momentum=stepper.momentum(theta), xi=xi)


def knn(features, queries, labels, k, T, classes, **_):
    """Weighted kNN of Wu et al. 2018. Labels come as values in [-1, 1) to be cut into equal parts."""
    similarity, nearest = (F.normalize(queries) @ F.normalize(features).T).topk(k)
    classes_of = torch.floor((labels + 1) / 2 * classes).long()
    votes = (F.one_hot(classes_of, classes)[nearest] * (similarity / T).exp()[..., None]).sum(1)
    return dict(votes=votes, predictions=votes.argmax(1))


def ops():
    tensors, cases = {}, []

    def case(op, function, operands, constants=(), **sizes):
        name = f"{op}.{sum(other['op'] == op for other in cases)}"
        cases.append(dict(name=name, op=op, operands=operands, constants=constants, sizes=sizes))
        inputs = {key: hash_signed(f"{name}.{key}", shape) for key, shape in operands.items()}
        for key in operands.keys() - set(constants):
            inputs[key].requires_grad_()
        if op == "info_nce":
            sizes["error"] = float32_error(inputs, sizes, constants)
        results = function(**inputs, **sizes)
        if "y" in results:
            y = results["y"]
            y.backward(hash_signed(f"{name}.dy", y.shape) if y.ndim else None)
            results.update({f"d{key}": inputs[key].grad for key in operands if key not in constants})
        tensors.update({f"{name}.{key}": value for key, value in results.items()})

    for H, W, C, K, R, stride, padding in (
        (7, 5, 8, 12, 3, 1, 1),
        (7, 6, 8, 12, 3, 2, 1),
        (7, 5, 8, 12, 1, 2, 0),
        (11, 9, 3, 8, 7, 2, 3),
    ):
        sizes = dict(N=3, H=H, W=W, C=C, K=K, R=R, S=R, stride=stride, padding=padding)
        case("conv2d", conv2d, dict(x=(3, H, W, C), w=(R, R, C, K)), **sizes)
    for op, function in (("batch_norm", batch_norm), ("batch_norm_relu", batch_norm_relu)):
        for leading, C in (((6, 5, 3), 12), ((14,), 20)):
            vectors = {key: (C,) for key in ("gamma", "beta", "running_mean", "running_var")}
            sizes = dict(groups=2, rows=math.prod(leading) // 2, C=C)
            case(op, function, dict(x=(*leading, C), **vectors), ("running_mean", "running_var"), **sizes)
    sizes = dict(N=5, inputs=20, outputs=12)
    case("linear", linear, dict(x=(5, 20), w=(20, 12), b=(12,)), **sizes)
    case("linear", linear, dict(x=(5, 20), w=(20, 12)), **sizes)
    case("max_pool", max_pool, dict(x=(2, 7, 6, 4)), N=2, H=7, W=6, C=4, window=3, stride=2, padding=1)
    case("global_average_pool", global_average_pool, dict(x=(3, 5, 7, 12)), N=3, H=5, W=7, C=12)
    case("byol_loss", loss_op, dict(q=(10, 24), z=(10, 24)), ("z",), N=5, D=24)
    for N, D, beta, alpha, kind in (
        (5, 24, 1, 0.1, "same"),
        (8, 16, 0.5, 0.2, "shared"),
        (7, 20, 1, 0.1, "constant"),
        (1, 8, 1, 0.5, "shared"),
        (34, 12, 0.3, 1, "same"),
    ):
        operands = {key: (2 * N, D) for key in ("q", "z")[: 1 if kind == "same" else 2]}
        constants = ("z",) if kind == "constant" else ()
        case("info_nce", info_nce_op, operands, constants, N=N, D=D, beta=beta, alpha=alpha)
    for shape, trust in (((7, 5), 0), ((7, 5), 0.1), ((5,), 0), ((5,), 0.1)):
        operands = {key: shape for key in ("theta", "xi", "g1", "g2")}
        case("optimizer", optimizer, operands, tuple(operands), lr=0.3, tau=0.8, mu=0.9, decay=0.05, trust=trust)
    for trust in (0.1, 1):  # below lr, and clipped
        operands = {key: (7, 5) for key in ("theta", "xi", "g1", "g2")}
        sizes = dict(lr=0.3, tau=0.8, mu=0.9, decay=0.05, trust=trust, clip=True)
        case("optimizer", optimizer, operands, tuple(operands), **sizes)
    operands = dict(features=(37, 11), queries=(9, 11), labels=(37,))
    case("knn", knn, operands, tuple(operands), N=37, Q=9, D=11, k=5, T=0.1, classes=4)
    for N, H, W, C in ((2, 9, 7, 12), (3, 4, 5, 8)):
        vectors = dict(w=(7, 7, 1, C), bias=(C,))
        case("depthwise_conv2d", depthwise_conv2d, dict(x=(N, H, W, C), **vectors), N=N, H=H, W=W, C=C)
    for shape in ((3, 5, 4, 12), (14, 20)):
        case("layer_norm", layer_norm, dict(x=shape, gamma=shape[-1:], beta=shape[-1:]), C=shape[-1])
    case("gelu", gelu, dict(x=(3, 5, 7, 12)))
    case("layer_scale", layer_scale, dict(x=(3, 4, 5, 12), scale=(12,), residual=(3, 4, 5, 12)), C=12)
    write_safetensors("ops", tensors, dict(cases=cases))


# Training steps.


class Backbone(nn.Module):
    """A ResNet with the CIFAR stem and one block a stage, under torchvision's names."""

    def __init__(self, block, widths):
        super().__init__()
        C = 16
        self.conv1 = nn.Conv2d(3, C, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(C, **BN)
        self.relu = nn.ReLU()
        self.stages = [f"layer{i + 1}" for i in range(len(widths))]
        for stage, width in zip(self.stages, widths):
            K, stride, downsample = width * block.expansion, 1 if stage == "layer1" else 2, None
            if stride > 1 or C != K:
                downsample = nn.Sequential(nn.Conv2d(C, K, 1, stride, bias=False), nn.BatchNorm2d(K, **BN))
            self.add_module(stage, nn.Sequential(block(C, width, stride, downsample)))
            C = K
        self.width = C

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        for stage in self.stages:
            x = self.get_submodule(stage)(x)
        return x.mean((2, 3))


class ConvNeXt(nn.Module):
    """A ConvNeXt with patches of 2 x 2 pixels and one of torchvision's blocks a stage, under torchvision's names."""

    def __init__(self, widths):
        super().__init__()
        norm, layers, C = partial(LayerNorm2d, eps=1e-6), [], 3
        for K in widths:
            patches = nn.Conv2d(C, K, 2, 2)
            layers.append(nn.Sequential(norm(C), patches) if layers else nn.Sequential(patches, norm(K)))
            layers.append(nn.Sequential(CNBlock(K, layer_scale=1, stochastic_depth_prob=0)))
            C = K
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(norm(C))
        self.width = C

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3), keepdim=True)).flatten(1)


def mlp(inputs, hidden=48, outputs=24):
    layers = nn.Linear(inputs, hidden), nn.BatchNorm1d(hidden, **BN), nn.ReLU(), nn.Linear(hidden, outputs, bias=False)
    return nn.Sequential(*layers)


def initial(name, shape):
    """The parameter's first value; the name has no "online." before it.

    A ResNet's batch norms shift each channel to one side of 0, so that few inputs of ReLUs lie close to it.
    """
    u = hash_uniform(name, math.prod(shape))
    if name.endswith("layer_scale"):
        values = 0.5 + 0.2 * (u - 0.5)
    elif len(shape) > 1:
        values = (2 * u - 1) * math.sqrt(6 / math.prod(shape[1:]))  # variance 2 / fan-in
    elif not name.startswith(("backbone.bn", "backbone.layer")):
        values = (1 if name.endswith("weight") else 0) + 0.4 * (u - 0.5)
    elif name.endswith("weight"):
        values = 0.5 + 0.2 * (u - 0.5)
    else:
        values = np.where(u < 0.5, -1, 1) * (0.75 if "downsample" in name else 1.5) + 0.2 * (u - 0.5)
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


def views(seed, step):
    """[2, N, 3, SIZE, SIZE]. Both views share an image's squares of four by four pixels, not the noise on them."""

    def pixels(name, shape):
        return np.floor(256 * hash_uniform(f"views.{seed}.{step}.{name}", math.prod(shape))).reshape(shape)

    coarse = pixels("coarse", (N, SIZE // 4, SIZE // 4, 3)).repeat(4, 1).repeat(4, 2)
    fine = pixels("fine", (2, N, SIZE, SIZE, 3))
    values = np.floor((3 * coarse + fine) / 4) / 127.5 - 1
    return torch.from_numpy(values.astype(np.float32)).permute(0, 1, 4, 2, 3)


def nudge(parameter, name, draw):
    """One in 64 of the values goes to the next float32, up or down."""
    u = hash_uniform(f"nudge.{draw}.{name}", parameter.numel()).reshape(parameter.shape)
    values = parameter.numpy()
    towards = np.where(u < 1 / 128, -np.inf, np.where(u < 1 / 64, np.inf, values))
    return torch.from_numpy(np.nextafter(values, towards.astype(np.float32)))


# Of the family between BYOL and SimCLR: whether there is a predictor, a target network; the negatives' weight.
objectives = dict(
    byol=dict(predictor=True, target=True, beta=0),
    simclr=dict(predictor=False, target=False, beta=1),
    mixed=dict(predictor=True, target=True, beta=1),
)
TEMPERATURE = 0.1


def train(dtype, block, widths, seed, lr, draw=0, objective="byol", half=None, **options):
    """The losses, the inputs of each ReLU, the gradients of step one, and the last state by group and name.

    Each draw but the first begins with weights that are off by less than float32's rounding would be. `half` (see
    half.py) rounds to half precision as a run in mixed precision does.
    """
    backbone = ConvNeXt(widths) if block is CNBlock else Backbone(block, widths)
    parts = objectives[objective]
    online = nn.ModuleDict(dict(backbone=backbone, projector=mlp(backbone.width)))
    if parts["predictor"]:
        online["predictor"] = mlp(24)
    for name, parameter in online.named_parameters():
        parameter.data = (half.initial if half else initial)(name, parameter.shape)
        if draw > 0:
            parameter.data = nudge(parameter.data, name, draw)
    online.to(dtype)
    target = copy.deepcopy(online).requires_grad_(False) if parts["target"] else nn.ModuleDict()
    if parts["target"]:
        del target["predictor"]
    if half:
        half.prepare(online, target)
    parameters = dict(online.named_parameters())
    stepper = Optimizer(parameters, **options)

    relu_inputs = []
    for module in online.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_pre_hook(lambda _, inputs: relu_inputs.append(inputs[0].detach().double().clone()))

    losses = []
    for step, (rate, tau) in enumerate(zip(lr, TAU)):
        pair = views(seed, step).to(dtype)
        pair = half.views(pair) if half else pair
        q = z = [online["projector"](online["backbone"](view)) for view in pair]
        if parts["predictor"]:
            q = [online["predictor"](z) for z in q]
        if parts["target"]:
            z = [target["projector"](target["backbone"](view)) for view in pair]
        loss = info_nce(q, z, parts["beta"], TEMPERATURE) if parts["beta"] else byol_loss(q, z)
        losses.append(loss.item())
        online.zero_grad()
        half.backward(loss, parameters.values()) if half else loss.backward()
        if step == 0:
            gradients = {name: p.grad.clone() for name, p in parameters.items()}
        stepper.step(rate)
        move_average(target.parameters(), parameters.values(), tau)

    def running(network):
        return {name: value for name, value in network.named_buffers() if "running" in name}

    state = dict(
        theta=parameters,
        xi=dict(target.named_parameters()),
        momentum={name: stepper.momentum(p) for name, p in parameters.items()},
        running_online=running(online),
        running_target=running(target),
    )
    return losses, relu_inputs, gradients, {group: tensors for group, tensors in state.items() if tensors}


def relative_error(actual, expected):
    """Of two groups of tensors, each taken as one vector."""
    actual, expected = (torch.cat([t.detach().double().flatten() for t in g.values()]) for g in (actual, expected))
    return ((actual - expected).norm() / expected.norm()).item()


def clearance(actual, expected):
    """How near to 0 the inputs of ReLUs come, in units of the root mean square error of their layer."""
    return min((e.abs().min() / (a - e).square().mean().sqrt()).item() for a, e in zip(actual, expected))


def steps(net, name, block, widths, seed, peak, **options):
    lr = [peak * share for share in SHAPE_OF_LR]
    losses, inputs, gradients, state = train(torch.float64, block, widths, seed, lr, **options)
    # Ten steps make of the same rounding errors once more, once less: one draw may be five times another. So the
    # median is taken of many.
    runs = [train(torch.float32, block, widths, seed, lr, draw, **options) for draw in range(DRAWS)]
    _, inputs_float32, _, _ = runs[0]
    errors = {group: median([relative_error(run[3][group], state[group]) for run in runs]) for group in state}
    errors["losses"] = median([max(abs(a / e - 1) for a, e in zip(run[0], losses)) for run in runs])
    errors["grad1"] = median([relative_error(run[2], gradients) for run in runs])
    losses_float32 = sorted((run[0] for run in runs), key=lambda ours: math.dist(ours, losses))[DRAWS // 2]
    prefixes = dict(theta="online", running_online="online", xi="target", running_target="target", momentum="momentum")
    tensors = {f"{prefixes[group]}.{key}": t for group in state for key, t in state[group].items()}
    if name != "lars":
        tensors.update({f"grad1.{key}": t for key, t in gradients.items()})
    metadata = dict(
        batch=N, size=SIZE, seed=seed, lr=lr, tau=TAU, **options, losses=losses, losses_float32=losses_float32,
        errors=errors, clearance=clearance(inputs_float32, inputs),
    )
    if "objective" in options:
        metadata.update(objectives[options["objective"]], temperature=TEMPERATURE)
    write_safetensors(f"step_{net}_{name}", tensors, metadata)
    print(f"  seed {seed}, clearance {metadata['clearance']:.1f}")
    print("  losses", *(f"{loss:.4f}" for loss in losses))
    print("  errors", *(f"{group} {error:.1e}" for group, error in errors.items()))


if __name__ == "__main__":
    torch.set_num_threads(2)
    ops()
    for net, block, widths, seeds in (
        ("resnet8", BasicBlock, (16, 32, 64), (42, 15)),
        ("bottleneck", Bottleneck, (16, 32), (10, 175)),
        ("convnext", CNBlock, (16, 32), (16, 13)),
    ):
        steps(net, "sgd", block, widths, seeds[0], peak=0.02, mu=0.9, decay=5e-4, trust=0)
        steps(net, "lars", block, widths, seeds[1], peak=0.1, mu=0.9, decay=5e-4, trust=1e-3)
    for objective, seed in dict(simclr=180, mixed=187).items():
        options = dict(peak=0.02, mu=0.9, decay=5e-4, trust=0, objective=objective)
        steps("resnet8", objective, BasicBlock, (16, 32, 64), seed, **options)
