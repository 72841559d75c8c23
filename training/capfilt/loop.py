"""The loop from a noisy corpus in the database to a new model trained on its best captions
(arXiv 2201.12086, section 4).

    collect    adds the corpora of the plan to the database
    pretrain   trains a MED on all captions, noise included
    captioner  finetunes it on people's captions (LM), and registers it with that role
    filter     likewise, with ITC and ITM
    write      writes a caption for each image without one by people
    judge      scores the web's captions and the written ones by the filter
    retrain    trains a new MED on blip.capfilt: kept captions, and people's
    report     counts kept and dropped captions, and measures the gain of the new model
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from blipdb import registry, services
from blipdb.database import connection, requirements
from blipdb.database.failures import translate
from blipdb.registry import Model
from blipdb.settings import Settings
from blipdb.types import Connection

from ..datasets.sample import DataError
from ..datasets.vocabulary import read_vocabulary
from ..evaluation.tasks.progress import Show, silent
from ..pretrain import Weights
from ..run.checkpoint import WEIGHTS, write_json
from ..run.loop import prepare_torch
from .corpus import collect
from .plan import Plan
from .report import Truth, write_report
from .steps import CapFiltError, judge, model_for, register_run, train_on, write

STEPS = ("collect", "pretrain", "captioner", "filter", "write", "judge", "retrain", "report")
DONE = "done.json"
PUBLISHED = {
    "captioner": "Salesforce/blip-image-captioning-base",
    "filter": "Salesforce/blip-itm-base-coco",
}


@dataclass
class Loop:
    """A plan's run in a folder.

    Finished steps are noted in done.json and not repeated, except for writing and judging, whose
    remaining work is a question to the database.
    """

    plan: Plan
    folder: Path
    settings: Settings
    captioner: str | None = None  # a registered model instead of a finetuned one, by name
    filter: str | None = None  # a registered model instead of a finetuned one, by name
    show: Show = silent
    truth: Truth | None = None  # for drawn scenes: the report measures the noise by it

    def run(self, steps: Sequence[str] = STEPS) -> dict[str, Any]:
        """Run these steps, in the loop's order. Return the outcome of every finished step.

        Raises:
            CapFiltError: the corpus lacks what a step needs, and what to do about it.
            UsageError: a model that was named is none for its step.
            DataError, ModelError, DatabaseError, CheckpointError, FloatingPointError: as the steps.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.settings.is_private:
            services.up(self.settings)
        with self._connected() as conn:
            requirements.check(conn)
            for step, name in (("captioner", self.captioner), ("filter", self.filter)):
                if name is not None:
                    model_for(conn, step, name)
        with translate():
            self._run(steps)
        return self.done

    def _run(self, steps: Sequence[str]) -> None:
        selection = [step for step in STEPS if step in steps]
        if self.captioner and self.filter and "pretrain" in selection:
            selection.remove("pretrain")  # it would teach nobody
        for step in selection:
            if step not in self.done or step in ("write", "judge", "report"):
                self._note(step, getattr(self, f"_{step}")())

    @property
    def done(self) -> dict[str, Any]:
        path = self.folder / DONE
        results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return results

    @property
    def tokenizer(self) -> Tokenizer:
        return read_vocabulary(self.plan.vocabulary)

    def _note(self, step: str, result: Any) -> None:
        write_json(self.folder / DONE, {**self.done, step: result})

    def _connected(self) -> Connection:
        return connection.connect_pinned(self.settings.database_url(), autocommit=True)

    def _collect(self) -> dict[str, Any]:
        counts = {}
        with self._connected() as conn:
            for origin, specs in (("web", self.plan.web), ("human", self.plan.human)):
                for number, spec in enumerate(specs):
                    result = collect(conn, spec, origin, space=self.plan.space, show=self.show)
                    broken = {"left out": dict(result.broken), "as": list(result.first.values())}
                    counts[f"{origin} {number}"] = {"texts": result.samples, **broken}
        return counts

    def _pretrain(self) -> dict[str, Any]:
        self._require_corpus()
        start = Weights(vision=self.plan.vision, text=self.plan.text)
        return self._train("pretrain", "all", start)

    def _captioner(self) -> dict[str, Any]:
        return self._teacher("captioner", self.captioner)

    def _filter(self) -> dict[str, Any]:
        return self._teacher("filter", self.filter)

    def _teacher(self, step: str, name_or_digest: str | None) -> dict[str, Any]:
        if name_or_digest is not None:
            with self._connected() as conn:
                model = model_for(conn, step, name_or_digest)
        else:
            self._require_people()
            start = Weights(model=self._weights("pretrain"))
            self._train(step, "human", start)
            name, knows = f"{self.plan.name}-{step}", self.plan.knows
            model = register_run(self.settings, self.folder / step, name, knows, (step,))
        return {"model": model.name, "digest": model.digest}

    def _write(self) -> dict[str, Any]:
        outcome = write(
            self.settings,
            self._model("captioner"),
            self.plan.write,
            space=self.plan.space,
            show=self.show,
        )
        return {"captions": outcome.done, "failed": outcome.failed}

    def _judge(self) -> dict[str, Any]:
        outcome = judge(self.settings, self._model("filter"), space=self.plan.space, show=self.show)
        return {"images": outcome.done, "failed": outcome.failed}

    def _retrain(self) -> dict[str, Any]:
        with self._connected() as conn:
            kept_count, dropped_count, unjudged_count = _counts(conn, self.plan.space)
        if unjudged_count and not kept_count + dropped_count:
            raise CapFiltError(
                f"No filter has judged the {unjudged_count:,} texts yet.", "Run: judge"
            )
        if dropped_count and not kept_count:
            raise CapFiltError(
                f"The filter dropped all {dropped_count:,} texts of the web and the captioner, so a"
                " new model would learn from people's captions alone.",
                "Look at what it says: SELECT * FROM blip.verdicts ORDER BY itm DESC LIMIT 20; a"
                " filter that learned longer, or from more captions, tells them apart.",
            )
        start = Weights(vision=self.plan.vision, text=self.plan.text)
        result = self._train("retrain", "kept", start)
        run, name = self.folder / "retrain", self.plan.name
        roles = ("retrieval", "captioner")
        model = register_run(self.settings, run, name, self.plan.knows, roles)
        return {**result, "model": model.name, "digest": model.digest}

    def _report(self) -> dict[str, Any]:
        with self._connected() as conn:
            return write_report(conn, self.plan, self.folder, self.done, self.show, self.truth)

    def _train(self, step: str, captions: str, start: Weights) -> dict[str, Any]:
        tokenizer = self.tokenizer
        config = self.plan.config(step, tokenizer.get_vocab_size())
        tokenizer.enable_truncation(config.max_text)
        device, folder = prepare_torch(config.threads), self.folder / step
        try:
            train_on(
                self.settings,
                captions,
                config,
                tokenizer,
                folder,
                device,
                start,
                lambda done, total: self.show(f"training: {step}, samples", done, total),
                self.plan.space,
            )
        except OSError as error:
            raise CapFiltError(
                f"Training can't write into {folder}: {error.strerror or error}.",
                "Make room there, then the same command again: it goes on at its last checkpoint.",
            ) from error
        return {"samples": config.samples}

    def _weights(self, step: str) -> Path:
        path = self.folder / step / WEIGHTS
        if not path.exists():
            raise CapFiltError(f"There is no {path} yet.", f"Run the step before: {step}")
        return path

    def _model(self, step: str) -> Model:
        """Look up the model of a step by digest, as another may have its name or be active now."""
        if step not in self.done:
            raise CapFiltError(f"There is no {step} yet.", f"Run the step before: {step}")
        with self._connected() as conn:
            return registry.find(conn, self.done[step]["digest"])

    def _require_corpus(self) -> None:
        with self._connected() as conn:
            row = conn.execute(
                "SELECT count(DISTINCT image_id) FROM blip.captions JOIN blip.images i"
                " USING (image_id) WHERE i.space = %s",
                [self.plan.space],
            ).fetchone()
        images = row[0] if row else 0
        if images < 2:
            raise CapFiltError(
                f"The corpus has {images or 'no'} image{'' if images == 1 else 's'} with a text; "
                "contrastive learning tells images apart, and needs two at least, and thousands to "
                "be of use.",
                "Bring some in: [[web]] and [[human]] in the plan, or blipdb ingest FOLDER",
            )

    def _require_people(self) -> None:
        with self._connected() as conn:
            row = conn.execute(
                "SELECT FROM blip.captions JOIN blip.images i USING (image_id)"
                " WHERE origin = 'human' AND i.space = %s LIMIT 1",
                [self.plan.space],
            ).fetchone()
        if row is None:
            raise CapFiltError(
                "There are no captions by people, from which captioner and filter learn what is"
                " right.",
                "Bring some in: [[human]] in the plan, or a table with origin human for blipdb"
                " ingest --captions. Or take published models: "
                + "; ".join(f"blipdb models add {name}" for name in PUBLISHED.values())
                + "; then --captioner NAME --filter NAME",
            )


def _counts(conn: Connection, space: str) -> tuple[int, int, int]:
    """Count the texts of the web and the captioner: kept, dropped, and unjudged."""
    rows = conn.execute(
        "SELECT verdict, count(*) FROM blip.verdicts JOIN blip.images i USING (image_id)"
        " WHERE origin <> 'human' AND i.space = %s GROUP BY 1",
        [space],
    ).fetchall()
    counts = dict(rows)
    return counts.get("kept", 0), counts.get("dropped", 0), counts.get("unjudged", 0)


def check_steps(steps: Sequence[str]) -> None:
    """Check the names of steps.

    Raises:
        DataError: there is no such step.
    """
    if unknown := sorted(set(steps) - set(STEPS)):
        raise DataError(f"there is no step {', '.join(unknown)}; there are {', '.join(STEPS)}")
