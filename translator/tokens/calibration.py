"""What real counters taught: how a model's counts relate to the estimates."""

from collections import deque
from statistics import median

import attrs

from translator.caches import BoundedCache


@attrs.define(slots=True)
class TokenCalibration:
    """Learns per model of a server and per script how real counts relate to estimates; mutable, keeps the latest only, knows no clock.

    Per script, because a vocabulary that is poor in Chinese may be good in English: what one chat teaches must not change the other's
    estimates. The factor is the median of the latest ratios, drawn towards 1 while there are few, so that single counts that are wrong do
    not matter: 0.30.0 left cached tokens out of `prompt_eval_count`, and a prompt that was cut counts only what was kept. `server` is any
    name without secrets, for callers with several servers: models of one name need not be one model. `script` is what `script_of` says.
    """

    kept: int = 15
    """Observations per model and script."""
    pairs: int = 512
    """Models and scripts remembered, of all servers together; the pair not used for the longest is forgotten first."""
    _ratios: BoundedCache[tuple[str, str, str], deque[float]] = attrs.field(
        default=attrs.Factory(lambda self: BoundedCache(self.pairs), takes_self=True), init=False, repr=False
    )

    MIN_TOKENS = 32
    """Below this the template's own words decide the ratio."""
    MIN_FACTOR, MAX_FACTOR = 0.4, 3.0
    """Ratios beyond twice these bounds are no matter of vocabulary and are not learned from."""

    def observe(self, model: str, estimated: int, real: int, num_ctx: int = 0, server: str = "", script: str = "") -> None:
        """Notes one prompt: the estimate (not multiplied by the factor) and the server's `prompt_eval_count`.

        With `num_ctx`, a prompt that may have been cut to fit the window is left out: 0.24.0 then counts the whole window, 0.33.0 half
        of it (`too-long-truncated`).
        """
        if min(estimated, real) < self.MIN_TOKENS or not self.MIN_FACTOR / 2 <= real / estimated <= self.MAX_FACTOR * 2:
            return
        if num_ctx and max(real, estimated * self.factor(model, server, script)) >= num_ctx * 0.95:
            return
        key = server, model, script
        ratios = self._ratios.get(key) or self._ratios.put(key, deque(maxlen=self.kept))
        ratios.append(real / estimated)

    def is_settled(self, model: str, server: str = "", script: str = "") -> bool:
        """Whether as many counts are known of a model as are kept: another one changes little."""
        return len(self._ratios.get((server, model, script)) or ()) == self.kept

    def factor(self, model: str, server: str = "", script: str = "") -> float:
        """What to multiply an estimate with; 1.0 for what was never observed, always within the bounds."""
        ratios = self._ratios.get((server, model, script))
        if not ratios:
            return 1.0
        learned = 1 + (median(ratios) - 1) * len(ratios) / (len(ratios) + 1)
        return min(self.MAX_FACTOR, max(self.MIN_FACTOR, learned))

    def apply(self, model: str, estimated: int, server: str = "", script: str = "") -> int:
        """The estimate as this model would count it; at least 1 for something."""
        return max(1, round(estimated * self.factor(model, server, script))) if estimated > 0 else 0
