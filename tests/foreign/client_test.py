"""What the client does on each route that the tenant claims, and which of the client's routes it does not claim."""

import unittest

from salt.exceptions import CommandExecutionError

from saltext.jumpcloud.utils.resources import RESOURCES
from tenant import Served, client, utils

JSMITH = "5f0c1b2a3d4e5f6071829301"
MGARCIA = "5f0c1b2a3d4e5f6071829302"
JANE = "5f0c1b2a3d4e5f607182930a"
COMPUTER123 = "633f3f295482343ff32add41"
BUILD = "6140aa10bb20cc30dd40ee02"
ENGINEERING = "60f1e2d3c4b5a69788796a01"
OPERATORS = "60f1e2d3c4b5a69788796a04"
OFFICE = "60f1e2d3c4b5a69788796a03"
NOBODY = "ffffffffffffffffffffffff"
SUDO = {"sudo": {"enabled": True, "withoutPassword": False}}

# What the client can do with each collection, and the tenant answers.
CLAIMED = {
    "systemusers": {"list", "fetch", "update", "associations"},
    "systems": {"list", "fetch", "update", "associations"},
    "organizations": {"list", "fetch"},
    "usergroups": {"list", "fetch", "associations", "members"},
    "systemgroups": {"list", "fetch", "associations", "members"},
}
# One that exists of each, so that a 404 is about the route.
EXISTING = {"systemusers": JSMITH, "systems": COMPUTER123, "usergroups": ENGINEERING, "systemgroups": OFFICE}
# The client's other calls that the tenant does not claim.
NOT_CLAIMED = [
    ("v1", "POST", f"systemusers/{JSMITH}/password", {"password": "x"}),
    ("v1", "POST", "runCommand", {"_id": NOBODY}),
    ("v1", "POST", "command/trigger/name", {}),
    ("v1", "GET", f"commands/{NOBODY}/results", None),
]


class Client(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.served = Served()
        cls.addClassCleanup(cls.served.close)

    def setUp(self):
        self.config = self.served.by_key()

    def refused(self, words, call, *arguments, **named):
        with self.assertRaises(CommandExecutionError) as caught:
            call(*arguments, **named)
        self.assertIn(words, str(caught.exception))

    def user(self, user_id):
        return client.get("systemusers", resource_id=user_id)

    def test_lists_are_paged_and_filtered(self):
        users = client.list_("systemusers")
        self.assertEqual(11, len(users))
        self.assertEqual(users, utils.paginate(self.config, "v1", "systemusers", page_size=3))
        self.assertEqual([JSMITH], [user["_id"] for user in client.list_("systemusers", name="jsmith")])
        self.assertEqual([], client.list_("systemusers", name="JSmith"))
        suspended = client.list_("systemusers", params={"filter": "state:$eq:SUSPENDED"})
        self.assertEqual(["mgarcia", "tlocked"], [user["username"] for user in suspended])
        [found] = client.query("GET", "systems", api="v1", params={"fields": "os hostname", "limit": 1})["results"]
        self.assertEqual({"_id", "id", "os", "hostname"}, set(found))
        limit = 'parameter "limit" exceeds maximum value of 100'
        for api, path in [("v1", "systems"), ("v2", "usergroups"), ("v2", f"users/{JSMITH}/systems")]:
            self.refused(limit, client.query, "GET", path, api=api, params={"limit": 101})

    def test_names_that_are_not_unique_choose_nothing(self):
        self.assertEqual(COMPUTER123, client.resolve_id("systems", "Computer123"))
        self.refused("No JumpCloud", client.resolve_id, "systems", "nowhere")
        client.update("systems", {"displayName": "Computer123"}, resource_id=BUILD)
        self.refused("2 JumpCloud systems", client.resolve_id, "systems", "Computer123")
        client.update("systems", {"displayName": "build-07"}, resource_id=BUILD)

    def test_search_shows_another_model_than_get(self):
        body = {"filter": {"or": [f"_id:$eq:{COMPUTER123}"]}}
        [found] = client.query("POST", "search/systems", api="v1", payload=body)["results"]
        self.assertEqual([OFFICE], found["memberof"])
        self.assertEqual("jsmith@company.com", found["primarySystemUser.email"])
        self.assertEqual({"id": JSMITH}, client.get("systems", resource_id=COMPUTER123)["primarySystemUser"])
        [found] = client.query("POST", "search/systemusers", api="v1", payload={"filter": "username:$eq:adunn"})["results"]
        self.assertNotIn("delegatedAuthority", found)
        self.assertIn("delegatedAuthority", self.user(found["_id"]))

    def test_objects_are_read_by_id(self):
        self.assertEqual("jsmith", self.user(JSMITH)["username"])
        self.assertEqual("Computer123", client.get("systems", resource_id=COMPUTER123)["hostname"])
        self.assertEqual("Engineering", client.get("usergroups", resource_id=ENGINEERING)["name"])
        for resource in ["systemusers", "systems", "usergroups", "systemgroups"]:
            self.refused("HTTP 404", client.get, resource, resource_id=NOBODY)
            self.refused("invalid object id", client.get, resource, resource_id="malformed")

    def test_an_update_changes_what_is_sent(self):
        answer = client.update("systemusers", {"department": "Sales", "sudo": True}, resource_id=JANE)
        self.assertEqual(("Sales", True), (answer["department"], answer["sudo"]))
        self.assertEqual(answer, self.user(JANE))
        for wrong in [{"state": "STAGED"}, {"sudo": "yes"}, {"state": "SUSPENDED", "suspended": False}]:
            self.refused("HTTP 400", client.update, "systemusers", wrong, resource_id=JANE)
        self.refused("Already Exists", client.update, "systemusers", {"username": "jsmith"}, resource_id=JANE)
        client.update("systems", {"description": "builds"}, resource_id=BUILD)
        self.assertEqual("builds", client.get("systems", resource_id=BUILD)["description"])

    def test_states_locks_passwords_and_mfa(self):
        client.user_state(user_id=MGARCIA, state="suspend")
        self.assertEqual(("SUSPENDED", True), (self.user(MGARCIA)["state"], self.user(MGARCIA)["suspended"]))
        self.refused("not staged", client.user_state, user_id=MGARCIA, state="activate")
        client.user_state(username="pnew", state="activate")
        self.assertEqual("ACTIVATED", client.get("systemusers", name="pnew")["state"])
        client.user_unlock(username="tlocked")
        locked = client.get("systemusers", name="tlocked")
        self.assertEqual((False, None), (locked["account_locked"], locked["account_locked_date"]))
        client.user_expire_password(user_id=MGARCIA)
        self.assertTrue(self.user(MGARCIA)["password_expired"])
        client.user_reset_mfa(username="jsmith", exclusion_until="2026-12-01T00:00:00Z")
        self.assertEqual("2026-12-01T00:00:00Z", self.user(JSMITH)["mfa"]["exclusionUntil"])
        client.user_reset_mfa(username="jsmith")
        self.assertEqual({"exclusion": False, "configured": False}, self.user(JSMITH)["mfa"])

    def test_commands_are_queued_without_an_answer(self):
        for command in ["lock", "restart", "shutdown", "erase"]:
            self.assertIsNone(client.system_action(command, system_id=COMPUTER123))
            self.refused("HTTP 404", client.system_action, command, system_id=NOBODY)

    def test_groups_and_their_members(self):
        self.assertEqual({"Engineering", "VPN users", "Build operators"}, {group["name"] for group in client.list_("usergroups")})
        self.assertEqual([OFFICE], [group["id"] for group in client.list_("systemgroups", name="Office devices")])
        by_id = {"sort": "id", "limit": 100}
        self.refused("invalid sort field: id", client.query, "GET", "usergroups", params=by_id)
        before = client.member_names("usergroups", name="Engineering")
        self.assertIn("jsmith", before)
        client.add_member("usergroups", "mgarcia", name="Engineering")
        self.refused("Already Exists", client.add_member, "usergroups", "mgarcia", name="Engineering")
        client.remove_member("usergroups", "mgarcia", name="Engineering")
        self.assertEqual(before, client.member_names("usergroups", name="Engineering"))
        self.assertIn(COMPUTER123, utils.member_ids(client.members("systemgroups", name="Office devices")))

    def test_associations_are_direct_and_carry_sudo(self):
        targets = ["system", "system_group"]
        before = utils.association_pairs(client.associations("systemusers", resource_id=JANE, targets=targets))
        self.assertEqual(set(), before)
        client.associate("systemusers", "system", COMPUTER123, resource_id=JANE, attributes=SUDO)
        [found] = client.associations("systems", resource_id=COMPUTER123, targets="user")[-1:]
        self.assertEqual((SUDO, JANE), (found["attributes"], found["to"]["id"]))
        client.disassociate("systemusers", "system", COMPUTER123, resource_id=JANE)
        self.assertEqual([], client.associations("systemusers", resource_id=JANE, targets=targets))
        of_group = client.associations("usergroups", resource_id=OPERATORS, targets="system")
        self.assertEqual({("system", BUILD)}, utils.association_pairs(of_group))

    def test_traversals_have_every_path(self):
        [node] = utils.paginate(self.config, "v2", f"users/{JANE}/systems", sort=None)
        self.assertEqual(BUILD, node["id"])
        [[to_group, to_system]] = node["paths"]
        self.assertEqual((None, OPERATORS), (to_group["attributes"], to_group["to"]["id"]))
        self.assertEqual((True, None), (to_system["attributes"]["sudo"]["enabled"], to_system["to"]["attributes"]))
        self.assertEqual({"ldapGroups", "sudo"}, set(node["compiledAttributes"]))
        client.associate("systemusers", "system_group", OFFICE, resource_id=JANE)
        users = utils.paginate(self.config, "v2", f"systems/{BUILD}/users", sort=None)
        [jane] = [user for user in users if user["id"] == JANE]
        ways = {tuple(hop["to"]["type"] for hop in path) for path in jane["paths"]}
        self.assertEqual({("system_group", "user"), ("user_group", "user")}, ways)
        client.disassociate("systemusers", "system_group", OFFICE, resource_id=JANE)
        groups = utils.paginate(self.config, "v2", f"users/{JSMITH}/memberof", sort=None)
        self.assertEqual([True, False], [group["compiledAttributes"] is not None for group in groups])

    def test_policy_statuses_of_a_device(self):
        statuses = utils.paginate(self.config, "v2", f"systems/{COMPUTER123}/policystatuses", sort=None)
        self.assertEqual([True] * 5 + [False], [status["success"] for status in statuses])

    def test_a_service_account_gets_a_token_and_not_the_organizations(self):
        [organization] = client.list_("organizations")
        self.assertEqual(organization, client.get("organizations", resource_id=organization["id"]))
        self.assertEqual(organization["id"], self.user(JSMITH)["organization"])
        self.served.by_service_account()
        self.assertEqual("jsmith", self.user(JSMITH)["username"])
        self.refused("service accounts are not allowed", client.list_, "organizations")
        self.served.by_service_account(secret="wrong")
        self.refused("invalid_client", client.list_, "systemusers")

    def test_what_the_tenant_does_not_claim_is_not_found(self):
        calls = list(NOT_CLAIMED)
        for name, meta in RESOURCES.items():
            claimed = CLAIMED.get(name, set())
            an_id = EXISTING.get(name, NOBODY)
            one, graph = f"{meta.path}/{an_id}", f"{meta.graph_path}/{an_id}"
            offered = {
                "list": (True, meta.api, "GET", meta.path, None),
                "create": (meta.can_create, meta.api, "POST", meta.path, {}),
                "fetch": (meta.can_fetch, meta.api, "GET", one, None),
                "update": (meta.can_update, meta.api, meta.update_method, one, {}),
                "delete": (meta.can_delete, meta.api, "DELETE", one, None),
                "associations": (meta.graph_path, "v2", "GET", f"{graph}/associations", None),
                "members": (meta.member_type, "v2", "GET", f"{graph}/members", None),
            }
            calls += [call[1:] for verb, call in offered.items() if call[0] and verb not in claimed]
        print(f"{len(calls)} of the client's routes are not claimed:")
        for api, method, path, payload in calls:
            print(f"  {api} {method} /{path}")
            self.refused("HTTP 404", utils.request, self.config, api, method, path, payload=payload)


if __name__ == "__main__":
    unittest.main()
