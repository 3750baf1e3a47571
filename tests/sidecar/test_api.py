"""What the engine answers."""

import concurrent.futures
import json
import socket
import unittest

from engine import SPREAD, WithEngine, example, until

NARROW = """\
nicSelection:
  default: spread
  networks:
    starved: starved
strategies:
  spread:
    policy: builtin:spread
  starved:
    policy: builtin:spread
    limits: {fuel: 1}
"""


class Decisions(WithEngine):
    strategies = NARROW

    def test_each_kind_is_decided_with_reasons(self):
        attach = self.engine.decide("attach", example("attach")).json
        self.assertEqual([True, False], [request["primary"] for request in attach["outcome"]["decided"]["requests"]])
        nics = self.engine.decide("nic-selection", example("nic-selection")).json
        chosen = nics["outcome"]["decided"]["chosen"]
        self.assertEqual(2, len(chosen))
        self.assertTrue(all(nic["reason"] and nic["name"] for nic in chosen))
        self.assertEqual(["spread"], [ran["policy"] for ran in nics["policies"]])
        gateways = self.engine.decide("gateway-distribution", example("gateway-distribution")).json["outcome"]["decided"]
        self.assertEqual(3, len(gateways["primary"]))
        self.assertTrue(all(gateways["reasons"][reason] for reason in gateways["reason"]))

    def test_the_same_question_has_the_same_answer(self):
        asked = [self.engine.decide("nic-selection", example("nic-selection")).json["outcome"] for _ in range(3)]
        self.assertEqual([asked[0]] * 3, asked)

    def test_a_denial_is_an_answer(self):
        facts = example("nic-selection")
        facts["request"].update(nicsMin=4, nicsMax=None)
        answer = self.engine.decide("nic-selection", facts)
        self.assertEqual(200, answer.status)
        self.assertEqual("too-few-nics", answer.json["outcome"]["denied"]["denial"]["code"])

    def test_a_policy_that_breaks_its_limit_has_failed_and_others_decide_on(self):
        failed = self.engine.decide("nic-selection", example("nic-selection"), "?network=starved")
        self.assertEqual((200, "starved"), (failed.status, failed.json["strategy"]))
        self.assertIn("fuel", failed.json["outcome"]["failed"]["message"])
        self.assertIn("decided", self.engine.decide("nic-selection", example("nic-selection")).json["outcome"])

    def test_a_record_tells_the_whole_story(self):
        answer = self.engine.decide("nic-selection", example("nic-selection"), "?network=rails").json
        record = self.engine.ask("GET", f"/v1/records/{answer['record']}").json
        [run] = record["runs"]
        self.assertEqual("NICs of network `rails`", run["asked"])
        self.assertEqual(["eth0", "eth1", "eth2"], [nic["name"] for nic in run["facts"]["facts"]["candidates"]])
        self.assertIn("selection", run["outcome"]["decided"])
        self.assertGreater(run["fuel"], 0)

    def test_strategies_say_where_they_decide(self):
        answer = self.engine.ask("GET", "/v1/strategies").json
        decides = {strategy["name"]: strategy["decides"] for strategy in answer["strategies"]}
        self.assertEqual(["nicSelection.default"], decides["spread"])
        self.assertEqual(["nicSelection.networks.starved"], decides["starved"])


TRIED = """\
nicSelection:
  default: spread
strategies:
  spread:
    policy: builtin:spread
    shadow: [starved]
  starved:
    policy: builtin:spread
    limits: {fuel: 1}
"""


class Candidates(WithEngine):
    strategies = TRIED

    def test_a_candidate_is_asked_after_the_answer_compared_and_recorded(self):
        answer = self.engine.decide("nic-selection", example("nic-selection")).json
        self.assertIn("decided", answer["outcome"])
        self.assertEqual(["live"], [ran["role"] for ran in answer["policies"]])
        record = lambda: self.engine.ask("GET", f"/v1/records/{answer['record']}").json["runs"]
        runs = until("the candidate is in the record", lambda: (lambda runs: len(runs) > 1 and runs)(record()))
        self.assertEqual([(0, "live"), (1, "shadow")], [(run["step"], run["role"]) for run in runs])
        [pair] = self.engine.ask("GET", "/v1/shadow").json["pairs"]
        self.assertEqual(("spread", "starved"), (pair["strategy"], pair["candidate"]))
        self.assertEqual(["now-failed"], [agreed["agreement"] for agreed in pair["agreements"]])

    def test_candidates_are_listed_beside_the_strategy(self):
        listed = {one["name"]: one for one in self.engine.ask("GET", "/v1/strategies").json["strategies"]}
        self.assertEqual(["starved"], listed["spread"]["shadow"])


class Refusals(WithEngine):
    def refused(self, status: int, answer) -> dict:
        self.assertEqual(status, answer.status, answer.text)
        self.assertTrue(answer.json["error"])
        return answer.json

    def test_every_field_that_does_not_fit_is_named(self):
        body = {"candidates": [{"nam": "eth0", "mtu": -1}], "taken": "none"}
        answer = self.engine.decide("nic-selection", body)
        self.refused(400, answer)
        self.assertLessEqual({"candidates[0].nam", "candidates[0].mtu", "taken"}, set(answer.fields))

    def test_a_body_that_is_no_json_is_refused(self):
        for body in (b"", b"{", b"\xff", b"[]", b"null", b"{}{}"):
            self.refused(400, self.engine.decide("attach", body))

    def test_facts_that_contradict_each_other_are_refused_with_all_that_is_wrong(self):
        facts = example("nic-selection")
        facts.update(taken=[7], classes=[{"name": "fast", "members": [1, 1]}])
        facts["request"].update({"class": "slow", "masters": ["eth9"]})
        answer = self.engine.decide("nic-selection", facts)
        self.refused(422, answer)
        self.assertEqual(["request.masters", "request.class", "taken[0]", "classes[0].members[1]"], answer.fields)
        facts = example("gateway-distribution")
        facts["endpoints"]["addresses"].pop()
        facts["endpoints"]["node"] = [3]
        facts["allowed"] = [9]
        answer = self.engine.decide("gateway-distribution", facts)
        self.refused(422, answer)
        self.assertEqual(["endpoints.addresses", "endpoints.node", "endpoints.node[0]", "allowed"], answer.fields)

    def test_a_query_that_nobody_knows_is_refused(self):
        for query in ("?netwrok=rails", "?network=Rails", "?network=a&network=b", "?network=%zz", "?network="):
            self.refused(400, self.engine.decide("nic-selection", example("nic-selection"), query))
        self.refused(400, self.engine.decide("attach", example("attach"), "?network=rails"))

    def test_what_is_not_there_is_not_found(self):
        for path in ("/", "/v1", "/v2/health", "/v1/records/7", "/v1/decisions/gateway-filter", "/v1/health/"):
            self.refused(404, self.engine.ask("GET", path))
        self.refused(400, self.engine.ask("GET", "/v1/records/seven"))

    def test_another_method_is_told_which_one_it_is(self):
        answer = self.engine.ask("GET", "/v1/decisions/attach")
        self.refused(405, answer)
        self.assertIn("allow: post", answer.headers)
        self.assertEqual(405, self.engine.ask("DELETE", "/v1/strategies").status)

    def test_another_type_of_content_is_refused(self):
        answer = self.engine.ask("POST", "/v1/decisions/attach", None, "--data", "a=b")
        self.refused(415, answer)

    def test_a_body_that_is_too_large_is_refused_whether_or_not_it_says_so(self):
        large = b" " * ((1 << 20) + 1)
        for _ in range(20):
            self.refused(413, self.engine.decide("attach", large))
            chunked = self.engine.ask("POST", "/v1/decisions/attach", large, "--header", "Transfer-Encoding: chunked")
            self.refused(413, chunked)

    def test_headers_have_a_bound(self):
        many = [part for number in range(80) for part in ("--header", f"X-{number}: x")]
        self.assertEqual(431, self.engine.ask("GET", "/v1/health", None, *many).status)
        self.assertEqual(431, self.engine.ask("GET", "/v1/health", None, "--header", "X: " + "x" * 40_000).status)
        self.assertEqual(200, self.engine.ask("GET", "/v1/health").status)

    def test_a_body_that_does_not_come_is_not_waited_for(self):
        with socket.socket(socket.AF_UNIX) as slow:
            slow.settimeout(20)
            slow.connect(str(self.engine.socket))
            slow.sendall(b"POST /v1/decisions/attach HTTP/1.1\r\nHost: nicety\r\nContent-Length: 9\r\n\r\n{")
            self.assertIn(b" 408 ", slow.recv(4096).split(b"\r\n")[0])


class Crowd(WithEngine):
    options = ("--concurrent", "1")

    def test_what_is_too_much_at_once_may_come_again(self):
        facts = {
            "policy": "office",
            "gateways": [{"id": f"g{n}", "addresses": [f"192.0.2.{n}"], "health": "healthy"} for n in range(64)],
            "endpoints": {
                "identity": [f"default/web/{n}" for n in range(20_000)],
                "addresses": [[f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"] for n in range(20_000)],
            },
        }
        text = json.dumps(facts).encode()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: self.engine.decide("gateway-distribution", text), range(24)))
        by_status = {status: [a for a in answers if a.status == status] for status in {a.status for a in answers}}
        self.assertEqual({200, 503}, set(by_status))
        for busy in by_status[503]:
            self.assertIn("retry-after: 1", busy.headers)
        self.assertIn("decided", by_status[200][0].json["outcome"])
        self.assertEqual(200, self.engine.decide("attach", example("attach")).status)


class Reload(WithEngine):
    def strategies_now(self):
        return self.engine.ask("GET", "/v1/strategies").json

    def test_a_change_comes_into_force_and_a_bad_one_shows(self):
        self.assertEqual((1, []), (self.strategies_now()["generation"], self.strategies_now()["refused"]))
        self.engine.file.write_text(SPREAD.replace("default: spread", "default: all"))
        until("generation 2 is in force", lambda: self.strategies_now()["generation"] == 2)
        self.assertEqual("all", self.engine.decide("nic-selection", example("nic-selection")).json["strategy"])

        self.engine.file.write_text(SPREAD.replace("builtin:spread", "builtin:sprad") + "colour: red\n")
        refused = until("the findings show", lambda: self.strategies_now()["refused"])
        self.assertTrue(any("colour" in finding["path"] for finding in refused), refused)
        self.assertEqual(2, self.strategies_now()["generation"])
        self.assertEqual("all", self.engine.decide("nic-selection", example("nic-selection")).json["strategy"])
        self.assertEqual(False, self.engine.ask("GET", "/v1/health").json["current"])
        self.assertIn("strategies refused", self.engine.log.read_text())

        # As Kubernetes replaces what it mounts: by renaming.
        new = self.engine.folder / "new"
        new.write_text(SPREAD)
        new.rename(self.engine.file)
        until("generation 3 is in force", lambda: self.strategies_now()["generation"] == 3)
        self.assertEqual([], self.strategies_now()["refused"])


if __name__ == "__main__":
    unittest.main()
