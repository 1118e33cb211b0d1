"""The training step of this project in PyTorch eager, to hold ours against.

    python3 bench/gpu/torch_step.py OUT.jsonl SECONDS HIDDEN ROW...

A row is backbone:size:batch:precision, as resnet18:32:256:f32. Precisions are f32 (TF32 off, NCHW) and, all in
channels_last, tf32, f16 and bf16 (autocast; f16 with a fixed scale of the loss). Backbones are torchvision's, with
CIFAR's stem up to 64 px; heads HIDDEN -> 256; LARS and the moving average by foreach. The views lie on the device
already, and cuDNN has tried its algorithms: both favor PyTorch, as our step makes its views too. Times are medians
over SECONDS of steps, by CUDA events, or by the wall's clock on a CPU. A line of JSON for each row goes to OUT.jsonl.
"""

import copy
import gc
import json
import statistics
import sys
import time

import torch
import torchvision
from torch import nn
from torch.nn import functional as F

TAU, RATE, MOMENTUM, DECAY, TRUST = 0.99, 1.0, 0.9, 1e-5, 0.02
LOSS_SCALE = 1024
CUDA = torch.cuda.is_available()
DEVICE = "cuda" if CUDA else "cpu"


def backbone_of(name, size):
    net = getattr(torchvision.models, name)()
    width = net.fc.in_features
    net.fc = nn.Identity()
    if size <= 64:
        net.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        net.maxpool = nn.Identity()
    return net, width


def head(inputs, hidden, outputs):
    return nn.Sequential(
        nn.Linear(inputs, hidden),
        nn.BatchNorm1d(hidden),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, outputs, bias=False),
    )


class Byol:
    """Online and target networks with their optimizer; step() takes a training step."""

    def __init__(self, name, size, batch, hidden, precision):
        torch.manual_seed(0)
        backbone, width = backbone_of(name, size)
        self.online = nn.Sequential(backbone, head(width, hidden, 256))
        self.predictor = head(256, hidden, 256)
        self.target = copy.deepcopy(self.online).requires_grad_(False)
        layout = torch.contiguous_format if precision == "f32" else torch.channels_last
        for network in (self.online, self.predictor, self.target):
            network.to(DEVICE, memory_format=layout).train()
        self.views = [torch.randn(batch, 3, size, size).to(DEVICE, memory_format=layout) for _ in range(2)]
        self.half = {"f16": torch.float16, "bf16": torch.bfloat16}.get(precision)
        self.scale = LOSS_SCALE if precision == "f16" else 1
        self.parameters = [*self.online.parameters(), *self.predictor.parameters()]
        self.decayed = [p for p in self.parameters if p.ndim > 1]
        self.momenta = [torch.zeros_like(p) for p in self.parameters]
        self.followed = ([*self.target.parameters()], [*self.online.parameters()])

    def loss(self):
        with torch.autocast(DEVICE, dtype=self.half or torch.bfloat16, enabled=self.half is not None):
            with torch.no_grad():
                targets = [self.target(view) for view in self.views]
            predictions = [self.predictor(self.online(view)) for view in self.views]
        pairs = zip(predictions, reversed(targets))
        return sum(2 - 2 * F.cosine_similarity(q.float(), z.float()).mean() for q, z in pairs)

    @torch.no_grad()
    def update(self):
        """LARS with a clipped rate for weights, momentum alone for the rest; then the target follows."""
        if self.scale != 1:
            torch._foreach_mul_([p.grad for p in self.parameters], 1 / self.scale)
        gradients = torch._foreach_add([w.grad for w in self.decayed], self.decayed, alpha=DECAY)
        weight_norms, norms = (torch.stack(torch._foreach_norm(some)) for some in (self.decayed, gradients))
        trust = (TRUST / RATE * weight_norms / norms).clamp(max=1)
        trust = torch.where((weight_norms > 0) & (norms > 0), trust, torch.ones_like(trust))
        scaled = iter(torch._foreach_mul(gradients, list(trust.unbind())))
        steps = [next(scaled) if p.ndim > 1 else p.grad for p in self.parameters]
        torch._foreach_mul_(self.momenta, MOMENTUM)
        torch._foreach_add_(self.momenta, steps)
        torch._foreach_add_(self.parameters, self.momenta, alpha=-RATE)
        target, online = self.followed
        torch._foreach_mul_(target, TAU)
        torch._foreach_add_(target, online, alpha=1 - TAU)

    def step(self):
        for p in self.parameters:
            p.grad = None
        loss = self.loss()
        (loss * self.scale).backward()
        self.update()
        return loss.detach()


def synchronize():
    if CUDA:
        torch.cuda.synchronize()


def times_of(step, seconds):
    """Milliseconds of steps in a row that take so many seconds, and of the last its loss."""
    for _ in range(4 if CUDA else 1):
        step()
    synchronize()
    begin = time.perf_counter()
    step()
    synchronize()
    count = max(5 if CUDA else 2, min(200, int(seconds / (time.perf_counter() - begin))))
    marks = [mark()]
    for _ in range(count):
        loss = step()
        marks.append(mark())
    synchronize()
    between = (lambda a, b: a.elapsed_time(b)) if CUDA else (lambda a, b: 1e3 * (b - a))
    return [between(a, b) for a, b in zip(marks, marks[1:])], loss.item()


def mark():
    if not CUDA:
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event


def convolution_error():
    """How far a convolution is off, relative to its norm: 1e-7 or so in float32, 3e-4 with TF32."""
    generator = torch.Generator().manual_seed(0)
    x, w = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((8, 64, 16, 16), (64, 64, 3, 3)))
    exact = F.conv2d(x, w)
    return float((F.conv2d(x.float().to(DEVICE), w.float().to(DEVICE)).cpu().double() - exact).norm() / exact.norm())


def measure(row, seconds, hidden):
    name, size, batch, precision = row.split(":")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True
    byol = Byol(name, int(size), int(batch), hidden, precision)
    if CUDA:
        torch.cuda.reset_peak_memory_stats()
    times, loss = times_of(byol.step, seconds)
    milliseconds = statistics.median(times)
    return {
        "row": row,
        "milliseconds": milliseconds,
        "imagesPerSecond": 1e3 * int(batch) / milliseconds,
        "steps": len(times),
        "loss": loss,
        "gigabytes": torch.cuda.max_memory_reserved() / 1e9 if CUDA else None,
        "convolutionError": convolution_error(),
        "device": torch.cuda.get_device_name() if CUDA else "the CPU",
        "torch": torch.__version__,
    }


def main(out, seconds, hidden, *rows):
    for row in rows:
        try:
            result = measure(row, float(seconds), int(hidden))
        except Exception as error:  # as a rule out of memory: other rows may fit
            result = {"row": row, "error": f"{type(error).__name__}: {error}".split("\n")[0]}
        with open(out, "a") as file:
            print(json.dumps(result), file=file)
        print(result, flush=True)
        gc.collect()
        if CUDA:
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main(*sys.argv[1:])
