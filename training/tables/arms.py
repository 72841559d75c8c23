"""The experiments: a corpus, its treatment, and the training on the result."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..run.config import SHARINGS, USUAL_SHARING


@dataclass(frozen=True)
class Arm:
    """One row of a table."""

    corpus: str = "small"  # or "large"
    vision: str = "B"  # or "L": vision transformer of the model that is measured
    captioner: str = ""  # "" for none, else its vision transformer
    filter: str = ""  # "" for none, else its vision transformer
    decoding: str = "nucleus"  # or "beam"
    joined: bool = False  # captioner and filter are one model (Table 4)
    sharing: str = USUAL_SHARING  # of text encoder and decoder (Table 3)
    longer: bool = False  # trained for as many more samples as CapFilt adds texts (Table 12)
    continued: bool = False  # continues the model of the noisy corpus (Table 13)
    noise: float | None = None  # another share of noise than the mix's (the sweep)

    @property
    def name(self) -> str:
        """Name of the arm's folder."""
        parts = [self.corpus, self.vision]
        parts += [f"c{self.captioner}"] * bool(self.captioner)
        parts += [f"f{self.filter}"] * bool(self.filter)
        parts += ["beam"] * (self.decoding == "beam") + ["joined"] * self.joined
        parts += ["longer"] * self.longer + ["continued"] * self.continued
        if self.sharing != USUAL_SHARING:
            parts.append(f"share{SHARINGS.index(self.sharing)}")
        if self.noise is not None:
            parts.append(f"noise{round(100 * self.noise)}")
        return "-".join(parts)

    @property
    def bootstraps(self) -> bool:
        return bool(self.captioner or self.filter)

    @property
    def teachers(self) -> Arm | None:
        """Arm of the finetuned models that write and judge."""
        if not self.bootstraps:
            return None
        return Arm(self.corpus, self.captioner or self.filter, noise=self.noise)


NONE = Arm()
BOTH = Arm(captioner="B", filter="B")
LARGE = Arm("large")

TABLE_1 = (
    NONE,
    Arm(filter="B"),
    Arm(captioner="B"),
    BOTH,
    LARGE,
    replace(LARGE, captioner="B", filter="B"),
    replace(LARGE, captioner="L", filter="L"),
    replace(LARGE, vision="L"),
    replace(LARGE, vision="L", captioner="L", filter="L"),
)
TABLE_2 = (NONE, replace(BOTH, decoding="beam"), BOTH)
TABLE_3 = tuple(replace(NONE, sharing=sharing) for sharing in SHARINGS)
TABLE_4 = (replace(BOTH, joined=True), BOTH)
TABLE_12 = (NONE, replace(NONE, longer=True), BOTH)
TABLE_13 = (replace(BOTH, continued=True), BOTH)


def all_arms() -> list[Arm]:
    """Every arm once, after those that it needs."""
    tables = (TABLE_1, TABLE_2, TABLE_3, TABLE_4, TABLE_12, TABLE_13)
    arms = dict.fromkeys(arm for table in tables for arm in table)
    return sorted(arms, key=lambda arm: arm.bootstraps)


def sweep_arms(noises: tuple[float, ...]) -> list[Arm]:
    """Without and with CapFilt, for each share of noise."""
    return [replace(arm, noise=noise) for noise in noises for arm in (NONE, BOTH)]
