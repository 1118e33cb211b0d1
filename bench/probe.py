"""Holds kNN and the linear protocol against scikit-learn and PyTorch on the features in a safetensors file, as JSON.

    python3 bench/probe.py FEATURES RATE EPOCHS

FEATURES has `train`, `test`, `train_labels` and `test_labels`, written by `deno task bench probe RUN`. The linear
classifier learns as src/eval/linear.ts has it: standardized features, zero at first, batches of 256, SGD with Nesterov's
momentum, a cosine, at the RATE that was chosen there. Orders are PyTorch's own. Logistic regression is fit until
it converges; the strength of its L2 penalty is chosen on a held-back fifth.
"""

import json
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

BATCH, T = 256, 0.1
# Inverse strengths of the penalty.
STRENGTHS = [1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100]


def load_file(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    header.pop("__metadata__", None)
    return {
        name: np.frombuffer(data[slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"]).copy()
        for name, entry in header.items()
    }


def learn(features, labels, rate, epochs):
    layer = torch.nn.Linear(features.shape[1], int(labels.max()) + 1)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    optimizer = torch.optim.SGD(layer.parameters(), lr=rate, momentum=0.9, nesterov=True)
    batch = min(BATCH, len(labels))
    total = epochs * (len(labels) // batch)
    for step in range(total):
        place = step % (len(labels) // batch)
        if place == 0:
            order = torch.randperm(len(labels))
        for group in optimizer.param_groups:
            group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / total))
        rows = order[place * batch:(place + 1) * batch]
        optimizer.zero_grad()
        F.cross_entropy(layer(features[rows]), labels[rows]).backward()
        optimizer.step()
    return layer


@torch.no_grad()
def accuracy(layer, features, labels):
    return (layer(features).argmax(1) == labels).double().mean().item()


def logistic(train, labels, strength):
    return LogisticRegression(C=strength, max_iter=1000).fit(train, labels)


def choose_strength(train, labels):
    order = np.random.default_rng(0).permutation(len(labels))
    held, kept = np.split(order, [len(labels) // 5])
    best = {c: logistic(train[kept], labels[kept], c).score(train[held], labels[held]) for c in STRENGTHS}
    return max(best, key=best.get)


def main(path, rate, epochs):
    torch.manual_seed(0)
    torch.set_num_threads(2)
    arrays = load_file(path)
    train, test = torch.from_numpy(arrays["train"]), torch.from_numpy(arrays["test"])
    labels, asked = (torch.from_numpy(arrays[f"{part}_labels"]).long() for part in ("train", "test"))
    knn = {}
    for k in (20, 200):
        classifier = KNeighborsClassifier(k, metric="cosine", algorithm="brute", weights=lambda d: np.exp((1 - d) / T))
        knn[k] = int((classifier.fit(train.double(), labels).predict(test.double()) == asked.numpy()).sum())
    mean, std = train.mean(0), train.std(0, unbiased=False)
    std[std == 0] = math.inf
    train, test = (train - mean) / std, (test - mean) / std
    linear = accuracy(learn(train, labels, rate, epochs), test, asked)
    train, test, labels, asked = (part.numpy() for part in (train, test, labels, asked))
    strength = choose_strength(train, labels)
    score = logistic(train, labels, strength).score(test, asked)
    print(json.dumps(dict(knn=knn, linear=linear, logistic=score, strength=strength)))


main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
