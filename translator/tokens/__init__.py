"""Tokens estimated offline: for budgets before a request, and for usage where the server counted nothing."""

from translator.tokens.calibration import TokenCalibration as TokenCalibration
from translator.tokens.estimate import MEDIA_TOKENS as MEDIA_TOKENS
from translator.tokens.estimate import TEXT_MARKS as TEXT_MARKS
from translator.tokens.estimate import TOOLS_TOKENS as TOOLS_TOKENS
from translator.tokens.estimate import estimate_messages as estimate_messages
from translator.tokens.estimate import estimate_text as estimate_text
from translator.tokens.estimate import estimate_texts as estimate_texts
from translator.tokens.estimate import most_tokens as most_tokens
from translator.tokens.scripts import script_of as script_of
from translator.tokens.vocabularies import Vocabulary as Vocabulary
from translator.tokens.vocabularies import vocabulary_of as vocabulary_of
