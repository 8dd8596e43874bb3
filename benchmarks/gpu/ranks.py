"""The exchanges between processes, by a group of one: NCCL on a GPU."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import distributed

from benchmarks.gpu.correctness import BASE, measure_worst, take_gradients
from benchmarks.gpu.journal import Journal
from benchmarks.gpu.setting import Setting
from benchmarks.steps import make_batch
from crosszero.model.head import ProjectionHead
from crosszero.training.ranks import Ranks


class Talking(Ranks):
    """A single process that exchanges everything with itself."""

    @property
    def alone(self) -> bool:
        return False


def check_ranks(setting: Setting, journal: Journal) -> None:
    """Take a step with all exchanges: the gradients of a step without one."""
    batch = make_batch(setting.read_rows(8), 2)
    backbone = setting.load_backbone().eval()
    head = ProjectionHead(backbone.hidden_size, "multi").to(setting.device)
    ranks = Talking(device=setting.device)
    backend = "nccl" if setting.gpu else "gloo"
    place = f"file://{setting.folder / 'ranks'}"
    distributed.init_process_group(backend, init_method=place, rank=0, world_size=1)
    try:
        for config in (BASE, replace(BASE, gradient_cache=True)):
            alone = take_gradients(backbone, head, batch, config)
            found = take_gradients(backbone, head, batch, config, ranks)
            cached = ", gradient cache" if config.gradient_cache else ""
            journal.check(f"gradient over {backend}{cached}", measure_worst(found, alone), 1e-3)
        shared = ranks.share({"precision": "bf16"})
        journal.check("settings that are shared", float(shared != {"precision": "bf16"}), 0)
        ranks.wait()
        rows = torch.arange(6.0, device=setting.device).reshape(3, 2)
        apart = float((ranks.gather(rows, [3]) - rows).abs().max())
        journal.check("rows that are gathered", apart, 0)
    finally:
        distributed.destroy_process_group()
