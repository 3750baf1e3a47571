"""The exports of the component, made of the `policy` in `policy.py`. Not for import outside of a component."""

from componentize_py_types import Err

from policy import policy

from . import Denied


class Describe:
    def describe(self):
        return policy.description()

    def validate_config(self, config):
        findings = policy.findings(config)
        if findings:
            raise Err(findings)


class _Decides:
    def decide(self, config, facts):
        try:
            return policy.answer(config, facts)
        except Denied as denied:
            raise Err(denied.denial) from None


# The component exports the one that its world names.
Attach = NicSelection = GatewayFilter = GatewayDistribution = _Decides
