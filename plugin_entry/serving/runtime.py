"""The connection, the facts and the calibration that all requests of the process share. Dify executes source modules twice; this one is
imported, so they exist once.
"""

from plugin_entry.network.bridge import Bridge
from plugin_entry.serving.facts import ModelFacts
from translator.tokens import TokenCalibration

BRIDGE = Bridge()
FACTS = ModelFacts(BRIDGE)
CALIBRATION = TokenCalibration()
