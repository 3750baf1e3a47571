"""The answer of gateway-distribution; its facts are in `nicety_policy.gateways`."""

from wit_world.exports.gateway_distribution import Assignment

__all__ = ["Assignment"]
