from __future__ import annotations

import numpy as np
import torch

from blipdb.scenes.kinds import KINDS
from blipdb.scenes.world import BACKGROUNDS, COLOURS, Scene, Thing, box
from blipdb.training.objectives.losses import IGNORED
from blipdb.training.objectives.naming import NOTHING, PatchNaming, label_patches

HOUSE = Thing("house", "red", "large", x=0.5, y=0.5, scale=0.5)
DOG = Thing("dog", "blue", "small", x=0.5, y=0.5, scale=0.2)


def test_a_patch_shows_the_smallest_thing_that_covers_it() -> None:
    labels = label_patches([Scene((DOG, HOUSE), "sand", 1)], 8)
    kinds = labels.kinds.reshape(8, 8)
    assert kinds[0, 0] == NOTHING
    assert labels.colours.reshape(8, 8)[0, 0] == IGNORED
    assert not labels.outlines.reshape(8, 8, 4)[0, 0].any()
    for row, column, thing in ((4, 4, DOG), (2, 2, HOUSE), (5, 5, HOUSE)):
        assert tuple(KINDS)[kinds[row, column]] == thing.kind
        assert tuple(COLOURS)[labels.colours.reshape(8, 8)[row, column]] == thing.colour
        outline = labels.outlines.reshape(8, 8, 4)[row, column]
        assert np.allclose(outline, box(thing))
    assert BACKGROUNDS[labels.places[0]] == "sand"


def test_a_thing_that_covers_no_patch_is_at_its_middle() -> None:
    slight = Thing("star", "pink", "small", x=0.5, y=0.25, scale=0.04)
    kinds = label_patches([Scene((slight,), "plain", 1)], 4).kinds.reshape(4, 4)
    assert np.argwhere(kinds != NOTHING).tolist() == [[1, 2]]
    at_the_edge = Thing("star", "pink", "small", x=1.0, y=1.0, scale=0.04)
    kinds = label_patches([Scene((at_the_edge,), "plain", 1)], 4).kinds.reshape(4, 4)
    assert np.argwhere(kinds != NOTHING).tolist() == [[3, 3]]


def test_heads_that_name_everything_lose_nothing() -> None:
    labels = label_patches([Scene((DOG, HOUSE), "sand", 1)], 8)
    torch.manual_seed(1)
    naming, tokens = PatchNaming(72), torch.randn(1, 65, 72, requires_grad=True)
    optimiser = torch.optim.Adam([tokens, *naming.parameters()], lr=0.05)
    first = naming.loss(tokens, labels).item()
    for _ in range(200):
        optimiser.zero_grad()
        torch.autograd.backward(naming.loss(tokens, labels))
        optimiser.step()
    assert naming.loss(tokens, labels).item() < 0.05 * first
    assert naming.shares_right(tokens, labels) == {"patch_kinds": 1.0, "patch_colours": 1.0}
