"""Datasets by their description in a configuration: {kind = "json", path = "…", images = "…"}."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Any, cast

from .database import database
from .folders import folder
from .indexed import IndexedDataset, JoinedDataset
from .lists import caption_list
from .mixing import MixedDataset
from .published import coco, flickr30k, nlvr2, visual_genome, vqa
from .sample import DataError, Dataset
from .shards import Shards, webdataset

KINDS: Mapping[str, Callable[..., Dataset]] = {
    "json": caption_list,
    "jsonl": caption_list,
    "csv": caption_list,
    "tsv": caption_list,
    "folder": folder,
    "webdataset": webdataset,
    "coco": coco,
    "flickr30k": flickr30k,
    "visual_genome": visual_genome,
    "vqa": vqa,
    "nlvr2": nlvr2,
    "database": database,
}


def open_dataset(spec: Mapping[str, Any]) -> Dataset:
    """Open the dataset of a table: its kind, and the arguments of that kind's function.

    Raises:
        DataError: the kind or a key is unknown or missing, or the dataset can't be used.
    """
    kind = str(spec.get("kind", "missing"))
    if kind not in KINDS:
        raise DataError(f"kind is {kind!r}; it can be {', '.join(KINDS)}")
    arguments = {name: value for name, value in spec.items() if name not in ("kind", "weight")}
    parameters = inspect.signature(KINDS[kind]).parameters
    if unknown := sorted(set(arguments) - set(parameters)):
        raise DataError(
            f"{kind}: unknown {', '.join(unknown)}; known: {', '.join(parameters)}, weight"
        )
    needed = [name for name, one in parameters.items() if one.default is one.empty]
    if missing := [name for name in needed if name not in arguments]:
        raise DataError(f"{kind}: {', '.join(missing)} is missing")
    return KINDS[kind](**arguments)


def open_datasets(specs: Sequence[Mapping[str, Any]]) -> Dataset:
    """Open several datasets as one. weight: how often a dataset's samples are seen, relative to
    those of one with weight 1, the default; BLIP takes a fifth of LAION in an epoch, which is 0.2.
    Without weights, datasets of known size are shuffled as one.

    Raises:
        DataError: as `open_dataset`; or a weight is none, or makes no sense without a size.
    """
    if not specs:
        raise DataError("there is no [[data]]; training needs at least one dataset")
    datasets = [open_dataset(spec) for spec in specs]
    if len(datasets) == 1:
        return datasets[0]
    weights = [_weight(spec) for spec in specs]
    indexed = [dataset for dataset in datasets if isinstance(dataset, IndexedDataset)]
    if len(indexed) == len(datasets) and len(set(weights)) == 1:
        return JoinedDataset(indexed)
    sizes = [_size(dataset, spec) for dataset, spec in zip(datasets, specs, strict=True)]
    shares = [weight * size for weight, size in zip(weights, sizes, strict=True)]
    return MixedDataset(datasets, shares)


def _weight(spec: Mapping[str, Any]) -> float:
    weight = spec.get("weight", 1.0)
    if not isinstance(weight, int | float) or not weight > 0:
        raise DataError(f"{spec['kind']}: weight is {weight!r}; it has to be above 0")
    return float(weight)


def _size(dataset: Dataset, spec: Mapping[str, Any]) -> int:
    size = dataset.size if isinstance(dataset, Shards) else len(cast(Sized, dataset))
    if size is None:
        raise DataError(
            f"{spec['kind']}: its samples aren't counted yet, and are needed to mix it with others;"
            " give samples"
        )
    return size
