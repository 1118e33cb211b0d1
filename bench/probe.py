"""Holds kNN and the linear protocol against scikit-learn and PyTorch on the features in a safetensors file, as JSON.

    python3 bench/probe.py FEATURES RATE

FEATURES has `train`, `test`, `train_labels` and `test_labels`, written by `deno task bench probe RUN`. The linear
classifier learns as the paper and src/eval/linear.ts have it: zero at first, batches of 256, SGD with Nesterov's momentum,
100 epochs, a cosine, at the RATE that was chosen there. Orders are PyTorch's own.
"""

import json
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

BATCH, EPOCHS, T = 256, 100, 0.1


def load_file(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    header.pop("__metadata__", None)
    return {
        name: np.frombuffer(data[slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"]).copy()
        for name, entry in header.items()
    }


def learn(features, labels, rate):
    layer = torch.nn.Linear(features.shape[1], int(labels.max()) + 1)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    optimizer = torch.optim.SGD(layer.parameters(), lr=rate, momentum=0.9, nesterov=True)
    batch = min(BATCH, len(labels))
    total = EPOCHS * (len(labels) // batch)
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


def main(path, rate):
    torch.manual_seed(0)
    torch.set_num_threads(2)
    arrays = load_file(path)
    train, test = torch.from_numpy(arrays["train"]), torch.from_numpy(arrays["test"])
    labels, asked = (torch.from_numpy(arrays[f"{part}_labels"]).long() for part in ("train", "test"))
    linear = accuracy(learn(train, labels, rate), test, asked)
    knn = {}
    for k in (20, 200):
        classifier = KNeighborsClassifier(k, metric="cosine", algorithm="brute", weights=lambda d: np.exp((1 - d) / T))
        knn[k] = int((classifier.fit(train.double(), labels).predict(test.double()) == asked.numpy()).sum())
    logistic = LogisticRegression(C=1e4, max_iter=300).fit(train, labels).score(test, asked)
    print(json.dumps(dict(knn=knn, linear=linear, logistic=logistic)))


main(sys.argv[1], float(sys.argv[2]))
