"""What a CUDA device does to torch.nn.RNN in float32: the same layer with and without TF32, judged by the oracle.

    python reports/accelerator.py [--out reports]

Needs torch and a CUDA device; writes accelerator.json and accelerator.md. cuDNN's TF32 is on by default in PyTorch
(torch.backends.cudnn.allow_tf32), so the default row is what users get.
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch

import oracle
from oracle.tolerance.exact_probe import exact_probe, exact_step

SIZES = (64, 256, 1024, 2048)
INPUTS, STEPS, BATCH = 5, 6, 3
SETTINGS = {"default": None, "TF32 off": False, "TF32 on": True}


def allow(tf32: bool | None) -> None:
    """Set what products may use; None leaves PyTorch's defaults."""
    if tf32 is not None:
        torch.backends.cudnn.allow_tf32 = tf32
        torch.backends.cuda.matmul.allow_tf32 = tf32


def layer_row(N: int, setting: str, device: str, dtype: torch.dtype = torch.float32) -> dict[str, Any]:
    """One layer with PyTorch's own initialisation, checked on a probe that has no zeros."""
    torch.manual_seed(N)
    layer = torch.nn.RNN(INPUTS, N).to(device, dtype)
    rng = np.random.default_rng(N)
    X, h0 = rng.uniform(0.25, 1.25, (STEPS, BATCH, INPUTS)), rng.uniform(-1, 1, (BATCH, N))
    result = oracle.check(layer, inputs=X, h0=h0)
    seen = result.statistic
    return {
        "N": N, "setting": setting, "device": device, "dtype": str(dtype), "verdict": result.verdict,
        "label": result.label, "worst": result.worst, "roundoff_seen": None if seen is None else seen.roundoff,
        "computed_in": result.computed_in, "explained_by": result.explained_by,
    }  # fmt: skip


def probe_row(N: int, setting: str, device: str) -> dict[str, Any]:
    """The exact probe as a relu layer: how many units are wrong (exact, no tolerance)."""
    probe = exact_probe(N, INPUTS, seed=N)
    layer = torch.nn.RNN(INPUTS, N, nonlinearity="relu", bias=False).to(device)
    with torch.no_grad():
        layer.weight_hh_l0.copy_(torch.tensor(probe.rec.W))
        layer.weight_ih_l0.copy_(torch.tensor(probe.rec.M))
        x = torch.tensor(probe.X[:, None]).to(device)
        out, _ = layer(x, torch.tensor(probe.h0[None, None]).to(device))
    wrong = int(np.count_nonzero(out[0, 0].cpu().numpy().astype(np.float64) != exact_step(probe)))
    return {"N": N, "setting": setting, "device": device, "wrong_units": wrong}


def product_rounding(device: str) -> dict[str, Any]:
    """How a TF32 product rounds its factors: identity times states with one bit too many."""
    allow(True)
    size = 256
    numerators = torch.arange(size, dtype=torch.float32, device=device) * 2 + 2049
    seen = (torch.eye(size, device=device) @ torch.diag(numerators)).diagonal().cpu().numpy()
    given = numerators.cpu().numpy()
    nearest = np.where(given % 4 == 1, given - 1, given + 1)
    return {
        "device": device,
        "unchanged": int(np.sum(seen == given)),
        "nearest_even": int(np.sum(seen == nearest)),
        "truncated": int(np.sum(seen == given - 1)),
        "away": int(np.sum(seen == given + 1)),
        "of": size,
    }


def main() -> None:
    """Run everything and write the two files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    out = parser.parse_args().out
    device = "cuda" if torch.cuda.is_available() else "cpu"
    layers, probes = [], []
    for setting, tf32 in SETTINGS.items():
        allow(tf32)
        layers += [layer_row(N, setting, device) for N in SIZES]
        probes += [probe_row(N, setting, device) for N in SIZES]
    layers += [layer_row(N, "float64", device, torch.float64) for N in SIZES[:2]]
    report = {
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if device == "cuda" else platform.processor(),
        "layers": layers,
        "exact_probes": probes,
        "product_rounding": product_rounding(device),
    }
    (out / "accelerator.json").write_text(json.dumps(report, indent=1) + "\n")
    (out / "accelerator.md").write_text(markdown(report))
    print(markdown(report))


def markdown(report: dict[str, Any]) -> str:
    """The tables."""
    lines = [
        "# torch.nn.RNN on an accelerator",
        "",
        f"torch {report['torch']}, {report['device']}. Made by `python reports/accelerator.py`.",
        "",
        "| setting | N | verdict | worst residual / bound (proved) | roundoff seen (observed) | computed in | named |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in report["layers"]:
        seen = f"{r['roundoff_seen']:.2g}"
        lines.append(
            f"| {r['setting']} | {r['N']} | {r['verdict']} ({r['label']}) | {r['worst']:.3g} | {seen} "
            f"| {r['computed_in']} | {r['explained_by']} |"
        )
    lines += [
        "",
        "Exact probe: units whose state is not the exact one.",
        "",
        "| setting | N | wrong units |",
        "|---|---|---|",
    ]
    lines += [f"| {r['setting']} | {r['N']} | {r['wrong_units']} |" for r in report["exact_probes"]]
    r = report["product_rounding"]
    lines += [
        "",
        f"Rounding of the factors of a product with TF32 allowed, {r['of']} values with one bit too many: "
        f"{r['unchanged']} unchanged, {r['nearest_even']} as round-to-nearest-even, {r['truncated']} as truncation, "
        f"{r['away']} as round-away.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
