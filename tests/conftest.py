"""Settings of all tests. The Dify SDK is imported before this file (see `addopts`): its import patches the process for gevent."""

from hypothesis import HealthCheck, settings

settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")
