"""Writes evaluate.safetensors: what PyTorch and scikit-learn make of the features that the evaluation's tests hash.

    OMP_NUM_THREADS=2 python3 tests/golden/evaluate.py

Written with torch 1.13, NumPy 1.24, scikit-learn 1.2. As in make.py, whose helpers it uses, the metadata lists the
`cases`, operands are hashed from their names, and all is computed in float64. Besides the ops:

- knn: counts of right answers by brute force over all cosines, and by scikit-learn's classifier. The nearest that do not
  vote are further by `gap` than those that do, and no two classes have next to equal votes, so that float32 counts alike.
- linear: linear classifiers of some learning rates, learnt by torch.optim.SGD with Nesterov's momentum as fitFeatures
  does it: zero at first, cosine course of the rate, and all samples in one batch, so that their order is no matter.
  Their weights, and the shares of right answers on the test samples; beside these that of scikit-learn's logistic
  regression, which learns until it is done.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from make import hash_signed, hash_uniform, write_safetensors
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier


def cross_entropy(logits, labels, groups, classes):
    """Of each group the mean over all rows; of those whose label is -1 it is 0."""
    rows = logits.shape[0]
    parts = logits.reshape(rows, groups, -1)[:, :, :classes]
    targets = labels.long()[:, None].expand(rows, groups).reshape(-1)
    return F.cross_entropy(parts.reshape(-1, classes), targets, ignore_index=-1, reduction="none").reshape(rows, groups)


def ops(tensors, cases):
    for rows, groups, classes, columns in ((9, 1, 10, 12), (13, 3, 6, 8)):
        name = f"softmax_cross_entropy.{len(cases)}"
        logits = 5 * hash_signed(f"{name}.logits", (rows, groups * columns))
        logits.requires_grad_()
        labels = torch.from_numpy(np.floor(hash_uniform(f"{name}.labels", rows) * (classes + 1)) - 1)
        rates = 2 + hash_signed(f"{name}.rates", (groups,))
        losses = cross_entropy(logits, labels, groups, classes)
        (losses * rates).sum().div(rows).backward()
        cases.append(dict(name=name, op="softmax_cross_entropy", sizes=dict(M=rows, G=groups, K=columns, classes=classes)))
        tensors.update({f"{name}.losses": losses, f"{name}.dlogits": logits.grad})

    for shape, decay in (((7, 5), 0.05), ((9,), 0)):
        name = f"nesterov.{len(cases)}"
        theta = hash_signed(f"{name}.theta", shape)
        stepper = torch.optim.SGD([theta], lr=0.3, momentum=0.9, weight_decay=decay, nesterov=True)
        for k in range(2):
            theta.grad = hash_signed(f"{name}.g{k + 1}", shape)
            stepper.step()
        cases.append(dict(name=name, op="nesterov", sizes=dict(shape=shape, lr=0.3, mu=0.9, decay=decay)))
        momentum = stepper.state[theta]["momentum_buffer"]
        tensors.update({f"{name}.theta": theta, f"{name}.momentum": momentum})


def clustered(tag, n, dims, classes, noise):
    """Centres of classes with noise: as the function of this name in the tests."""
    centres, noises = hash_signed("centres", (classes, dims)), hash_signed(tag, (n, dims))
    labels = torch.arange(n) * 7 % classes
    return noise * noises + centres[labels], labels


def knn(tensors, cases):
    N, Q, D, classes, T, noise = 500, 211, 24, 5, 0.1, 3
    features, labels = clustered("knn train 6", N, D, classes, noise)
    queries, asked = clustered("knn test 6", Q, D, classes, noise)
    values, nearest = (F.normalize(queries) @ F.normalize(features).T).sort(1, descending=True)
    gap = min((values[:, k - 1] - values[:, k]).min().item() for k in (1, 20, 200))
    counts, sklearn = {}, {}
    for k in (1, 20, 200):
        votes = (F.one_hot(labels, classes)[nearest[:, :k]] * (values[:, :k] / T).exp()[..., None]).sum(1)
        first, second = votes.topk(2).values.T
        gap = min(gap, ((first - second) / first).min().item())
        counts[k] = (votes.argmax(1) == asked).sum().item()
        classifier = KNeighborsClassifier(k, metric="cosine", algorithm="brute", weights=lambda d: np.exp((1 - d) / T))
        sklearn[k] = int((classifier.fit(features, labels).predict(queries) == asked.numpy()).sum())
    print("knn", counts, "scikit-learn", sklearn, "gap", gap)
    assert counts == sklearn and gap > 2e-6
    sizes = dict(N=N, Q=Q, D=D, classes=classes, T=T, noise=noise)
    cases.append(dict(name="knn", op="knn", sizes=sizes, counts=counts))


def linear(tensors, cases):
    N, Q, D, classes, noise = 250, 1000, 20, 6, 1.8
    epochs, rates = 60, (0.05, 0.5)
    features, labels = clustered("linear train", N, D, classes, noise)
    queries, asked = clustered("linear test", Q, D, classes, noise)
    scores = []
    for g, rate in enumerate(rates):
        layer = torch.nn.Linear(D, classes).double()
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
        optimizer = torch.optim.SGD(layer.parameters(), lr=rate, momentum=0.9, nesterov=True)
        for epoch in range(epochs):
            for group in optimizer.param_groups:
                group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * epoch / epochs))
            optimizer.zero_grad()
            F.cross_entropy(layer(features), labels).backward()
            optimizer.step()
        logits = layer(queries)
        top1 = (logits.argmax(1) == asked).double().mean().item()
        top5 = (logits.topk(5).indices == asked[:, None]).any(1).double().mean().item()
        scores.append(dict(top1=top1, top5=top5))
        tensors.update({f"linear.weight{g}": layer.weight, f"linear.bias{g}": layer.bias})
    logistic = LogisticRegression(C=1e6, max_iter=5000).fit(features, labels).score(queries, asked)
    print("linear", scores, "scikit-learn's logistic regression", logistic)
    sizes = dict(N=N, Q=Q, D=D, classes=classes, noise=noise, epochs=epochs, rates=rates)
    cases.append(dict(name="linear", op="linear", sizes=sizes, scores=scores, logistic=logistic))


if __name__ == "__main__":
    torch.set_num_threads(2)
    tensors, cases = {}, []
    for add in (ops, knn, linear):
        add(tensors, cases)
    write_safetensors("evaluate", tensors, dict(cases=cases))
